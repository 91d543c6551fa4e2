/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/flags.h"

#include <glib.h>
#include <string.h>

#include "cli/text.h"
#include "cli/value.h"

static const struct flag *find(const struct flag *flags, const char *word, size_t len)
{
	g_autofree char *name = g_strndup(word, len);

	for (; flags->name; flags++) {
		if (name[0] == '-' && name[1] == '-' && text_same_word(flags->name, name + 2))
			return flags;
		if (flags->letter && name[0] == '-' && name[1] == flags->letter && !name[2])
			return flags;
	}
	return NULL;
}

int flag_take(const struct flag *flags, int argc, char **argv, int *i, struct err *e)
{
	const char *word = argv[*i], *value;
	size_t len = strcspn(word, "=");
	const struct flag *f = find(flags, word, len);

	if (!f)
		return 0;
	value = word[len] ? word + len + 1 : NULL;
	if (f->kind == FLAG_BOOL) {
		*(bool *)f->value = true;
		if (value && value_bool(value, f->value, e) < 0)
			return err_wrap(e, "--%s", f->name);
		return 1;
	}
	if (!value && *i + 1 >= argc)
		return err_set(e, ERR_SYNTAX, "--%s needs a value", f->name);
	*(const char **)f->value = value ? value : argv[++*i];
	return 1;
}

static int unknown(const struct flag *flags, const char *word, struct err *e)
{
	g_autofree char *name = g_strndup(word, strcspn(word, "="));
	struct guess g = GUESS(name + strspn(name, "-"));

	for (; flags->name; flags++)
		guess_offer(&g, flags->name);
	if (guess_best(&g))
		return err_set(e, ERR_SYNTAX, "Unknown flag %.60s; did you mean --%s?", name, guess_best(&g));
	return err_set(e, ERR_SYNTAX, "Unknown flag %.60s", name);
}

int flags_parse(const struct flag *flags, int argc, char **argv, const char **words, int max, struct err *e)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		int taken = argv[i][0] == '-' && argv[i][1] ? flag_take(flags, argc, argv, &i, e) : 0;

		if (taken < 0)
			return -1;
		if (taken)
			continue;
		if (argv[i][0] == '-' && argv[i][1])
			return unknown(flags, argv[i], e);
		if (n == max)
			return err_set(e, ERR_SYNTAX, "'%.60s' is one word too many", argv[i]);
		words[n++] = argv[i];
	}
	return 0;
}

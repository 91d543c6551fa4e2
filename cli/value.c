/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/text.h"
#include "model/date.h"

static int unit_factor(const char *unit, double *factor)
{
	static const char letters[] = "KMGTPE";
	const char *at;
	bool is_decimal;

	*factor = 1;
	if (!*unit || g_ascii_strcasecmp(unit, "b") == 0)
		return 0;
	at = strchr(letters, g_ascii_toupper(*unit));
	if (!at)
		return -1;
	is_decimal = g_ascii_strcasecmp(unit + 1, "b") == 0;
	if (unit[1] && !is_decimal && g_ascii_strcasecmp(unit + 1, "i") != 0 && g_ascii_strcasecmp(unit + 1, "ib") != 0)
		return -1;
	for (int n = (int)(at - letters) + 1; n > 0; n--)
		*factor *= is_decimal ? 1000 : 1024;
	return 0;
}

int value_size(const char *text, int64_t *out, struct err *e)
{
	char *end;
	double factor, d;
	long long whole;

	while (*text == ' ')
		text++;
	if (!g_ascii_isdigit(*text) && *text != '-' && *text != '+')
		return err_set(e, ERR_SYNTAX, "'%.60s' is not a number", text);
	errno = 0;
	whole = strtoll(text, &end, 10);
	if (end != text && !*end && errno == 0) {
		*out = whole;
		return 0;
	}
	d = g_ascii_strtod(text, &end);
	while (*end == ' ')
		end++;
	if (end == text || strpbrk(text, "xX") || unit_factor(end, &factor) < 0)
		return err_set(
		    e, ERR_SYNTAX,
		    "'%.60s' is not a number; units are KiB, MiB, GiB, TiB (or K, M, G, T) and KB, MB, GB, TB", text);
	d *= factor;
	if (!(d > -9.2e18 && d < 9.2e18))
		return err_set(e, ERR_RANGE, "'%.60s' is too large", text);
	if (d != floor(d) && factor == 1)
		return err_set(e, ERR_SYNTAX, "'%.60s' is not a whole number", text);
	*out = (int64_t)d;
	return 0;
}

int value_duration(const char *text, int *out_ms, struct err *e)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "", 1e3 },     { "s", 1e3 },    { "ms", 1 },     { "m", 60e3 },
		      { "min", 60e3 }, { "h", 3600e3 }, { "d", 86400e3 } };
	char *end;
	double d = g_ascii_strtod(text, &end);

	if (end != text && d >= 0)
		for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
			if (strcmp(units[i].unit, end) == 0 && d * units[i].ms < 2e9) {
				*out_ms = (int)(d * units[i].ms);
				return 0;
			}
	return err_set(e, ERR_SYNTAX, "'%.60s' is not a time; write 90s, 5m or 2h", text);
}

int value_bool(const char *text, bool *out, struct err *e)
{
	static const char *const yes[] = { "true", "yes", "on", "1", "y", "t" }, *const no[] = { "false", "no", "off",
		                                                                                 "0",     "n",  "f" };

	for (size_t i = 0; i < G_N_ELEMENTS(yes); i++) {
		if (g_ascii_strcasecmp(text, yes[i]) == 0 || g_ascii_strcasecmp(text, no[i]) == 0) {
			*out = g_ascii_strcasecmp(text, yes[i]) == 0;
			return 0;
		}
	}
	return err_set(e, ERR_SYNTAX, "'%.60s' is neither true nor false", text);
}

static json_t *enum_value(const struct m_enum *en, const char *text, struct err *e)
{
	g_autofree char *name = g_strdelimit(g_ascii_strdown(text, -1), "-", '_');
	struct guess g = GUESS(name);
	g_autoptr(GString) all = g_string_new(NULL);
	int v = m_enum_value(en, name);

	if (v > 0)
		return json_string(en->values[v]);
	for (int i = 1; i < en->n_values; i++) {
		guess_offer(&g, en->values[i]);
		g_string_append_printf(all, "%s%s", i > 1 ? ", " : "", en->values[i]);
	}
	if (all->len > 400)
		g_string_truncate(all, 400);
	if (guess_best(&g))
		err_set(e, ERR_SYNTAX, "'%.60s' is not allowed; did you mean %s? (%s)", text, guess_best(&g), all->str);
	else
		err_set(e, ERR_SYNTAX, "'%.60s' is not one of %s", text, all->str);
	return NULL;
}

static json_t *decimal_value(const char *text, struct err *e)
{
	char *end;
	double d = g_ascii_strtod(text, &end);

	if (end != text && !*end && isfinite(d))
		return json_real(d);
	err_set(e, ERR_SYNTAX, "'%.60s' is not a number", text);
	return NULL;
}

static json_t *date_value(const char *text, struct err *e)
{
	char *end;
	int64_t ms = strtoll(text, &end, 10);

	if ((end != text && !*end) || m_date_parse(text, &ms))
		return json_integer(ms);
	err_set(e, ERR_SYNTAX, "'%.60s' is not a date; write 2026-11-22T20:00:00Z", text);
	return NULL;
}

json_t *value_scalar(enum m_kind kind, const struct m_enum *en, const char *flag, const char *text, struct err *e)
{
	json_t *made = NULL;
	int64_t n;
	bool b;

	switch (kind) {
	case M_BOOL:
		if (value_bool(text, &b, e) == 0)
			made = json_boolean(b);
		break;
	case M_INT:
		if (value_size(text, &n, e) == 0)
			made = json_integer(n);
		break;
	case M_DECIMAL: made = decimal_value(text, e); break;
	case M_DATE: made = date_value(text, e); break;
	case M_ENUM: made = enum_value(en, text, e); break;
	default:
		made = json_string(text);
		if (!made)
			err_set(e, ERR_SYNTAX, "the text is not UTF-8");
		break;
	}
	if (!made)
		err_wrap(e, "--%s", flag);
	return made;
}

bool value_is_bytes(const char *member)
{
	static const char *const names[] = { "memory",     "available",    "used",        "committed",
		                             "max",        "guaranteed",   "actual_size", "provisioned_size",
		                             "total_size", "initial_size", "size",        "max_scheduling_memory" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(names[i], member) == 0)
			return true;
	return false;
}

void value_append_bytes(GString *out, int64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double d = (double)n;
	int u = 0;

	while (fabs(d) >= 1024 && u < 6) {
		d /= 1024;
		u++;
	}
	g_string_append_printf(out, d == floor(d) || fabs(d) >= 100 ? "%.0f %s" : "%.1f %s", d, units[u]);
}

void value_append_date(GString *out, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	char buf[40];

	if (!localtime_r(&t, &tm) || strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		g_string_append_printf(out, "%" G_GINT64_FORMAT, ms);
	else
		g_string_append(out, buf);
}

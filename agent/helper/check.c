/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/helper/check.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

enum { MAX_DEVICE = 15, MAX_LEAF = 250, MAX_SERVER = 255, MAX_OPTIONS = 400 };

static bool has_only(const char *text, size_t max, const char *allowed)
{
	const size_t n = strlen(text);

	return n >= 1 && n <= max && strspn(text, allowed) == n && text[0] != '.' && text[0] != '-';
}

/* Every part of the path is a name, none of them ".." or ".". */
static bool is_path(const char *path)
{
	if (path[0] != '/')
		return false;
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 127 || *c == ',' || *c == '\\')
			return false;
	for (const char *part = path; part; part = strchr(part + 1, '/')) {
		const size_t n = strcspn(part + 1, "/");

		if ((n == 1 && part[1] == '.') || (n == 2 && part[1] == '.' && part[2] == '.'))
			return false;
	}
	return true;
}

static bool is_export(const char *text)
{
	const char *colon = text[0] == '[' ? strstr(text, "]:") : strchr(text, ':');
	char server[MAX_SERVER + 1];
	size_t n;

	if (!colon)
		return false;
	if (text[0] == '[')
		colon++;
	n = (size_t)(colon - text);
	if (n < 1 || n > MAX_SERVER)
		return false;
	memcpy(server, text, n);
	server[n] = '\0';
	return has_only(server, MAX_SERVER, LETTERS DIGITS ".-_:[]") && is_path(colon + 1);
}

static bool is_address(const char *text)
{
	struct in6_addr a;

	return inet_pton(AF_INET, text, &a) == 1 || inet_pton(AF_INET6, text, &a) == 1;
}

static bool is_option(const char *text, size_t n)
{
	static const char *const WORDS[] = { "soft",     "hard",     "nolock",       "lock",   "tcp",
		                             "ac",       "noac",     "nosharecache", "vers=3", "vers=4",
		                             "vers=4.0", "vers=4.1", "vers=4.2" };
	static const char *const NUMBERS[] = { "timeo=", "retrans=",   "rsize=",   "wsize=",
		                               "port=",  "mountport=", "nconnect=" };

	for (size_t i = 0; i < sizeof(WORDS) / sizeof(*WORDS); i++)
		if (strlen(WORDS[i]) == n && memcmp(WORDS[i], text, n) == 0)
			return true;
	for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(*NUMBERS); i++) {
		const size_t m = strlen(NUMBERS[i]);

		if (n > m && n <= m + 8 && memcmp(NUMBERS[i], text, m) == 0 && strspn(text + m, DIGITS) >= n - m)
			return true;
	}
	return false;
}

static bool are_options(const char *text)
{
	if (strlen(text) > MAX_OPTIONS)
		return false;
	while (*text) {
		const size_t n = strcspn(text, ",");

		if (!is_option(text, n))
			return false;
		text += n;
		if (*text == ',' && !*++text)
			return false;
	}
	return true;
}

/* Ends within its space, and nothing is hidden behind the end. */
static bool is_padded(const char text[HELPER_TEXT])
{
	const char *end = memchr(text, '\0', HELPER_TEXT);

	for (const char *c = end; c && c < text + HELPER_TEXT; c++)
		if (*c)
			return false;
	return end;
}

bool check_text(enum helper_arg kind, const char text[HELPER_TEXT])
{
	if (!is_padded(text))
		return false;
	switch (kind) {
	case ARG_NONE: return !*text;
	case ARG_DEVICE: return has_only(text, MAX_DEVICE, LETTERS DIGITS "_.;-");
	case ARG_LEAF: return has_only(text, MAX_LEAF, LETTERS DIGITS "_.:@+[]-");
	case ARG_EXPORT: return is_export(text);
	case ARG_ADDRESS: return is_address(text);
	case ARG_OPTIONS: return are_options(text);
	}
	return false;
}

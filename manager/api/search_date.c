/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates, spans of time and numbers as people write them. Days begin at midnight UTC, as all dates of the API are UTC.
 * Dates: 2026-11-22, 11/22/26, Nov 22, 2026, November 22, 2026, Sunday, November 22, 2026; each may be followed by a
 * time, 18:30[:05] or 6:30[:05] PM.
 */
#include <stdlib.h>
#include <string.h>

#include "manager/api/search_internal.h"
#include "model/date.h"

static const int64_t DAY_MS = INT64_C(86400000);

const char *const SDATE_WORDS[] = { "today",     "yesterday", "sunday", "monday",   "tuesday",
	                            "wednesday", "thursday",  "friday", "saturday", NULL };
static const char *const MONTHS[] = { "january", "february", "march",     "april",   "may",      "june",
	                              "july",    "august",   "september", "october", "november", "december" };

static void blanks(const char **s)
{
	while (**s == ' ' || **s == '\t')
		(*s)++;
}

/* One to max digits. */
static bool digits(const char **s, int max, int *out)
{
	int n = 0;

	for (*out = 0; n < max && g_ascii_isdigit(**s); n++, (*s)++)
		*out = *out * 10 + (**s - '0');
	return n > 0 && !g_ascii_isdigit(**s);
}

static bool literal(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* A word of letters that is names[i], or its first three letters. */
static int name_index(const char **s, const char *const *names, int n)
{
	size_t len = 0;

	while (g_ascii_isalpha((*s)[len]))
		len++;
	for (int i = 0; i < n; i++)
		if ((len == strlen(names[i]) || len == 3) && g_ascii_strncasecmp(*s, names[i], len) == 0) {
			*s += len;
			return i;
		}
	return -1;
}

/* After a date: nothing, or a time. Seconds since midnight. */
static bool time_of_day(const char *s, int *out)
{
	int h, m, sec = 0;

	*out = 0;
	literal(&s, ',');
	blanks(&s);
	if (!*s)
		return true;
	if (!digits(&s, 2, &h) || !literal(&s, ':') || !digits(&s, 2, &m) || (literal(&s, ':') && !digits(&s, 2, &sec)))
		return false;
	blanks(&s);
	if (g_ascii_strcasecmp(s, "am") == 0 || g_ascii_strcasecmp(s, "pm") == 0) {
		if (h < 1 || h > 12)
			return false;
		h = h % 12 + (g_ascii_tolower(*s) == 'p' ? 12 : 0);
		s += 2;
	}
	if (*s || h > 23 || m > 59 || sec > 59)
		return false;
	*out = h * 3600 + m * 60 + sec;
	return true;
}

/* "[Sunday, ]November 22, 2026" */
static bool named_date(const char **s, int *y, int *m, int *d)
{
	if (name_index(s, SDATE_WORDS + 2, 7) >= 0) {
		literal(s, ',');
		blanks(s);
	}
	*m = name_index(s, MONTHS, 12) + 1;
	if (*m == 0)
		return false;
	blanks(s);
	if (!digits(s, 2, d) || !literal(s, ','))
		return false;
	blanks(s);
	return digits(s, 4, y);
}

static bool numeric_date(const char **s, int *y, int *m, int *d)
{
	const char *begin = *s;

	if (digits(s, 2, m) && literal(s, '/') && digits(s, 2, d) && literal(s, '/') && digits(s, 4, y)) {
		if (*y < 100)
			*y += 2000;
		return true;
	}
	*s = begin;
	return digits(s, 4, y) && literal(s, '-') && digits(s, 2, m) && literal(s, '-') && digits(s, 2, d);
}

bool sdate_parse(const char *text, struct sdate *out)
{
	const char *s = text;
	int y, m, d, sec;
	char iso[40];

	*out = (struct sdate){ SD_FIXED };
	for (int i = 0; SDATE_WORDS[i]; i++)
		if (g_ascii_strcasecmp(text, SDATE_WORDS[i]) == 0) {
			*out = i < 2 ? (struct sdate){ SD_DAYS_AGO, .days_ago = i }
			             : (struct sdate){ SD_WEEKDAY, .weekday = i - 2 };
			return true;
		}
	if (m_date_parse(text, &out->ms))
		return true;
	if (g_ascii_isdigit(*s) ? !numeric_date(&s, &y, &m, &d) : !named_date(&s, &y, &m, &d))
		return false;
	if (!time_of_day(s, &sec))
		return false;
	g_snprintf(iso, sizeof(iso), "%04d-%02d-%02dT00:00:00Z", y, m, d);
	if (!m_date_parse(iso, &out->ms)) /* the 31st of February */
		return false;
	out->ms += sec * INT64_C(1000);
	return true;
}

int64_t sdate_ms(const struct sdate *d, int64_t now_ms)
{
	int64_t today = now_ms / DAY_MS - (now_ms % DAY_MS < 0);
	int weekday = (int)(((today + 4) % 7 + 7) % 7); /* 1970 began on a Thursday */
	int back;

	switch (d->kind) {
	case SD_DAYS_AGO: return (today - d->days_ago) * DAY_MS;
	case SD_WEEKDAY: back = (weekday - d->weekday + 7) % 7; return (today - (back ? back : 7)) * DAY_MS;
	default: return d->ms;
	}
}

/* D, hh:mm[:ss], D.hh:mm[:ss] */
bool stimespan_parse(const char *text, double *seconds)
{
	const char *s = text;
	int days = 0, h, m, sec = 0;

	if (!strchr(s, ':')) {
		if (!digits(&s, 6, &days) || *s)
			return false;
		*seconds = days * 86400.0;
		return true;
	}
	if (strchr(s, '.') && (!digits(&s, 6, &days) || !literal(&s, '.')))
		return false;
	if (!digits(&s, 2, &h) || !literal(&s, ':') || !digits(&s, 2, &m) || (literal(&s, ':') && !digits(&s, 2, &sec)))
		return false;
	if (*s || h > 23 || m > 59 || sec > 59)
		return false;
	*seconds = days * 86400.0 + h * 3600 + m * 60 + sec;
	return true;
}

bool snumber_parse(const char *text, double *out)
{
	const char *s = text + (*text == '-');
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 30)
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(++s, "0123456789");
		if (n == 0 || n > 30)
			return false;
		s += n;
	}
	if (*s)
		return false;
	*out = g_ascii_strtod(text, NULL);
	return true;
}

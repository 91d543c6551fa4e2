/* SPDX-License-Identifier: Apache-2.0 */
/* Dates as text. Days are counted with the year beginning in March, so that leap days come last. */
#include <ctype.h>
#include <string.h>

#include "model/date.h"

#define MS_PER_DAY INT64_C(86400000)

static int64_t days_from_civil(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void civil_from_days(int64_t z, int *y, int *m, int *d)
{
	z += 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2));
}

static char *digits(char *p, int v, int n)
{
	for (int i = n - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

size_t m_date_format(int64_t ms, char buf[M_DATE_TEXT])
{
	int y, m, d;
	char *p = buf;

	ms = ms < M_DATE_MIN ? M_DATE_MIN : ms > M_DATE_MAX ? M_DATE_MAX : ms;
	int64_t day = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0);
	int rest = (int)(ms - day * MS_PER_DAY);

	civil_from_days(day, &y, &m, &d);
	p = digits(p, y, 4);
	*p++ = '-';
	p = digits(p, m, 2);
	*p++ = '-';
	p = digits(p, d, 2);
	*p++ = 'T';
	p = digits(p, rest / 3600000, 2);
	*p++ = ':';
	p = digits(p, rest / 60000 % 60, 2);
	*p++ = ':';
	p = digits(p, rest / 1000 % 60, 2);
	*p++ = '.';
	p = digits(p, rest % 1000, 3);
	*p++ = 'Z';
	*p = '\0';
	return (size_t)(p - buf);
}

/* n digits and the character after them (0: any); moves on behind both. -1 when it is not so. */
static int number(const char **s, int n, char end)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (!isdigit((unsigned char)**s))
			return -1;
		v = v * 10 + (**s - '0');
	}
	if (end) {
		if (**s != end)
			return -1;
		(*s)++;
	}
	return v;
}

static int days_in_month(int y, int m)
{
	static const int DAYS[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return DAYS[m - 1] + (m == 2 && (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0)));
}

/* The part behind the seconds: fraction and offset. */
static bool parse_tail(const char *s, int *ms, int64_t *offset_minutes)
{
	*ms = 0;
	*offset_minutes = 0;
	if (*s == '.') {
		int weight = 100;

		if (!isdigit((unsigned char)*++s))
			return false;
		for (; isdigit((unsigned char)*s); s++, weight /= 10)
			*ms += (*s - '0') * weight;
	}
	if (*s == '\0')
		return true;
	if (*s == 'Z' || *s == 'z')
		return s[1] == '\0';
	if (*s != '+' && *s != '-')
		return false;
	int sign = *s++ == '-' ? -1 : 1;
	int h = number(&s, 2, ':');
	int m = h < 0 ? -1 : number(&s, 2, 0);

	*offset_minutes = sign * (h * 60 + m);
	return h >= 0 && h <= 23 && m >= 0 && m <= 59 && *s == '\0';
}

bool m_date_parse(const char *s, int64_t *out)
{
	int ms, y, mo, d, h, mi, sec;
	int64_t offset;

	if ((y = number(&s, 4, '-')) < 1 || (mo = number(&s, 2, '-')) < 1 || mo > 12)
		return false;
	if ((d = number(&s, 2, 0)) < 1 || d > days_in_month(y, mo) || (*s != 'T' && *s != 't' && *s != ' '))
		return false;
	s++;
	if ((h = number(&s, 2, ':')) < 0 || h > 23 || (mi = number(&s, 2, ':')) < 0 || mi > 59)
		return false;
	if ((sec = number(&s, 2, 0)) < 0 || sec > 60 || !parse_tail(s, &ms, &offset))
		return false;
	int64_t v = days_from_civil(y, mo, d) * MS_PER_DAY + ((h * 60 + mi - offset) * 60 + sec) * 1000 + ms;

	if (v < M_DATE_MIN || v > M_DATE_MAX)
		return false;
	*out = v;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage/vol_meta.h"

#include <glib.h>
#include <string.h>

#include "agent/storage/storage_codes.h"

static const char *const FORMATS[] = { [VOL_RAW] = "RAW", [VOL_COW] = "COW" };
static const char *const ALLOCS[] = { [VOL_PREALLOCATED] = "PREALLOCATED", [VOL_SPARSE] = "SPARSE" };
static const char *const ROLES[] = { [VOL_LEAF] = "LEAF", [VOL_INTERNAL] = "INTERNAL", [VOL_SHARED] = "SHARED" };
static const char *const LEGALITIES[] = { [VOL_LEGAL] = "LEGAL", [VOL_ILLEGAL] = "ILLEGAL", [VOL_FAKE] = "FAKE" };
static const char *const DISKTYPES[] = { "DATA", "ISOF", "OVFS", "MEMD", "MEMM", "HEVD",
	                                 "HESD", "HEMD", "HECI", "SCRD", "1",    "2" };

static int word_from(const char *s, const char *const *words, size_t n)
{
	for (size_t i = 0; s && i < n; i++)
		if (strcmp(s, words[i]) == 0)
			return (int)i;
	return -1;
}

const char *vol_format_name(enum vol_format f) { return FORMATS[f]; }
const char *vol_alloc_name(enum vol_alloc a) { return ALLOCS[a]; }
const char *vol_role_name(enum vol_role r) { return ROLES[r]; }
const char *vol_legality_name(enum vol_legality l) { return LEGALITIES[l]; }

int vol_format_from(const char *s)
{
	if (s && (strcmp(s, "5") == 0 || strcmp(s, "4") == 0))
		return s[0] == '5' ? VOL_RAW : VOL_COW;
	return word_from(s, FORMATS, G_N_ELEMENTS(FORMATS));
}

int vol_alloc_from(const char *s)
{
	if (s && (strcmp(s, "1") == 0 || strcmp(s, "2") == 0))
		return s[0] == '1' ? VOL_PREALLOCATED : VOL_SPARSE;
	return word_from(s, ALLOCS, G_N_ELEMENTS(ALLOCS));
}

int vol_role_from(const char *s) { return word_from(s, ROLES, G_N_ELEMENTS(ROLES)); }
int vol_legality_from(const char *s) { return word_from(s, LEGALITIES, G_N_ELEMENTS(LEGALITIES)); }
bool vol_disktype_is_valid(const char *s) { return word_from(s, DISKTYPES, G_N_ELEMENTS(DISKTYPES)) >= 0; }

uint64_t vol_capacity_round(uint64_t bytes)
{
	if (!bytes || bytes > VOL_CAP_MAX)
		return 0;
	return (bytes + VOL_CAP_ALIGN - 1) / VOL_CAP_ALIGN * VOL_CAP_ALIGN;
}

int vol_desc_check(const char *s, struct err *e)
{
	if (strlen(s) > VOL_DESC_MAX)
		return err_agent(e, SC_META_OVERFLOW, "Metadata overflow: description of more than %d bytes",
		                 VOL_DESC_MAX);
	for (; *s; s++)
		if ((unsigned char)*s < 32 || *s == 127)
			return err_agent(e, SC_INVALID_PARAM,
			                 "Invalid parameter: description holds a control character");
	return 0;
}

/* Readers of single keys: 0, or -1 when the value is not allowed. */
static int read_number(const char *v, uint64_t max, uint64_t *out)
{
	guint64 n;

	if (!g_ascii_string_to_unsigned(v, 10, 0, max, &n, NULL))
		return -1;
	*out = n;
	return 0;
}

static int read_uuid(const char *v, uuid_text out)
{
	if (!uuid_is_valid(v))
		return -1;
	for (int i = 0; i <= UUID_LEN; i++)
		out[i] = g_ascii_tolower(v[i]);
	return 0;
}

static int read_word(const char *v, int (*from)(const char *), int *out)
{
	*out = from(v);
	return *out < 0 ? -1 : 0;
}

enum key {
	K_CAP,
	K_CTIME,
	K_DESCRIPTION,
	K_DISKTYPE,
	K_DOMAIN,
	K_FORMAT,
	K_GEN,
	K_IMAGE,
	K_LEGALITY,
	K_MTIME,
	K_PUUID,
	K_SEQ,
	K_SIZE,
	K_TYPE,
	K_VOLTYPE,
	N_KEY
};

static const char *const KEYS[N_KEY] = { "CAP",    "CTIME", "DESCRIPTION", "DISKTYPE", "DOMAIN",
	                                 "FORMAT", "GEN",   "IMAGE",       "LEGALITY", "MTIME",
	                                 "PUUID",  "SEQ",   "SIZE",        "TYPE",     "VOLTYPE" };

static int read_key(struct vol_meta *m, enum key k, const char *v)
{
	uint64_t n = 0;
	int word = 0, rc = 0;

	switch (k) {
	case K_CAP: return read_number(v, VOL_CAP_MAX, &m->capacity);
	case K_SIZE:
		rc = read_number(v, VOL_CAP_MAX / 512, &n);
		m->capacity = n * 512;
		return rc;
	case K_CTIME:
		rc = read_number(v, G_MAXINT64, &n);
		m->ctime = (int64_t)n;
		return rc;
	case K_MTIME: return 0;
	case K_GEN:
		rc = read_number(v, VOL_GEN_MAX, &n);
		m->generation = (unsigned)n;
		return rc;
	case K_SEQ:
		rc = read_number(v, G_MAXINT32, &n);
		m->sequence = (unsigned)n;
		return rc;
	case K_DESCRIPTION: return g_strlcpy(m->description, v, sizeof(m->description)) > VOL_DESC_MAX ? -1 : 0;
	case K_DISKTYPE: g_strlcpy(m->disktype, v, sizeof(m->disktype)); return vol_disktype_is_valid(v) ? 0 : -1;
	case K_DOMAIN: return read_uuid(v, m->domain);
	case K_IMAGE: return read_uuid(v, m->image);
	case K_PUUID: return read_uuid(v, m->parent);
	case K_FORMAT:
		rc = read_word(v, vol_format_from, &word);
		m->format = (enum vol_format)word;
		return rc;
	case K_TYPE:
		rc = read_word(v, vol_alloc_from, &word);
		m->alloc = (enum vol_alloc)word;
		return rc;
	case K_VOLTYPE:
		rc = read_word(v, vol_role_from, &word);
		m->role = (enum vol_role)word;
		return rc;
	case K_LEGALITY:
		rc = read_word(v, vol_legality_from, &word);
		m->legality = (enum vol_legality)word;
		return rc;
	case N_KEY: break;
	}
	return -1;
}

/* Unknown keys are left alone: a later version may have added them. */
static int read_line(struct vol_meta *m, unsigned *seen, const char *line, struct err *e)
{
	const char *eq = strchr(line, '=');
	uint64_t capacity;
	int k;

	if (!eq)
		return err_agent(e, SC_META_INVALID, "Invalid metadata: a line is not KEY=VALUE");
	if (g_str_has_prefix(line, "NONE="))
		return err_agent(e, SC_META_CLEARED, "Metadata was cleared");
	for (k = 0; k < N_KEY; k++)
		if (strlen(KEYS[k]) == (size_t)(eq - line) && memcmp(line, KEYS[k], (size_t)(eq - line)) == 0)
			break;
	if (k == N_KEY)
		return 0;
	capacity = m->capacity;
	if (*seen & 1u << k)
		return err_agent(e, SC_META_INVALID, "Invalid metadata: %s is there twice", KEYS[k]);
	*seen |= 1u << k;
	if (read_key(m, (enum key)k, eq + 1) < 0)
		return err_agent(e, SC_META_VALUE, "Metadata value of %s is not allowed", KEYS[k]);
	if (k == K_SIZE && *seen & 1u << K_CAP) /* left behind by an upgrade */
		m->capacity = capacity;
	return 0;
}

static int check_complete(const struct vol_meta *m, unsigned seen, struct err *e)
{
	unsigned optional = 1u << K_GEN | 1u << K_SEQ | 1u << K_MTIME | 1u << K_CAP | 1u << K_SIZE;

	if (!(seen & (1u << K_CAP | 1u << K_SIZE)))
		return err_agent(e, SC_META_INVALID, "Invalid metadata: no capacity");
	for (int k = 0; k < N_KEY; k++)
		if (!((seen | optional) & 1u << k))
			return err_agent(e, SC_META_INVALID, "Invalid metadata: %s is missing", KEYS[k]);
	return 0;
}

int vol_meta_parse(const char *data, size_t len, struct vol_meta *m, struct err *e)
{
	char text[VOL_META_SIZE + 1];
	unsigned seen = 0;
	char *line = text;

	memset(m, 0, sizeof(*m));
	len = MIN(len, VOL_META_SIZE);
	memcpy(text, data, len);
	text[len] = 0; /* a NUL inside ends the text as well */
	for (;;) {
		char *nl = strchr(line, '\n');

		if (!nl)
			return err_agent(e, SC_META_INVALID, "Invalid metadata: the end mark is missing");
		*nl = 0;
		if (strcmp(line, "EOF") == 0)
			return check_complete(m, seen, e);
		if (read_line(m, &seen, line, e) < 0)
			return -1;
		line = nl + 1;
	}
}

int vol_meta_format(const struct vol_meta *m, char block[VOL_META_SIZE], struct err *e)
{
	char text[VOL_META_SIZE + 1] = "";
	int n;

	if (vol_desc_check(m->description, e) < 0)
		return -1;
	n = g_snprintf(text, sizeof(text),
	               "CAP=%" G_GUINT64_FORMAT "\nCTIME=%" G_GINT64_FORMAT "\nDESCRIPTION=%s\nDISKTYPE=%s\n"
	               "DOMAIN=%s\nFORMAT=%s\nGEN=%u\nIMAGE=%s\nLEGALITY=%s\nPUUID=%s\nSEQ=%u\nTYPE=%s\n"
	               "VOLTYPE=%s\nEOF\n",
	               (guint64)m->capacity, (gint64)m->ctime, m->description, m->disktype, m->domain,
	               FORMATS[m->format], m->generation, m->image, LEGALITIES[m->legality], m->parent, m->sequence,
	               ALLOCS[m->alloc], ROLES[m->role]);
	if (n > VOL_META_SIZE)
		return err_agent(e, SC_META_OVERFLOW, "Metadata overflow: %d bytes", n);
	memset(block, 0, VOL_META_SIZE);
	memcpy(block, text, (size_t)n);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage/sd_meta.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "agent/storage/storage_codes.h"
#include "base/uuid.h"

#define SEAL_KEY "_SHA_CKSUM"
#define KEY_MAX  64

static bool key_is_valid(const char *key, size_t len)
{
	if (!len || len > KEY_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!g_ascii_isupper(key[i]) && !g_ascii_isdigit(key[i]) && key[i] != '_')
			return false;
	return true;
}

/* One character reference "&#233;" at s; its length in bytes, or 0 if there is none that we wrote. */
static size_t read_reference(const char *s, const char *end, gunichar *out)
{
	const char *p = s + 2;
	uint32_t c = 0;

	if (end - s < 4 || s[0] != '&' || s[1] != '#')
		return 0;
	while (p < end && g_ascii_isdigit(*p) && p - s < 9)
		c = c * 10 + (uint32_t)(*p++ - '0');
	if (p == s + 2 || p == end || *p != ';' || c < 128 || !g_unichar_validate(c))
		return 0;
	*out = c;
	return (size_t)(p + 1 - s);
}

/* On storage everything is ASCII; other characters are numeric references. */
static char *decode_value(const char *s, size_t len)
{
	GString *out = g_string_sized_new(len);
	const char *end = s + len;

	while (s < end) {
		gunichar c;
		size_t n = read_reference(s, end, &c);

		if (n) {
			g_string_append_unichar(out, c);
			s += n;
		} else {
			g_string_append_c(out, *s++);
		}
	}
	return g_string_free(out, FALSE);
}

static void encode_value(GString *out, const char *s)
{
	for (; *s; s = g_utf8_next_char(s)) {
		gunichar c = g_utf8_get_char(s);

		if (c < 128)
			g_string_append_c(out, (char)c);
		else
			g_string_append_printf(out, "&#%u;", c);
	}
}

static int add_line(json_t *meta, const char *line, size_t len, struct err *e)
{
	const char *eq = memchr(line, '=', len);
	g_autofree char *key = NULL, *value = NULL;

	if (!eq || !key_is_valid(line, (size_t)(eq - line)))
		return err_agent(e, SC_META_INVALID, "Invalid metadata: a line is not KEY=VALUE");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 32 || (unsigned char)line[i] > 126)
			return err_agent(e, SC_META_INVALID, "Invalid metadata: a line is not plain ASCII");
	key = g_strndup(line, (size_t)(eq - line));
	value = decode_value(eq + 1, len - (size_t)(eq + 1 - line));
	if (json_object_get(meta, key))
		return err_agent(e, SC_META_INVALID, "Invalid metadata: %s is there twice", key);
	if (json_object_size(meta) >= SD_META_MAX_KEYS)
		return err_agent(e, SC_META_INVALID, "Invalid metadata: too many keys");
	json_object_set_new(meta, key, json_string(value));
	return 0;
}

static const char *next_line(const char **at, const char *end, size_t *len)
{
	const char *line = *at, *nl = memchr(line, '\n', (size_t)(end - line));

	*len = (size_t)((nl ? nl : end) - line);
	*at = nl ? nl + 1 : end;
	return line;
}

static bool is_seal(const char *line, size_t len)
{
	return len > strlen(SEAL_KEY) && memcmp(line, SEAL_KEY "=", strlen(SEAL_KEY "=")) == 0;
}

static int check_seal(const char *data, const char *end, struct err *e)
{
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);
	g_autofree char *seal = NULL, *want = NULL;

	while (data < end) {
		size_t n;
		const char *line = next_line(&data, end, &n);

		if (!is_seal(line, n)) {
			g_checksum_update(sum, (const guchar *)line, (gssize)n);
		} else {
			g_free(seal);
			seal = g_strndup(line + strlen(SEAL_KEY "="), n - strlen(SEAL_KEY "="));
		}
	}
	want = g_strdup(g_checksum_get_string(sum));
	g_checksum_free(sum);
	if (!seal)
		return err_agent(e, SC_META_SEAL, "Metadata seal is broken: there is no checksum");
	if (g_ascii_strcasecmp(seal, want) != 0)
		return err_agent(e, SC_META_SEAL, "Metadata seal is broken: checksum should be %s", want);
	return 0;
}

/* The seal first: whatever else is wrong with a broken one does not matter. */
json_t *sd_meta_parse(const char *data, size_t len, struct err *e)
{
	const char *end = data + len;
	json_t *meta;

	if (len > SD_META_MAX) {
		err_agent(e, SC_META_INVALID, "Invalid metadata: more than %d bytes", SD_META_MAX);
		return NULL;
	}
	if (check_seal(data, end, e) < 0)
		return NULL;
	meta = json_object();
	while (data < end) {
		size_t n;
		const char *line = next_line(&data, end, &n);

		if (n && !is_seal(line, n) && add_line(meta, line, n, e) < 0) {
			json_decref(meta);
			return NULL;
		}
	}
	return meta;
}

static int compare_keys(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int format_line(GString *out, GChecksum *sum, const char *key, const json_t *value, struct err *e)
{
	const char *text = json_string_value(value);
	size_t at = out->len;

	if (!text || !key_is_valid(key, strlen(key)) || strcmp(key, SEAL_KEY) == 0)
		return err_agent(e, SC_META_KEY, "Invalid metadata key: %s", key);
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 32 || *p == 127)
			return err_agent(e, SC_META_VALUE, "Metadata value of %s holds a control character", key);
	if (json_string_length(value) != strlen(text))
		return err_agent(e, SC_META_VALUE, "Metadata value of %s holds a NUL", key);
	g_string_append_printf(out, "%s=", key);
	encode_value(out, text);
	g_checksum_update(sum, (const guchar *)out->str + at, (gssize)(out->len - at));
	g_string_append_c(out, '\n');
	return 0;
}

char *sd_meta_format(const json_t *meta, size_t *len, struct err *e)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new();
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);
	GString *out = g_string_new(NULL);
	const char *key;
	json_t *value;
	int rc = 0;

	json_object_foreach ((json_t *)meta, key, value)
		g_ptr_array_add(keys, (void *)key);
	g_ptr_array_sort(keys, compare_keys);
	for (guint i = 0; i < keys->len && rc == 0; i++)
		rc = format_line(out, sum, keys->pdata[i], json_object_get(meta, keys->pdata[i]), e);
	g_string_append_printf(out, SEAL_KEY "=%s\n", g_checksum_get_string(sum));
	if (rc == 0 && (out->len > SD_META_MAX || keys->len > SD_META_MAX_KEYS))
		rc = err_agent(e, SC_META_OVERFLOW, "Metadata overflow: more than %d bytes", SD_META_MAX);
	g_checksum_free(sum);
	*len = out->len;
	return g_string_free(out, rc < 0);
}

const char *sd_meta_get(const json_t *meta, const char *key)
{
	const char *s = json_string_value(json_object_get(meta, key));

	return s ? s : "";
}

int64_t sd_meta_get_int(const json_t *meta, const char *key, int64_t dflt)
{
	const char *s = sd_meta_get(meta, key);
	gint64 n;

	return g_ascii_string_to_signed(s, 10, G_MININT64, G_MAXINT64, &n, NULL) ? n : dflt;
}

void sd_meta_set(json_t *meta, const char *key, const char *value)
{
	json_object_set_new(meta, key, json_string(value));
}

void sd_meta_set_int(json_t *meta, const char *key, int64_t value)
{
	char text[24];

	g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, (gint64)value);
	sd_meta_set(meta, key, text);
}

bool sd_meta_in_pool(const json_t *meta, const char *pool)
{
	g_auto(GStrv) pools = g_strsplit(sd_meta_get(meta, "POOL_UUID"), ",", 64);

	for (char **p = pools; *p; p++)
		if (g_ascii_strcasecmp(*p, pool) == 0)
			return true;
	return false;
}

static bool is_one_of(const char *value, const char *const *allowed)
{
	for (; *allowed; allowed++)
		if (strcmp(value, *allowed) == 0)
			return true;
	return false;
}

int sd_meta_check(const json_t *meta, const char *sd, struct err *e)
{
	static const char *const TYPES[] = { "NFS",     "FCP",       "ISCSI",    "LOCALFS", "CIFS",
		                             "POSIXFS", "GLUSTERFS", "SHAREDFS", NULL };
	static const char *const CLASSES[] = { "Data", "Iso", "Backup", NULL };
	static const char *const ROLES[] = { "Master", "Regular", NULL };
	int64_t version = sd_meta_get_int(meta, "VERSION", -1);

	if (g_ascii_strcasecmp(sd_meta_get(meta, "SDUUID"), sd) != 0)
		return err_agent(e, SC_META_INVALID, "Invalid metadata: SDUUID is not %s", sd);
	if (version != 0 && (version < 2 || version > 5))
		return err_agent(e, SC_SD_VERSION, "Unsupported domain version: %s", sd_meta_get(meta, "VERSION"));
	if (!is_one_of(sd_meta_get(meta, "TYPE"), TYPES))
		return err_agent(e, SC_META_INVALID, "Invalid metadata: TYPE is unknown");
	if (!is_one_of(sd_meta_get(meta, "CLASS"), CLASSES))
		return err_agent(e, SC_META_INVALID, "Invalid metadata: CLASS is unknown");
	if (!is_one_of(sd_meta_get(meta, "ROLE"), ROLES))
		return err_agent(e, SC_META_INVALID, "Invalid metadata: ROLE is unknown");
	return 0;
}

json_t *sd_meta_new(const struct sd_meta_new *n)
{
	json_t *m = json_object();

	sd_meta_set_int(m, "VERSION", 5);
	sd_meta_set(m, "SDUUID", n->sd);
	sd_meta_set(m, "TYPE", n->type);
	sd_meta_set(m, "CLASS", n->sd_class);
	sd_meta_set(m, "ROLE", "Regular");
	sd_meta_set(m, "DESCRIPTION", n->name);
	sd_meta_set(m, "POOL_UUID", "");
	sd_meta_set(m, "LOCKPOLICY", "");
	sd_meta_set(m, "LOCKRENEWALINTERVALSEC", "5");
	sd_meta_set(m, "LEASETIMESEC", "60");
	sd_meta_set(m, "IOOPTIMEOUTSEC", "10");
	sd_meta_set(m, "LEASERETRIES", "3");
	sd_meta_set(m, "REMOTE_PATH", n->remote_path);
	sd_meta_set_int(m, "BLOCK_SIZE", n->block_size);
	sd_meta_set_int(m, "ALIGNMENT", n->alignment);
	return m;
}

int sd_meta_alignment(int block_size, int max_hosts)
{
	static const struct {
		int block_size, hosts, mib;
	} ROWS[] = { { 512, 2000, 1 }, { 4096, 250, 1 }, { 4096, 500, 2 }, { 4096, 1000, 4 }, { 4096, 2000, 8 } };

	for (size_t i = 0; i < G_N_ELEMENTS(ROWS); i++)
		if (ROWS[i].block_size == block_size && max_hosts >= 1 && max_hosts <= ROWS[i].hosts)
			return ROWS[i].mib * 1048576;
	return 0;
}

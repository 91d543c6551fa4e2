/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's flat parameters about a guest as the members of its statistics. */
#include <arpa/inet.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "agent/vms/guest.h"

/* libvirt itself gives 2048 parameters at most. Whatever a guest says, the whole stays below MAX_TOTAL bytes. */
enum { MAX_ITEMS = 256, MAX_ADDRESSES = 64, MAX_TEXT = 512, MAX_TOTAL = 128 * 1024, MAX_ANSWER = 64 * 1024 };

struct reader {
	GHashTable *by_name; /* field -> parameter */
	size_t n_bytes;      /* of texts given out */
	bool is_cut;
};

static const virTypedParameter *at(const struct reader *r, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static const virTypedParameter *at(const struct reader *r, const char *fmt, ...)
{
	char name[128];
	va_list ap;

	va_start(ap, fmt);
	g_vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	return g_hash_table_lookup(r->by_name, name);
}

/* What is shown to people and kept: valid UTF-8, without characters that steer terminals or turn the line round. */
static char *clean(const char *text)
{
	g_autofree char *cut = g_strndup(text, MAX_TEXT), *valid = g_utf8_make_valid(cut, -1);
	GString *out = g_string_new(NULL);

	for (const char *s = valid; *s; s = g_utf8_next_char(s)) {
		const gunichar ch = g_utf8_get_char(s);
		const bool is_odd = g_unichar_iscntrl(ch) || (ch >= 0x200b && ch <= 0x200f) ||
		                    (ch >= 0x2028 && ch <= 0x202e) || (ch >= 0x2066 && ch <= 0x2069) || ch == 0xfeff;

		if (out->len + 4 > MAX_TEXT)
			break;
		if (is_odd)
			g_string_append_c(out, ' ');
		else
			g_string_append_unichar(out, ch);
	}
	return g_string_free(out, FALSE);
}

static json_t *text(struct reader *r, const virTypedParameter *p)
{
	g_autofree char *valid = NULL;

	if (!p || p->type != VIR_TYPED_PARAM_STRING || !p->value.s)
		return json_string("");
	valid = clean(p->value.s);
	r->n_bytes += strlen(valid);
	if (r->n_bytes > MAX_TOTAL) {
		r->is_cut = true;
		return json_string("");
	}
	return json_string(valid);
}

static int64_t integer(const virTypedParameter *p)
{
	if (!p)
		return 0;
	switch (p->type) {
	case VIR_TYPED_PARAM_INT: return p->value.i;
	case VIR_TYPED_PARAM_UINT: return p->value.ui;
	case VIR_TYPED_PARAM_ULLONG: return (int64_t)MIN(p->value.ul, (unsigned long long)G_MAXINT64);
	case VIR_TYPED_PARAM_LLONG: return p->value.l;
	default: return 0;
	}
}

static unsigned count(const virTypedParameter *p) { return (unsigned)CLAMP(integer(p), 0, MAX_ITEMS); }

static json_t *users(struct reader *r)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (unsigned i = 0; i < count(at(r, "user.count")); i++) {
		json_t *name = text(r, at(r, "user.%u.name", i));

		g_string_append_printf(names, "%s%s", names->len ? ", " : "", json_string_value(name));
		json_decref(name);
	}
	return json_string(names->str);
}

static json_t *interface(struct reader *r, unsigned i, GString *ips)
{
	json_t *v4 = json_array(), *v6 = json_array(), *j, *name = text(r, at(r, "if.%u.name", i));
	const bool is_loopback = strcmp(json_string_value(name), "lo") == 0;

	for (unsigned k = 0; k < MIN(count(at(r, "if.%u.addr.count", i)), MAX_ADDRESSES); k++) {
		json_t *addr = text(r, at(r, "if.%u.addr.%u.addr", i, k));
		unsigned char binary[16];
		const bool is_v6 = inet_pton(AF_INET6, json_string_value(addr), binary) == 1;

		if (!is_v6 && inet_pton(AF_INET, json_string_value(addr), binary) != 1) { /* no address at all */
			json_decref(addr);
			continue;
		}
		if (!is_loopback)
			g_string_append_printf(ips, "%s%s", ips->len ? " " : "", json_string_value(addr));
		json_array_append_new(is_v6 ? v6 : v4, addr);
	}
	j = json_object();
	json_object_set_new(j, "name", name);
	json_object_set_new(j, "hw", text(r, at(r, "if.%u.hwaddr", i)));
	json_object_set_new(j, "inet", v4);
	json_object_set_new(j, "inet6", v6);
	return j;
}

static void put_interfaces(json_t *j, struct reader *r)
{
	g_autoptr(GString) ips = g_string_new(NULL);
	json_t *list = json_array();

	for (unsigned i = 0; i < count(at(r, "if.count")); i++)
		json_array_append_new(list, interface(r, i, ips));
	json_object_set_new(j, "netIfaces", list);
	json_object_set_new(j, "guestIPs", json_string(ips->str));
}

static void put_filesystems(json_t *j, struct reader *r)
{
	json_t *list = json_array(), *mapping = json_object();

	for (unsigned i = 0; i < count(at(r, "fs.count")); i++) {
		json_t *fs = json_object();

		json_object_set_new(fs, "path", text(r, at(r, "fs.%u.mountpoint", i)));
		json_object_set_new(fs, "fs", text(r, at(r, "fs.%u.fstype", i)));
		json_object_set_new(fs, "total",
		                    json_sprintf("%lld", (long long)integer(at(r, "fs.%u.total-bytes", i))));
		json_object_set_new(fs, "used", json_sprintf("%lld", (long long)integer(at(r, "fs.%u.used-bytes", i))));
		json_array_append_new(list, fs);
		for (unsigned k = 0; k < count(at(r, "fs.%u.disk.count", i)); k++) {
			json_t *serial = text(r, at(r, "fs.%u.disk.%u.serial", i, k));
			json_t *device = text(r, at(r, "fs.%u.disk.%u.device", i, k));

			if (*json_string_value(serial))
				json_object_set_new(mapping, json_string_value(serial),
				                    json_pack("{s:O}", "name", device));
			json_decref(serial);
			json_decref(device);
		}
	}
	json_object_set_new(j, "disksUsage", list);
	json_object_set_new(j, "guestDiskMapping", mapping);
}

static void put_system(json_t *j, struct reader *r)
{
	const virTypedParameter *id = at(r, "os.id");
	const bool is_windows =
	    id && id->type == VIR_TYPED_PARAM_STRING && id->value.s && strcmp(id->value.s, "mswindows") == 0;
	json_t *os = json_object();

	json_object_set_new(os, "type", json_string(is_windows ? "windows" : "linux"));
	json_object_set_new(os, "arch", text(r, at(r, "os.machine")));
	json_object_set_new(os, "kernel", is_windows ? json_string("") : text(r, at(r, "os.kernel-release")));
	json_object_set_new(os, "distribution", text(r, at(r, "os.name")));
	json_object_set_new(os, "version", text(r, at(r, is_windows ? "os.version" : "os.version-id")));
	json_object_set_new(os, "codename", text(r, at(r, "os.variant")));
	json_object_set_new(j, "guestOsInfo", os);
	json_object_set_new(j, "guestOs", text(r, at(r, is_windows ? "os.pretty-name" : "os.kernel-release")));
}

json_t *guest_json(const virTypedParameter *params, int n)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
	struct reader r = { .by_name = names };
	json_t *j = json_object();

	for (int i = 0; i < n; i++)
		g_hash_table_insert(names, (gpointer)params[i].field, (gpointer)&params[i]);
	/* the short ones first: they are never what is cut */
	if (at(&r, "hostname")) {
		json_object_set_new(j, "guestName", text(&r, at(&r, "hostname")));
		json_object_set_new(j, "guestFQDN", text(&r, at(&r, "hostname")));
	}
	if (at(&r, "timezone.name"))
		json_object_set_new(j, "guestTimezone",
		                    json_pack("{s:o, s:i}", "zone", text(&r, at(&r, "timezone.name")), "offset",
		                              (int)(integer(at(&r, "timezone.offset")) / 60)));
	if (at(&r, "os.id"))
		put_system(j, &r);
	if (at(&r, "user.count")) {
		json_object_set_new(j, "username", users(&r));
		json_object_set_new(j, "session",
		                    json_string(integer(at(&r, "user.count")) ? "UserLoggedOn" : "LoggedOff"));
	}
	if (at(&r, "if.count"))
		put_interfaces(j, &r);
	if (at(&r, "fs.count"))
		put_filesystems(j, &r);
	if (r.is_cut)
		json_object_set_new(j, GUEST_IS_CUT, json_true());
	return j;
}

char *guest_agent_version(const char *answer)
{
	json_t *j = answer && strlen(answer) <= MAX_ANSWER ? json_loads(answer, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *version = json_string_value(json_object_get(json_object_get(j, "return"), "version"));
	char *valid = version && *version && strlen(version) <= 64 ? clean(version) : NULL;

	json_decref(j);
	return valid;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's flat parameters about a guest as the members of its statistics. */
#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "agent/vms/guest.h"

enum { MAX_ITEMS = 256, MAX_TEXT = 512 };

static const virTypedParameter *find(const virTypedParameter *params, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(params[i].field, name) == 0)
			return &params[i];
	return NULL;
}

struct reader {
	const virTypedParameter *params;
	int n;
};

static const virTypedParameter *at(const struct reader *r, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static const virTypedParameter *at(const struct reader *r, const char *fmt, ...)
{
	char name[128];
	va_list ap;

	va_start(ap, fmt);
	g_vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	return find(r->params, r->n, name);
}

/* Text of a guest: bounded and made valid UTF-8. */
static json_t *text(const virTypedParameter *p)
{
	g_autofree char *cut = NULL, *valid = NULL;

	if (!p || p->type != VIR_TYPED_PARAM_STRING || !p->value.s)
		return json_string("");
	cut = g_strndup(p->value.s, MAX_TEXT);
	valid = g_utf8_make_valid(cut, -1);
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

static json_t *users(const struct reader *r)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (unsigned i = 0; i < count(at(r, "user.count")); i++) {
		json_t *name = text(at(r, "user.%u.name", i));

		g_string_append_printf(names, "%s%s", names->len ? ", " : "", json_string_value(name));
		json_decref(name);
	}
	return json_string(names->str);
}

static json_t *interface(const struct reader *r, unsigned i, GString *ips)
{
	json_t *v4 = json_array(), *v6 = json_array(), *j, *name = text(at(r, "if.%u.name", i));
	const bool is_loopback = strcmp(json_string_value(name), "lo") == 0;

	for (unsigned k = 0; k < count(at(r, "if.%u.addr.count", i)); k++) {
		const virTypedParameter *type = at(r, "if.%u.addr.%u.type", i, k);
		const bool is_v6 = type && type->type == VIR_TYPED_PARAM_STRING && strcmp(type->value.s, "ipv6") == 0;
		json_t *addr = text(at(r, "if.%u.addr.%u.addr", i, k));

		if (!is_loopback)
			g_string_append_printf(ips, "%s%s", ips->len ? " " : "", json_string_value(addr));
		json_array_append_new(is_v6 ? v6 : v4, addr);
	}
	j = json_object();
	json_object_set_new(j, "name", name);
	json_object_set_new(j, "hw", text(at(r, "if.%u.hwaddr", i)));
	json_object_set_new(j, "inet", v4);
	json_object_set_new(j, "inet6", v6);
	return j;
}

static void put_interfaces(json_t *j, const struct reader *r)
{
	g_autoptr(GString) ips = g_string_new(NULL);
	json_t *list = json_array();

	for (unsigned i = 0; i < count(at(r, "if.count")); i++)
		json_array_append_new(list, interface(r, i, ips));
	json_object_set_new(j, "netIfaces", list);
	json_object_set_new(j, "guestIPs", json_string(ips->str));
}

static void put_filesystems(json_t *j, const struct reader *r)
{
	json_t *list = json_array(), *mapping = json_object();

	for (unsigned i = 0; i < count(at(r, "fs.count")); i++) {
		json_t *fs = json_object();

		json_object_set_new(fs, "path", text(at(r, "fs.%u.mountpoint", i)));
		json_object_set_new(fs, "fs", text(at(r, "fs.%u.fstype", i)));
		json_object_set_new(fs, "total",
		                    json_sprintf("%lld", (long long)integer(at(r, "fs.%u.total-bytes", i))));
		json_object_set_new(fs, "used", json_sprintf("%lld", (long long)integer(at(r, "fs.%u.used-bytes", i))));
		json_array_append_new(list, fs);
		for (unsigned k = 0; k < count(at(r, "fs.%u.disk.count", i)); k++) {
			json_t *serial = text(at(r, "fs.%u.disk.%u.serial", i, k));
			json_t *device = text(at(r, "fs.%u.disk.%u.device", i, k));

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

static void put_system(json_t *j, const struct reader *r)
{
	const virTypedParameter *id = at(r, "os.id");
	const bool is_windows = id && id->type == VIR_TYPED_PARAM_STRING && strcmp(id->value.s, "mswindows") == 0;
	json_t *os = json_object();

	json_object_set_new(os, "type", json_string(is_windows ? "windows" : "linux"));
	json_object_set_new(os, "arch", text(at(r, "os.machine")));
	json_object_set_new(os, "kernel", is_windows ? json_string("") : text(at(r, "os.kernel-release")));
	json_object_set_new(os, "distribution", text(at(r, "os.name")));
	json_object_set_new(os, "version", text(at(r, is_windows ? "os.version" : "os.version-id")));
	json_object_set_new(os, "codename", text(at(r, "os.variant")));
	json_object_set_new(j, "guestOsInfo", os);
	json_object_set_new(j, "guestOs", text(at(r, is_windows ? "os.pretty-name" : "os.kernel-release")));
}

json_t *guest_json(const virTypedParameter *params, int n)
{
	const struct reader r = { params, n };
	json_t *j = json_object();

	if (at(&r, "user.count")) {
		json_object_set_new(j, "username", users(&r));
		json_object_set_new(j, "session",
		                    json_string(integer(at(&r, "user.count")) ? "UserLoggedOn" : "LoggedOff"));
	}
	if (at(&r, "if.count"))
		put_interfaces(j, &r);
	if (at(&r, "hostname")) {
		json_object_set_new(j, "guestName", text(at(&r, "hostname")));
		json_object_set_new(j, "guestFQDN", text(at(&r, "hostname")));
	}
	if (at(&r, "timezone.name"))
		json_object_set_new(j, "guestTimezone",
		                    json_pack("{s:o, s:i}", "zone", text(at(&r, "timezone.name")), "offset",
		                              (int)(integer(at(&r, "timezone.offset")) / 60)));
	if (at(&r, "os.id"))
		put_system(j, &r);
	if (at(&r, "fs.count"))
		put_filesystems(j, &r);
	return j;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and flags beside the API's operations: their table, and `vm create` with disk, network, CD and start in one go. */
#include <string.h>

#include "base/auto.h"
#include "base/uuid.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/out.h"
#include "cli/resolve.h"
#include "cli/value.h"
#include "cli/wait.h"
#include "cli/web.h"

static int create_run(struct command *cmd, struct err *e);

static const struct flag *console_flags(struct extras *x)
{
	static struct flag flags[8];

	flags[0] = (struct flag){ "vnc", FLAG_BOOL, &x->vnc, 0, "the screen, with remote-viewer" };
	flags[1] = (struct flag){ "spice", FLAG_BOOL, &x->spice, 0, "the screen by SPICE, with remote-viewer" };
	flags[2] = (struct flag){ "file", FLAG_TEXT, &x->file, 0,
		                  "write remote-viewer's file there instead of starting it; - is standard output" };
	flags[3] = (struct flag){ "force", FLAG_BOOL, &x->force, 0, "take the serial console over from who has it" };
	flags[4] = (struct flag){ "no-history", FLAG_BOOL, &x->no_history, 0, "without what was said before" };
	flags[5] = (struct flag){ NULL };
	return flags;
}

static const struct flag *screenshot_flags(struct extras *x)
{
	static struct flag flags[2];

	flags[0] = (struct flag){ "file", FLAG_TEXT, &x->file, 0, "where to write the picture" };
	flags[1] = (struct flag){ NULL };
	return flags;
}

static const struct flag *logs_flags(struct extras *x)
{
	static struct flag flags[5];

	flags[0] = (struct flag){ "follow", FLAG_BOOL, &x->follow, 0, "go on with what is new" };
	flags[1] = (struct flag){ "lines", FLAG_TEXT, &x->lines, 'n', "the last lines, 1 to 10000 (200)" };
	flags[2] = (struct flag){ "since", FLAG_TEXT, &x->since, 0, "2026-11-22T20:00:00Z, or seconds since 1970" };
	flags[3] = (struct flag){ "source", FLAG_TEXT, &x->source, 0, "agent (the default), libvirt or vm:NAME" };
	flags[4] = (struct flag){ NULL };
	return flags;
}

static const struct flag *create_flags(struct extras *x)
{
	static struct flag flags[9];

	flags[0] = (struct flag){ "disk", FLAG_TEXT, &x->disk, 0,
		                  "SIZE of a new disk (10GiB), or the name of one that is there" };
	flags[1] = (struct flag){ "storage", FLAG_TEXT, &x->storage, 0,
		                  "storage domain of the new disk (when there are several)" };
	flags[2] = (struct flag){ "network", FLAG_TEXT, &x->network, 0,
		                  "a network card in this network, or with this vNIC profile" };
	flags[3] = (struct flag){ "iso", FLAG_TEXT, &x->iso, 0, "ISO disk to boot from, by name or id" };
	flags[4] = (struct flag){ "start", FLAG_BOOL, &x->start, 0, "start it" };
	flags[5] = (struct flag){ "console", FLAG_BOOL, &x->console, 0,
		                  "open its serial console once it is up (with --start)" };
	flags[6] = (struct flag){ "vnc", FLAG_BOOL, &x->vnc, 0, "open its screen once it is up (with --start)" };
	flags[7] = (struct flag){ NULL };
	return flags;
}

const struct nicety NICETIES[] = {
	{ "vms", "console", "NAME", "Open the serial console; Ctrl-] leaves. --vnc and --spice open the screen.", false,
	  console_flags, console_run },
	{ "vms", "screenshot", "NAME FILE", "Save a picture of the screen as PNG.", false, screenshot_flags,
	  screenshot_run },
	{ "hosts", "logs", "NAME", "Show the log of the agent, of libvirt, or of a VM's QEMU.", false, logs_flags,
	  logs_run },
	{ "vms", "create", "NAME", "Create a VM; with its disk, network card and CD, and started, if you want.", true,
	  create_flags, create_run },
	{ .verb = NULL },
};

/* ---- vm create ---- */

struct making {
	struct command *cmd;
	const char *id, *name;
	char *center; /* data center of the cluster */
};

static json_t *call(struct making *m, const char *method, const char *path, json_t *body, struct err *e)
{
	g_autofree char *full = g_strconcat(API_BASE "/", path, NULL);
	json_t *j = web_json(m->cmd->c->web, method, full, body, e);

	json_decref(body);
	return j;
}

static int wait_state(struct making *m, const char *op, const char *path, const char *label, struct err *e)
{
	struct wait_for w = {
		.op = m_op_find(op), .path = path, .label = label, .correlation_id = m->cmd->correlation_id
	};

	return wait_until_done(m->cmd->c, &w, e);
}

static int find_center(struct making *m, struct err *e)
{
	const char *cluster = json_string_value(json_object_get(json_object_get(m->cmd->body.json, "cluster"), "id"));
	g_autofree char *path = g_strconcat("clusters/", cluster, NULL);
	auto_json *j = cluster ? call(m, "GET", path, NULL, e) : NULL;
	const char *id = json_string_value(json_object_get(json_object_get(j, "data_center"), "id"));

	if (!cluster)
		return err_set(e, ERR_SYNTAX, "--disk and --network need --cluster");
	m->center = pool_strdup(m->cmd->c->pool, id);
	return j ? 0 : -1;
}

/* The storage domain for a new disk: the one that was named, or the only active one for data. */
static char *find_storage(struct making *m, struct err *e)
{
	g_autofree char *path = NULL;
	g_autoptr(GString) names = g_string_new(NULL);
	auto_json *j = NULL;
	const json_t *each;
	char *found = NULL;
	size_t i, n = 0;

	if (m->cmd->extras.storage) {
		g_autofree char *id =
		    resolve_reference(m->cmd->c, m_type_find("storage_domain"), m->cmd->extras.storage, e);
		return pool_strdup(m->cmd->c->pool, id);
	}
	path = g_strdup_printf("datacenters/%s/storagedomains", m->center);
	j = call(m, "GET", path, NULL, e);
	if (!j)
		return NULL;
	json_array_foreach (json_object_get(j, "storage_domain"), i, each) {
		const char *type = json_string_value(json_object_get(each, "type")),
		           *s = json_string_value(json_object_get(each, "status"));
		const char *name = json_string_value(json_object_get(each, "name"));

		if (g_strcmp0(type, "data") != 0 || g_strcmp0(s, "active") != 0)
			continue;
		found = pool_strdup(m->cmd->c->pool, json_string_value(json_object_get(each, "id")));
		g_string_append_printf(names, "%s%s", n++ ? ", " : "", name ? name : "");
	}
	if (n == 1)
		return found;
	if (n)
		err_set(e, ERR_SYNTAX, "Which storage domain? --storage with one of: %s", names->str);
	else
		err_set(e, ERR_CONFLICT, "The data center has no active storage domain for a disk.");
	return NULL;
}

/* The id of the disk: a new one of that size, or the one of that name. */
static char *get_disk(struct making *m, struct err *e)
{
	const char *text = m->cmd->extras.disk;
	struct err quiet = ERR_INIT;
	g_autofree char *name = g_strconcat(m->name, "-disk1", NULL), *path = NULL, *old = NULL;
	auto_json *j = NULL;
	char *storage;
	int64_t size;

	if (value_size(text, &size, &quiet) < 0) {
		old = resolve_reference(m->cmd->c, m_type_find("disk"), text, e);
		return pool_strdup(m->cmd->c->pool, old);
	}
	storage = find_storage(m, e);
	if (!storage)
		return NULL;
	j = call(m, "POST", "disks",
	         json_pack("{s:s,s:s,s:b,s:I,s:{s:[{s:s}]}}", "name", name, "format", "raw", "sparse", 1,
	                   "provisioned_size", (json_int_t)size, "storage_domains", "storage_domain", "id", storage),
	         e);
	if (!j)
		return NULL;
	old = g_strdup(json_string_value(json_object_get(j, "id")));
	path = g_strconcat("disks/", old, NULL);
	if (wait_state(m, "disks.add", path, name, e) < 0)
		return NULL;
	return pool_strdup(m->cmd->c->pool, old);
}

static int attach_disk(struct making *m, struct err *e)
{
	g_autofree char *path = g_strdup_printf("vms/%s/diskattachments", m->id);
	char *disk = get_disk(m, e);
	auto_json *j = disk ? call(m, "POST", path,
	                           json_pack("{s:{s:s},s:s,s:b,s:b}", "disk", "id", disk, "interface", "virtio",
	                                     "bootable", 1, "active", 1),
	                           e)
	                    : NULL;

	return j ? 0 : err_wrap(e, "The VM was created, but not its disk");
}

/* A vNIC profile by its own name or its network's, in the VM's data center. */
static char *find_profile(struct making *m, struct err *e)
{
	const char *want = m->cmd->extras.network;
	g_autofree char *path = g_strdup_printf("datacenters/%s/networks", m->center);
	auto_json *networks = call(m, "GET", path, NULL, e),
	          *profiles = networks ? call(m, "GET", "vnicprofiles", NULL, e) : NULL;
	const json_t *p, *n;
	size_t i, k;

	json_array_foreach (json_object_get(profiles, "vnic_profile"), i, p) {
		const char *of = json_string_value(json_object_get(json_object_get(p, "network"), "id"));
		const char *own = json_string_value(json_object_get(p, "name")),
		           *id = json_string_value(json_object_get(p, "id"));

		json_array_foreach (json_object_get(networks, "network"), k, n) {
			const char *name = json_string_value(json_object_get(n, "name"));

			if (g_strcmp0(json_string_value(json_object_get(n, "id")), of) == 0 &&
			    (g_strcmp0(own, want) == 0 || g_strcmp0(name, want) == 0 || g_strcmp0(id, want) == 0))
				return pool_strdup(m->cmd->c->pool, id);
		}
	}
	if (profiles)
		err_set(e, ERR_NOT_FOUND, "The data center has no network or vNIC profile '%.60s'.", want);
	return NULL;
}

static int add_nic(struct making *m, struct err *e)
{
	g_autofree char *path = g_strdup_printf("vms/%s/nics", m->id);
	char *profile = find_profile(m, e);
	auto_json *j = profile ? call(m, "POST", path,
	                              json_pack("{s:s,s:s,s:{s:s}}", "name", "nic1", "interface", "virtio",
	                                        "vnic_profile", "id", profile),
	                              e)
	                       : NULL;

	return j ? 0 : err_wrap(e, "The VM was created, but not its network card");
}

static int insert_cd(struct making *m, struct err *e)
{
	g_autofree char *path = g_strdup_printf("vms/%s/cdroms", m->id), *one = NULL;
	g_autofree char *file = uuid_is_valid(m->cmd->extras.iso)
	                            ? g_strdup(m->cmd->extras.iso)
	                            : resolve_reference(m->cmd->c, m_type_find("disk"), m->cmd->extras.iso, e);
	auto_json *list = file ? call(m, "GET", path, NULL, e) : NULL, *j = NULL;
	const char *id = json_string_value(json_object_get(json_array_get(json_object_get(list, "cdrom"), 0), "id"));

	if (list && id) {
		one = g_strdup_printf("%s/%s", path, id);
		j = call(m, "PUT", one, json_pack("{s:{s:s}}", "file", "id", file), e);
	} else if (list) {
		j = call(m, "POST", path, json_pack("{s:{s:s}}", "file", "id", file), e);
	}
	return j ? 0 : err_wrap(e, "The VM was created, but the CD not inserted");
}

static int start_it(struct making *m, struct err *e)
{
	g_autofree char *path = g_strconcat("vms/", m->id, NULL), *action = g_strconcat(path, "/start", NULL);
	auto_json *j = call(m, "POST", action, json_object(), e);

	if (!j || wait_state(m, "vm.start", path, m->name, e) < 0)
		return err_wrap(e, "The VM was created, but does not run");
	if (m->cmd->extras.vnc || m->cmd->extras.console) {
		g_ptr_array_set_size(m->cmd->args, 0);
		g_ptr_array_add(m->cmd->args, (char *)m->id);
		m->cmd->verb.op = NULL;
		return console_run(m->cmd, e);
	}
	return 0;
}

/* Boot order: the CD first when there is one and nobody said otherwise. */
static void set_defaults(struct command *cmd)
{
	json_t *b = cmd->body.json, *os;

	if (!json_object_get(b, "template") && !json_object_get(b, "initialization"))
		json_object_set_new(b, "template", json_pack("{s:s}", "id", UUID_NIL));
	if (cmd->extras.console && !json_object_get(b, "console"))
		json_object_set_new(b, "console", json_pack("{s:b}", "enabled", 1));
	os = json_object_get(b, "os");
	if ((cmd->extras.iso || cmd->extras.disk) && !json_object_get(os, "boot")) {
		json_t *devices = cmd->extras.iso ? json_pack("[s,s]", cmd->extras.disk ? "hd" : "cdrom",
		                                              cmd->extras.disk ? "cdrom" : "hd")
		                                  : json_pack("[s]", "hd");

		if (!os) {
			os = json_object();
			json_object_set_new(b, "os", os);
		}
		json_object_set_new(os, "boot", json_pack("{s:{s:o}}", "devices", "device", devices));
	}
}

/* The only cluster in which a host is up; NULL when there is none, or several. */
static char *cluster_with_host(struct command *cmd)
{
	static const char *const members[] = { "cluster", NULL };
	struct err quiet = ERR_INIT;
	auto_json *hosts = resolve_list(cmd->c, m_type_find("host"), "hosts", "search=status%3Dup", members, &quiet);
	const char *found = NULL;
	const json_t *each;
	size_t i;

	json_array_foreach (hosts, i, each) {
		const char *id = json_string_value(json_object_get(json_object_get(each, "cluster"), "id"));

		if (found && g_strcmp0(found, id) != 0)
			return NULL;
		found = id;
	}
	return pool_strdup(cmd->c->pool, found);
}

/* The only cluster that can run it, when none was named. */
static int settle_cluster(struct command *cmd, struct err *e)
{
	static const char *const members[] = { "id", "name", NULL };
	auto_json *list = NULL;
	const char *only = NULL;

	if (json_object_get(cmd->body.json, "cluster"))
		return 0;
	list = resolve_list(cmd->c, m_type_find("cluster"), "clusters", NULL, members, e);
	if (!list)
		return -1;
	if (json_array_size(list) == 1)
		only = json_string_value(json_object_get(json_array_get(list, 0), "id"));
	else
		only = cluster_with_host(cmd);
	if (!only) {
		g_autoptr(GString) names = g_string_new(NULL);
		const json_t *each;
		size_t i;

		json_array_foreach (list, i, each)
			g_string_append_printf(names, "%s%s", i ? ", " : "",
			                       resolve_label(each) ? resolve_label(each) : "");
		return err_set(e, ERR_SYNTAX, "Which cluster? --cluster with one of: %s", names->str);
	}
	json_object_set_new(cmd->body.json, "cluster", json_pack("{s:s}", "id", only));
	return 0;
}

static int furnish(struct making *m, struct err *e)
{
	const struct extras *x = &m->cmd->extras;
	g_autofree char *path = g_strconcat("vms/", m->id, NULL);

	if (wait_state(m, "vms.add", path, m->name, e) < 0)
		return -1;
	if ((x->disk || x->network) && find_center(m, e) < 0)
		return -1;
	if ((x->disk && attach_disk(m, e) < 0) || (x->network && add_nic(m, e) < 0) || (x->iso && insert_cd(m, e) < 0))
		return -1;
	return x->start ? start_it(m, e) : 0;
}

/* What became of it, for -o. */
static int show_made(struct making *m, struct err *e)
{
	g_autofree char *path = g_strconcat(API_BASE "/vms/", m->id, NULL);
	struct web_request r = { .method = "GET", .path = path, .accept = out_accept(m->cmd->c) };
	auto_answer a = { 0 };

	return web_call(m->cmd->c->web, &r, &a, e) < 0 ? -1 : out_entity(m->cmd->c, m_type_find("vm"), &a, e);
}

static int create_run(struct command *cmd, struct err *e)
{
	const struct extras *x = &cmd->extras;
	struct making m = { .cmd = cmd };
	auto_json *made = NULL;

	set_defaults(cmd);
	if (settle_cluster(cmd, e) < 0)
		return -1;
	if ((x->console || x->vnc) && !x->start)
		return err_set(e, ERR_SYNTAX, "--console and --vnc need --start");
	if (cmd->c->opt.dry_run || !(x->disk || x->network || x->iso || x->start))
		return command_run(cmd, e);
	if (cmd->args->len > 1)
		return err_set(e, ERR_SYNTAX, "'%.60s' is one word too many", (char *)cmd->args->pdata[1]);
	if (cmd->args->len)
		json_object_set_new(cmd->body.json, "name", json_string(cmd->args->pdata[0]));
	if (!cli_web(cmd->c, e))
		return -1;
	command_correlate(cmd);
	web_set_correlation(cmd->c->web, cmd->correlation_id);
	made = call(&m, "POST", "vms", json_incref(cmd->body.json), e);
	m.id = json_string_value(json_object_get(made, "id"));
	m.name = json_string_value(json_object_get(made, "name"));
	if (!made)
		return -1;
	if (!m.id || !m.name)
		return err_set(e, ERR_BACKEND, "The answer of the Manager has no VM in it.");
	if (!cmd->c->opt.output) {
		printf("%s %s\n", m.id, m.name);
		fflush(stdout);
	}
	if (furnish(&m, e) < 0)
		return -1;
	return cmd->c->opt.output && !x->console && !x->vnc ? show_made(&m, e) : 0;
}

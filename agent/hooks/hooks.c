/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/hooks/hooks.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/hooks/scripts.h"
#include "base/fiber.h"
#include "base/log.h"

enum { WORKERS = 8, QUEUED = 500, QUICK_MS = 10000, HASHED_MAX = 4 << 20, SETTLED_S = 2 };

enum input { NONE, XML, JSON };

enum {
	STOPS = 1,  /* a failure ends what is going on */
	QUICK = 2,  /* asked for again and again by clients that do not wait long */
	CODE78 = 4, /* error 78 in place of 1500 */
};

static const struct point {
	const char *name;
	enum input input;
	unsigned flags;
} POINTS[N_HOOK_POINT] = {
	[HOOK_BEFORE_VDSM_START] = { "before_vdsm_start", NONE, 0 },
	[HOOK_AFTER_VDSM_STOP] = { "after_vdsm_stop", NONE, 0 },
	[HOOK_BEFORE_VM_START] = { "before_vm_start", XML, STOPS },
	[HOOK_AFTER_VM_START] = { "after_vm_start", XML, 0 },
	[HOOK_BEFORE_VM_DESTROY] = { "before_vm_destroy", NONE, 0 },
	[HOOK_AFTER_VM_DESTROY] = { "after_vm_destroy", XML, 0 },
	[HOOK_BEFORE_VM_PAUSE] = { "before_vm_pause", XML, STOPS },
	[HOOK_AFTER_VM_PAUSE] = { "after_vm_pause", XML, 0 },
	[HOOK_BEFORE_VM_CONT] = { "before_vm_cont", XML, STOPS },
	[HOOK_AFTER_VM_CONT] = { "after_vm_cont", XML, 0 },
	[HOOK_BEFORE_VM_HIBERNATE] = { "before_vm_hibernate", XML, STOPS },
	[HOOK_AFTER_VM_HIBERNATE] = { "after_vm_hibernate", XML, 0 },
	[HOOK_BEFORE_VM_DEHIBERNATE] = { "before_vm_dehibernate", XML, STOPS },
	[HOOK_AFTER_VM_DEHIBERNATE] = { "after_vm_dehibernate", XML, 0 },
	[HOOK_BEFORE_VM_SET_TICKET] = { "before_vm_set_ticket", XML, 0 },
	[HOOK_AFTER_VM_SET_TICKET] = { "after_vm_set_ticket", XML, 0 },
	[HOOK_BEFORE_VM_MIGRATE_SOURCE] = { "before_vm_migrate_source", XML, STOPS },
	[HOOK_AFTER_VM_MIGRATE_SOURCE] = { "after_vm_migrate_source", XML, 0 },
	[HOOK_BEFORE_VM_MIGRATE_DESTINATION] = { "before_vm_migrate_destination", XML, STOPS | CODE78 },
	[HOOK_AFTER_VM_MIGRATE_DESTINATION] = { "after_vm_migrate_destination", XML, 0 },
	[HOOK_BEFORE_DEVICE_CREATE] = { "before_device_create", XML, STOPS },
	[HOOK_AFTER_DEVICE_CREATE] = { "after_device_create", XML, 0 },
	[HOOK_BEFORE_DEVICE_DESTROY] = { "before_device_destroy", XML, STOPS },
	[HOOK_AFTER_DEVICE_DESTROY] = { "after_device_destroy", XML, 0 },
	[HOOK_BEFORE_DEVICE_MIGRATE_SOURCE] = { "before_device_migrate_source", XML, STOPS },
	[HOOK_AFTER_DEVICE_MIGRATE_SOURCE] = { "after_device_migrate_source", XML, 0 },
	[HOOK_BEFORE_DEVICE_MIGRATE_DESTINATION] = { "before_device_migrate_destination", XML, STOPS | CODE78 },
	[HOOK_AFTER_DEVICE_MIGRATE_DESTINATION] = { "after_device_migrate_destination", XML, 0 },
	[HOOK_BEFORE_NIC_HOTPLUG] = { "before_nic_hotplug", XML, STOPS },
	[HOOK_AFTER_NIC_HOTPLUG] = { "after_nic_hotplug", XML, 0 },
	[HOOK_AFTER_NIC_HOTPLUG_FAIL] = { "after_nic_hotplug_fail", XML, 0 },
	[HOOK_BEFORE_NIC_HOTUNPLUG] = { "before_nic_hotunplug", XML, STOPS },
	[HOOK_AFTER_NIC_HOTUNPLUG] = { "after_nic_hotunplug", XML, 0 },
	[HOOK_AFTER_NIC_HOTUNPLUG_FAIL] = { "after_nic_hotunplug_fail", XML, 0 },
	[HOOK_BEFORE_DISK_HOTPLUG] = { "before_disk_hotplug", XML, STOPS },
	[HOOK_AFTER_DISK_HOTPLUG] = { "after_disk_hotplug", XML, 0 },
	[HOOK_BEFORE_DISK_HOTUNPLUG] = { "before_disk_hotunplug", XML, STOPS },
	[HOOK_AFTER_DISK_HOTUNPLUG] = { "after_disk_hotunplug", XML, 0 },
	[HOOK_BEFORE_MEMORY_HOTPLUG] = { "before_memory_hotplug", XML, STOPS },
	[HOOK_AFTER_MEMORY_HOTPLUG] = { "after_memory_hotplug", XML, 0 },
	[HOOK_BEFORE_SET_NUM_OF_CPUS] = { "before_set_num_of_cpus", NONE, STOPS },
	[HOOK_AFTER_SET_NUM_OF_CPUS] = { "after_set_num_of_cpus", NONE, 0 },
	[HOOK_BEFORE_UPDATE_DEVICE] = { "before_update_device", XML, STOPS },
	[HOOK_AFTER_UPDATE_DEVICE] = { "after_update_device", XML, 0 },
	[HOOK_AFTER_UPDATE_DEVICE_FAIL] = { "after_update_device_fail", XML, 0 },
	[HOOK_AFTER_DISK_PREPARE] = { "after_disk_prepare", JSON, STOPS },
	[HOOK_BEFORE_NETWORK_SETUP] = { "before_network_setup", JSON, STOPS },
	[HOOK_AFTER_NETWORK_SETUP] = { "after_network_setup", JSON, 0 },
	[HOOK_AFTER_NETWORK_SETUP_FAIL] = { "after_network_setup_fail", JSON, 0 },
	[HOOK_BEFORE_GET_CAPS] = { "before_get_caps", JSON, STOPS | QUICK },
	[HOOK_AFTER_GET_CAPS] = { "after_get_caps", JSON, QUICK },
	[HOOK_BEFORE_GET_STATS] = { "before_get_stats", JSON, STOPS | QUICK | CODE78 },
	[HOOK_AFTER_GET_STATS] = { "after_get_stats", JSON, QUICK },
	[HOOK_BEFORE_GET_VM_STATS] = { "before_get_vm_stats", JSON, STOPS | QUICK | CODE78 },
	[HOOK_AFTER_GET_VM_STATS] = { "after_get_vm_stats", JSON, QUICK },
	[HOOK_BEFORE_GET_ALL_VM_STATS] = { "before_get_all_vm_stats", JSON, STOPS | QUICK | CODE78 },
	[HOOK_AFTER_GET_ALL_VM_STATS] = { "after_get_all_vm_stats", JSON, QUICK },
	[HOOK_AFTER_HOSTDEV_LIST_BY_CAPS] = { "after_hostdev_list_by_caps", JSON, QUICK },
};

/* A folder as it was when it was read last; only that it had nothing at all is remembered. */
struct folder {
	struct timespec mtime;
	ino_t inode;
	bool is_empty;
};

struct hooks {
	struct folder folders[N_HOOK_POINT];
	GHashTable *told; /* complaints about scripts that are not used, each logged once */
	struct task_pool *workers;
	char *tmp_dir;
	uid_t uid;
	gid_t gid;
};

const char *hook_point_name(enum hook_point point) { return POINTS[point].name; }

void hooks_init(struct agent *a)
{
	struct hooks *h = a->hooks = g_new0(struct hooks, 1);
	const struct passwd *pw = geteuid() == 0 && a->opt.hooks_user ? getpwnam(a->opt.hooks_user) : NULL;

	h->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	h->tmp_dir = g_build_filename(a->opt.run_dir, "hooks", NULL);
	if (pw) {
		h->uid = pw->pw_uid;
		h->gid = pw->pw_gid;
	}
}

bool hooks_user(const struct agent *a, uid_t *uid, gid_t *gid)
{
	*uid = a->hooks->uid;
	*gid = a->hooks->gid;
	return a->hooks->uid != 0;
}

/* --- which ------------------------------------------------------------------------ */

static void complain(struct hooks *h, const GPtrArray *refused)
{
	for (guint i = 0; i < refused->len; i++)
		if (g_hash_table_add(h->told, g_strdup(refused->pdata[i])))
			log_error("hook not used", "REASON", refused->pdata[i]);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* NULL: none. */
static GPtrArray *find(struct agent *a, enum hook_point point)
{
	struct hooks *h = a->hooks;
	struct folder *f = &h->folders[point];
	g_autofree char *path = g_build_filename(a->opt.hooks_dir, POINTS[point].name, NULL);
	g_autoptr(GPtrArray) refused = NULL, names = NULL;
	struct stat st;
	bool is_bare = false;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		f->is_empty = false;
		return NULL;
	}
	if (f->is_empty && f->inode == st.st_ino && is_same_time(&f->mtime, &st.st_mtim))
		return NULL;
	refused = g_ptr_array_new_with_free_func(g_free);
	names = scripts_list(a->opt.hooks_dir, POINTS[point].name, h->uid, refused, &is_bare);
	complain(h, refused);
	/* one that has just changed may change again within the same tick of the clock */
	*f = (struct folder){ st.st_mtim, st.st_ino, names && is_bare && time(NULL) - st.st_mtim.tv_sec > SETTLED_S };
	return names && names->len ? g_steal_pointer(&names) : NULL;
}

bool hooks_has(struct agent *a, enum hook_point point)
{
	g_autoptr(GPtrArray) names = a->hooks ? find(a, point) : NULL;

	return names;
}

static json_t *sums_of(const char *path)
{
	g_autofree char *text = NULL, *sha = NULL, *md5 = NULL;
	struct stat st;
	gsize n = 0;

	if (stat(path, &st) == 0 && st.st_size <= HASHED_MAX && g_file_get_contents(path, &text, &n, NULL)) {
		sha = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, n);
		md5 = g_compute_checksum_for_data(G_CHECKSUM_MD5, (const guchar *)text, n);
	}
	return json_pack("{s:s, s:s}", "checksum", sha ? sha : "", "md5", md5 ? md5 : "");
}

json_t *hooks_installed(struct agent *a)
{
	json_t *all = json_object();

	for (int point = 0; a->hooks && point < N_HOOK_POINT; point++) {
		g_autoptr(GPtrArray) names = find(a, point);
		json_t *scripts = names ? json_object() : NULL;

		for (guint i = 0; names && i < names->len; i++) {
			g_autofree char *path =
			    g_build_filename(a->opt.hooks_dir, POINTS[point].name, names->pdata[i], NULL);

			json_object_set_new(scripts, names->pdata[i], sums_of(path));
		}
		if (scripts)
			json_object_set_new(all, POINTS[point].name, scripts);
	}
	return all;
}

/* --- running ---------------------------------------------------------------------- */

static GPtrArray *environment(struct agent *a, const char *vm_id, json_t *vars)
{
	GPtrArray *env = g_ptr_array_new_with_free_func(g_free);
	const char *old = g_getenv("PYTHONPATH"), *name;
	json_t *v;

	json_object_foreach (vars, name, v) {
		if (!json_is_string(v))
			continue;
		if (scripts_may_set(name) && json_string_length(v) <= HOOK_VALUE_MAX)
			g_ptr_array_add(env, g_strdup_printf("%s=%s", name, json_string_value(v)));
		else
			log_warn("property not given to hooks", "PROPERTY", name, "VM", vm_id);
	}
	if (vm_id)
		g_ptr_array_add(env, g_strdup_printf("vmId=%s", vm_id));
	g_ptr_array_add(env, g_strdup_printf("VDSM_RUN_DIR=%s", a->opt.run_dir));
	g_ptr_array_add(
	    env, g_strdup_printf("PYTHONPATH=%s%s%s", a->opt.hooks_python, old && *old ? ":" : "", old ? old : ""));
	g_ptr_array_add(env, g_strdup("PYTHONDONTWRITEBYTECODE=1"));
	return env;
}

static void work(void *arg) { scripts_run(arg); }

static int run_in_fiber(struct agent *a, struct script_run *r, struct err *e)
{
	if (!a->hooks->workers)
		a->hooks->workers = task_pool_new("hooks", WORKERS, QUEUED);
	return task_run(a->hooks->workers, work, r, e);
}

/* 1 when scripts ran (r has the outcome), 0 when there are none. */
static int run(struct agent *a, enum hook_point point, const char *vm_id, json_t *vars, const char *in,
               struct script_run *r)
{
	const struct point *pt = &POINTS[point];
	g_autoptr(GPtrArray) names = a->hooks ? find(a, point) : NULL, env = NULL;
	struct err e = ERR_INIT;

	if (!names)
		return 0;
	env = environment(a, vm_id, vars);
	*r = (struct script_run){
		.dir = a->opt.hooks_dir,
		.point = pt->name,
		.tmp_dir = a->hooks->tmp_dir,
		.names = names,
		.env = env,
		.uid = a->hooks->uid,
		.gid = a->hooks->gid,
		.timeout_ms = pt->flags & QUICK ? MIN(QUICK_MS, a->opt.hooks_timeout_ms) : a->opt.hooks_timeout_ms,
		.file_var = !in || pt->input == NONE ? NULL
		            : pt->input == XML       ? "_hook_domxml"
		                                     : "_hook_json",
		.input = in,
	};
	if (!fiber_self())
		scripts_run(r);
	else if (run_in_fiber(a, r, &e) < 0) {
		r->first = e;
		log_warn("hooks not run", "POINT", pt->name, "ERROR", e.detail);
	}
	r->names = r->env = NULL;
	return 1;
}

static int hook_error(enum hook_point point, const struct err *cause, struct err *e)
{
	const struct err copy = *cause;

	return err_agent(e, POINTS[point].flags & CODE78 ? 78 : 1500, "Hook Error: %s", copy.detail);
}

int hooks_text(struct agent *a, enum hook_point point, const char *vm_id, json_t *vars, struct pool *p, const char *in,
               const char **out, struct err *e)
{
	struct script_run r = { .output = NULL };
	const bool stops = POINTS[point].flags & STOPS;

	if (out)
		*out = in;
	if (run(a, point, vm_id, vars, in, &r) == 0)
		return 0;
	if (out && r.output && !(stops && r.first.code))
		*out = pool_strdup(p, r.output);
	g_free(r.output);
	return r.first.code && stops ? hook_error(point, &r.first, e) : 0;
}

int hooks_json(struct agent *a, enum hook_point point, const char *vm_id, json_t *vars, json_t **value, struct err *e)
{
	g_autofree char *in = NULL;
	auto_pool p = pool_new();
	const char *out = NULL;
	json_error_t why;
	struct err bad = ERR_INIT;
	json_t *made;

	if (!hooks_has(a, point))
		return 0;
	in = json_dumps(*value, JSON_ENCODE_ANY | JSON_COMPACT);
	if (hooks_text(a, point, vm_id, vars, p, in ? in : "null", &out, e) < 0)
		return -1;
	if (!out || strcmp(out, in ? in : "null") == 0)
		return 0;
	made = json_loads(out, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (made && json_typeof(made) == json_typeof(*value)) {
		json_decref(*value);
		*value = made;
		return 0;
	}
	err_set(&bad, ERR_SYNTAX, "hook %s left no valid JSON: %s", POINTS[point].name,
	        made ? "another kind of value" : why.text);
	json_decref(made);
	log_warn("hook failed", "POINT", POINTS[point].name, "ERROR", bad.detail);
	return POINTS[point].flags & STOPS ? hook_error(point, &bad, e) : 0;
}

/* --- the service ------------------------------------------------------------------- */

static void run_alone(struct agent *a, enum hook_point point)
{
	struct err e = ERR_INIT;
	auto_pool p = pool_new();

	hooks_text(a, point, NULL, NULL, p, NULL, NULL, &e);
}

/* What scripts of an agent that was killed have left. */
static void remove_leftovers(const char *dir)
{
	g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
	const char *name;

	while (d && (name = g_dir_read_name(d))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		unlink(path);
	}
}

void hooks_started(struct agent *a)
{
	remove_leftovers(a->hooks->tmp_dir);
	if (g_file_test(a->opt.hooks_dir, G_FILE_TEST_IS_DIR) && geteuid() == 0 && a->hooks->uid == 0)
		log_info("hooks run as root: there is no user for them", "USER", a->opt.hooks_user);
	run_alone(a, HOOK_BEFORE_VDSM_START);
}

void hooks_stopped(struct agent *a) { run_alone(a, HOOK_AFTER_VDSM_STOP); }

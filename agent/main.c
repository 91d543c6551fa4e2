/* SPDX-License-Identifier: Apache-2.0 */
/* hostler-agent: the command line and the life of the process. */
#include <argp.h>
#include <glib.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/edge.h"
#include "agent/enroll.h"
#include "agent/helper/helper.h"
#include "agent/helper/privileges.h"
#include "agent/hooks/hooks.h"
#include "agent/host/accel.h"
#include "agent/host/caps.h"
#include "agent/host/mom.h"
#include "agent/host/stats.h"
#include "agent/identity.h"
#include "agent/network/network.h"
#include "agent/pairing.h"
#include "agent/storage/storage.h"
#include "agent/storage/worker.h"
#include "agent/trim.h"
#include "agent/vms/domain.h"
#include "agent/vms/vms.h"
#include "base/fiber.h"
#include "base/log.h"

enum { TASKS = 8, TASKS_QUEUED = 1000, SETTLED_MS = 2000, TRIM_PERIOD_MS = 30000 };

#define DEFAULT_USER "36:36" /* vdsm and kvm, the owners of storage domains */

const char *argp_program_version = "hostler-agent " HOSTLER_VERSION;

/* --- options ----------------------------------------------------------------------- */

struct command_line {
	struct agent_options agent;
	struct enroll_options enroll;
	const char *ca_file;
	enum log_level level;
};

enum {
	OPT_LIBVIRT = 256,
	OPT_STORAGE_ROOT,
	OPT_RUN_DIR,
	OPT_ACCEL,
	OPT_LOG_LEVEL,
	OPT_READY_FD,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_HOOKS,
	OPT_HOOKS_USER,
	OPT_HOOKS_PYTHON,
	OPT_HOOKS_TIMEOUT,
	OPT_KSM,
	OPT_SERIAL,
	OPT_TOKEN,
	OPT_FINGERPRINT,
	OPT_NAME,
	OPT_ADDRESS,
	OPT_NO_WAIT,
	OPT_CA,
	OPT_USER,
	OPT_TLS_DIR
};

static int to_number(const char *text, int min, int max, struct argp_state *state, const char *what)
{
	gint64 v;

	if (!g_ascii_string_to_signed(text, 10, min, max, &v, NULL))
		argp_error(state, "%s must be a number from %d to %d", what, min, max);
	return (int)v;
}

static error_t take_option(int key, char *arg, struct argp_state *state)
{
	struct command_line *c = state->input;
	int level;

	switch (key) {
	case 's': c->agent.state_dir = arg; break;
	case 'p': c->agent.port = to_number(arg, 0, 65535, state, "the port"); break;
	case 'l': c->agent.listen = *arg ? arg : NULL; break;
	case OPT_LIBVIRT: c->agent.libvirt_uri = arg; break;
	case OPT_STORAGE_ROOT: c->agent.storage_root = arg; break;
	case OPT_RUN_DIR: c->agent.run_dir = arg; break;
	case OPT_ACCEL:
		if (strcmp(arg, "auto") != 0 && strcmp(arg, "kvm") != 0 && strcmp(arg, "tcg") != 0)
			argp_error(state, "--accel must be auto, kvm or tcg");
		c->agent.accel = arg;
		break;
	case OPT_LOG_LEVEL:
		level = log_level_from_name(arg);
		if (level < 0)
			argp_error(state, "--log-level must be error, warn, info or debug");
		c->level = (enum log_level)level;
		break;
	case OPT_READY_FD: c->agent.ready_fd = to_number(arg, 0, 1023, state, "the descriptor"); break;
	case OPT_KERNEL: c->agent.probe_kernel = arg; break;
	case OPT_INITRD: c->agent.probe_initrd = arg; break;
	case OPT_HOOKS: c->agent.hooks_dir = arg; break;
	case OPT_HOOKS_USER: c->agent.hooks_user = *arg ? arg : NULL; break;
	case OPT_HOOKS_PYTHON: c->agent.hooks_python = arg; break;
	case OPT_HOOKS_TIMEOUT:
		c->agent.hooks_timeout_ms = 1000 * to_number(arg, 1, 3600, state, "the time for a hook");
		break;
	case OPT_KSM: c->agent.ksm_dir = arg; break;
	case OPT_SERIAL: c->agent.serial_dir = arg; break;
	case OPT_USER: c->agent.user = arg; break;
	case OPT_TLS_DIR: c->agent.console_tls_dir = *arg ? arg : NULL; break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_option RUN_OPTIONS[] = {
	{ "state", 's', "DIR", 0, "Certificates and what must survive a restart (/var/lib/hostler-agent)", 0 },
	{ "port", 'p', "N", 0, "Port to listen on (54321; 0: any)", 0 },
	{ "listen", 'l', "ADDR", 0, "Address to listen on (all)", 0 },
	{ "libvirt", OPT_LIBVIRT, "URI", 0, "libvirt daemon (qemu:///system)", 0 },
	{ "storage-root", OPT_STORAGE_ROOT, "DIR", 0, "Where storage domains are found (/rhev/data-center)", 0 },
	{ "run-dir", OPT_RUN_DIR, "DIR", 0, "What must not survive a reboot (/run/vdsm)", 0 },
	{ "accel", OPT_ACCEL, "auto|kvm|tcg", 0, "Use KVM: find out with a small guest, always, never", 0 },
	{ "probe-kernel", OPT_KERNEL, "FILE", 0, "Kernel that has to boot before KVM is used", 0 },
	{ "probe-initrd", OPT_INITRD, "FILE", 0, "Its initrd", 0 },
	{ "hooks", OPT_HOOKS, "DIR", 0, "Hook scripts (/usr/libexec/vdsm/hooks)", 0 },
	{ "hooks-user", OPT_HOOKS_USER, "NAME", 0, "Who runs them if we are root (vdsm, if there is such a user)", 0 },
	{ "hooks-python", OPT_HOOKS_PYTHON, "DIR", 0, "Where they find the module hooking (" HOOKS_PYTHON ")", 0 },
	{ "hooks-timeout", OPT_HOOKS_TIMEOUT, "SECONDS", 0, "Time for one of them (60)", 0 },
	{ "ksm", OPT_KSM, "DIR", 0, "The kernel's switches for merging pages (/sys/kernel/mm/ksm)", 0 },
	{ "serial-dir", OPT_SERIAL, "DIR", 0, "Where QEMU makes the sockets of serial consoles (" SERIAL_DIR ")", 0 },
	{ "user", OPT_USER, "UID[:GID]", 0, "When started as root, become this user (" DEFAULT_USER "; '': stay root)",
	  0 },
	{ "console-tls-dir", OPT_TLS_DIR, "DIR", 0, "Where libvirt finds certificates for consoles (none)", 0 },
	{ "log-level", OPT_LOG_LEVEL, "LEVEL", 0, "error, warn, info or debug", 0 },
	{ "ready-fd", OPT_READY_FD, "N", 0, "Write a line there once the port is open", 0 },
	{ 0 },
};

static const struct argp RUN_ARGP = {
	RUN_OPTIONS,
	take_option,
	NULL,
	"The agent of a virtualization host.\v"
	"Other commands:\n"
	"  hostler-agent enroll https://MANAGER --token T   register this host at a Manager\n"
	"  hostler-agent pairing-code                       the code to add this host from a Manager",
	NULL,
	NULL,
	NULL
};

static error_t take_enroll(int key, char *arg, struct argp_state *state)
{
	struct command_line *c = state->input;

	switch (key) {
	case 's': c->enroll.state_dir = arg; break;
	case 'p': c->enroll.port = to_number(arg, 1, 65535, state, "the port"); break;
	case OPT_TOKEN: c->enroll.token = arg; break;
	case OPT_FINGERPRINT: c->enroll.fingerprint = arg; break;
	case OPT_CA: c->ca_file = arg; break;
	case OPT_NAME: c->enroll.name = arg; break;
	case OPT_ADDRESS: c->enroll.address = arg; break;
	case OPT_NO_WAIT: c->enroll.is_no_wait = true; break;
	case OPT_USER: c->agent.user = arg; break;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_usage(state);
		c->enroll.manager = arg;
		break;
	case ARGP_KEY_END:
		if (!c->enroll.manager)
			argp_error(state, "the Manager's address is missing");
		if (c->enroll.token && c->enroll.fingerprint)
			argp_error(state, "give --token or --fingerprint, not both");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_option ENROLL_OPTIONS[] = {
	{ "state", 's', "DIR", 0, "State directory of the agent (/var/lib/hostler-agent)", 0 },
	{ "token", OPT_TOKEN, "T", 0, "One-time token that the Manager gave", 0 },
	{ "fingerprint", OPT_FINGERPRINT, "HEX", 0, "SHA-256 fingerprint of the Manager's CA", 0 },
	{ "ca", OPT_CA, "FILE", 0, "The Manager's CA, where it is known already", 0 },
	{ "name", OPT_NAME, "N", 0, "Name of the host in the Manager (its host name)", 0 },
	{ "address", OPT_ADDRESS, "A", 0, "Address under which the Manager reaches this host", 0 },
	{ "port", 'p', "P", 0, "Port of the agent (54321)", 0 },
	{ "user", OPT_USER, "UID[:GID]", 0, "Who runs the agent (" DEFAULT_USER "; '': root)", 0 },
	{ "no-wait", OPT_NO_WAIT, NULL, 0, "Do not wait for the approval", 0 },
	{ 0 },
};

static const struct argp ENROLL_ARGP = { ENROLL_OPTIONS,
	                                 take_enroll,
	                                 "https://MANAGER[:PORT]",
	                                 "Register this host at a Manager and wait for the approval.",
	                                 NULL,
	                                 NULL,
	                                 NULL };

static error_t take_state_only(int key, char *arg, struct argp_state *state)
{
	struct command_line *c = state->input;

	if (key != 's')
		return ARGP_ERR_UNKNOWN;
	c->agent.state_dir = arg;
	return 0;
}

static const struct argp_option CODE_OPTIONS[] = {
	{ "state", 's', "DIR", 0, "State directory of the agent (/var/lib/hostler-agent)", 0 },
	{ 0 },
};
static const struct argp CODE_ARGP = {
	CODE_OPTIONS, take_state_only, NULL, "Print the code to add this host from a Manager.", NULL, NULL, NULL
};

/* --- commands ---------------------------------------------------------------------------- */

static int fail(const struct err *e)
{
	fprintf(stderr, "hostler-agent: %s\n", e->detail);
	return 1;
}

/* Enrolment speaks with the network: as the user who owns the state, which may be made here. */
static int become_owner(struct command_line *c, struct err *e)
{
	const char *dir = c->enroll.state_dir;
	uuid_text id;
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0 || !*c->agent.user)
		return 0;
	if (privileges_parse(c->agent.user, &uid, &gid, e) < 0 || privileges_give(dir, 3, uid, gid, e) < 0)
		return -1;
	if (identity_read(dir, id, e) < 0 || privileges_give(dir, 1, uid, gid, e) < 0)
		return -1;
	return privileges_drop(uid, gid, dir, e);
}

static int run_enroll(int argc, char **argv, struct command_line *c)
{
	g_autofree char *ca = NULL;
	struct err e = ERR_INIT;

	argp_parse(&ENROLL_ARGP, argc, argv, 0, NULL, c);
	if (c->ca_file && !g_file_get_contents(c->ca_file, &ca, NULL, NULL)) /* while we may read it */
		err_set(&e, ERR_NOT_FOUND, "%s cannot be read", c->ca_file);
	if (e.code || become_owner(c, &e) < 0)
		return fail(&e);
	c->enroll.ca_pem = ca;
	return enroll(&c->enroll, &e) < 0 ? fail(&e) : 0;
}

static int run_pairing_code(int argc, char **argv, struct command_line *c)
{
	struct err e = ERR_INIT;
	auto_pool p = pool_new();
	const char *code;

	argp_parse(&CODE_ARGP, argc, argv, 0, NULL, c);
	code = pairing_read_code(p, c->agent.state_dir, &e);
	if (!code)
		return fail(&e);
	printf("%s\n", code);
	return 0;
}

/* --- the agent ------------------------------------------------------------------------------- */

static int stop_fd = -1;

static void on_signal(int number)
{
	const uint64_t one = 1;

	if (write(stop_fd, &one, sizeof(one)) < 0)
		_exit(1);
}

static void on_stop(void *arg, int events)
{
	struct agent *a = arg;

	log_info("stopping, virtual machines go on");
	a->is_stopping = true;
	loop_stop(a->loop);
}

static void say_ready(const struct agent *a)
{
	char line[32];
	const int n = snprintf(line, sizeof(line), "ready %d\n", edge_port(a));

	if (a->opt.ready_fd < 0)
		return;
	if (write(a->opt.ready_fd, line, (size_t)n) != n)
		log_warn("nobody reads --ready-fd");
	close(a->opt.ready_fd);
}

struct start_up {
	struct agent *agent;
	struct err error;
	bool is_failed;
};

static int start_all(struct agent *a, struct err *e)
{
	hooks_init(a);
	hooks_started(a);
	accel_init(a);
	caps_init(a);
	host_stats_init(a);
	if (network_init(a, e) < 0 || storage_init(a, e) < 0 || vms_init(a, e) < 0)
		return -1;
	mom_init(a);
	return edge_init(a, e);
}

/* In a fiber, so that each area may wait while it starts. */
static void start_fiber(void *arg)
{
	struct start_up *s = arg;

	s->is_failed = start_all(s->agent, &s->error) < 0;
	if (s->is_failed) {
		loop_stop(s->agent->loop);
		return;
	}
	say_ready(s->agent);
	fiber_sleep(SETTLED_MS);
	while (!s->agent->is_stopping) {
		trim_memory();
		fiber_sleep(TRIM_PERIOD_MS);
	}
}

static void on_helper_end(void *arg, int events)
{
	struct start_up *s = arg;

	err_set(&s->error, ERR_BACKEND, "the root helper has ended");
	s->is_failed = true;
	s->agent->is_stopping = true;
	loop_stop(s->agent->loop);
}

/* What belongs to the agent's user, as root. */
static int give_folders(const struct agent_options *o, uid_t uid, gid_t gid, struct err *e)
{
	g_autofree char *mnt = g_build_filename(o->storage_root, "mnt", NULL);

	if (privileges_give(o->state_dir, 3, uid, gid, e) < 0 || privileges_give(o->run_dir, 3, uid, gid, e) < 0)
		return -1;
	if (privileges_give(o->serial_dir, 0, uid, gid, e) < 0)
		return -1;
	return privileges_give(o->storage_root, 0, uid, gid, e) < 0 ? -1 : privileges_give(mnt, 0, uid, gid, e);
}

/* From root to the agent's user and its helper; as another user, or with --user '', nothing changes. */
static int split_privileges(const struct agent_options *o, uuid_text host_id, struct err *e)
{
	struct helper_config c = { .state_dir = o->state_dir,
		                   .storage_root = o->storage_root,
		                   .tls_dir = o->console_tls_dir,
		                   .log_dir = "/var/log/libvirt",
		                   .ksm_dir = o->ksm_dir,
		                   .dmi_dir = "/sys/class/dmi/id",
		                   .uid = geteuid(),
		                   .gid = getegid() };
	const bool is_split = geteuid() == 0 && *o->user;

	if (is_split && (privileges_parse(o->user, &c.uid, &c.gid, e) < 0 || give_folders(o, c.uid, c.gid, e) < 0))
		return -1;
	if (g_mkdir_with_parents(o->state_dir, 0755) < 0 || g_mkdir_with_parents(o->run_dir, 0755) < 0)
		return err_errno(e, errno, "make %s and %s", o->state_dir, o->run_dir);
	if (identity_read(o->state_dir, host_id, e) < 0)
		return -1;
	helper_configure(&c);
	if (!is_split)
		return 0;
	if (privileges_give(o->state_dir, 1, c.uid, c.gid, e) < 0 || helper_start(e) < 0)
		return -1;
	return privileges_drop(c.uid, c.gid, o->state_dir, e);
}

static int run_agent(const struct agent_options *o)
{
	struct agent a = { .opt = *o };
	struct start_up s = { .agent = &a };
	struct loop_watch stop = { .fd = -1 }, helper = { .fd = -1 };

	if (split_privileges(o, a.host_id, &s.error) < 0)
		return fail(&s.error);
	a.loop = loop_new();
	a.chance = chance_new_real();
	a.tasks = task_pool_new("tasks", TASKS, TASKS_QUEUED);
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch_start(a.loop, &stop, stop_fd, LOOP_READ, on_stop, &a);
	if (helper_watch_fd() >= 0)
		watch_start(a.loop, &helper, helper_watch_fd(), LOOP_READ, on_helper_end, &s);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGPIPE, SIG_IGN);
	log_info("hostler-agent starts", "VERSION", HOSTLER_VERSION, "HOST", a.host_id, "LIBVIRT", o->libvirt_uri,
	         "USER", helper_is_separate() ? o->user : NULL);
	fiber_start(a.loop, "start", start_fiber, &s);
	loop_run(a.loop);
	edge_deinit(&a);
	if (a.storage)
		storage_deinit(&a);
	if (a.hooks)
		hooks_stopped(&a);
	if (s.is_failed)
		log_error("the agent cannot start", "ERROR", s.error.detail);
	_exit(s.is_failed); /* worker threads may sit in calls that never end */
}

int main(int argc, char **argv)
{
	struct command_line c = {
		.agent = { .state_dir = "/var/lib/hostler-agent",
		           .run_dir = "/run/vdsm",
		           .storage_root = "/rhev/data-center",
		           .libvirt_uri = "qemu:///system",
		           .accel = "auto",
		           .user = DEFAULT_USER,
		           .hooks_dir = "/usr/libexec/vdsm/hooks",
		           .hooks_user = "vdsm",
		           .hooks_python = HOOKS_PYTHON,
		           .hooks_timeout_ms = 60000,
		           .ksm_dir = "/sys/kernel/mm/ksm",
		           .serial_dir = SERIAL_DIR,
		           .port = 54321,
		           .ready_fd = -1 },
		.enroll = { .state_dir = "/var/lib/hostler-agent", .port = 54321 },
		.level = LOG_LEVEL_INFO,
	};

	mallopt(M_ARENA_MAX, 2); /* many threads, little each */
	if (argc > 1 && strcmp(argv[1], WORKER_SUBCOMMAND) == 0)
		return storage_worker_main(argc, argv);
	log_set_name("hostler-agent");
	if (argc > 1 && strcmp(argv[1], "enroll") == 0)
		return run_enroll(argc - 1, argv + 1, &c);
	if (argc > 1 && strcmp(argv[1], "pairing-code") == 0)
		return run_pairing_code(argc - 1, argv + 1, &c);
	argp_parse(&RUN_ARGP, argc, argv, 0, NULL, &c);
	log_set_level(c.level);
	return run_agent(&c.agent);
}

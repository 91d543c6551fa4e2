/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Manager's storage with the storage of a real agent, its workers and a real directory: that both mean the same by verbs,
 * parameters, answers and errors. One process, real time, no network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/fake_journal.h"
#include "agent/agent.h"
#include "agent/storage/storage.h"
#include "agent/storage/worker.h"
#include "agent/verb.h"
#include "agent/vms/vms.h"
#include "base/auto.h"
#include "base/log.h"
#include "manager/api/generic.h"
#include "manager/api/search.h"
#include "manager/clusters/qos.h"
#include "manager/core/locks.h"
#include "manager/disks/disks_int.h"
#include "manager/hosts/hosts.h"

#define DC   "d0000000-0000-4000-8000-000000000001"
#define CL   "c0000000-0000-4000-8000-000000000001"
#define HOST "80000000-0000-4000-8000-000000000001"
#define SD   "50000000-0000-4000-8000-000000000001"
#define SD2  "50000000-0000-4000-8000-000000000002"
#define DISK "a0000000-0000-4000-8000-00000000000"

static struct {
	struct agent agent;
	struct core *core;
	struct loop *loop;
	char *dir, *data, *data2, *root, *run;
	bool is_up;
} world;

/* ---- what is not here ---- */

const struct verb HOST_VERBS[] = { { NULL, NULL, 0 } };
const struct verb RENEW_VERBS[] = { { NULL, NULL, 0 } };
const struct verb LOG_VERBS[] = { { NULL, NULL, 0 } };
const struct verb NETWORK_VERBS[] = { { NULL, NULL, 0 } };
const struct verb VM_VERBS[] = { { NULL, NULL, 0 } };
bool vms_are_found(const struct agent *a) { return true; }
void agent_event(struct agent *a, const char *method, json_t *params) { json_decref(params); }

bool host_is_up(struct core *c, const char *host_id) { return world.is_up; }
bool host_is_connected(struct core *c, const char *host_id) { return world.is_up; }
bool vm_is_down(const struct m_vm *vm) { return true; }
int vm_hotplug_disk(struct call *c, const char *vm_id, const char *disk_id, bool plug, struct err *e) { return 0; }

/* ---- the door ---- */

struct message {
	struct verb_call call;
	void (*done)(void *, json_t *, const struct err *);
	void *arg;
};

static void call_fiber(void *arg)
{
	struct message *m = arg;
	struct err failure = ERR_INIT, answer = ERR_INIT;
	int rc = world.is_up ? verb_run(&world.agent, &m->call, &failure) : -1;

	if (!world.is_up)
		err_set(&answer, ERR_NETWORK, "The agent is away.");
	else if (rc < 0)
		err_agent(&answer, verb_error_code(&failure), "%s", failure.detail);
	else if (!m->call.result)
		m->call.result = json_true();
	m->done(m->arg, rc == 0 ? m->call.result : NULL, answer.code ? &answer : NULL);
	json_decref(m->call.result);
	json_decref(m->call.params);
	pool_free(m->call.pool);
	g_free(m);
}

static void door_call(void *arg, const char *host_id, const char *method, json_t *params, int timeout_ms,
                      const char *correlation, void (*done)(void *, json_t *, const struct err *), void *done_arg)
{
	struct message *m = g_new0(struct message, 1);

	m->call = (struct verb_call){
		.method = method, .params = params, .pool = pool_new(), .correlation_id = "", .peer = "", .local = ""
	};
	m->done = done;
	m->arg = done_arg;
	fiber_start(world.loop, "agent-call", call_fiber, m);
}

static void door_host(void *arg, const char *host_id) {}
static void door_connect(void *arg, const char *host_id, const char *address, int port) {}

/* ---- life ---- */

static char *make_data(const char *name)
{
	char *path = g_build_filename(world.dir, name, NULL);

	assert_int_equal(mkdir(path, 0755), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path, 36, 36), 0);
	return path;
}

static void start_agent(void)
{
	struct err e;

	world.agent = (struct agent){ .loop = world.loop, .chance = world.core->chance };
	world.agent.opt.storage_root = world.root;
	world.agent.opt.run_dir = world.run;
	if (storage_init(&world.agent, &e) < 0)
		fail_msg("%s", e.detail);
	world.is_up = true;
}

static void turn(int ms)
{
	int64_t until = loop_now_ms(world.loop) + ms;

	while (loop_now_ms(world.loop) < until)
		loop_turn(world.loop, until - loop_now_ms(world.loop));
}

static void stop_agent(void)
{
	world.is_up = false;
	storage_deinit(&world.agent);
	turn(50);
}

static void go_up(void *arg)
{
	struct err e;

	if (storage_host_up(world.core, HOST, &e) < 0)
		fail_msg("%s", e.detail);
	*(bool *)arg = true;
}

/* As the hosts' monitoring does it. */
static void restart_agent(void)
{
	bool is_up = false;

	stop_agent();
	start_agent();
	fiber_start(world.loop, "up", go_up, &is_up);
	for (int i = 0; i < 400 && !is_up; i++)
		turn(50);
	assert_true(is_up);
}

static void scene(void *arg)
{
	struct txn *t = txn_begin(world.core);
	struct m_data_center *dc = txn_new(t, KIND_DATA_CENTER, DC);
	struct m_cluster *cl = txn_new(t, KIND_CLUSTER, CL);
	struct m_host *h = txn_new(t, KIND_HOST, HOST);
	struct err e;

	dc->name = "local";
	M_SET(dc, local, true);
	dc->status = M_DATA_CENTER_STATUS_UNINITIALIZED;
	cl->name = "cluster";
	REF_SET(txn_pool(t), cl->data_center, DC);
	h->name = "host1";
	h->status = M_HOST_STATUS_UP;
	REF_SET(txn_pool(t), h->cluster, CL);
	assert_int_equal(txn_commit(t, &e), 0);
}

static struct fake_journal *journal;

static int make(void **state)
{
	struct core_config cfg = { .public_url = "https://test" };

	log_set_level(getenv("RIG_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	journal = fake_journal_new();
	world.dir = g_dir_make_tmp("hostler-real-XXXXXX", NULL);
	assert_int_equal(chmod(world.dir, 0755), 0);
	world.data = make_data("data_one");
	world.data2 = make_data("data_two");
	world.root = g_build_filename(world.dir, "rhev", NULL);
	world.run = g_build_filename(world.dir, "run", NULL);
	world.loop = loop_new();
	cfg.loop = world.loop;
	cfg.chance = chance_new_real();
	cfg.journal = fake_journal_open(journal, world.loop);
	cfg.agents = (struct agent_door){ door_connect, door_host, door_call, NULL };
	world.core = core_new(&cfg);
	storage_register(world.core);
	disks_register(world.core);
	fiber_start(world.loop, "scene", scene, NULL);
	start_agent();
	turn(50);
	storage_start(world.core);
	return 0;
}

static int unmake(void **state)
{
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", world.dir);
	struct chance *chance = world.core->chance;

	stop_agent();
	storage_free(world.core);
	core_free(world.core);
	loop_free(world.loop);
	fake_journal_free(journal);
	chance_free(chance);
	assert_int_equal(system(command), 0);
	g_free(world.dir);
	g_free(world.data);
	g_free(world.data2);
	g_free(world.root);
	g_free(world.run);
	return 0;
}

/* ---- calls ---- */

static bool is_done;

static void finished(struct call *c)
{
	if (c->error.code != ERR_NONE)
		print_message("%s: %s\n", c->op->name, c->error.detail);
	is_done = true;
}

static void settle(void)
{
	for (int i = 0; i < 1200 && jobs_running(world.core); i++)
		turn(50);
	assert_int_equal(jobs_running(world.core), 0);
}

/* The code of the answer; with wait the job has ended. */
static enum err_code ask(const char *op, const char *ids, const char *body, bool is_format)
{
	struct pool *p = pool_new();
	struct call *c = POOL_NEW(p, struct call);
	g_auto(GStrv) parts = g_strsplit(ids, "/", -1);
	enum err_code code;
	struct err e;

	c->core = world.core;
	c->pool = p;
	c->op = m_op_find(op);
	c->base = "/api";
	c->path = "here";
	c->is_trusted = true;
	for (char **s = parts; *s && **s; s++)
		c->ids[c->n_ids++] = pool_strdup(p, *s);
	c->query.max = c->query.filter = -1;
	c->query.format = is_format;
	if (body && m_from_json(p, c->op->body->type, body, strlen(body), &M_LIMITS_DEFAULT, &c->body, &e) < 0)
		fail_msg("%s", e.detail);
	c->finish = finished;
	is_done = false;
	call_dispatch(c);
	for (int i = 0; i < 1200 && !is_done; i++)
		turn(50);
	assert_true(is_done);
	code = c->error.code;
	call_release(c);
	pool_free(p);
	return code;
}

static void ok(const char *op, const char *ids, const char *body)
{
	assert_int_equal(ask(op, ids, body, false), ERR_NONE);
}

static enum m_storage_domain_status status_of(const char *sd)
{
	const struct m_storage_domain *d = INV_GET(world.core->inv, STORAGE_DOMAIN, storage_domain, sd);
	return d ? d->status : 0;
}

static const struct m_disk *disk(int n)
{
	g_autofree char *id = g_strdup_printf(DISK "%d", n);
	return INV_GET(world.core->inv, DISK, disk, id);
}

static bool file_exists(const struct m_disk *d)
{
	g_autofree char *path = g_strdup_printf("%s/%s/images/%s/%s", world.data, SD, d->id, d->image_id);
	return access(path, F_OK) == 0;
}

static void add_domain(const char *id, const char *name, const char *path)
{
	g_autofree char *body =
	    g_strdup_printf("{\"id\":\"%s\",\"name\":\"%s\",\"type\":\"data\",\"host\":{\"id\":\"" HOST "\"},"
	                    "\"storage\":{\"type\":\"localfs\",\"path\":\"%s\"}}",
	                    id, name, path);
	ok("storage_domains.add", "", body);
	assert_int_equal(status_of(id), M_STORAGE_DOMAIN_STATUS_UNATTACHED);
}

static void add_disk(int n, const char *format, bool is_sparse)
{
	g_autofree char *body =
	    g_strdup_printf("{\"id\":\"" DISK "%d\",\"name\":\"disk%d\",\"description\":\"of \\\"tests\\\"\","
	                    "\"format\":\"%s\",\"sparse\":%s,\"provisioned_size\":10000000,"
	                    "\"storage_domain\":{\"id\":\"" SD "\"}}",
	                    n, n, format, is_sparse ? "true" : "false");
	ok("disks.add", "", body);
	settle();
	assert_non_null(disk(n));
	assert_int_equal(disk(n)->status, M_DISK_STATUS_OK);
	assert_true(file_exists(disk(n)));
}

/* ---- the story ---- */

static void a_whole_life(void **state)
{
	int64_t free_bytes, total;

	add_domain(SD, "data1", world.data);
	assert_int_not_equal(ask("storage_domains.add", "",
	                         "{\"name\":\"x\",\"type\":\"data\",\"host\":{\"id\":\"" HOST "\"},"
	                         "\"storage\":{\"type\":\"localfs\",\"path\":\"/nowhere/at/all\"}}",
	                         false),
	                     ERR_NONE);
	ok("attached_storage_domains.add", DC, "{\"id\":\"" SD "\"}");
	assert_int_equal(status_of(SD), M_STORAGE_DOMAIN_STATUS_ACTIVE);
	turn(200);
	assert_true(storage_space(world.core, SD, &free_bytes, &total) && total > 0);
	add_domain(SD2, "data2", world.data2);
	ok("attached_storage_domains.add", DC, "{\"id\":\"" SD2 "\"}");

	add_disk(1, "raw", true);
	add_disk(2, "cow", true);
	add_disk(3, "raw", false);
	assert_int_equal(disk(1)->provisioned_size, 10002432);
	assert_true(disk(3)->actual_size >= 10002432);
	ok("disk.update", DISK "1", "{\"provisioned_size\":20000000,\"name\":\"grown\"}");
	settle();
	assert_int_equal(disk(1)->provisioned_size, 20000768);
	turn(500);

	restart_agent();
	assert_int_equal(status_of(SD), M_STORAGE_DOMAIN_STATUS_ACTIVE);
	add_disk(4, "cow", true);
	ok("disk.update", DISK "4", "{\"provisioned_size\":30000000}");
	settle();
	assert_int_equal(disk(4)->provisioned_size, 30003200);

	for (int i = 1; i <= 4; i++) {
		g_autofree char *id = g_strdup_printf(DISK "%d", i);
		ok("disk.remove", id, NULL);
		settle();
		assert_null(disk(i));
	}
	ok("attached_storage_domain.deactivate", DC "/" SD2, NULL);
	ok("attached_storage_domain.remove", DC "/" SD2, NULL);
	assert_int_equal(status_of(SD2), M_STORAGE_DOMAIN_STATUS_UNATTACHED);
	ok("attached_storage_domain.deactivate", DC "/" SD, NULL);
	assert_int_equal(status_of(SD), M_STORAGE_DOMAIN_STATUS_MAINTENANCE);
	ok("attached_storage_domain.activate", DC "/" SD, NULL);
	assert_int_equal(status_of(SD), M_STORAGE_DOMAIN_STATUS_ACTIVE);
	ok("attached_storage_domain.deactivate", DC "/" SD, NULL);
	ok("attached_storage_domain.remove", DC "/" SD, NULL);
	assert_int_equal(INV_GET(world.core->inv, DATA_CENTER, data_center, DC)->status,
	                 M_DATA_CENTER_STATUS_UNINITIALIZED);
	assert_int_equal(ask("storage_domain.remove", SD, NULL, true), ERR_NONE);
	assert_int_equal(ask("storage_domain.remove", SD2, NULL, true), ERR_NONE);
	assert_int_equal(inv_count(world.core->inv, KIND_STORAGE_DOMAIN), 0);
	assert_int_equal(lock_count(world.core), 0);
}

/* The agent dies while volumes are being made; the jobs end anyhow. */
static void an_agent_dies(void **state)
{
	add_domain(SD, "data1", world.data);
	ok("attached_storage_domains.add", DC, "{\"id\":\"" SD "\"}");
	for (int i = 0; i < 5; i++) {
		g_autofree char *body =
		    g_strdup_printf("{\"id\":\"" DISK "%d\",\"name\":\"d\",\"format\":\"%s\","
		                    "\"provisioned_size\":10000000,\"storage_domain\":{\"id\":\"" SD "\"}}",
		                    i, i % 2 ? "cow" : "raw");
		ok("disks.add", "", body);
		turn(i * 15);
		restart_agent();
		settle();
		assert_non_null(disk(i));
		assert_int_equal(disk(i)->status, M_DISK_STATUS_OK);
		assert_true(file_exists(disk(i)));
	}
	assert_int_equal(lock_count(world.core), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_whole_life, make, unmake),
		cmocka_unit_test_setup_teardown(an_agent_dies, make, unmake),
	};

	if (argc > 1 && strcmp(argv[1], WORKER_SUBCOMMAND) == 0)
		return storage_worker_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

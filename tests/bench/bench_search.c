/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches among 100,000 VMs (or as many as the first argument says): a page of 100, from the text to the versions found. Each query beside the
 * same in SQLite, in memory, with indexes on what it asks for. p50 and p99 in
 * milliseconds, by the clock and by the thread's CPU time.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manager/api/search.h"
#include "manager/core/perm.h"
#include "tests/unit/search/scene.h"

enum {
	PAGE = 100,
	N_HOSTS = 1000,
	N_CLUSTERS = 20,
	N_USERS = 200,
	N_TAGS = 100,
	N_DOMAINS = 40,
	N_TEMPLATES = 100,
	RUNS = 200
};

static int n_vms = 100000;
static struct scene scene;
static sqlite3 *db;

#define ID(prefix, i) pool_printf(scene.pool, prefix "%d", (int)(i))

static unsigned mix(unsigned i) { return (i * 2654435761u) >> 8; }

/* ---- what there is ---- */

static void run_sql(const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		g_error("%s: %s", sql, message);
}

static void insert(const char *fmt, ...)
{
	va_list ap;
	char *sql;

	va_start(ap, fmt);
	sql = sqlite3_vmprintf(fmt, ap);
	va_end(ap);
	run_sql(sql);
	sqlite3_free(sql);
}

static double cpu_of(int i) { return mix((unsigned)i + 17) % 1000 == 7 ? 90 : mix((unsigned)i) % 80; }

static bool cpu_usage(struct core *c, const char *id, double *out)
{
	*out = cpu_of(atoi(id + 3));
	return true;
}

static void fill_vm(int i)
{
	struct m_vm *vm = SCENE_NEW(
	    &scene, VM, vm, ID("vm-", i),
	    pool_printf(scene.pool, "%s-%06d", i % 2 ? "web" : "db", (int)(mix((unsigned)i) % 10) * 100000 + i));
	int host = i % 3 ? i % N_HOSTS : -1;

	vm->status = host < 0 ? M_VM_STATUS_DOWN : i % 5000 == 1 ? M_VM_STATUS_PAUSED : M_VM_STATUS_UP;
	vm->cluster.id = ID("c", i % N_CLUSTERS);
	vm->host.id = host < 0 ? NULL : ID("h", host);
	vm->template.id = ID("t", i % N_TEMPLATES);
	vm->description = i % 4 ? NULL : pool_printf(scene.pool, "belongs to team %d", i % 300);
	vm->comment = i % 1000 == 3 ? (char *)"wanted soon" : NULL;
	M_SET(vm, memory, (int64_t)(1 + i % 64) << 28);
	M_SET(vm, creation_time, INT64_C(1790000000000) + (int64_t)(mix((unsigned)i) % 100000) * 60000);
	if (host >= 0)
		M_SET(vm, start_time, INT64_C(1795000000000) + (int64_t)(mix((unsigned)i) % 100000) * 1000);
	insert("INSERT INTO vm VALUES('vm-%d','%q',%d,'c%d',%Q,'t%d',%Q,%Q,%lld,%lld,%f)", i, vm->name, (int)vm->status,
	       i % N_CLUSTERS, vm->host.id, i % N_TEMPLATES, vm->description, vm->comment,
	       (long long)(vm->memory >> 20), (long long)vm->creation_time, cpu_of(i));
	scene_publish(&scene, KIND_VM, vm);
}

static void fill_disk(int i)
{
	struct m_disk *d = SCENE_NEW(&scene, DISK, disk, ID("d", i), NULL);
	struct m_disk_attachment *a = SCENE_NEW(&scene, DISK_ATTACHMENT, disk_attachment, ID("a", i), NULL);

	d->alias = pool_printf(scene.pool, "disk-%06d", i);
	d->storage_domains.v = POOL_NEW(scene.pool, struct m_ref);
	d->storage_domains.v[d->storage_domains.n++].id = ID("s", i % N_DOMAINS);
	a->disk.id = d->id;
	a->vm.id = ID("vm-", i);
	scene_publish(&scene, KIND_DISK, d);
	scene_publish(&scene, KIND_DISK_ATTACHMENT, a);
	insert("INSERT INTO disk VALUES('d%d','vm-%d','s%d')", i, i, i % N_DOMAINS);
}

static void permission(const char *user, int vm)
{
	static int n;
	struct m_permission *p = SCENE_NEW(&scene, PERMISSION, permission, ID("p", n++), NULL);

	p->user.id = (char *)user;
	p->vm.id = ID("vm-", vm);
	p->role.id = (char *)"00000000-0000-0000-0001-000000000001";
	scene_publish(&scene, KIND_PERMISSION, p);
	insert("INSERT INTO permission VALUES('%q','vm-%d')", user, vm);
}

static void fill_around(void)
{
	for (int i = 0; i < N_CLUSTERS; i++) {
		struct m_cluster *c = SCENE_NEW(&scene, CLUSTER, cluster, ID("c", i), ID("cluster-", i));
		c->data_center.id = (char *)"dc";
		scene_publish(&scene, KIND_CLUSTER, c);
		insert("INSERT INTO cluster VALUES('c%d','cluster-%d')", i, i);
	}
	for (int i = 0; i < N_HOSTS; i++) {
		struct m_host *h = SCENE_NEW(&scene, HOST, host, ID("h", i), pool_printf(scene.pool, "host-%04d", i));
		h->cluster.id = ID("c", i % N_CLUSTERS);
		h->status = i % 100 ? M_HOST_STATUS_UP : M_HOST_STATUS_MAINTENANCE;
		scene_publish(&scene, KIND_HOST, h);
		insert("INSERT INTO host VALUES('h%d','host-%04d',%d)", i, i, (int)h->status);
	}
	for (int i = 0; i < N_DOMAINS; i++) {
		scene_publish(&scene, KIND_STORAGE_DOMAIN,
		              SCENE_NEW(&scene, STORAGE_DOMAIN, storage_domain, ID("s", i), ID("nfs-", i)));
		insert("INSERT INTO domain VALUES('s%d','nfs-%d')", i, i);
	}
	for (int i = 0; i < N_USERS; i++) {
		struct m_user *u = SCENE_NEW(&scene, USER, user, ID("u", i), ID("user", i));
		u->user_name = pool_printf(scene.pool, "user%d@internal-authz", i);
		scene_publish(&scene, KIND_USER, u);
		insert("INSERT INTO user VALUES('u%d','user%d')", i, i);
	}
	for (int i = 0; i < N_TAGS; i++) {
		scene_publish(&scene, KIND_TAG, SCENE_NEW(&scene, TAG, tag, ID("tag", i), ID("tag-", i)));
		insert("INSERT INTO tag VALUES('tag%d','tag-%d')", i, i);
	}
	for (int i = 0; i < N_TEMPLATES; i++)
		scene_publish(&scene, KIND_TEMPLATE,
		              SCENE_NEW(&scene, TEMPLATE, template, ID("t", i), ID("template-", i)));
}

static void fill_assignments(void)
{
	for (int i = 0; i < n_vms / 5; i++) {
		struct m_tag *a = SCENE_NEW(&scene, TAG_ASSIGNMENT, tag, ID("ta", i), NULL);
		a->of_tag.id = ID("tag", i % N_TAGS);
		a->vm.id = ID("vm-", i * 5);
		scene_publish(&scene, KIND_TAG_ASSIGNMENT, a);
		insert("INSERT INTO tagged VALUES('tag%d','vm-%d')", i % N_TAGS, i * 5);
	}
	for (int i = 0; i < 10; i++)
		permission("u1", i * (n_vms / 10));
	for (int i = 0; i < n_vms / 10; i++)
		permission("u2", i * 10 + 3);
	for (int i = 0; i < n_vms / 10; i++)
		permission(ID("u", 3 + i % (N_USERS - 3)), i * 10 + 7);
}

static void fill(void)
{
	run_sql(
	    "CREATE TABLE vm(id TEXT PRIMARY KEY, name TEXT COLLATE NOCASE, status INT, cluster TEXT, host TEXT, "
	    "template TEXT, description TEXT, comment TEXT, memory INT, created INT, cpu REAL);"
	    "CREATE TABLE disk(id TEXT PRIMARY KEY, vm TEXT, domain TEXT); CREATE TABLE permission(user TEXT, vm TEXT);"
	    "CREATE TABLE cluster(id TEXT PRIMARY KEY, name TEXT); CREATE TABLE host(id TEXT PRIMARY KEY, name TEXT, "
	    "status INT);"
	    "CREATE TABLE domain(id TEXT PRIMARY KEY, name TEXT); CREATE TABLE user(id TEXT PRIMARY KEY, name TEXT);"
	    "CREATE TABLE tag(id TEXT PRIMARY KEY, name TEXT); CREATE TABLE tagged(tag TEXT, vm TEXT); BEGIN");
	fill_around();
	for (int i = 0; i < n_vms; i++)
		fill_vm(i);
	for (int i = 0; i < n_vms; i++)
		fill_disk(i);
	fill_assignments();
	run_sql("COMMIT; CREATE INDEX vm_name ON vm(name); CREATE INDEX vm_status ON vm(status); CREATE INDEX vm_host "
	        "ON vm(host); CREATE INDEX vm_cluster ON vm(cluster);"
	        "CREATE INDEX vm_cpu ON vm(cpu); CREATE INDEX vm_memory ON vm(memory); CREATE INDEX vm_created ON "
	        "vm(created);"
	        "CREATE INDEX disk_vm ON disk(vm); CREATE INDEX disk_domain ON disk(domain); CREATE INDEX "
	        "permission_user ON permission(user); CREATE INDEX permission_vm ON permission(vm);"
	        "CREATE INDEX tagged_tag ON tagged(tag); CREATE INDEX tagged_vm ON tagged(vm); CREATE INDEX host_name "
	        "ON host(name); CREATE INDEX tag_name ON tag(name); ANALYZE");
}

/* ---- queries ---- */

struct shape {
	const char *what, *query, *sql;
	const char *user; /* whose view it is */
};

#define BY_NAME " ORDER BY vm.name LIMIT 100"
static const struct shape SHAPES[] = {
	{ "first page", "", "SELECT * FROM vm WHERE 1" BY_NAME },
	{ "page 900", "page 900", "SELECT * FROM vm ORDER BY name LIMIT 100 OFFSET 89900" },
	{ "name, equal", "name=web-050001", "SELECT * FROM vm WHERE name='web-050001'" BY_NAME },
	{ "name, beginning", "name=web-0500*", "SELECT * FROM vm WHERE name LIKE 'web-0500%'" BY_NAME },
	{ "name, middle", "name=*9999*", "SELECT * FROM vm WHERE name LIKE '%9999%'" BY_NAME },
	{ "name, stars", "name=w*b*7*9*1", "SELECT * FROM vm WHERE name LIKE 'w%b%7%9%1'" BY_NAME },
	{ "status, half of all", "status=up", "SELECT * FROM vm WHERE status=2" BY_NAME },
	{ "status, rare", "status=paused", "SELECT * FROM vm WHERE status=4" BY_NAME },
	{ "nothing matches", "description=*nobody*", "SELECT * FROM vm WHERE description LIKE '%nobody%'" BY_NAME },
	{ "cpu_usage > 85", "cpu_usage > 85", "SELECT * FROM vm WHERE cpu > 85" BY_NAME },
	{ "date", "creationdate > 2026-11-20", "SELECT * FROM vm WHERE created > 1795132800000" BY_NAME },
	{ "cluster", "cluster=cluster-7",
	  "SELECT vm.* FROM vm JOIN cluster c ON c.id=vm.cluster WHERE c.name='cluster-7'" BY_NAME },
	{ "host.name", "host.name=host-0017",
	  "SELECT vm.* FROM vm JOIN host h ON h.id=vm.host WHERE h.name='host-0017'" BY_NAME },
	{ "host.status", "host.status=maintenance",
	  "SELECT vm.* FROM vm JOIN host h ON h.id=vm.host WHERE h.status=4" BY_NAME },
	{ "user.name", "user.name=user77",
	  "SELECT DISTINCT vm.* FROM vm JOIN permission p ON p.vm=vm.id JOIN user u ON u.id=p.user WHERE "
	  "u.name='user77'" BY_NAME },
	{ "storage.name", "storage.name=nfs-7",
	  "SELECT DISTINCT vm.* FROM vm JOIN disk d ON d.vm=vm.id JOIN domain s ON s.id=d.domain WHERE "
	  "s.name='nfs-7'" BY_NAME },
	{ "tag", "tag=tag-42",
	  "SELECT DISTINCT vm.* FROM vm JOIN tagged a ON a.vm=vm.id JOIN tag t ON t.id=a.tag WHERE "
	  "t.name='tag-42'" BY_NAME },
	{ "several", "name=web* and status=up and host.status=up and memory > 8000",
	  "SELECT vm.* FROM vm JOIN host h ON h.id=vm.host WHERE vm.name LIKE 'web%' AND vm.status=2 AND h.status=3 "
	  "AND vm.memory > 8000" BY_NAME },
	{ "sortby name desc", "sortby name desc", "SELECT * FROM vm ORDER BY name DESC LIMIT 100" },
	{ "sortby memory", "status=up sortby memory desc",
	  "SELECT * FROM vm WHERE status=2 ORDER BY memory DESC, name LIMIT 100" },
	{ "sortby status", "sortby status", "SELECT * FROM vm ORDER BY status, name LIMIT 100" },
	{ "sortby creationdate", "sortby creationdate desc page 500",
	  "SELECT * FROM vm ORDER BY created DESC, name LIMIT 100 OFFSET 49900" },
	{ "sortby cpu_usage", "sortby cpu_usage desc", "SELECT * FROM vm ORDER BY cpu DESC, name LIMIT 100" },
	{ "sortby cluster", "sortby cluster",
	  "SELECT vm.* FROM vm JOIN cluster c ON c.id=vm.cluster ORDER BY c.name, vm.name LIMIT 100" },
	{ "sortby on_host", "sortby on_host desc page 300",
	  "SELECT vm.* FROM vm LEFT JOIN host h ON h.id=vm.host ORDER BY h.name DESC, vm.name LIMIT 100 OFFSET 29900" },
	{ "sortby uptime", "sortby uptime", "SELECT vm.* FROM vm ORDER BY created, name LIMIT 100" },
	{ "free text", "\"team 296\"", NULL },
	{ "free text", "wanted",
	  "SELECT vm.* FROM vm JOIN cluster c ON c.id=vm.cluster LEFT JOIN host h ON h.id=vm.host WHERE vm.name LIKE "
	  "'%wanted%' OR vm.description LIKE '%wanted%' OR vm.comment LIKE "
	  "'%wanted%' OR c.name LIKE '%wanted%' OR h.name LIKE '%wanted%'" BY_NAME },
	{ "free text, no match", "zzzz",
	  "SELECT vm.* FROM vm JOIN cluster c ON c.id=vm.cluster LEFT JOIN host h ON h.id=vm.host WHERE vm.name LIKE "
	  "'%zzzz%' OR vm.description LIKE '%zzzz%' OR vm.comment LIKE "
	  "'%zzzz%' OR c.name LIKE '%zzzz%' OR h.name LIKE '%zzzz%'" BY_NAME },
	{ "user of 10 VMs", "", "SELECT vm.* FROM vm JOIN permission p ON p.vm=vm.id WHERE p.user='u1'" BY_NAME, "u1" },
	{ "user of 10,000 VMs", "", "SELECT vm.* FROM vm JOIN permission p ON p.vm=vm.id WHERE p.user='u2'" BY_NAME,
	  "u2" },
	{ "the same, one found", "name=*0013",
	  "SELECT vm.* FROM vm JOIN permission p ON p.vm=vm.id WHERE p.user='u2' AND vm.name LIKE '%0013'" BY_NAME,
	  "u2" },
};

static int compare_times(const void *a, const void *b) { return *(const double *)a > *(const double *)b ? 1 : -1; }

/* One question as the API asks it; how many there are in all, if asked. */
static size_t ask_once(const struct shape *s, bool wants_total, guint *n)
{
	auto_pool p = pool_new();
	struct err e = ERR_INIT;
	struct identity who = { .is_admin = false };
	struct search_ask ask = { .kind = KIND_VM, .max = wants_total ? 0 : PAGE, .wants_total = wants_total };

	ask.search = search_parse(p, KIND_VM, s->query, false, &e);
	if (!ask.search)
		g_error("%s: %s", s->query, e.detail);
	ask.first = search_page(ask.search) ? (size_t)(search_page(ask.search) - 1) * PAGE : 0;
	if (s->user) {
		g_strlcpy(who.user_id, s->user, sizeof(who.user_id));
		ask.viewer = &who;
	}
	if (search_select(&scene.core, &ask, &e) < 0)
		g_error("%s: %s", s->query, e.detail);
	*n = ask.versions->len;
	search_ask_clear(&ask);
	return ask.total;
}

/* Of this thread: what others do on the machine is not our matter. */
static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static double ms(gint64 t0) { return (double)(g_get_monotonic_time() - t0) / 1000; }

static double sqlite_ms(const struct shape *s)
{
	sqlite3_stmt *stmt;
	double best = 1e9;

	for (int i = 0; s->sql && i < 5; i++) {
		gint64 t0 = g_get_monotonic_time();

		if (sqlite3_prepare_v2(db, s->sql, -1, &stmt, NULL) != SQLITE_OK)
			g_error("%s: %s", s->sql, sqlite3_errmsg(db));
		while (sqlite3_step(stmt) == SQLITE_ROW)
			;
		sqlite3_finalize(stmt);
		best = MIN(best, ms(t0));
	}
	return s->sql ? best : 0;
}

static double run_shape(const struct shape *s)
{
	double times[RUNS], cpu[RUNS], first, sql, p99, total_ms, c0;
	gint64 t0 = g_get_monotonic_time();
	size_t total;
	guint n;

	ask_once(s, false, &n);
	first = ms(t0);
	for (int i = 0; i < RUNS; i++) {
		t0 = g_get_monotonic_time();
		c0 = cpu_ms();
		ask_once(s, false, &n);
		cpu[i] = cpu_ms() - c0;
		times[i] = ms(t0);
	}
	qsort(times, RUNS, sizeof(times[0]), compare_times);
	qsort(cpu, RUNS, sizeof(cpu[0]), compare_times);
	t0 = g_get_monotonic_time();
	total = ask_once(s, true, &n);
	total_ms = ms(t0);
	sql = sqlite_ms(s);
	p99 = cpu[RUNS * 99 / 100];
	printf("search %-22s %-55s p50 %6.2f  p99 %6.2f  first %7.1f  count %6zu in %5.2f", s->what, s->query,
	       times[RUNS / 2], p99, first, total, total_ms);
	if (sql > 0)
		printf("  sqlite %8.2f (%.0fx)", sql, sql / times[RUNS / 2]);
	printf("\n");
	return p99;
}

/* Questions while much is changed. */
static void run_changing(void)
{
	static const struct shape s = { "amid 800 changes each", "name=*9999* and status=up", NULL, NULL };
	double times[RUNS];
	guint n;

	for (int i = 0; i < RUNS; i++) {
		double t0;

		for (int k = 0; k < 800; k++)
			fill_vm(n_vms++);
		t0 = cpu_ms();
		ask_once(&s, false, &n);
		times[i] = cpu_ms() - t0;
		if (i == 50)
			break;
	}
	qsort(times, 50, sizeof(times[0]), compare_times);
	printf("search %-22s %-55s CPU: p50 %6.2f  p99 %6.2f\n", "amid 800 new VMs each", s.query, times[25],
	       times[49]);
}

static long rss_mb(void)
{
	long pages = 0, ignored;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%ld %ld", &ignored, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages / 256;
}

int main(int argc, char **argv)
{
	double worst = 0;
	const char *worst_of = "";
	long before;

	if (argc > 1)
		n_vms = MAX(1000, atoi(argv[1]));
	if (sqlite3_open(":memory:", &db) != SQLITE_OK)
		return 1;
	scene_init(&scene);
	search_register_stat(KIND_VM, "cpu_usage", cpu_usage);
	fill();
	before = rss_mb();
	for (size_t i = 0; i < G_N_ELEMENTS(SHAPES); i++) {
		double p99 = run_shape(&SHAPES[i]);
		if (p99 > worst) {
			worst = p99;
			worst_of = SHAPES[i].what;
		}
	}
	printf("search, worst p99 of CPU time: %.2f ms (%s); memory for it: %ld MB\n", worst, worst_of,
	       rss_mb() - before);
	run_changing();
	scene_deinit(&scene);
	sqlite3_close(db);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/search/scene.h"

#include <string.h>

#include "manager/core/perm_index.h"
#include "model/date.h"

int64_t scene_ms(const char *date)
{
	int64_t ms = 0;

	if (!m_date_parse(date, &ms))
		g_error("%s is no date", date);
	return ms;
}

void scene_init(struct scene *s)
{
	*s = (struct scene){ .pool = pool_new() };
	s->core.inv = inv_new();
	s->core.loop = loop_new_virtual(scene_ms("2026-11-22T18:00:00Z"));
}

void scene_deinit(struct scene *s)
{
	perm_index_free(s->core.perm_index);
	inv_free(s->core.inv);
	loop_free(s->core.loop);
	pool_free(s->pool);
}

void *scene_new(struct scene *s, enum kind k, const char *id, const char *name)
{
	const struct m_type *t = M_KINDS[k].type;
	void *draft = m_new(s->pool, t);

	m_entity(t, draft)->id = pool_strdup(s->pool, id);
	m_entity(t, draft)->name = pool_strdup(s->pool, name);
	return draft;
}

void scene_publish(struct scene *s, enum kind k, void *draft)
{
	const struct m_type *t = M_KINDS[k].type;
	struct entity *e = inv_make(s->core.inv, k, m_entity(t, draft)->id);
	void *version = m_freeze(t, draft);

	perm_index_forget(&s->core, k, e->pub, version);
	inv_publish(s->core.inv, e, version);
}

static struct m_version *version(struct scene *s, int major, int minor)
{
	struct m_version *v = m_new(s->pool, &M_TYPE_version);

	M_SET(v, major, major);
	M_SET(v, minor, minor);
	return v;
}

static struct m_cpu *cpu(struct scene *s, int sockets, int cores, int threads)
{
	struct m_cpu *c = m_new(s->pool, &M_TYPE_cpu);

	c->topology = m_new(s->pool, &M_TYPE_cpu_topology);
	M_SET(c->topology, sockets, sockets);
	M_SET(c->topology, cores, cores);
	M_SET(c->topology, threads, threads);
	return c;
}

static void data_center(struct scene *s, const char *id, const char *name, bool is_local)
{
	struct m_data_center *dc = SCENE_NEW(s, DATA_CENTER, data_center, id, name);

	dc->status = M_DATA_CENTER_STATUS_UP;
	dc->version = version(s, 4, 7);
	M_SET(dc, local, is_local);
	scene_publish(s, KIND_DATA_CENTER, dc);
}

static void cluster(struct scene *s, const char *id, const char *name, const char *dc)
{
	struct m_cluster *c = SCENE_NEW(s, CLUSTER, cluster, id, name);

	c->data_center.id = (char *)dc;
	c->version = version(s, 4, 7);
	c->cpu = m_new(s->pool, &M_TYPE_cpu);
	c->cpu->architecture = M_ARCHITECTURE_X86_64;
	c->cpu->type = (char *)"Intel Skylake Server Family";
	scene_publish(s, KIND_CLUSTER, c);
}

static void host(struct scene *s, const char *id, const char *name, const char *cl, enum m_host_status status)
{
	struct m_host *h = SCENE_NEW(s, HOST, host, id, name);

	h->cluster.id = (char *)cl;
	h->status = status;
	h->address = pool_printf(s->pool, "%s.example.com", name);
	M_SET(h, memory, INT64_C(64) << 30);
	M_SET(h, spm_id, id[1] - '0');
	h->cpu = cpu(s, 2, 8, 2);
	h->cpu->name = (char *)"Intel(R) Xeon(R) 6230";
	M_SET(h->cpu, speed, 2100.5);
	h->version = version(s, 4, 5);
	M_SET(h->version, build, 10);
	h->type = M_HOST_TYPE_RHEL;
	h->unique_id = pool_printf(s->pool, "4C4C4544-000%s", id);
	scene_publish(s, KIND_HOST, h);
}

static void domain(struct scene *s, const char *id, const char *name, const char *dc, int free_gb)
{
	struct m_storage_domain *d = SCENE_NEW(s, STORAGE_DOMAIN, storage_domain, id, name);

	d->data_center.id = (char *)dc;
	d->status = dc ? M_STORAGE_DOMAIN_STATUS_ACTIVE : M_STORAGE_DOMAIN_STATUS_UNATTACHED;
	d->storage = m_new(s->pool, &M_TYPE_host_storage);
	d->storage->type = M_STORAGE_TYPE_NFS;
	M_SET(d, available, ((int64_t)free_gb << 30) + 12345);
	M_SET(d, used, INT64_C(20) << 30);
	M_SET(d, warning_low_space_indicator, 10);
	M_SET(d, critical_space_action_blocker, 5);
	scene_publish(s, KIND_STORAGE_DOMAIN, d);
}

static struct m_vm *vm(struct scene *s, const char *id, const char *name, enum m_vm_status status, const char *host_id,
                       int memory_mb)
{
	struct m_vm *v = SCENE_NEW(s, VM, vm, id, name);

	v->cluster.id = (char *)(strcmp(id, "v5") ? "c1" : "c2");
	v->status = status;
	v->host.id = (char *)host_id;
	v->template.id = (char *)"t1";
	v->type = M_VM_TYPE_SERVER;
	v->cpu = cpu(s, 1, memory_mb / 1024, 2);
	v->os = m_new(s->pool, &M_TYPE_operating_system);
	v->os->type = (char *)"rhel_9x64";
	M_SET(v, memory, (int64_t)memory_mb << 20);
	M_SET(v, creation_time, scene_ms("2026-03-01T10:00:00Z"));
	return v;
}

static void vms(struct scene *s)
{
	struct m_vm *v = vm(s, "v1", "web-01", M_VM_STATUS_UP, "h1", 4096);

	v->comment = (char *)"front door";
	M_SET(v, start_time, scene_ms("2026-11-21T16:00:00Z")); /* up for 26 hours */
	scene_publish(s, KIND_VM, v);
	v = vm(s, "v2", "web-02", M_VM_STATUS_MIGRATING, "h1", 2048);
	v->custom_compatibility_version = version(s, 4, 6);
	v->fqdn = (char *)"www2.example.com";
	scene_publish(s, KIND_VM, v);
	v = vm(s, "v3", "Web-03", M_VM_STATUS_DOWN, NULL, 1024);
	v->description = (char *)"100% idle_box";
	scene_publish(s, KIND_VM, v);
	v = vm(s, "v4", "db_1", M_VM_STATUS_IMAGE_LOCKED, NULL, 8192);
	v->description = (char *)"";
	v->instance_type.id = (char *)"i1";
	scene_publish(s, KIND_VM, v);
	v = vm(s, "v5", "\xc3\x84pfel", M_VM_STATUS_UP, "h3", 16384); /* Äpfel */
	v->template.id = (char *)"t2";
	M_SET(v, delete_protected, true);
	M_SET(v, next_run_configuration_exists, true);
	scene_publish(s, KIND_VM, v);
}

static void template(struct scene *s, const char *id, const char *name, const char *version_name, int number)
{
	struct m_template *t = SCENE_NEW(s, TEMPLATE, template, id, name);

	t->status = M_TEMPLATE_STATUS_OK;
	t->cluster.id = (char *)"c1";
	M_SET(t, memory, INT64_C(1) << 30);
	M_SET(t, creation_time, scene_ms("2026-11-21T09:30:00Z"));
	t->version = m_new(s->pool, &M_TYPE_template_version);
	t->version->version_name = (char *)version_name;
	M_SET(t->version, version_number, number);
	scene_publish(s, KIND_TEMPLATE, t);
}

static void disk(struct scene *s, const char *id, const char *alias, const char *d1, const char *d2, int gb)
{
	struct m_disk *d = SCENE_NEW(s, DISK, disk, id, NULL);

	d->alias = (char *)alias;
	d->storage_domains.v = POOL_ARRAY(s->pool, struct m_ref, 2);
	d->storage_domains.v[0].id = (char *)d1;
	d->storage_domains.v[1].id = (char *)d2;
	d->storage_domains.n = d2 ? 2 : 1;
	d->status = M_DISK_STATUS_OK;
	d->storage_type = M_DISK_STORAGE_TYPE_IMAGE;
	d->content_type = gb == 1 ? M_DISK_CONTENT_TYPE_ISO : M_DISK_CONTENT_TYPE_DATA;
	M_SET(d, provisioned_size, (int64_t)gb << 30);
	M_SET(d, sparse, gb > 1);
	scene_publish(s, KIND_DISK, d);
}

static void attach(struct scene *s, const char *id, const char *disk_id, const char *vm_id, const char *template_id)
{
	struct m_disk_attachment *a = SCENE_NEW(s, DISK_ATTACHMENT, disk_attachment, id, NULL);

	a->disk.id = (char *)disk_id;
	a->vm.id = (char *)vm_id;
	a->template.id = (char *)template_id;
	scene_publish(s, KIND_DISK_ATTACHMENT, a);
}

static void disks(struct scene *s)
{
	disk(s, "d1", "web-01_Disk1", "s1", NULL, 10);
	disk(s, "d2", "shared", "s2", NULL, 20);
	disk(s, "d3", "tools.iso", "s1", "s3", 1);
	attach(s, "a1", "d1", "v1", NULL);
	attach(s, "a2", "d2", "v1", NULL);
	attach(s, "a3", "d2", "v2", NULL);
	attach(s, "a4", "d1", NULL, "t1");
}

static void user(struct scene *s, const char *id, const char *name, const char *login)
{
	struct m_user *u = SCENE_NEW(s, USER, user, id, name);

	u->user_name = (char *)login;
	u->last_name = (char *)"Doe";
	u->department = (char *)"R&D";
	scene_publish(s, KIND_USER, u);
}

static void permission(struct scene *s, const char *id, const char *user_id, const char *vm_id)
{
	struct m_permission *p = SCENE_NEW(s, PERMISSION, permission, id, NULL);

	p->user.id = (char *)user_id;
	p->vm.id = (char *)vm_id;
	scene_publish(s, KIND_PERMISSION, p);
}

static void tag(struct scene *s, const char *id, const char *name, const char *parent)
{
	struct m_tag *t = SCENE_NEW(s, TAG, tag, id, name);

	t->parent.id = (char *)parent;
	scene_publish(s, KIND_TAG, t);
}

static void assign(struct scene *s, const char *id, const char *tag_id, const char *vm_id)
{
	struct m_tag *t = SCENE_NEW(s, TAG_ASSIGNMENT, tag, id, NULL);

	t->of_tag.id = (char *)tag_id;
	t->vm.id = (char *)vm_id;
	scene_publish(s, KIND_TAG_ASSIGNMENT, t);
}

static void people(struct scene *s)
{
	struct m_group *g = SCENE_NEW(s, GROUP, group, "g1", "Admins");

	scene_publish(s, KIND_GROUP, g);
	user(s, "u1", "Joe", "joe@internal-authz");
	user(s, "u2", "Jane", "jane@corp@ldap");
	permission(s, "p1", "u1", "v1");
	permission(s, "p2", "u2", "v1");
	permission(s, "p3", "u2", "v5");
	tag(s, "root", "root", NULL);
	tag(s, "tag1", "europe", "root");
	tag(s, "tag2", "berlin", "tag1");
	tag(s, "tag3", "asia", "root");
	assign(s, "ta1", "tag2", "v1");
	assign(s, "ta2", "tag3", "v2");
	assign(s, "ta3", "tag1", "v3");
}

static void network(struct scene *s, const char *id, const char *name, int vlan, bool is_vm)
{
	struct m_network *n = SCENE_NEW(s, NETWORK, network, id, name);
	struct m_network *on = SCENE_NEW(s, CLUSTER_NETWORK, network, pool_printf(s->pool, "c1-%s", id), name);

	n->data_center.id = (char *)"dc1";
	M_SET(n, mtu, 1500);
	if (vlan) {
		n->vlan = m_new(s->pool, &M_TYPE_vlan);
		M_SET(n->vlan, id, vlan);
	}
	if (is_vm) {
		n->usages.v = pool_alloc(s->pool, sizeof(*n->usages.v));
		n->usages.v[n->usages.n++] = M_NETWORK_USAGE_VM;
	}
	scene_publish(s, KIND_NETWORK, n);
	on->cluster.id = (char *)"c1";
	on->of_network.id = (char *)id;
	scene_publish(s, KIND_CLUSTER_NETWORK, on);
}

static void networks(struct scene *s)
{
	struct m_vnic_profile *p;
	struct m_nic *nic;

	network(s, "n1", "ovirtmgmt", 0, true);
	network(s, "n2", "storage-net", 42, false);
	p = SCENE_NEW(s, VNIC_PROFILE, vnic_profile, "vp1", "gold");
	p->network.id = (char *)"n1";
	p->pass_through = m_new(s->pool, &M_TYPE_vnic_pass_through);
	p->pass_through->mode = M_VNIC_PASS_THROUGH_MODE_ENABLED;
	scene_publish(s, KIND_VNIC_PROFILE, p);
	nic = SCENE_NEW(s, NIC, nic, "nic1", "nic1");
	nic->vm.id = (char *)"v1";
	nic->vnic_profile.id = (char *)"vp1";
	nic->mac = m_new(s->pool, &M_TYPE_mac);
	nic->mac->address = (char *)"56:6f:00:00:00:01";
	scene_publish(s, KIND_NIC, nic);
}

static void event(struct scene *s, int number, const char *date, enum m_log_severity severity, const char *vm_id,
                  const char *host_id, const char *text)
{
	struct m_event *ev = SCENE_NEW(s, EVENT, event, pool_printf(s->pool, "%d", number), NULL);

	M_SET(ev, index, number);
	M_SET(ev, code, 30 + number);
	M_SET(ev, time, scene_ms(date));
	M_SET(ev, custom_id, -1);
	ev->severity = severity;
	ev->vm.id = (char *)vm_id;
	ev->host.id = (char *)host_id;
	ev->user.id = (char *)"u1";
	ev->description = (char *)text;
	ev->correlation_id = (char *)"corr-1";
	ev->origin = (char *)"oVirt";
	scene_publish(s, KIND_EVENT, ev);
}

static void job(struct scene *s, const char *id, const char *correlation, const char *date)
{
	struct m_job *j = SCENE_NEW(s, JOB, job, id, NULL);

	j->correlation_id = (char *)correlation;
	M_SET(j, start_time, scene_ms(date));
	scene_publish(s, KIND_JOB, j);
}

void scene_fill(struct scene *s)
{
	struct m_instance_type *it = SCENE_NEW(s, INSTANCE_TYPE, instance_type, "i1", "Large");
	struct m_bookmark *b = SCENE_NEW(s, BOOKMARK, bookmark, "b1", "mine");

	data_center(s, "dc1", "Default", false);
	data_center(s, "dc2", "Lab", true);
	cluster(s, "c1", "Default", "dc1");
	cluster(s, "c2", "lab-cluster", "dc2");
	host(s, "h1", "alpha", "c1", M_HOST_STATUS_UP);
	host(s, "h2", "beta", "c1", M_HOST_STATUS_MAINTENANCE);
	host(s, "h3", "gamma", "c2", M_HOST_STATUS_NON_RESPONSIVE);
	domain(s, "s1", "nfs1", "dc1", 100);
	domain(s, "s2", "nfs2", "dc1", 5);
	domain(s, "s3", "spare", NULL, 50);
	template(s, "t1", "Blank", "base", 1);
	template(s, "t2", "golden", "new", 2);
	scene_publish(s, KIND_INSTANCE_TYPE, it);
	b->value = (char *)"Vms: name = web*";
	scene_publish(s, KIND_BOOKMARK, b);
	vms(s);
	disks(s);
	people(s);
	networks(s);
	event(s, 9, "2026-11-22T12:00:00Z", M_LOG_SEVERITY_ERROR, "v1", "h1", "VM web-01 is in trouble");
	event(s, 10, "2026-11-21T23:59:59Z", M_LOG_SEVERITY_NORMAL, "v1", "h2", "VM web-01 was moved");
	event(s, 11, "2026-11-20T08:00:00Z", M_LOG_SEVERITY_ALERT, NULL, "h3", "Host gamma is away");
	job(s, "j1", "abc", "2026-11-22T12:00:00Z");
	job(s, "j2", "req-1", "2026-11-22T11:00:00Z");
}

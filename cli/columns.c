/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/columns.h"

#include <stdlib.h>
#include <string.h>

#include "cli/resolve.h"
#include "cli/text.h"
#include "cli/value.h"

/* The usual columns, and behind the bar what -o wide adds. Types that are not here are derived from the schema. */
static const struct {
	const char *type, *columns;
} USUAL[] = {
	{ "vm", "name,status,cluster,host,memory,cores=cpu.topology.cores,description|id,sockets=cpu.topology.sockets,"
	        "os=os.type,template,"
	        "fqdn,start_time" },
	{ "host", "name,status,cluster,address,type,memory,spm=spm.status|id,cores=cpu.topology.cores,version=version."
	          "full_version,"
	          "vms=summary.total" },
	{ "disk", "name,status,size=provisioned_size,actual=actual_size,format,domains=storage_domains|id,content_type,"
	          "sparse,shareable,"
	          "description" },
	{ "disk_attachment", "disk,interface,bootable,active,read_only,logical_name|id,pass_discard" },
	{ "nic", "name,interface,mac,vnic_profile,plugged,linked|id,network" },
	{ "host_nic", "name,status,mac,ip=ip.address,speed,network|id,mtu,vlan=vlan.id" },
	{ "cluster", "name,data_center,cpu=cpu.type,version,description|id,scheduling_policy" },
	{ "data_center", "name,status,local,version,description|id,storage_format" },
	{ "storage_domain",
	  "name,status,type,storage=storage.type,available,used,committed|id,external_status,master,data_centers" },
	{ "template", "name,status,cluster,memory,cores=cpu.topology.cores,description|id,version=version.version_"
	              "number,os=os.type" },
	{ "network", "name,data_center,vlan=vlan.id,mtu,usages,status,description|id,stp" },
	{ "vnic_profile", "name,network,pass_through=pass_through.mode,port_mirroring,description|id" },
	{ "snapshot", "description,snapshot_status,snapshot_type,date,persist_memorystate|id" },
	{ "event", "time,severity,description|id,code,user,vm,host,correlation_id" },
	{ "job", "description,status,start_time,end_time|id,external,last_updated,owner" },
	{ "step", "number,description,type,status,progress,start_time,end_time|id" },
	{ "user", "user_name,name,last_name,email,domain|id,principal" },
	{ "group", "name,domain|id" },
	{ "permission", "role,user,group,vm,cluster,data_center,host|id,disk,storage_domain,template" },
	{ "role", "name,administrative,mutable,description|id" },
	{ "permit", "name,administrative|id" },
	{ "tag", "name,description,parent|id" },
	{ "statistic", "name,values,unit,description|id,kind,type" },
	{ "graphics_console", "protocol,address,port,tls_port|id" },
	{ "cdrom", "id,file" },
	{ "quota", "name,data_center,description|id" },
	{ "affinity_group", "name,enforcing,positive,priority,description|id" },
	{ "affinity_label", "name,has_implicit_affinity_group|id" },
	{ "vm_pool", "name,size,prestarted_vms,type,cluster,description|id" },
	{ "mac_pool", "name,default_pool,allow_duplicates,description|id" },
	{ "operating_system_info", "name,description,architecture|id" },
	{ "application", "name|id" },
	{ "image_transfer", "id,phase,direction,transferred,disk,host" },
	{ "storage_connection", "type,address,path,port,target|id" },
	{ "bookmark", "name,value|id" },
	{ "scheduling_policy", "name,locked,default_policy,description|id" },
	{ "virtual_numa_node", "index,memory,cpu|id" },
	{ "network_attachment", "network,host_nic,in_sync|id" },
	{ "file", "name,type|id" },
	{ "cluster_level", "id,cpu_types" },
	{ "reported_device", "name,type,mac=mac.address,ips|id" },
};

static void add(struct columns *cs, const char *title, size_t title_len, const char *path)
{
	struct column *col;

	if (cs->n == (int)G_N_ELEMENTS(cs->v))
		return;
	col = &cs->v[cs->n++];
	col->path = g_strdup(path);
	col->title = g_ascii_strup(title, (gssize)title_len);
}

/* "name,cores=cpu.topology.cores" */
static void add_all(struct columns *cs, const char *spec)
{
	g_auto(GStrv) parts = g_strsplit_set(spec, ",|", -1);

	for (char **p = parts; *p; p++) {
		const char *eq = strchr(*p, '='), *path = eq ? eq + 1 : g_strstrip(*p), *last = strrchr(path, '.');

		if (!*path)
			continue;
		if (eq)
			add(cs, *p, (size_t)(eq - *p), path);
		else
			add(cs, last ? last + 1 : path, strlen(last ? last + 1 : path), path);
	}
}

/* name, status and the first plain members. */
static void derive(struct columns *cs, const struct m_type *t, bool is_wide)
{
	if (m_field_find(t, "name"))
		add_all(cs, "name");
	if (m_field_find(t, "status") && m_field_find(t, "status")->kind == M_ENUM)
		add_all(cs, "status");
	for (int i = 0; i < t->n_fields && cs->n < (is_wide ? 16 : 6); i++) {
		const struct m_field *f = &t->fields[i];

		if (f->kind == M_STRUCT || (f->flags & (M_F_LIST | M_F_INTERNAL | M_F_SECRET)) ||
		    strcmp(f->name, "comment") == 0 || strcmp(f->name, "name") == 0 || strcmp(f->name, "status") == 0 ||
		    strcmp(f->name, "id") == 0 || strcmp(f->name, "description") == 0 ||
		    strcmp(f->name, "creation_status") == 0)
			continue;
		add_all(cs, f->name);
	}
	if (m_field_find(t, "description"))
		add_all(cs, "description");
	if (is_wide || cs->n < 2 || !m_field_find(t, "name"))
		add_all(cs, "id");
}

static const char *usual(const struct m_type *t)
{
	for (size_t i = 0; i < G_N_ELEMENTS(USUAL); i++)
		if (strcmp(USUAL[i].type, t->name) == 0)
			return USUAL[i].columns;
	return NULL;
}

/* Walk "cpu.topology" in the schema: the last field; NULL when there is none. */
static const struct m_field *field_at(const struct m_type *t, const char *path)
{
	const struct m_field *f = NULL;

	while (t) {
		size_t len = strcspn(path, ".");
		g_autofree char *name = g_strndup(path, len);

		f = m_field_find(t, name);
		if (!f || (f->flags & M_F_INTERNAL))
			return NULL;
		if (!path[len])
			return f;
		path += len + 1;
		t = f->type;
	}
	return NULL;
}

static int check_paths(struct columns *cs, const struct m_type *t, struct err *e)
{
	for (int i = 0; i < cs->n; i++) {
		struct guess g;

		for (char *p = cs->v[i].path; *p; p++)
			*p = *p == '-' ? '_' : *p;
		if (strcmp(cs->v[i].path, "href") == 0 || field_at(t, cs->v[i].path))
			continue;
		g = (struct guess)GUESS(cs->v[i].path);
		for (int j = 0; j < t->n_fields; j++)
			if (!(t->fields[j].flags & M_F_INTERNAL))
				guess_offer(&g, t->fields[j].name);
		return err_set(e, ERR_SYNTAX, "--columns: %s has no member '%.60s'%s%s", t->name, cs->v[i].path,
		               guess_best(&g) ? "; did you mean " : "", guess_best(&g) ? guess_best(&g) : "");
	}
	return 0;
}

int columns_choose(struct columns *out, const struct cli *c, const struct m_type *t, struct err *e)
{
	bool is_wide = c->opt.format == OUT_WIDE;
	const char *spec = usual(t);
	g_autofree char *narrow = NULL;

	out->n = 0;
	if (c->opt.columns) {
		add_all(out, c->opt.columns);
		if (!out->n)
			return err_set(e, ERR_SYNTAX, "--columns names no column");
		return check_paths(out, t, e);
	}
	if (spec) {
		narrow = is_wide ? g_strdup(spec) : g_strndup(spec, strcspn(spec, "|"));
		add_all(out, narrow);
		return 0;
	}
	derive(out, t, is_wide);
	return 0;
}

void columns_clear(struct columns *cs)
{
	for (int i = 0; i < cs->n; i++) {
		g_free(cs->v[i].title);
		g_free(cs->v[i].path);
	}
	cs->n = 0;
}

const char *const *columns_members(struct pool *p, const struct columns *cs)
{
	const char **out = POOL_ARRAY(p, const char *, cs->n + 4);
	int n = 0;

	for (int i = 0; i < cs->n; i++)
		out[n++] = pool_strndup(p, cs->v[i].path, strcspn(cs->v[i].path, "."));
	out[n++] = "id";
	out[n++] = "name";
	out[n++] = "alias";
	return out;
}

/* ---- cells ---- */

static int64_t number_of(const json_t *j)
{
	if (json_is_string(j))
		return g_ascii_strtoll(json_string_value(j), NULL, 10);
	return json_is_real(j) ? (int64_t)json_real_value(j) : json_integer_value(j);
}

static void append_reference(GString *out, struct cli *c, const struct m_field *f, const json_t *j, bool for_people)
{
	const char *id = json_string_value(json_object_get(j, "id")), *label = resolve_label(j);

	if (!id && !label)
		return;
	if (!for_people && id)
		g_string_append(out, id);
	else if (label)
		g_string_append(out, label);
	else
		g_string_append(out, resolve_name(c, f->type, id));
}

static void append_value(GString *out, struct cli *c, const struct m_field *f, const json_t *j, bool for_people);

static void append_list(GString *out, struct cli *c, const struct m_field *f, const json_t *j, bool for_people)
{
	const json_t *items = f->item ? json_object_get(j, f->item) : NULL, *each;
	gsize start = out->len;
	size_t i;

	json_array_foreach (items ? items : j, i, each) {
		if (out->len > start)
			g_string_append_c(out, ',');
		append_value(out, c, f, each, for_people);
	}
}

/* A structure in a cell: its only member, or all as name=value. */
static void append_struct(GString *out, struct cli *c, const struct m_type *t, const json_t *j, bool for_people)
{
	gsize start = out->len;
	size_t n = json_object_size(j);
	for (int i = 0; i < t->n_fields; i++) {
		const json_t *v = json_object_get(j, t->fields[i].name);

		if (!v)
			continue;
		if (n > 1)
			g_string_append_printf(out, "%s%s=", out->len > start ? "," : "", t->fields[i].name);
		if (t->fields[i].flags & M_F_LIST)
			append_list(out, c, &t->fields[i], v, for_people);
		else
			append_value(out, c, &t->fields[i], v, for_people);
	}
}

static bool append_version(GString *out, const struct m_type *t, const json_t *j)
{
	const char *major = json_string_value(json_object_get(j, "major")),
	           *minor = json_string_value(json_object_get(j, "minor"));

	if (!major || !minor || !t || strcmp(t->name, "version") != 0)
		return false;
	g_string_append_printf(out, "%s.%s", major, minor);
	return true;
}

static void append_value(GString *out, struct cli *c, const struct m_field *f, const json_t *j, bool for_people)
{
	if (append_version(out, f->type, j))
		return;
	if (f->kind == M_REF || (json_is_object(j) && f->type && f->type->is_identified)) {
		append_reference(out, c, f, j, for_people);
	} else if (json_is_object(j) && f->type) {
		append_struct(out, c, f->type, j, for_people);
	} else if (for_people && f->kind == M_DATE) {
		value_append_date(out, number_of(j));
	} else if (for_people && f->kind == M_INT && value_is_bytes(f->name)) {
		value_append_bytes(out, number_of(j));
	} else if (json_is_string(j)) {
		g_string_append(out, json_string_value(j));
	} else {
		char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(10));

		g_string_append(out, text ? text : "");
		free(text);
	}
}

void columns_cell(GString *out, struct cli *c, const struct m_type *t, const json_t *item, const char *path,
                  bool for_people)
{
	const struct m_field *f = field_at(t, path);
	const json_t *j = item;
	const char *p = path;

	while (j && *p) {
		size_t len = strcspn(p, ".");
		g_autofree char *name = g_strndup(p, len);

		j = json_object_get(j, name);
		p += len + (p[len] ? 1 : 0);
	}
	if (!j || !f) {
		g_string_append(out, json_is_string(j) ? json_string_value(j) : "");
		return;
	}
	if (f->flags & M_F_LIST)
		append_list(out, c, f, j, for_people);
	else
		append_value(out, c, f, j, for_people);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "manager/storage/storage_int.h"

/* ---- what is hot ---- */

static void sd_hot_free(void *p)
{
	struct sd_hot *h = p;

	g_hash_table_destroy(h->reports);
	g_free(h);
}

struct sd_hot *sd_hot_of(struct core *c, const char *sd_id)
{
	struct sd_hot *h = g_hash_table_lookup(c->storage->domains, sd_id);

	if (h)
		return h;
	h = g_new0(struct sd_hot, 1);
	h->total = h->free = -1;
	h->reports = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_hash_table_insert(c->storage->domains, g_strdup(sd_id), h);
	return h;
}

struct pool_hot *pool_hot_of(struct core *c, const char *dc_id)
{
	struct pool_hot *h = g_hash_table_lookup(c->storage->pools, dc_id);

	if (h)
		return h;
	h = g_new0(struct pool_hot, 1);
	g_hash_table_insert(c->storage->pools, g_strdup(dc_id), h);
	return h;
}

/* ---- small things ---- */

const struct m_storage_domain *sd_latest(struct core *c, const char *id)
{
	return INV_LATEST(c->inv, STORAGE_DOMAIN, storage_domain, id);
}

const struct m_data_center *dc_latest(struct core *c, const char *id)
{
	return INV_LATEST(c->inv, DATA_CENTER, data_center, id);
}

const char *storage_dc_of_host(struct core *c, const char *host_id)
{
	const struct m_host *h = INV_LATEST(c->inv, HOST, host, host_id);
	const struct m_cluster *cl = h ? INV_LATEST(c->inv, CLUSTER, cluster, h->cluster.id) : NULL;

	return cl ? cl->data_center.id : NULL;
}

const char *storage_name(struct core *c, enum kind k, const char *id)
{
	const void *obj = inv_latest(c->inv, k, id);
	const char *name = obj ? m_entity(M_KINDS[k].type, obj)->name : NULL;

	return name ? name : id ? id : "-";
}

struct candidate {
	const char *id;
	int64_t priority;
	uint64_t draw;
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return x->draw < y->draw ? -1 : x->draw > y->draw;
}

const char **storage_hosts_up(struct core *c, struct pool *p, const char *dc_id, bool is_for_spm)
{
	struct candidate *list = POOL_ARRAY(p, struct candidate, inv_count(c->inv, KIND_HOST) + 1);
	const char **out;
	size_t n = 0;

	INV_EACH (en, c->inv, KIND_HOST) {
		const struct m_host *h = en->pub;
		int64_t priority = h->spm ? M_GET(h->spm, priority, 5) : 5;

		if (g_strcmp0(storage_dc_of_host(c, en->id), dc_id) != 0 || !host_is_up(c, en->id) ||
		    (is_for_spm && priority < 0))
			continue;
		list[n] = (struct candidate){ en->id, priority, is_for_spm ? chance_below(c->chance, 1 << 20) : n };
		n++;
	}
	qsort(list, n, sizeof(*list), compare_candidates);
	out = POOL_ARRAY(p, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		out[i] = pool_strdup(p, list[i].id);
	return out;
}

int64_t storage_int(const json_t *v)
{
	if (json_is_string(v))
		return g_ascii_strtoll(json_string_value(v), NULL, 10);
	return json_is_real(v) ? (int64_t)json_real_value(v) : json_integer_value(v);
}

bool storage_is_lost(const struct err *e) { return e->code == ERR_NETWORK || e->code == ERR_TIMEOUT; }

/* Absolute, one slash between parts, none at the end; the agent wants no more. */
char *storage_path(struct pool *p, const char *path, const char *field, struct err *e)
{
	g_auto(GStrv) parts = NULL;
	g_autoptr(GString) out = g_string_new(NULL);

	if (path[0] != '/' || strlen(path) > 1024) {
		err_field(e, ERR_INVALID, field, "The path must be absolute and have at most 1024 characters.");
		return NULL;
	}
	parts = g_strsplit(path, "/", -1);
	for (char **s = parts; *s; s++) {
		if (strcmp(*s, "..") == 0 || strlen(*s) > 250)
			goto bad;
		for (const char *ch = *s; *ch; ch++)
			if ((unsigned char)*ch < 32 || *ch == 127)
				goto bad;
		if (**s && strcmp(*s, ".") != 0)
			g_string_append_printf(out, "/%s", *s);
	}
	if (out->len)
		return pool_strdup(p, out->str);
bad:
	err_field(e, ERR_INVALID, field, "The path may not be '/', hold '..', control characters, or overlong names.");
	return NULL;
}

/* ---- for others ---- */

int64_t storage_committed(struct core *c, const char *sd_id)
{
	int64_t sum = 0;

	INV_EACH_BY (en, c->inv, KIND_DISK, IDX_DISK_storage_domains, sd_id)
		sum += M_GET(ENTITY_OBJ(en, disk), provisioned_size, 0);
	return sum;
}

bool storage_space(struct core *c, const char *sd_id, int64_t *free, int64_t *total)
{
	const struct sd_hot *h = g_hash_table_lookup(c->storage->domains, sd_id);

	if (!h || h->free < 0)
		return false;
	*free = h->free;
	*total = h->total;
	return true;
}

const char *storage_spm(struct core *c, const char *dc_id, struct err *e)
{
	const struct m_data_center *dc = dc_latest(c, dc_id);
	struct entity *host;

	if (!dc) {
		err_set(e, ERR_CONFLICT, "The data center does not exist any more.");
		return NULL;
	}
	host = inv_find(c->inv, KIND_HOST, dc->spm_host.id);
	if (dc->status != M_DATA_CENTER_STATUS_UP || !host || !host_is_up(c, host->id)) {
		err_set(e, ERR_CONFLICT,
		        "There is no active Host in the Data Center %s that manages its storage (status: %s).",
		        dc->name, m_enum_name(&M_ENUM_data_center_status, dc->status));
		return NULL;
	}
	return host->id;
}

const struct m_storage_domain *storage_active(struct core *c, const char *sd_id, struct err *e)
{
	const struct m_storage_domain *sd = sd_latest(c, sd_id);

	if (!sd) {
		err_set(e, ERR_CONFLICT, "The Storage Domain doesn't exist.");
		return NULL;
	}
	if (!sd->data_center.id || sd->status != M_STORAGE_DOMAIN_STATUS_ACTIVE) {
		err_set(e, ERR_CONFLICT, "The relevant Storage Domain %s is not active (status: %s).", sd->name,
		        m_enum_name(&M_ENUM_storage_domain_status, sd->status));
		return NULL;
	}
	return sd;
}

/* ---- life ---- */

static void storage_view(struct core *c, struct pool *p, const void *published, void *copy)
{
	const struct m_storage_domain *sd = published;
	const struct sd_hot *h = g_hash_table_lookup(c->storage->domains, sd->id);
	struct m_storage_domain *v = copy;

	M_SET(v, committed, storage_committed(c, sd->id));
	if (h && h->free >= 0) {
		M_SET(v, available, h->free);
		M_SET(v, used, MAX(h->total - h->free, 0));
	}
	v->external_status = M_EXTERNAL_STATUS_OK;
	/* Its status is one in a data center: shown there (attached storage domains). */
	if (sd->data_center.id) {
		v->status = 0;
		v->data_centers.v = POOL_ARRAY(p, struct m_ref, 1);
		v->data_centers.v[0].id = sd->data_center.id;
		v->data_centers.n = 1;
	}
	v->data_center = (struct m_ref){ 0 };
}

static void published(struct core *c, const char *id, const void *old, const void *new)
{
	if (!new)
		g_hash_table_remove(c->storage->domains, id);
}

static const struct kind_ops STORAGE_DOMAIN_KIND = { .view = storage_view, .published = published };

void storage_register(struct core *c)
{
	struct storage *s = g_new0(struct storage, 1);

	s->core = c;
	s->domains = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, sd_hot_free);
	s->pools = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	s->tasks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	s->strays = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	c->storage = s;
	core_register_kind(c, KIND_STORAGE_DOMAIN, &STORAGE_DOMAIN_KIND);
	jobs_register(c, &ADD_STORAGE_DOMAIN);
	jobs_register(c, &REMOVE_STORAGE_DOMAIN);
	jobs_register(c, &ATTACH_STORAGE_DOMAIN);
	jobs_register(c, &ACTIVATE_STORAGE_DOMAIN);
	jobs_register(c, &DEACTIVATE_STORAGE_DOMAIN);
	jobs_register(c, &DETACH_STORAGE_DOMAIN);
	api_register(STORAGE_OPS);
	api_register(ATTACHED_STORAGE_OPS);
	api_register(STORAGE_CONTENT_OPS);
}

void storage_start(struct core *c) { timer_start(c->loop, &c->storage->tick, STORAGE_TICK_MS, spm_tick, c->storage); }

void storage_free(struct core *c)
{
	struct storage *s = c->storage;

	if (!s)
		return;
	timer_stop(c->loop, &s->tick);
	g_hash_table_destroy(s->domains);
	g_hash_table_destroy(s->pools);
	g_hash_table_destroy(s->tasks);
	g_hash_table_destroy(s->strays);
	g_free(s);
	c->storage = NULL;
}

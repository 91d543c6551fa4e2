/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of volumes: what stands on what, what was written where; and the agents' jobs that copy and merge. */
#include <string.h>

#include "base/auto.h"
#include "manager/api/call.h"
#include "sim/sim_host.h"

enum { N_BITS = 64 };

/* ---- chains ---- */

struct sim_volume *sim_volume_parent(struct sim_sd *sd, const struct sim_volume *v)
{
	return v->parent[0] ? sim_volume_find(sd, v->parent_img, v->parent) : NULL;
}

int sim_volume_children(struct sim_sd *sd, const struct sim_volume *v)
{
	GHashTableIter it;
	struct sim_volume *other;
	int n = 0;

	g_hash_table_iter_init(&it, sd->volumes);
	while (g_hash_table_iter_next(&it, NULL, (void **)&other))
		n += other->parent[0] && strcmp(other->parent, v->vol) == 0 && strcmp(other->parent_img, v->img) == 0;
	return n;
}

uint64_t sim_volume_read(struct sim_sd *sd, const struct sim_volume *v)
{
	uint64_t data = 0;

	for (; v; v = sim_volume_parent(sd, v))
		data |= v->data;
	return data;
}

bool sim_volume_is_whole(struct sim_sd *sd, const struct sim_volume *v)
{
	if (!v->is_legal)
		return false;
	while (v->parent[0]) {
		v = sim_volume_parent(sd, v);
		if (!v)
			return false;
	}
	return true;
}

void sim_volume_write(struct sim *s, struct sim_volume *v)
{
	v->data |= (uint64_t)1 << (s->storage->n_writes++ % N_BITS);
}

/* ---- merging ---- */

static int find_merge(struct sim_sd *sd, const char *img, const char *base, const char *top, struct sim_volume **b,
                      struct sim_volume **t, struct err *e)
{
	*b = sim_volume_find(sd, img, base);
	*t = sim_volume_find(sd, img, top);
	if (*b && *t && strcmp((*t)->parent, base) == 0)
		return 0;
	sim_refuse(e, *b && *t ? 262 : 201, "Volume %s does not stand on volume %s", top, base);
	return -1;
}

int sim_merge_work(struct sim_task *t, struct sim_sd *sd, struct err *e)
{
	struct sim_volume *base, *top, *v;
	GHashTableIter it;

	if (find_merge(sd, t->img, t->vol, sim_text(t->params, "topID"), &base, &top, e) < 0)
		return -1;
	base->size = MAX(base->size, top->size);
	if (strcmp(t->verb, "StoragePool.prepareMerge") == 0)
		return 0;
	top->is_legal = false;
	g_hash_table_iter_init(&it, sd->volumes);
	while (g_hash_table_iter_next(&it, NULL, (void **)&v))
		if (strcmp(v->parent, top->vol) == 0 && strcmp(v->img, top->img) == 0)
			g_strlcpy(v->parent, base->vol, sizeof(v->parent));
	return 0;
}

static json_t *merge_task(struct sim_host *h, json_t *params, const char *verb, struct err *e)
{
	json_t *chain = json_object_get(params, "subchainInfo");
	const char *pool = sim_text(params, "storagepoolID");
	auto_json *flat = NULL;

	if (!sim_pool_spm(h, pool, e) || !sim_sd_find(h, sim_text(chain, "sd_id"), e))
		return NULL;
	flat = json_pack("{s:s,s:s,s:s,s:s}", "storagedomainID", sim_text(chain, "sd_id"), "imageID",
	                 sim_text(chain, "img_id"), "volumeID", sim_text(chain, "base_id"), "topID",
	                 sim_text(chain, "top_id"));
	return sim_task_begin(h, verb, pool, flat, true);
}

static json_t *prepare_merge(struct sim_host *h, json_t *params, struct err *e)
{
	return merge_task(h, params, "StoragePool.prepareMerge", e);
}

static json_t *finalize_merge(struct sim_host *h, json_t *params, struct err *e)
{
	return merge_task(h, params, "StoragePool.finalizeMerge", e);
}

/* ---- jobs ---- */

void sim_work_free(void *p)
{
	struct sim_work *w = p;

	g_free(w->verb);
	g_free(w->message);
	json_decref(w->params);
	g_free(w);
}

static struct sim_volume *volume_at(struct sim_host *h, json_t *where, struct sim_sd **sd, struct err *e)
{
	struct sim_volume *v;

	*sd = sim_sd_find(h, sim_text(where, "sd_id"), e);
	v = *sd ? sim_volume_find(*sd, sim_text(where, "img_id"), sim_text(where, "vol_id")) : NULL;
	if (*sd && !v)
		sim_refuse(e, 201, "Volume does not exist: %s", sim_text(where, "vol_id"));
	return v;
}

static int check_generation(const struct sim_volume *v, json_t *where, const char *key, struct err *e)
{
	if (v->generation == sim_int(where, key))
		return 0;
	sim_refuse(e, 911, "Generation mismatch: volume has %d", v->generation);
	return -1;
}

static int copy(struct sim_work *w, bool is_cut_short, struct err *e)
{
	struct sim_sd *from_sd, *to_sd;
	json_t *to_json = json_object_get(w->params, "destination");
	struct sim_volume *from = volume_at(w->host, json_object_get(w->params, "source"), &from_sd, e);
	struct sim_volume *to = from ? volume_at(w->host, to_json, &to_sd, e) : NULL;

	if (!to || check_generation(to, to_json, "generation", e) < 0)
		return -1;
	if (from->writer_host)
		sim_fail(w->sim, "volume %s is copied while vm %s writes to it", from->vol, from->writer_vm);
	to->is_legal = false;
	if (is_cut_short)
		return 0;
	to->data = sim_volume_read(from_sd, from);
	to->is_legal = true;
	to->generation++;
	return 0;
}

static int share(struct sim_work *w, struct err *e)
{
	struct sim_sd *sd;
	json_t *where = json_object_get(w->params, "vol_info");
	struct sim_volume *v = volume_at(w->host, where, &sd, e);

	if (!v || check_generation(v, where, "generation", e) < 0)
		return -1;
	v->is_shared = v->is_shared || strcmp(sim_text(json_object_get(w->params, "vol_attr"), "type"), "SHARED") == 0;
	v->generation++;
	return 0;
}

static int merge(struct sim_work *w, bool is_cut_short, struct err *e)
{
	json_t *chain = json_object_get(w->params, "subchain_info");
	struct sim_sd *sd = sim_sd_find(w->host, sim_text(chain, "sd_id"), e);
	struct sim_volume *base, *top;

	if (!sd ||
	    find_merge(sd, sim_text(chain, "img_id"), sim_text(chain, "base_id"), sim_text(chain, "top_id"), &base,
	               &top, e) < 0 ||
	    check_generation(base, chain, "base_generation", e) < 0)
		return -1;
	if (base->size < top->size) {
		sim_refuse(e, 79, "Volume %s is too small", base->vol);
		return -1;
	}
	base->data |= top->data;
	base->generation += !is_cut_short;
	return 0;
}

static int do_work(struct sim_work *w, bool is_cut_short, struct err *e)
{
	if (sim_happens(w->sim, w->sim->faults.fail_task)) {
		sim_refuse(e, 225, "Error copying a volume");
		return -1;
	}
	if (strcmp(w->verb, "SDM.copy_data") == 0)
		return copy(w, is_cut_short, e);
	if (strcmp(w->verb, "SDM.merge") == 0)
		return merge(w, is_cut_short, e);
	return strcmp(w->verb, "SDM.update_volume") == 0 && !is_cut_short ? share(w, e) : 0;
}

static char *work_key(const struct sim_host *h, const char *id) { return g_strconcat(h->address, "/", id, NULL); }

static void work_due(struct sim *s, void *arg)
{
	g_autofree char *key = arg;
	struct sim_work *w = g_hash_table_lookup(s->storage->works, key);
	struct err e = ERR_INIT;

	if (!w || w->is_finished)
		return;
	w->is_finished = true;
	if (do_work(w, false, &e) < 0) {
		w->code = e.agent_code;
		w->message = g_strdup(e.detail);
	}
	sim_tell(s, "%s: job %s %s: %s", w->host->address, w->id, w->verb, w->message ? w->message : "done");
}

/* Its worker dies with the agent: it was just done, or got somewhere. */
void sim_works_agent_died(struct sim_host *h)
{
	g_autoptr(GList) all = g_list_sort(g_hash_table_get_keys(h->sim->storage->works), (GCompareFunc)strcmp);

	for (GList *l = all; l; l = l->next) {
		struct sim_work *w = g_hash_table_lookup(h->sim->storage->works, l->data);
		struct err e = ERR_INIT;

		if (w->host != h)
			continue;
		if (!w->is_finished)
			do_work(w, sim_happens(h->sim, 500000), &e);
		g_hash_table_remove(h->sim->storage->works, l->data);
	}
}

static json_t *begin(struct sim_host *h, const char *verb, json_t *params, struct err *e)
{
	const char *id = sim_text(params, "job_id");
	char *key = work_key(h, id);
	struct sim_work *w;

	if (g_hash_table_contains(h->sim->storage->works, key)) {
		g_free(key);
		return sim_refuse(e, 69, "Job already exists: %s", id);
	}
	w = g_new0(struct sim_work, 1);
	w->sim = h->sim;
	w->host = h;
	w->verb = g_strdup(verb);
	w->params = json_incref(params);
	g_strlcpy(w->id, id, sizeof(w->id));
	g_hash_table_insert(h->sim->storage->works, key, w);
	sim_after(h->sim, sim_between(h->sim, 100, 60 * SIM_SECOND), work_due, g_strdup(key), g_free, &h->agent_life);
	return json_true();
}

static json_t *copy_data(struct sim_host *h, json_t *params, struct err *e)
{
	return begin(h, "SDM.copy_data", params, e);
}
static json_t *update_volume(struct sim_host *h, json_t *params, struct err *e)
{
	return begin(h, "SDM.update_volume", params, e);
}
static json_t *merge_data(struct sim_host *h, json_t *params, struct err *e)
{
	return begin(h, "SDM.merge", params, e);
}
static json_t *seal(struct sim_host *h, json_t *params, struct err *e) { return begin(h, "VM.seal", params, e); }

static json_t *get_jobs(struct sim_host *h, json_t *params, struct err *e)
{
	json_t *out = json_object(), *id;
	size_t i;

	json_array_foreach (json_object_get(params, "job_ids"), i, id) {
		g_autofree char *key = work_key(h, json_string_value(id));
		const struct sim_work *w = g_hash_table_lookup(h->sim->storage->works, key);
		json_t *one;

		if (!w)
			continue;
		one = json_pack("{s:s,s:s,s:i}", "id", w->id, "status",
		                !w->is_finished ? "running"
		                : w->message    ? "failed"
		                                : "done",
		                "progress", w->is_finished ? 100 : 50);
		if (w->message)
			json_object_set_new(one, "error",
			                    json_pack("{s:i,s:s}", "code", w->code, "message", w->message));
		json_object_set_new(out, w->id, one);
	}
	return out;
}

/* ---- snapshots of running VMs ---- */

static void replace(char **text, const char *from, const char *to)
{
	g_auto(GStrv) parts = g_strsplit(*text, from, -1);

	g_free(*text);
	*text = g_strjoinv(to, parts);
}

static int switch_disk(struct sim_vm *vm, json_t *drive, struct err *e)
{
	for (int i = 0; i < vm->n_disks; i++) {
		struct sim_vm_disk *d = &vm->disks[i];
		struct sim_sd *sd =
		    strcmp(d->img, sim_text(drive, "imageID")) == 0 ? sim_sd_find(vm->host, d->sd, e) : NULL;
		struct sim_volume *old = sd ? sim_volume_find(sd, d->img, d->vol) : NULL;
		struct sim_volume *leaf = sd ? sim_volume_find(sd, d->img, sim_text(drive, "volumeID")) : NULL;

		if (!old || !leaf)
			continue;
		replace(&vm->xml, d->vol, leaf->vol);
		g_strlcpy(d->vol, leaf->vol, sizeof(d->vol));
		leaf->writer_host = vm->host;
		g_strlcpy(leaf->writer_vm, vm->id, sizeof(leaf->writer_vm));
		old->writer_host = NULL;
		sim_volume_write(vm->host->sim, leaf);
		return 0;
	}
	sim_refuse(e, 48, "Snapshot failed");
	return -1;
}

static json_t *snapshot(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = g_hash_table_lookup(h->vms, sim_text(params, "vmID"));
	json_t *one;
	size_t i;

	if (!vm || !vm->is_running)
		return sim_refuse(e, 1, "Virtual machine does not exist");
	json_array_foreach (json_object_get(params, "snapDrives"), i, one)
		if (switch_disk(vm, one, e) < 0)
			return NULL;
	return json_true();
}

/* The definition, and behind it the volumes of disks that were plugged in since. */
static char *dump(const struct sim_vm *vm)
{
	GString *xml = g_string_new(vm->xml);

	for (int i = 0; i < vm->n_disks; i++)
		g_string_append_printf(xml, "<!-- %s: %s -->", vm->disks[i].name, vm->disks[i].vol);
	return g_string_free(xml, FALSE);
}

static json_t *dumpxmls(struct sim_host *h, json_t *params, struct err *e)
{
	json_t *out = json_object(), *id;
	size_t i;

	json_array_foreach (json_object_get(params, "vmList"), i, id) {
		const struct sim_vm *vm = g_hash_table_lookup(h->vms, json_string_value(id));

		if (vm) {
			g_autofree char *xml = dump(vm);

			json_object_set_new(out, vm->id, json_string(xml));
		}
	}
	return out;
}

#define JOB "job_id=u "
const struct sim_verb SIM_CHAIN_VERBS[] = {
	{ "StoragePool.prepareMerge", "storagepoolID=u subchainInfo=o", prepare_merge, false },
	{ "StoragePool.finalizeMerge", "storagepoolID=u subchainInfo=o", finalize_merge, false },
	{ "SDM.copy_data", JOB "source=o destination=o copy_bitmaps=b?", copy_data, false },
	{ "SDM.update_volume", JOB "vol_info=o vol_attr=o", update_volume, false },
	{ "SDM.merge", JOB "subchain_info=o merge_bitmaps=b?", merge_data, false },
	{ "VM.seal", JOB "vmID=u sp_id=u images=a", seal, false },
	{ "Host.getJobs", "job_type=s? job_ids=a?", get_jobs, false },
	{ "VM.snapshot", "vmID=u snapDrives=a frozen=b? snapMemory=s? jobUUID=u? timeout=i? freeze_timeout=i?",
	  snapshot, false },
	{ "Host.dumpxmls", "vmList=a", dumpxmls, false },
	{ NULL, NULL, NULL, false },
};

/* ---- is all well? ---- */

static void mark(GHashTable *seen, struct sim_sd *sd, const char *img, const char *vol)
{
	struct sim_volume *v = vol ? sim_volume_find(sd, img, vol) : NULL;

	for (; v; v = sim_volume_parent(sd, v))
		g_hash_table_add(seen, v);
}

static const char *text(const json_t *one, const char *key)
{
	const char *s = json_string_value(json_object_get(one, key));
	return s ? s : "";
}

/* Volumes of a snapshot, as long as its disks are there. */
static char *mark_snapshot(struct sim *s, struct sim_sd *sd, const struct m_snapshot *snap, GHashTable *seen)
{
	auto_json *content = snap->content ? json_loads(snap->content, 0, NULL) : NULL;
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(content, "volumes"), i, one) {
		const struct m_disk *d = INV_GET(s->core->inv, DISK, disk, text(one, "disk"));
		struct sim_volume *v;

		if (!d || d->status == M_DISK_STATUS_ILLEGAL || !d->storage_domains.n ||
		    strcmp(d->storage_domains.v[0].id, sd->id) != 0)
			continue;
		v = sim_volume_find(sd, d->id, text(one, "volume"));
		if (!v || !sim_volume_is_whole(sd, v))
			return g_strdup_printf("snapshot '%s' has lost volume %s", snap->description,
			                       text(one, "volume"));
		mark(seen, sd, d->id, v->vol);
	}
	return NULL;
}

char *sim_chains_wrong(struct sim *s, struct sim_sd *sd)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_direct_hash, g_direct_equal);
	GHashTableIter it;
	struct sim_volume *v;

	INV_EACH (e, s->core->inv, KIND_DISK) {
		const struct m_disk *d = e->pub;

		v = d->volume_id ? sim_volume_find(sd, d->id, d->volume_id) : NULL;
		if (v && d->status == M_DISK_STATUS_OK && !sim_volume_is_whole(sd, v))
			return g_strdup_printf("disk %s stands on what is not there, or is illegal",
			                       STR_OR(d->alias, d->id));
		if (v)
			mark(seen, sd, d->id, v->vol);
	}
	INV_EACH (e, s->core->inv, KIND_SNAPSHOT) {
		char *wrong = mark_snapshot(s, sd, e->pub, seen);

		if (wrong)
			return wrong;
	}
	g_hash_table_iter_init(&it, sd->volumes);
	while (g_hash_table_iter_next(&it, NULL, (void **)&v)) {
		const struct m_disk *d = INV_GET(s->core->inv, DISK, disk, v->img);

		if (d && d->status == M_DISK_STATUS_OK && !g_hash_table_contains(seen, v))
			return g_strdup_printf("volume %s of disk %s is of no use to anybody", v->vol,
			                       STR_OR(d->alias, d->id));
	}
	return NULL;
}

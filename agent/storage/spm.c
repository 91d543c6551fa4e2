/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Being the storage pool manager. For local domains the lease is an exclusive lock on the master's
 * `ids`: the worker takes it and hands us the descriptor, which every process that works for the SPM
 * inherits. So a new agent becomes SPM only when the last process of the old one is gone.
 *
 * A term is told from the next by the lease version, which the master's metadata remembers.
 */
#include <string.h>
#include <unistd.h>

#include "agent/storage/sd_meta.h"
#include "agent/storage/storage_int.h"
#include "base/log.h"

#define LEASE_TRIES    25
#define LEASE_PAUSE_MS 200 /* processes of an agent that was killed need a moment to die */

static int acquire_lease(struct spool *p, struct sdomain *master, struct err *e)
{
	json_t *args, *ok = NULL;
	int fd = -1;

	if (!master->worker)
		master->worker = client_new(p->storage->workers, -1);
	for (int i = 0; i < LEASE_TRIES && !ok; i++) {
		if (i)
			fiber_sleep(LEASE_PAUSE_MS);
		args = sdomain_args(master);
		ok = client_call(master->worker, "lease.acquire", args, STORAGE_CALL_MS, &fd, e);
		if (!ok && e->agent_code != SC_SPM_LOCK)
			break;
	}
	if (!ok)
		return storage_settle_error(e);
	json_decref(ok);
	if (fd < 0)
		return err_agent(e, SC_SPM_LOCK, "Cannot acquire the lease of domain %s", master->id);
	p->lease_fd = fd;
	return 0;
}

static void drop_lease(struct spool *p)
{
	if (p->lease_fd >= 0)
		close(p->lease_fd);
	p->lease_fd = -1;
}

/* Garbage is removed while nobody else can work on the domain; that it is not is no reason to fail. */
static void collect_garbage(struct spool *p)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	const char *sd;
	json_t *state;

	json_object_foreach (p->domains, sd, state)
		g_ptr_array_add(ids, g_strdup(sd));
	for (guint i = 0; i < ids->len; i++) {
		struct sdomain *d = sdomain_get(p->storage, ids->pdata[i]);
		struct err e = ERR_INIT;
		json_t *result;

		if (!d->mount || sdomain_check_writable(d, &e) < 0 || slock_take(p->storage, d->id, true, &e) < 0)
			continue;
		result = sdomain_call_alone(d, "domain.collect", json_object(), 10 * STORAGE_CALL_MS, &e);
		slock_release(p->storage, d->id, true);
		if (!result)
			log_warn("garbage could not be collected", "DOMAIN", d->id, "ERROR", e.detail);
		json_decref(result);
	}
}

static int begin_term(struct spool *p, struct sdomain *master, struct err *e)
{
	const json_t *meta = sdomain_read(master, e);
	json_t *set;
	int64_t lver;

	if (!meta)
		return -1;
	lver = sd_meta_get_int(meta, "POOL_SPM_LVER", -1) + 1;
	set = json_object();
	sd_meta_set_int(set, "POOL_SPM_ID", p->host_id);
	sd_meta_set_int(set, "POOL_SPM_LVER", lver);
	if (sdomain_update(master, set, e) < 0)
		return -1;
	p->lver = lver;
	return 0;
}

static int become_spm(struct stask *t, struct err *e)
{
	struct spool *p = t->pool;
	struct sdomain *master;

	if (sdomain_find(p->storage, p->master, &master, e) < 0 || sdomain_check_writable(master, e) < 0 ||
	    acquire_lease(p, master, e) < 0) {
		p->spm = SPM_FREE;
		return -1;
	}
	if (begin_term(p, master, e) < 0 || stasks_load(p, e) < 0) {
		spm_release(p);
		return -1;
	}
	collect_garbage(p);
	p->spm = SPM_IS_SPM;
	log_info("this host is SPM", "POOL", p->id, "MASTER", p->master);
	return 0;
}

void spm_release(struct spool *p)
{
	struct sdomain *master = sdomain_get(p->storage, p->master);
	struct err e = ERR_INIT;
	json_t *set = json_object();

	sd_meta_set_int(set, "POOL_SPM_ID", -1);
	if (p->lease_fd >= 0 && master->mount && sdomain_update(master, json_incref(set), &e) < 0)
		log_warn("end of SPM term could not be written", "POOL", p->id, "ERROR", e.detail);
	json_decref(set);
	p->spm = SPM_FREE;
	stasks_forget(p);
	drop_lease(p);
}

int sverb_spm_start(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	const char *id;
	struct spool *p;

	if (verb_uuid(c, "storagepoolID", &id, e) < 0 || spool_find(s, id, &p, e) < 0)
		return -1;
	if (p->spm != SPM_FREE)
		return err_agent(e, p->spm == SPM_IS_SPM ? SC_IS_SPM : 2005,
		                 "Operation not allowed: host is or becomes SPM");
	p->spm = SPM_CONTEND;
	if (stask_start_fn(s, c, p, become_spm, e) < 0) {
		p->spm = SPM_FREE;
		return -1;
	}
	return 0;
}

int sverb_spm_stop(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	const char *id;
	struct spool *p;

	if (verb_uuid(c, "storagepoolID", &id, e) < 0 || spool_find(s, id, &p, e) < 0)
		return -1;
	if (p->spm == SPM_FREE)
		return 0;
	if (p->spm == SPM_CONTEND || stasks_are_running(p))
		return err_agent(e, 406, "Task in progress: pool %s", id);
	spm_release(p);
	log_info("this host is no longer SPM", "POOL", p->id);
	return 0;
}

int sverb_spm_status(struct agent *a, struct verb_call *c, struct err *e)
{
	static const char *const NAMES[] = { [SPM_FREE] = "Free", [SPM_CONTEND] = "Contend", [SPM_IS_SPM] = "SPM" };
	bool is_spm;
	const char *id;
	struct spool *p;

	if (verb_uuid(c, "storagepoolID", &id, e) < 0 || spool_find(storage_of(a), id, &p, e) < 0)
		return -1;
	is_spm = p->spm == SPM_IS_SPM;
	c->result = json_pack("{s:I,s:s,s:I}", "spmId", (json_int_t)(is_spm ? p->host_id : -1), "spmStatus",
	                      NAMES[p->spm], "spmLver", (json_int_t)(is_spm ? p->lver : -1));
	return 0;
}

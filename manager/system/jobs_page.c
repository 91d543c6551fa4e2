/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET hostler/jobs?max=: the last jobs, the newest first, as people follow them: with their steps, the objects they are about and why
 * they failed, which the API's jobs do not say. Only what the asker may see.
 */
#include <stdlib.h>

#include "manager/api/page.h"
#include "manager/core/perm.h"
#include "manager/system/pages.h"

enum { JOBS_DEFAULT = 100, JOBS_MAX = 1000 };

/* What jobs are about; kinds in the order in which one asks. */
static const enum kind KINDS[] = { KIND_VM,      KIND_HOST,    KIND_DISK,        KIND_TEMPLATE,     KIND_STORAGE_DOMAIN,
	                           KIND_CLUSTER, KIND_NETWORK, KIND_DATA_CENTER, KIND_VNIC_PROFILE, KIND_USER,
	                           KIND_SNAPSHOT };

static void set_time(json_t *o, const char *key, bool is_set, int64_t ms)
{
	if (is_set)
		json_object_set_new(o, key, json_integer(ms));
}

static void set_text(json_t *o, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(o, key, json_string(text));
}

static json_t *step_doc(const struct m_step *s)
{
	json_t *o = json_pack("{s:s,s:s}", "id", s->id, "status", m_enum_name(&M_ENUM_step_status, s->status));

	json_object_set_new(o, "description", json_string(s->description ? s->description : ""));
	set_text(o, "parent", s->parent_step.id);
	set_time(o, "start_time", s->has.start_time, s->start_time);
	set_time(o, "end_time", s->has.end_time, s->end_time);
	if (s->has.progress)
		json_object_set_new(o, "progress", json_integer(s->progress));
	return o;
}

static json_t *steps_of(struct core *c, const struct m_job *j)
{
	json_t *list = json_array();

	INV_EACH_BY (en, c->inv, KIND_STEP, IDX_STEP_job, j->id)
		json_array_append_new(list, step_doc(en->pub));
	return list;
}

static json_t *object_doc(struct core *c, const struct identity *who, const char *id)
{
	for (size_t i = 0; i < G_N_ELEMENTS(KINDS); i++) {
		const void *obj = inv_get(c->inv, KINDS[i], id);
		json_t *o;

		if (!obj)
			continue;
		if (!perm_can_see(c, who, KINDS[i], id))
			return NULL;
		o = json_pack("{s:s,s:s}", "type", M_KINDS[KINDS[i]].type->name, "id", id);
		set_text(o, "name", m_entity(M_KINDS[KINDS[i]].type, obj)->name);
		return o;
	}
	return NULL;
}

static json_t *objects_of(struct core *c, const struct identity *who, const struct m_job *j)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < j->objects.n; i++) {
		json_t *o = object_doc(c, who, j->objects.v[i]);

		if (o)
			json_array_append_new(list, o);
	}
	return list;
}

static json_t *job_doc(struct core *c, const struct identity *who, const struct m_job *j)
{
	const struct m_user *u = INV_GET(c->inv, USER, user, j->owner.id);
	json_t *o = json_pack("{s:s,s:s,s:o,s:o}", "id", j->id, "status", m_enum_name(&M_ENUM_job_status, j->status),
	                      "objects", objects_of(c, who, j), "steps", steps_of(c, j));

	json_object_set_new(o, "description", json_string(j->description ? j->description : ""));
	set_time(o, "start_time", j->has.start_time, j->start_time);
	set_time(o, "end_time", j->has.end_time, j->end_time);
	set_text(o, "correlation_id", j->correlation_id);
	set_text(o, "error", j->error);
	if (u) {
		json_object_set_new(o, "owner", json_pack("{s:s}", "id", u->id));
		set_text(json_object_get(o, "owner"), "name", u->user_name);
	}
	return o;
}

/* How many are asked for; 0: the parameter is no such number. */
static unsigned limit_of(struct page_call *pc)
{
	const char *text = page_param(pc, "max");
	char *end;
	long n;

	if (!text)
		return JOBS_DEFAULT;
	n = strtol(text, &end, 10);
	return *text && !*end && n > 0 ? (unsigned)MIN(n, JOBS_MAX) : 0;
}

static int by_start(const void *a, const void *b)
{
	const struct m_job *x = *(const struct m_job *const *)a, *y = *(const struct m_job *const *)b;

	return x->start_time < y->start_time ? 1 : x->start_time > y->start_time ? -1 : 0;
}

/* All jobs, the newest first: after a restart they are in no order of time. In the pool; *n of them. */
static const struct m_job **jobs_by_time(struct page_call *pc, unsigned *n)
{
	const struct m_job **list = POOL_ARRAY(pc->pool, const struct m_job *, inv_count(pc->core->inv, KIND_JOB) + 1);

	*n = 0;
	INV_EACH (en, pc->core->inv, KIND_JOB)
		list[(*n)++] = en->pub;
	qsort(list, *n, sizeof(*list), by_start);
	return list;
}

void jobs_page(struct page_call *pc)
{
	unsigned max = limit_of(pc), n;
	const struct m_job **jobs;
	struct err e = ERR_INIT;
	struct identity who;
	json_t *list;

	if (page_login(pc, &who, NULL, &e) < 0) {
		page_refuse(pc, &e);
		return;
	}
	if (!max) {
		page_refuse_status(pc, 400, "max must be a positive number.");
		return;
	}
	list = json_array();
	jobs = jobs_by_time(pc, &n);
	for (unsigned i = 0; i < n && json_array_size(list) < max; i++)
		if (perm_can_see(pc->core, &who, KIND_JOB, jobs[i]->id))
			json_array_append_new(list, job_doc(pc->core, &who, jobs[i]));
	page_reply_json(pc, 200, list);
}

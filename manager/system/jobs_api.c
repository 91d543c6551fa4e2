/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs and their steps: those of the Manager are read; those of other programs are begun, ended and cleared here. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/system/system.h"

/* A job of another program that the path names; a published version. */
static const struct m_job *external_job(struct call *c, struct err *e)
{
	const struct m_job *job = CALL_ENTITY(c, 0, JOB, job, e);

	if (job && M_GET(job, external, false))
		return job;
	if (job)
		err_set(e, ERR_CONFLICT,
		        "Cannot change Job. It is not external; the Manager ends and clears it by itself.");
	return NULL;
}

static int job_add(struct call *c, struct err *e)
{
	struct event_refs refs = call_refs(c);
	struct m_job *job, *body = c->body;
	struct txn *t;
	char *id;

	if (!body->description || !*body->description)
		return err_field(e, ERR_MISSING, "job.description", "Job [description] required for add");
	t = txn_begin(c->core);
	job = generic_create(c, t, KIND_JOB, false, e);
	if (!job) {
		txn_cancel(t);
		return -1;
	}
	id = pool_strdup(c->pool, job->id);
	job->status = M_JOB_STATUS_STARTED;
	job->correlation_id = pool_strdup(txn_pool(t), c->correlation_id);
	REF_SET(txn_pool(t), job->owner, c->who.user_id);
	DEFAULT(job, auto_cleared, true);
	M_SET(job, external, true);
	M_SET(job, start_time, loop_wall_ms(c->core->loop));
	M_SET(job, last_updated, job->start_time);
	txn_event(t, "USER_ADD_EXTERNAL_JOB", &refs, "Job %s was added.", job->description);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_JOB, id);
}

static int job_clear(struct call *c, struct err *e)
{
	const struct m_job *job = external_job(c, e);
	struct m_job *draft;
	struct txn *t;

	if (!job)
		return -1;
	t = txn_begin(c->core);
	draft = txn_edit(t, KIND_JOB, job->id);
	if (draft) {
		M_SET(draft, auto_cleared, true);
		M_SET(draft, last_updated, loop_wall_ms(c->core->loop));
	}
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

static void end_step(struct txn *t, const char *id, bool ok)
{
	struct m_step *step = txn_edit(t, KIND_STEP, id);

	if (!step || step->status != M_STEP_STATUS_STARTED)
		return;
	step->status = ok ? M_STEP_STATUS_FINISHED : M_STEP_STATUS_FAILED;
	M_SET(step, end_time, loop_wall_ms(txn_core(t)->loop));
}

static bool asked_to_succeed(const struct call *c) { return !c->action || M_GET(c->action, succeeded, true); }

/* With the job end those of its steps that have not ended. */
static int job_end(struct call *c, struct err *e)
{
	const struct m_job *job = external_job(c, e);
	bool ok = asked_to_succeed(c);
	struct m_job *draft;
	struct txn *t;

	if (!job)
		return -1;
	if (job->status != M_JOB_STATUS_STARTED && !(c->action && M_GET(c->action, force, false)))
		return err_set(e, ERR_CONFLICT, "Cannot end Job. It has ended already.");
	t = txn_begin(c->core);
	INV_EACH_BY (en, c->core->inv, KIND_STEP, IDX_STEP_job, job->id)
		end_step(t, en->id, ok);
	draft = txn_edit(t, KIND_JOB, job->id);
	if (draft) {
		draft->status = ok ? M_JOB_STATUS_FINISHED : M_JOB_STATUS_FAILED;
		M_SET(draft, end_time, loop_wall_ms(c->core->loop));
		M_SET(draft, last_updated, draft->end_time);
	}
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

static int step_add(struct call *c, struct err *e)
{
	const struct m_job *job = external_job(c, e);
	struct m_step *step, *body = c->body;
	unsigned n;
	struct txn *t;
	char *id;

	if (!job)
		return -1;
	if (!body->description || !*body->description)
		return err_field(e, ERR_MISSING, "step.description", "Step [description] required for add");
	if (job->status != M_JOB_STATUS_STARTED)
		return err_set(e, ERR_CONFLICT, "Cannot add Step. The job has ended already.");
	if (body->parent_step.id || body->parent_step.obj)
		return err_field(e, ERR_UNSUPPORTED, "step.parent_step", "Steps below steps are not supported.");
	inv_latest_by(c->core->inv, c->pool, KIND_STEP, IDX_STEP_job, job->id, &n);
	t = txn_begin(c->core);
	step = generic_create(c, t, KIND_STEP, false, e);
	if (!step) {
		txn_cancel(t);
		return -1;
	}
	id = pool_strdup(c->pool, step->id);
	REF_SET(txn_pool(t), step->job, job->id);
	step->status = M_STEP_STATUS_STARTED;
	step->end_time = 0;
	step->has.end_time = false;
	M_SET(step, external, true);
	M_SET(step, number, n);
	M_SET(step, start_time, loop_wall_ms(c->core->loop));
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_STEP, id);
}

static int step_end(struct call *c, struct err *e)
{
	const struct m_job *job = external_job(c, e);
	const struct m_step *step = job ? generic_target(c, e) : NULL;
	struct txn *t;

	if (!step)
		return -1;
	if (step->status != M_STEP_STATUS_STARTED)
		return err_set(e, ERR_CONFLICT, "Cannot end Step. It has ended already.");
	t = txn_begin(c->core);
	end_step(t, step->id, asked_to_succeed(c));
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

const struct api_op JOB_OPS[] = {
	ROW("jobs.list", generic_list, KIND_JOB),
	ROW("job.get", generic_get, KIND_JOB),
	ROW("jobs.add", job_add, KIND_JOB, SYS("inject_external_tasks")),
	ROW("job.clear", job_clear, KIND_JOB, SYS("inject_external_tasks")),
	ROW("job.end", job_end, KIND_JOB, SYS("inject_external_tasks")),
	ROW("steps.list", generic_list, KIND_STEP, BELOW(KIND_JOB, IDX_STEP_job)),
	ROW("step.get", generic_get, KIND_STEP, BELOW(KIND_JOB, IDX_STEP_job)),
	ROW("steps.add", step_add, KIND_STEP, BELOW(KIND_JOB, IDX_STEP_job), SYS("inject_external_tasks")),
	ROW("step.end", step_end, KIND_STEP, BELOW(KIND_JOB, IDX_STEP_job), SYS("inject_external_tasks")),
	{ .name = NULL },
};

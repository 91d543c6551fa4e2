/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of hosts: long work on volumes that lives in the agent's memory alone. The Manager names them, so that one that was
 * begun by an earlier life is found again; what they did is told by storage.
 */
#include "manager/disks/disks_int.h"
#include "manager/disks/volumes.h"

enum { POLL_MIN_MS = 200, POLL_MAX_MS = 2000, TRIES = 20, JOB_EXISTS = 69 };

/* What the host says of a job; NULL: it knows none of this name. */
static int ask(struct job *j, const char *host, const char *id, json_t **out, struct err *e)
{
	auto_json *all = NULL;
	json_t *one;

	if (agent_call(job_core(j), host, "Host.getJobs",
	               json_pack("{s:s,s:[s]}", "job_type", "storage", "job_ids", id), DISK_CALL_MS, job_correlation(j),
	               &all, e) < 0)
		return -1;
	one = json_object_get(all, id);
	*out = json_incref(one);
	return 0;
}

static int failure(const json_t *job, struct err *e)
{
	json_t *why = json_object_get(job, "error");
	const char *message = json_string_value(json_object_get(why, "message"));

	return err_agent(e, (int)json_integer_value(json_object_get(why, "code")), "%.500s",
	                 message ? message : "the work on the host failed");
}

/* 0: done, 1: it failed, with e. -1: nobody knows. */
static int wait_end(struct job *j, const char *host, const char *id, struct err *e)
{
	int64_t pause = POLL_MIN_MS;
	int told = 0;

	for (;;) {
		auto_json *job = NULL;
		const char *status;
		int percent;

		if (ask(j, host, id, &job, e) < 0)
			return -1;
		if (!job)
			return err_set(e, ERR_NETWORK, "The host does not know the work any more.");
		status = json_string_value(json_object_get(job, "status"));
		if (g_strcmp0(status, "done") == 0)
			return 0;
		if (g_strcmp0(status, "failed") == 0 || g_strcmp0(status, "aborted") == 0) {
			failure(job, e);
			return 1;
		}
		percent = (int)json_integer_value(json_object_get(job, "progress"));
		if (percent >= told + 5)
			job_progress(j, told = percent);
		fiber_sleep(pause);
		pause = MIN(pause * 2, POLL_MAX_MS);
	}
}

int host_job_run(struct job *j, const char *host, const char *method, const char *word, const char *volume,
                 json_t *params, struct err *e)
{
	auto_json *all = params;

	for (int try = 0; try < TRIES; try++) {
		g_autofree char *name = g_strdup_printf("%s %s %d", word, volume, try);
		bool is_ours = true;
		uuid_text id;
		int rc;

		uuid_derive(job_id(j), name, id);
		json_object_set_new(all, "job_id", json_string(id));
		if (agent_call(job_core(j), host, method, json_incref(all), DISK_CALL_MS, job_correlation(j), NULL, e) <
		    0) {
			if (!disk_is_agent(e, JOB_EXISTS))
				return -1;
			is_ours = false;
		}
		rc = wait_end(j, host, id, e);
		if (rc <= 0)
			return rc;
		if (is_ours) /* else one of an earlier try failed: this is the next */
			return -1;
	}
	return -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs on disks ask of storage, and what storage keeps of a disk's name. */
#include <string.h>

#include "base/log.h"
#include "manager/disks/disks_int.h"

json_t *disk_job_place(struct job *j, const char *disk_id)
{
	return json_pack("{s:s,s:s,s:s}", "storagedomainID", job_text(j, "domain"), "storagepoolID", job_text(j, "dc"),
	                 "imageID", disk_id);
}

/* After a loss, what was begun before may still run. The first try of a new job has nothing to wait for. */
static int settle(struct job *j, const char *host, struct err *e)
{
	if (!job_is_resumed(j) && !json_object_get(job_data(j), "again")) {
		json_object_set_new(job_data(j), "again", json_true());
		return 0;
	}
	if (storage_settle_host(job_core(j), host, job_correlation(j), e) < 0)
		return -1;
	return storage_check_spm(job_core(j), host, job_text(j, "dc"), job_correlation(j), e);
}

const char *disk_job_spm(struct job *j, struct err *e)
{
	const char *host = storage_wait_spm(job_core(j), job_pool(j), job_text(j, "dc"), DISK_CALL_MS, e);

	return host && settle(j, host, e) == 0 ? host : NULL;
}

bool disk_is_agent(const struct err *e, int code) { return e->code == ERR_AGENT && e->agent_code == code; }

static bool is_gone(const struct err *e)
{
	return disk_is_agent(e, AGENT_IMAGE_MISSING) || disk_is_agent(e, AGENT_VOLUME_MISSING);
}

int disk_job_volume(struct job *j, const char *host, const char *disk_id, const char *volume_id, json_t **info,
                    struct err *e)
{
	json_t *params = disk_job_place(j, disk_id);

	json_object_set_new(params, "volumeID", json_string(volume_id));
	if (agent_call(job_core(j), host, "Volume.getInfo", params, DISK_CALL_MS, job_correlation(j), info, e) == 0)
		return 1;
	return is_gone(e) ? 0 : -1;
}

int64_t disk_info_number(const json_t *info, const char *name)
{
	const json_t *v = json_object_get(info, name);
	return json_is_string(v) ? g_ascii_strtoll(json_string_value(v), NULL, 10) : json_integer_value(v);
}

int disk_job_delete_image(struct job *j, const char *host, const char *disk_id, bool post_zero, struct err *e)
{
	json_t *params = disk_job_place(j, disk_id);

	json_object_set_new(params, "postZero", json_boolean(post_zero));
	json_object_set_new(params, "force", json_false());
	if (storage_run_task(j, host, "Image.delete", params, e) < 0)
		return is_gone(e) ? 0 : -1;
	return 0;
}

/* ---- descriptions ---- */

#define DESC_MAX 210 /* bytes that a volume's metadata keeps */

static char *description_json(struct pool *p, const char *name, const char *text)
{
	auto_json *o = json_pack("{s:s,s:s}", "DiskAlias", name, "DiskDescription", text);
	char *s = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII), *out = pool_strdup(p, s);

	free(s);
	return out;
}

/* Drop the last character. */
static void shorten(char *s)
{
	if (*s)
		*g_utf8_find_prev_char(s, s + strlen(s)) = 0;
}

char *disk_description(struct pool *p, const struct m_disk *disk)
{
	char *name = pool_strdup(p, disk->name ? disk->name : ""),
	     *text = pool_strdup(p, disk->description ? disk->description : "");
	char *out;

	for (;;) {
		out = description_json(p, name, text);
		if (!out || strlen(out) <= DESC_MAX || (!*name && !*text))
			return out ? out : pool_strdup(p, "{}");
		shorten(*text ? text : name);
	}
}

struct description {
	struct core *core;
	char *disk_id;
};

static void write_fiber(void *arg)
{
	struct description *w = arg;
	const struct m_disk *d = disk_latest(w->core, w->disk_id);
	const struct m_storage_domain *sd;
	struct err e = ERR_INIT;
	auto_pool p = pool_new();
	const char *host;

	sd = d && disk_domain(d) ? storage_active(w->core, disk_domain(d), &e) : NULL;
	host = sd ? storage_spm(w->core, sd->data_center.id, &e) : NULL;
	if (host && agent_call(w->core, host, "Volume.setDescription",
	                       json_pack("{s:s,s:s,s:s,s:s,s:s}", "storagepoolID", sd->data_center.id,
	                                 "storagedomainID", sd->id, "imageID", d->id, "volumeID", d->volume_id,
	                                 "description", disk_description(p, d)),
	                       DISK_CALL_MS, NULL, NULL, &e) < 0)
		log_warn("description of disk could not be written to storage", "DISK", w->disk_id, "REASON", e.detail);
	g_free(w->disk_id);
	g_free(w);
}

void disk_write_description(struct core *c, const char *disk_id)
{
	struct description *w = g_new(struct description, 1);

	*w = (struct description){ c, g_strdup(disk_id) };
	fiber_start(c->loop, "disk-description", write_fiber, w);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Hook scripts that are installed on a host, as its capabilities list them. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/hosts/host_int.h"

enum { MAX_HOOKS = 4096 };

static struct m_hook *make_hook(struct call *c, const char *host_id, const char *point, const char *name, json_t *sums)
{
	struct m_hook *h = m_new(c->pool, &M_TYPE_hook);
	const char *md5 = json_string_value(json_object_get(sums, "md5"));
	uuid_text id;

	uuid_derive(host_id, pool_printf(c->pool, "%s/%s", point, name), id);
	h->id = pool_strdup(c->pool, id);
	h->name = pool_strdup(c->pool, name);
	h->event_name = pool_strdup(c->pool, point);
	h->md5 = pool_strdup(c->pool, md5 ? md5 : "");
	REF_SET(c->pool, h->host, host_id);
	return h;
}

/* {POINT: {SCRIPT: {"checksum", "md5"}}}; nothing of it is trusted to be there. */
static void **make_hooks(struct call *c, const char *host_id, size_t *n)
{
	json_t *points = json_object_get(host_caps(c->core, host_id), "hooks"), *scripts, *sums;
	const char *point, *name;
	size_t max = 0;
	void **list;

	json_object_foreach (points, point, scripts)
		max += json_object_size(scripts);
	max = MIN(max, MAX_HOOKS);
	list = POOL_ARRAY(c->pool, void *, max + 1);
	*n = 0;
	json_object_foreach (points, point, scripts)
		json_object_foreach (scripts, name, sums)
			if (*n < max)
				list[(*n)++] = make_hook(c, host_id, point, name, sums);
	return list;
}

static int hook_list(struct call *c, struct err *e)
{
	size_t n;
	void **list;

	if (!call_entity(c, 0, KIND_HOST, e))
		return -1;
	list = make_hooks(c, c->ids[0], &n);
	return call_reply_list(c, &M_TYPE_hook, list, n);
}

static int hook_get(struct call *c, struct err *e)
{
	size_t n;
	void **list;

	if (!call_entity(c, 0, KIND_HOST, e))
		return -1;
	list = make_hooks(c, c->ids[0], &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(((struct m_hook *)list[i])->id, c->ids[1]) == 0)
			return call_reply_entity(c, &M_TYPE_hook, list[i]);
	return err_set(e, ERR_NO_ENTITY, "The host has no hook %s.", c->ids[1]);
}

const struct api_op HOST_HOOK_OPS[] = {
	ROW("host_hooks.list", hook_list, NO_KIND),
	ROW("host_hook.get", hook_get, NO_KIND),
	{ .name = NULL },
};

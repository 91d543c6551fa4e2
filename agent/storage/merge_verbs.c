/* SPDX-License-Identifier: Apache-2.0 */
/* Merging volumes of VMs that are down, and sealing disks. */
#include <string.h>

#include "agent/storage/storage_int.h"
#include "base/auto.h"

/* subchainInfo, or subchain_info: which volumes. */
struct subchain {
	const char *sd, *img, *base, *top;
	int64_t generation;
};

static int read_subchain(struct verb_call *c, const char *name, struct subchain *s, struct err *e)
{
	return verb_uuid(c, pool_printf(c->pool, "%s.sd_id", name), &s->sd, e) < 0 ||
	               verb_uuid(c, pool_printf(c->pool, "%s.img_id", name), &s->img, e) < 0 ||
	               verb_uuid(c, pool_printf(c->pool, "%s.base_id", name), &s->base, e) < 0 ||
	               verb_uuid(c, pool_printf(c->pool, "%s.top_id", name), &s->top, e) < 0 ||
	               verb_int_or(c, pool_printf(c->pool, "%s.base_generation", name), 0, VOL_GEN_MAX, -1,
	                           &s->generation, e) < 0
	           ? -1
	           : 0;
}

static json_t *subchain_args(const struct subchain *s)
{
	return json_pack("{s:s,s:s,s:s}", "img", s->img, "vol", s->base, "top", s->top);
}

static int merge_task(struct agent *a, struct verb_call *c, const char *op, struct err *e)
{
	struct subchain s;
	struct sdomain *d;
	const char *pool;
	struct spool *p;

	if (verb_uuid(c, "storagepoolID", &pool, e) < 0 || read_subchain(c, "subchainInfo", &s, e) < 0 ||
	    spm_target_of(storage_of(a), pool, s.sd, &p, &d, e) < 0)
		return -1;
	return stask_start(c, p, d, op, subchain_args(&s), s.img, e);
}

int sverb_merge_prepare(struct agent *a, struct verb_call *c, struct err *e)
{
	return merge_task(a, c, "image.merge-prepare", e);
}

int sverb_merge_finish(struct agent *a, struct verb_call *c, struct err *e)
{
	return merge_task(a, c, "image.merge-finish", e);
}

int sverb_merge(struct agent *a, struct verb_call *c, struct err *e)
{
	struct sjob *j = sjob_new(storage_of(a), c, "volume.merge", "Merging volumes", e);
	json_t *args, *where;
	struct subchain s;
	struct sdomain *d;

	if (!j)
		return -1;
	if (read_subchain(c, "subchain_info", &s, e) < 0 || sdomain_find(storage_of(a), s.sd, &d, e) < 0 ||
	    sdomain_check_writable(d, e) < 0) {
		sjob_free(j);
		return -1;
	}
	args = subchain_args(&s);
	where = sdomain_args(d);
	json_object_update(args, where);
	json_decref(where);
	if (s.generation >= 0)
		json_object_set_new(args, "generation", json_integer(s.generation));
	return sjob_start(j, d, s.img, args, e);
}

/* ---- seal ---- */

static const char *member(const json_t *o, const char *key, struct err *e)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (s && uuid_is_valid(s))
		return s;
	err_field(e, ERR_INVALID, "images", "parameter images must have the UUID %s", key);
	return NULL;
}

static json_t *read_images(struct agent *a, json_t *list, struct sdomain **first, const char **img, struct err *e)
{
	json_t *out = json_array(), *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *sd = member(one, "sd_id", e), *image = sd ? member(one, "img_id", e) : NULL;
		const char *vol = image ? member(one, "vol_id", e) : NULL;
		struct sdomain *d;
		json_t *where;

		if (!vol || sdomain_find(storage_of(a), sd, &d, e) < 0 || sdomain_check_writable(d, e) < 0) {
			json_decref(out);
			return NULL;
		}
		where = sdomain_args(d);
		json_object_set_new(where, "img", json_string(image));
		json_object_set_new(where, "vol", json_string(vol));
		json_array_append_new(out, where);
		*first = *first ? *first : d;
		*img = *img ? *img : image;
	}
	if (json_array_size(out))
		return out;
	json_decref(out);
	err_field(e, ERR_MISSING, "images", "parameter images names nothing to seal");
	return NULL;
}

int sverb_seal(struct agent *a, struct verb_call *c, struct err *e)
{
	struct sjob *j = sjob_new(storage_of(a), c, "volume.seal", "Sealing disks", e);
	json_t *images, *args;
	struct sdomain *d = NULL;
	const char *img = NULL;

	if (!j)
		return -1;
	if (verb_array_or(c, "images", &images, e) < 0 || !(images = read_images(a, images, &d, &img, e))) {
		sjob_free(j);
		return -1;
	}
	args = json_pack("{s:o}", "images", images);
	return sjob_start(j, d, img, args, e);
}

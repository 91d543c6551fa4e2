/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/storage/storage_int.h"

/* Answers with the task's id; an image that is not there is refused at once (268). */
int sverb_image_delete(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	const char *pool, *sd, *img;
	struct sdomain *d;
	struct spool *p;
	bool post_zero;
	json_t *found;

	if (verb_uuid(c, "storagepoolID", &pool, e) < 0 || verb_uuid(c, "storagedomainID", &sd, e) < 0 ||
	    verb_uuid(c, "imageID", &img, e) < 0 || verb_bool_or(c, "postZero", false, &post_zero, e) < 0 ||
	    spool_find(s, pool, &p, e) < 0 || spool_check_spm(p, e) < 0)
		return -1;
	if (!json_object_get(p->domains, sd))
		return err_agent(e, SC_SD_NOT_IN_POOL, "Storage domain %s is not in pool %s", sd, pool);
	if (sdomain_find(s, sd, &d, e) < 0 || sdomain_check_writable(d, e) < 0)
		return -1;
	found = sdomain_call(d, "image.volumes", json_pack("{s:s}", "img", img), e);
	if (!found)
		return -1;
	json_decref(found);
	return stask_start(c, p, d, "image.delete", json_pack("{s:s,s:b}", "img", img, "post_zero", (int)post_zero),
	                   img, e);
}

int sverb_image_volumes(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *sd, *img;
	struct sdomain *d;

	if (verb_uuid(c, "storagedomainID", &sd, e) < 0 || verb_uuid(c, "imageID", &img, e) < 0 ||
	    sdomain_find(storage_of(a), sd, &d, e) < 0)
		return -1;
	return sdomain_volumes(d, img, c, e);
}

/* One entry per volume, base first, as a VM's metadata wants it. */
static json_t *chain_json(const struct sdomain *d, struct verb_call *c, const char *img, const json_t *chain)
{
	json_t *out = json_array(), *one;
	size_t i;

	json_array_foreach (chain, i, one) {
		const char *vol = json_string_value(json_object_get(one, "vol"));
		const char *path = pool_printf(c->pool, "%s/%s/images/%s/%s", d->mount, d->id, img, vol);

		json_array_insert_new(out, 0,
		                      json_pack("{s:s,s:s,s:s,s:s,s:s,s:i}", "domainID", d->id, "imageID", img,
		                                "volumeID", vol, "path", path, "leasePath",
		                                pool_printf(c->pool, "%s.lease", path), "leaseOffset", 0));
	}
	return out;
}

int sverb_image_prepare(struct agent *a, struct verb_call *c, struct err *e)
{
	struct storage *s = storage_of(a);
	const char *sd, *img, *vol, *path;
	bool allow_illegal;
	struct sdomain *d;
	json_t *chain;

	if (verb_uuid(c, "storagedomainID", &sd, e) < 0 || verb_uuid(c, "imageID", &img, e) < 0 ||
	    verb_uuid(c, "volumeID", &vol, e) < 0 || verb_bool_or(c, "allowIllegal", false, &allow_illegal, e) < 0 ||
	    sdomain_find(s, sd, &d, e) < 0)
		return -1;
	chain = storage_prepare_chain(s, d, img, vol, allow_illegal, e);
	if (!chain)
		return -1;
	path = pool_printf(c->pool, "%s/%s/%s/%s", s->link_dir, d->id, img, vol);
	c->result = json_pack("{s:s,s:{s:s,s:s},s:o}", "path", path, "info", "type", "file", "path", path,
	                      "imgVolumesInfo", chain_json(d, c, img, json_object_get(chain, "chain")));
	json_decref(chain);
	return 0;
}

int sverb_image_teardown(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *sd, *img, *vol;

	if (verb_uuid(c, "storagedomainID", &sd, e) < 0 || verb_uuid(c, "imageID", &img, e) < 0 ||
	    verb_uuid_or(c, "volumeID", NULL, &vol, e) < 0)
		return -1;
	return storage_teardown_volume(a, sd, img, vol, e);
}

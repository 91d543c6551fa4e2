/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/storage/storage_int.h"
#include "base/auto.h"

#define MEASURE_MS (10 * 60 * 1000)

/* Domain, and {img, vol} for its worker. */
int verb_volume_target(struct agent *a, struct verb_call *c, struct sdomain **d, json_t **args, struct err *e)
{
	const char *sd, *img, *vol;

	if (verb_uuid(c, "storagedomainID", &sd, e) < 0 || verb_uuid(c, "imageID", &img, e) < 0 ||
	    verb_uuid(c, "volumeID", &vol, e) < 0 || sdomain_find(storage_of(a), sd, d, e) < 0)
		return -1;
	*args = json_pack("{s:s,s:s}", "img", img, "vol", vol);
	return 0;
}

/* The same for what the SPM alone may do, on a domain that we can write. */
static int spm_target(struct agent *a, struct verb_call *c, struct spool **p, struct sdomain **d, struct err *e)
{
	const char *pool, *sd;

	if (verb_uuid(c, "storagepoolID", &pool, e) < 0 || verb_uuid(c, "storagedomainID", &sd, e) < 0 ||
	    spool_find(storage_of(a), pool, p, e) < 0 || spool_check_spm(*p, e) < 0)
		return -1;
	if (!json_object_get((*p)->domains, sd))
		return err_agent(e, SC_SD_NOT_IN_POOL, "Storage domain %s is not in pool %s", sd, pool);
	return sdomain_find(storage_of(a), sd, d, e) < 0 ? -1 : sdomain_check_writable(*d, e);
}

static int check_active(const struct spool *p, const struct sdomain *d, struct err *e)
{
	if (g_strcmp0(json_string_value(json_object_get(p->domains, d->id)), "Active") != 0)
		return err_agent(e, SC_SD_NOT_ACTIVE, "Storage domain %s is not active", d->id);
	return 0;
}

int spm_target_of(struct storage *s, const char *pool, const char *sd, struct spool **p, struct sdomain **d,
                  struct err *e)
{
	if (spool_find(s, pool, p, e) < 0 || spool_check_spm(*p, e) < 0)
		return -1;
	if (!json_object_get((*p)->domains, sd))
		return err_agent(e, SC_SD_NOT_IN_POOL, "Storage domain %s is not in pool %s", sd, pool);
	if (sdomain_find(s, sd, d, e) < 0 || sdomain_check_writable(*d, e) < 0)
		return -1;
	return check_active(*p, *d, e);
}

/* --- create --- */

struct creation_params {
	const char *img, *vol, *src_img, *src_vol, *format, *alloc, *disktype, *desc;
	int64_t size, initial, sequence;
	bool is_legal, add_bitmaps;
};

/* Formats and allocations come as words or as the numbers of old. */
static int read_creation(struct verb_call *c, struct creation_params *n, struct err *e)
{
	if (verb_uuid(c, "imageID", &n->img, e) < 0 || verb_uuid(c, "volumeID", &n->vol, e) < 0 ||
	    verb_uuid_or(c, "srcImgUUID", UUID_NIL, &n->src_img, e) < 0 ||
	    verb_uuid_or(c, "srcVolUUID", UUID_NIL, &n->src_vol, e) < 0 ||
	    verb_int(c, "size", 1, VOL_CAP_MAX, &n->size, e) < 0 || verb_string(c, "volFormat", &n->format, e) < 0 ||
	    verb_string(c, "preallocate", &n->alloc, e) < 0 ||
	    verb_string_or(c, "diskType", "DATA", &n->disktype, e) < 0 ||
	    verb_string_or(c, "desc", "", &n->desc, e) < 0 || verb_bool_or(c, "legal", true, &n->is_legal, e) < 0 ||
	    verb_bool_or(c, "addBitmaps", false, &n->add_bitmaps, e) < 0 ||
	    verb_int_or(c, "initialSize", 0, VOL_CAP_MAX, -1, &n->initial, e) < 0 ||
	    verb_int_or(c, "sequence", 0, G_MAXINT32, 0, &n->sequence, e) < 0)
		return -1;
	if (strcmp(n->img, UUID_NIL) == 0 || strcmp(n->vol, UUID_NIL) == 0)
		return err_field(e, ERR_INVALID, "volumeID", "image and volume need ids of their own");
	return 0;
}

static int check_creation(const struct creation_params *n, struct err *e)
{
	int format = vol_format_from(n->format), alloc = vol_alloc_from(n->alloc);

	if (format < 0)
		return err_agent(e, SC_VOL_FORMAT, "Incorrect volume format %.32s: RAW or COW", n->format);
	if (alloc < 0)
		return err_agent(e, SC_VOL_TYPE, "Incorrect volume allocation %.32s: PREALLOCATED or SPARSE", n->alloc);
	if (!vol_disktype_is_valid(n->disktype))
		return err_agent(e, SC_INVALID_PARAM, "Invalid parameter: disk type %.32s", n->disktype);
	if (format == VOL_RAW && strcmp(n->src_vol, UUID_NIL) != 0)
		return err_agent(e, SC_VOL_FORMAT, "Incorrect volume format: a volume over another one must be COW");
	if (n->add_bitmaps)
		return err_agent(e, SC_NOT_IMPLEMENTED, "Bitmaps in new volumes are not implemented yet");
	return vol_desc_check(n->desc, e);
}

int sverb_volume_create(struct agent *a, struct verb_call *c, struct err *e)
{
	struct creation_params n;
	struct sdomain *d;
	struct spool *p;
	json_t *args;

	if (read_creation(c, &n, e) < 0 || check_creation(&n, e) < 0 || spm_target(a, c, &p, &d, e) < 0 ||
	    check_active(p, d, e) < 0)
		return -1;
	args = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:s,s:s,s:s,s:s,s:b}", "img", n.img, "vol", n.vol, "src_img",
	                 n.src_img, "src_vol", n.src_vol, "capacity", (json_int_t)n.size, "initial",
	                 (json_int_t)n.initial, "sequence", (json_int_t)n.sequence, "format", n.format, "alloc",
	                 n.alloc, "disktype", n.disktype, "desc", n.desc, "illegal", (int)!n.is_legal);
	return stask_start(c, p, d, "volume.create", args, n.img, e);
}

/* --- tasks on one volume --- */

static int volume_task(struct agent *a, struct verb_call *c, const char *op, json_t *more, struct err *e)
{
	auto_json *extra = more;
	struct sdomain *d;
	struct spool *p;
	json_t *args;

	if (spm_target(a, c, &p, &d, e) < 0 || check_active(p, d, e) < 0 || verb_volume_target(a, c, &d, &args, e) < 0)
		return -1;
	json_object_update(args, extra);
	return stask_start(c, p, d, op, args, json_string_value(json_object_get(args, "img")), e);
}

int sverb_volume_extend(struct agent *a, struct verb_call *c, struct err *e)
{
	int64_t size;

	if (verb_int(c, "newSize", 1, VOL_CAP_MAX, &size, e) < 0)
		return -1;
	return volume_task(a, c, "volume.extend", json_pack("{s:I}", "size", (json_int_t)size), e);
}

int sverb_volume_delete(struct agent *a, struct verb_call *c, struct err *e)
{
	bool post_zero;

	if (verb_bool_or(c, "postZero", false, &post_zero, e) < 0)
		return -1;
	return volume_task(a, c, "volume.delete", json_pack("{s:b}", "post_zero", (int)post_zero), e);
}

/* --- information --- */

static json_t *read_info(struct agent *a, struct verb_call *c, struct sdomain **d, struct err *e)
{
	json_t *args;

	return verb_volume_target(a, c, d, &args, e) < 0 ? NULL : sdomain_call(*d, "volume.info", args, e);
}

int sverb_volume_info(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *pool, *img, *lease;
	struct sdomain *d;
	json_t *info;

	if (verb_uuid_or(c, "storagepoolID", UUID_NIL, &pool, e) < 0 || verb_uuid(c, "imageID", &img, e) < 0)
		return -1;
	info = read_info(a, c, &d, e);
	if (!info)
		return -1;
	lease = pool_printf(c->pool, "%s/%s/images/%s/%s", d->mount, d->id, img,
	                    json_string_value(json_object_get(info, "leasefile")));
	json_object_set_new(info, "pool", json_string(pool));
	json_object_set_new(info, "lease",
	                    json_pack("{s:s,s:i,s:[],s:n}", "path", lease, "offset", 0, "owners", "version"));
	json_object_del(info, "leasefile");
	c->result = info;
	return 0;
}

int sverb_volume_size(struct agent *a, struct verb_call *c, struct err *e)
{
	struct sdomain *d;
	json_t *info = read_info(a, c, &d, e);

	if (!info)
		return -1;
	c->result = json_pack("{s:O,s:O}", "truesize", json_object_get(info, "truesize"), "apparentsize",
	                      json_object_get(info, "apparentsize"));
	json_decref(info);
	return 0;
}

static void copy_member(json_t *to, const char *name, const json_t *from, const char *path)
{
	json_t *v = json_object_get(from, path);

	if (v)
		json_object_set(to, name, v);
}

int sverb_volume_qemu_info(struct agent *a, struct verb_call *c, struct err *e)
{
	const json_t *data;
	struct sdomain *d;
	json_t *args, *info;

	if (verb_volume_target(a, c, &d, &args, e) < 0)
		return -1;
	info = sdomain_call(d, "volume.qemu-info", args, e);
	if (!info)
		return -1;
	data = json_object_get(json_object_get(info, "format-specific"), "data");
	c->result = json_object();
	copy_member(c->result, "format", info, "format");
	copy_member(c->result, "virtualsize", info, "virtual-size");
	copy_member(c->result, "clustersize", info, "cluster-size");
	copy_member(c->result, "backingfile", info, "backing-filename");
	copy_member(c->result, "compat", data, "compat");
	copy_member(c->result, "bitmaps", data, "bitmaps");
	json_decref(info);
	return 0;
}

int sverb_volume_measure(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *format;
	struct sdomain *d;
	json_t *args, *info;

	if (verb_string(c, "dstVolFormat", &format, e) < 0 || verb_volume_target(a, c, &d, &args, e) < 0)
		return -1;
	json_object_set_new(args, "format", json_string(format));
	info = sdomain_call_alone(d, "volume.measure", args, MEASURE_MS, e);
	if (!info)
		return -1;
	c->result = json_object();
	copy_member(c->result, "required", info, "required");
	copy_member(c->result, "fully-allocated", info, "fully-allocated");
	copy_member(c->result, "bitmaps", info, "bitmaps");
	json_decref(info);
	return 0;
}

/* --- small changes, answered at once --- */

static int volume_change(struct agent *a, struct verb_call *c, const char *key, const char *value, struct err *e)
{
	g_autofree char *lock = NULL;
	json_t *args, *result;
	struct sdomain *d;
	struct spool *p;

	if (spm_target(a, c, &p, &d, e) < 0 || verb_volume_target(a, c, &d, &args, e) < 0)
		return -1;
	json_object_set_new(args, key, json_string(value));
	lock = g_strdup_printf("%s/%s", d->id, json_string_value(json_object_get(args, "img")));
	if (slock_take(d->storage, lock, true, e) < 0) {
		json_decref(args);
		return -1;
	}
	result = sdomain_call(d, "volume.set", args, e);
	slock_release(d->storage, lock, true);
	json_decref(result);
	return result ? 0 : -1;
}

int sverb_volume_set_description(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *text;

	if (verb_string(c, "description", &text, e) < 0 || vol_desc_check(text, e) < 0)
		return -1;
	return volume_change(a, c, "desc", text, e);
}

int sverb_volume_set_legality(struct agent *a, struct verb_call *c, struct err *e)
{
	const char *text;

	if (verb_string(c, "legality", &text, e) < 0)
		return -1;
	if (vol_legality_from(text) < 0)
		return err_field(e, ERR_INVALID, "legality", "parameter legality must be LEGAL, ILLEGAL or FAKE");
	return volume_change(a, c, "legality", text, e);
}

/* A file has its new size at once. */
int sverb_volume_refresh(struct agent *a, struct verb_call *c, struct err *e)
{
	struct sdomain *d;
	json_t *info = read_info(a, c, &d, e);

	json_decref(info);
	return info ? 0 : -1;
}

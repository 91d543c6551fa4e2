/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot keeps: configuration, cards and attachments in the journal's form, and the volumes of the disks. */
#include <string.h>

#include "base/auto.h"
#include "manager/vms/clone.h"

static json_t *pack(const struct m_type *t, const void *obj)
{
	g_autoptr(GString) text = g_string_new(NULL);

	m_write_journal(text, t, obj);
	return json_loads(text->str, 0, NULL);
}

static json_t *pack_volume(const struct m_disk *d)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:b,s:I,s:I}", "disk", d->id, "volume", STR_OR(d->volume_id, ""), "name",
	                 STR_OR(d->name, ""), "format", d->format == M_DISK_FORMAT_COW ? "COW" : "RAW", "sparse",
	                 M_GET(d, sparse, true), "size", (json_int_t)M_GET(d, provisioned_size, 0), "actual",
	                 (json_int_t)M_GET(d, actual_size, 0));
}

char *snapshot_content(struct core *c, struct pool *p, const struct m_vm *vm)
{
	json_t *nics = json_array(), *attachments = json_array(), *volumes = json_array();
	const struct m_disk_attachment **as;
	const struct m_nic **ns;
	auto_json *all = NULL;
	unsigned n;
	char *text, *out;

	ns = vm_nics(c, p, vm->id, &n);
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(nics, pack(&M_TYPE_nic, ns[i]));
	as = vm_attachments(c, p, vm->id, &n);
	for (unsigned i = 0; i < n; i++) {
		const struct m_disk *d = INV_LATEST(c->inv, DISK, disk, as[i]->disk.id);

		json_array_append_new(attachments, pack(&M_TYPE_disk_attachment, as[i]));
		if (d && d->volume_id)
			json_array_append_new(volumes, pack_volume(d));
	}
	all = json_pack("{s:o,s:o,s:o,s:o}", "vm", pack(&M_TYPE_vm, vm), "nics", nics, "attachments", attachments,
	                "volumes", volumes);
	text = json_dumps(all, JSON_COMPACT);
	out = pool_strdup(p, text);
	free(text);
	return out;
}

json_t *snapshot_read(const struct m_snapshot *s)
{
	json_t *o = s->content ? json_loads(s->content, 0, NULL) : NULL;

	if (o && !json_is_object(o)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *snapshot_entry(const json_t *content, const char *disk_id)
{
	json_t *list = json_object_get(content, "volumes"), *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (g_strcmp0(json_string_value(json_object_get(one, "disk")), disk_id) == 0)
			return one;
	return NULL;
}

const char *snapshot_volume(const json_t *content, const char *disk_id)
{
	return json_string_value(json_object_get(snapshot_entry(content, disk_id), "volume"));
}

void snapshot_replace_volume(json_t *content, const json_t *from, const char *disk_id)
{
	json_t *to = snapshot_entry(content, disk_id), *source = snapshot_entry(from, disk_id);
	static const char *const KEYS[] = { "volume", "format", "sparse", "actual" };

	for (size_t i = 0; to && source && i < G_N_ELEMENTS(KEYS); i++)
		json_object_set(to, KEYS[i], json_object_get(source, KEYS[i]));
}

void snapshot_write(struct txn *t, struct m_snapshot *draft, const json_t *content)
{
	char *text = json_dumps(content, JSON_COMPACT);

	draft->content = pool_strdup(txn_pool(t), text);
	free(text);
}

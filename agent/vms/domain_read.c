/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/domain.h"

#include <glib.h>
#include <string.h>

#include "agent/vms/xml.h"
#include "base/uuid.h"

enum { MAX_DEVICES = 4096 };

static int count(xmlNodePtr parent, const char *name)
{
	int n = 0;

	for (xmlNodePtr c = xml_child(parent, name); c; c = xml_next(c))
		n++;
	return MIN(n, MAX_DEVICES);
}

static int64_t to_int(const char *s, int64_t fallback)
{
	gint64 v;

	return s && g_ascii_string_to_signed(s, 10, G_MININT64, G_MAXINT64, &v, NULL) ? v : fallback;
}

/* <memory unit='MiB'>: the value in KiB. */
static int64_t memory_kib(struct pool *p, xmlNodePtr n)
{
	static const struct {
		const char *unit;
		int64_t bytes;
	} UNITS[] = {
		{ "b", 1 },         { "bytes", 1 },       { "KB", 1000 },     { "k", 1024 },        { "KiB", 1024 },
		{ "MB", 1000000 },  { "M", 1 << 20 },     { "MiB", 1 << 20 }, { "GB", 1000000000 }, { "G", 1 << 30 },
		{ "GiB", 1 << 30 }, { "TiB", 1LL << 40 }, { "T", 1LL << 40 },
	};
	const char *unit = xml_attr(p, n, "unit");
	int64_t bytes = 1024, v;

	for (size_t i = 0; unit && i < G_N_ELEMENTS(UNITS); i++)
		if (strcmp(unit, UNITS[i].unit) == 0)
			bytes = UNITS[i].bytes;
	v = to_int(xml_content(p, n), 0);
	return v < 0 || v > G_MAXINT64 / bytes ? 0 : v * bytes / 1024;
}

bool domain_path_ids(struct pool *p, const char *path, const char **sd, const char **img, const char **vol)
{
	g_auto(GStrv) part = g_strsplit(path, "/", 64);
	const guint n = g_strv_length(part);

	const char *domain = n < 4 ? NULL : strcmp(part[n - 3], "images") == 0 ? part[n - 4] : part[n - 3];

	if (!domain || !uuid_is_valid(domain) || !uuid_is_valid(part[n - 2]) || !uuid_is_valid(part[n - 1]))
		return false;
	*sd = pool_strdup(p, domain);
	*img = pool_strdup(p, part[n - 2]);
	*vol = pool_strdup(p, part[n - 1]);
	return true;
}

const char *domain_disk_source(struct pool *p, xmlNodePtr disk)
{
	static const char *const ATTRS[] = { "file", "dev", "name", "dir" };
	xmlNodePtr source = xml_child(disk, "source");

	for (size_t i = 0; source && i < G_N_ELEMENTS(ATTRS); i++) {
		const char *v = xml_attr(p, source, ATTRS[i]);

		if (v && *v)
			return v;
	}
	return NULL;
}

void domain_disk_set_source(xmlNodePtr disk, const char *path, bool is_block)
{
	xmlNodePtr source = xml_child(disk, "source");

	xml_set(disk, "type", is_block ? "block" : "file");
	if (!path) {
		xml_remove(source);
		return;
	}
	if (!source)
		source = xml_add(disk, "source", NULL);
	xml_unset(source, "file");
	xml_unset(source, "dev");
	xml_unset(source, "name");
	xml_unset(source, "protocol");
	xml_set(source, is_block ? "dev" : "file", path);
}

static void read_disk(struct pool *p, xmlNodePtr n, struct domain_disk *d)
{
	d->name = xml_attr(p, xml_child(n, "target"), "dev");
	d->device = xml_attr(p, n, "device");
	d->path = domain_disk_source(p, n);
	d->alias = xml_attr(p, xml_child(n, "alias"), "name");
	d->serial = xml_child_content(p, n, "serial");
	d->is_block = xml_attr_is(n, "type", "block");
	if (!d->device)
		d->device = "disk";
	if (!d->name)
		d->name = "";
}

static void read_nic(struct pool *p, xmlNodePtr n, struct domain_nic *nic)
{
	nic->mac = xml_attr(p, xml_child(n, "mac"), "address");
	nic->target = xml_attr(p, xml_child(n, "target"), "dev");
	nic->model = xml_attr(p, xml_child(n, "model"), "type");
	nic->alias = xml_attr(p, xml_child(n, "alias"), "name");
	nic->bridge = xml_attr(p, xml_child(n, "source"), "bridge");
	nic->is_link_down = xml_attr_is(xml_child(n, "link"), "state", "down");
	if (!nic->mac)
		nic->mac = "";
}

static void read_graphics(struct pool *p, xmlNodePtr n, struct domain_graphics *g)
{
	g->type = xml_attr(p, n, "type");
	g->port = (int)to_int(xml_attr(p, n, "port"), -1);
	g->tls_port = (int)to_int(xml_attr(p, n, "tlsPort"), -1);
	g->listen = xml_attr(p, n, "listen");
	if (!g->type)
		g->type = "";
}

static void read_devices(struct pool *p, xmlNodePtr devices, struct domain *d)
{
	int i = 0;

	d->n_disks = count(devices, "disk");
	d->n_nics = count(devices, "interface");
	d->n_graphics = count(devices, "graphics");
	d->disks = POOL_ARRAY(p, struct domain_disk, d->n_disks + 1);
	d->nics = POOL_ARRAY(p, struct domain_nic, d->n_nics + 1);
	d->graphics = POOL_ARRAY(p, struct domain_graphics, d->n_graphics + 1);
	for (xmlNodePtr n = xml_child(devices, "disk"); n && i < d->n_disks; n = xml_next(n))
		read_disk(p, n, &d->disks[i++]);
	i = 0;
	for (xmlNodePtr n = xml_child(devices, "interface"); n && i < d->n_nics; n = xml_next(n))
		read_nic(p, n, &d->nics[i++]);
	i = 0;
	for (xmlNodePtr n = xml_child(devices, "graphics"); n && i < d->n_graphics; n = xml_next(n))
		read_graphics(p, n, &d->graphics[i++]);
	for (xmlNodePtr n = xml_child(devices, "channel"); n; n = xml_next(n)) {
		xmlNodePtr target = xml_child(n, "target");

		if (!xml_attr_is(target, "name", "org.qemu.guest_agent.0"))
			continue;
		d->has_agent_channel = true;
		d->is_agent_connected = xml_attr_is(target, "state", "connected");
	}
}

static struct domain_disk *find_disk(struct domain *d, const char *name)
{
	for (int i = 0; name && i < d->n_disks; i++)
		if (strcmp(d->disks[i].name, name) == 0)
			return &d->disks[i];
	return NULL;
}

static const char *uuid_or_null(const char *s) { return s && uuid_is_valid(s) ? s : NULL; }

static void read_meta_device(struct pool *p, xmlNodePtr n, struct domain *d)
{
	struct domain_disk *disk = xml_attr_is(n, "devtype", "disk") ? find_disk(d, xml_attr(p, n, "name")) : NULL;

	if (!disk)
		return;
	disk->pool_id = uuid_or_null(xml_child_content(p, n, "poolID"));
	disk->domain_id = uuid_or_null(xml_child_content(p, n, "domainID"));
	disk->image_id = uuid_or_null(xml_child_content(p, n, "imageID"));
	disk->volume_id = uuid_or_null(xml_child_content(p, n, "volumeID"));
	disk->guid = xml_child_content(p, n, "GUID");
}

static void read_metadata(struct pool *p, xmlNodePtr metadata, struct domain *d)
{
	xmlNodePtr vm = xml_child_ns(metadata, "vm", OVIRT_VM_URI);
	int n = 0;

	d->is_ours = vm;
	for (xmlNodePtr c = xml_first(vm); c; c = xml_sibling(c))
		n++;
	d->meta = POOL_ARRAY(p, struct domain_meta, n + 1);
	for (xmlNodePtr c = xml_first(vm); c && d->n_meta < n; c = xml_sibling(c)) {
		if (xml_is(c, "device"))
			read_meta_device(p, c, d);
		else if (!xml_first(c))
			d->meta[d->n_meta++] =
			    (struct domain_meta){ pool_strdup(p, (const char *)c->name), xml_content(p, c) };
	}
	for (int i = 0; i < d->n_disks; i++) {
		struct domain_disk *disk = &d->disks[i];

		const char *sd = NULL, *img = NULL, *vol = NULL;

		/* a snapshot moves the path first and the metadata after it */
		if (disk->image_id && disk->path && domain_path_ids(p, disk->path, &sd, &img, &vol) &&
		    g_ascii_strcasecmp(img, disk->image_id) == 0)
			disk->volume_id = vol;
		if (!disk->image_id && disk->path)
			domain_path_ids(p, disk->path, &disk->domain_id, &disk->image_id, &disk->volume_id);
	}
}

/* FNV-1a, continued over several texts. */
static uint32_t hash_text(uint32_t h, const char *s)
{
	for (; s && *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

int domain_read_doc(struct pool *p, xmlDocPtr doc, struct domain **out, struct err *e)
{
	xmlNodePtr root = xmlDocGetRootElement(doc), devices, metadata, type, vcpu;
	struct domain *d = POOL_NEW(p, struct domain);
	uint32_t h = 2166136261u;
	auto_pool scratch = pool_new();

	if (!xml_is(root, "domain"))
		return err_set(e, ERR_INVALID, "the document must be a <domain>");
	devices = xml_child(root, "devices");
	metadata = xml_child(root, "metadata");
	type = xml_child(xml_child(root, "os"), "type");
	vcpu = xml_child(root, "vcpu");
	d->type = xml_attr(p, root, "type");
	d->id = xml_child_content(p, root, "uuid");
	d->name = xml_child_content(p, root, "name");
	d->machine = xml_attr(p, type, "machine");
	if (!d->id || !uuid_is_valid(d->id))
		return err_set(e, ERR_INVALID, "the domain must have a <uuid>");
	if (!d->name || !*d->name || strlen(d->name) > 255)
		return err_set(e, ERR_INVALID, "the domain must have a <name> of at most 255 bytes");
	d->mem_kib = memory_kib(p, xml_child(root, "memory"));
	d->current_kib = memory_kib(p, xml_child(root, "currentMemory"));
	if (d->current_kib == 0)
		d->current_kib = d->mem_kib;
	d->max_vcpus = (int)to_int(xml_content(p, vcpu), 1);
	d->vcpus = (int)to_int(xml_attr(p, vcpu, "current"), d->max_vcpus);
	read_devices(p, devices, d);
	read_metadata(p, metadata, d);
	if (devices)
		h = hash_text(h, xml_text_of(scratch, doc, devices));
	if (metadata)
		h = hash_text(h, xml_text_of(scratch, doc, metadata));
	d->hash = (int32_t)h;
	*out = d;
	return 0;
}

int domain_read(struct pool *p, const char *xml, struct domain **out, struct err *e)
{
	auto_xml doc = xml_parse(xml, e);

	return doc ? domain_read_doc(p, doc, out, e) : -1;
}

const char *domain_meta(const struct domain *d, const char *name)
{
	for (int i = 0; i < d->n_meta; i++)
		if (strcmp(d->meta[i].name, name) == 0)
			return d->meta[i].value;
	return NULL;
}

bool domain_meta_bool(const struct domain *d, const char *name, bool fallback)
{
	const char *v = domain_meta(d, name);

	return v ? g_ascii_strcasecmp(v, "true") == 0 || strcmp(v, "1") == 0 : fallback;
}

int64_t domain_meta_int(const struct domain *d, const char *name, int64_t fallback)
{
	return to_int(domain_meta(d, name), fallback);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/save.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/hooks/hooks.h"
#include "agent/storage/storage.h"
#include "agent/vms/life.h"
#include "agent/vms/pickle.h"
#include "agent/vms/virt.h"
#include "agent/vms/xml.h"
#include "base/auto.h"
#include "base/log.h"

/* --- the configuration, on a worker ------------------------------------------- */

struct config_io {
	struct agent *agent;
	const char *path;
	GByteArray *data;
	struct err *error;
	int result;
};

static void write_work(void *arg)
{
	struct config_io *io = arg;
	auto_close int fd = open(io->path, O_WRONLY | O_CLOEXEC);
	size_t done = 0;

	io->result = fd < 0 ? -1 : 0;
	while (io->result == 0 && done < io->data->len) {
		const ssize_t n = write(fd, io->data->data + done, io->data->len - done);

		if (n <= 0)
			io->result = -1;
		else
			done += (size_t)n;
	}
	if (io->result == 0 && fsync(fd) < 0)
		io->result = -1;
	if (io->result < 0)
		err_errno(io->error, errno, "write the configuration to its volume");
}

static void read_work(void *arg)
{
	struct config_io *io = arg;
	auto_close int fd = open(io->path, O_RDONLY | O_CLOEXEC);
	guint8 buf[65536];
	ssize_t n = fd < 0 ? -1 : 0;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0 && io->data->len < PICKLE_MAX)
		g_byte_array_append(io->data, buf, (guint)MIN((size_t)n, PICKLE_MAX - io->data->len));
	io->result = n < 0 ? err_errno(io->error, errno, "read the saved configuration") : 0;
}

/* --- VM.hibernate ----------------------------------------------------------------- */

struct save {
	struct vm *vm;
	struct pool *pool;
	struct saved volumes;
	char *config_path;
};

static int read_handle(struct verb_call *c, struct pool *p, struct saved *s, struct err *e)
{
	g_auto(GStrv) part = NULL;
	const char *handle;

	if (verb_string(c, "hibernationVolHandle", &handle, e) < 0)
		return -1;
	part = g_strsplit(handle, ",", 8);
	if (g_strv_length(part) != 6)
		return err_field(e, ERR_INVALID, "hibernationVolHandle",
		                 "parameter hibernationVolHandle must be six ids with commas between");
	for (int i = 0; i < 6; i++)
		if (!uuid_is_valid(g_strstrip(part[i])))
			return err_field(e, ERR_INVALID, "hibernationVolHandle",
			                 "parameter hibernationVolHandle must be made of UUIDs");
	s->memory = (struct saved_volume){ pool_strdup(p, part[0]), pool_strdup(p, part[2]), pool_strdup(p, part[3]) };
	s->config = (struct saved_volume){ s->memory.sd, pool_strdup(p, part[4]), pool_strdup(p, part[5]) };
	return 0;
}

static int prepare(struct agent *a, struct pool *p, const struct saved_volume *v, char **path, struct err *e)
{
	return storage_prepare_volume(a, p, v->sd, v->img, v->vol, path, e);
}

static int xml_work(virDomainPtr dom, void *arg, struct err *e)
{
	char **xml = arg;

	*xml = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_MIGRATABLE);
	return *xml ? 0 : virt_err(e, "read the domain");
}

static int write_config(struct save *s, struct err *e)
{
	g_autoptr(GByteArray) data = g_byte_array_new();
	struct config_io io = { .agent = s->vm->agent, .path = s->config_path, .data = data, .error = e };
	auto_json *object = json_object();
	char *xml = NULL;

	if (virt_run_domain(s->vm->agent, VIRT_OPS, s->vm->id, xml_work, &xml, e) < 0)
		return -1;
	json_object_set_new(object, "_srcDomXML", json_string(xml));
	json_object_set_new(object, "vmId", json_string(s->vm->id));
	free(xml);
	pickle_write(data, object);
	if (task_run(s->vm->agent->tasks, write_work, &io, e) < 0)
		return -1;
	return io.result;
}

static int save_work(virDomainPtr dom, void *arg, struct err *e)
{
	const struct save *s = arg;

	return virDomainSaveFlags(dom, s->volumes.path, NULL, 0) < 0 ? virt_err(e, "save the memory") : 0;
}

static int hibernate(struct save *s, struct err *e)
{
	struct agent *a = s->vm->agent;

	if (prepare(a, s->pool, &s->volumes.memory, &s->volumes.path, e) < 0 ||
	    prepare(a, s->pool, &s->volumes.config, &s->config_path, e) < 0 ||
	    hooks_vm(s->vm, HOOK_BEFORE_VM_HIBERNATE, NULL, e) < 0 || write_config(s, e) < 0)
		return -1;
	return virt_run_domain(a, VIRT_LONG, s->vm->id, save_work, s, e);
}

static void hibernate_fiber(void *arg)
{
	struct save *s = arg;
	auto_vm vm = vm_ref(s->vm);
	struct err e = ERR_INIT;
	const bool is_saved = hibernate(s, &e) == 0;

	if (!is_saved)
		log_warn("vm not saved", "VM", vm->id, "ERROR", e.detail);
	saved_close(vm->agent, &s->volumes);
	vm->is_saving = false;
	if (vm_sync(vm, &e) < 0) /* libvirt is away: found again when it comes back */
		log_debug("state not read after saving", "VM", vm->id, "ERROR", e.detail);
	if (is_saved && vm->status != VM_DOWN)
		vm_end(vm, false, EXIT_SAVED, "SaveState succeeded");
	vm_unlock(vm);
	pool_free(s->pool);
	g_free(s);
	if (is_saved)
		hooks_vm(vm, HOOK_AFTER_VM_HIBERNATE, NULL, &e);
}

int vm_hibernate(struct agent *a, struct verb_call *c, struct err *e)
{
	struct pool *p = pool_new();
	struct saved volumes = { .path = NULL };
	struct save *s;
	struct vm *vm;

	if (vms_running(a, c, &vm, e) < 0 || read_handle(c, p, &volumes, e) < 0 || vm_lock(vm, e) < 0) {
		pool_free(p);
		return -1;
	}
	if (vm->status != VM_UP && vm->status != VM_PAUSED) {
		vm_unlock(vm);
		pool_free(p);
		return err_agent(e, 100, "Virtual machine cannot be saved while it is %s", vm_status_name(vm->status));
	}
	s = g_new0(struct save, 1);
	*s = (struct save){ .vm = vm, .pool = p, .volumes = volumes };
	vm->is_saving = true;
	vm_move(vm, VM_SAVING);
	fiber_start(a->loop, "vm hibernate", hibernate_fiber, s);
	return 0;
}

/* --- VM.create with memory ---------------------------------------------------------- */

static int read_volume(struct verb_call *c, const char *name, struct saved_volume *v, struct err *e)
{
	char field[64];
	json_t *object;

	g_snprintf(field, sizeof(field), "vmParams.%s", name);
	if (verb_object_or(c, field, &object, e) < 0)
		return -1;
	if (!object)
		return 0;
#define FIELD(f) (g_snprintf(field, sizeof(field), "vmParams.%s.%s", name, f), field)
	if (verb_uuid(c, FIELD("domainID"), &v->sd, e) < 0 || verb_uuid(c, FIELD("imageID"), &v->img, e) < 0 ||
	    verb_uuid(c, FIELD("volumeID"), &v->vol, e) < 0)
		return -1;
#undef FIELD
	return 0;
}

static struct saved_volume kept(struct pool *p, const struct saved_volume *v)
{
	return (struct saved_volume){ pool_strdup(p, v->sd), pool_strdup(p, v->img), pool_strdup(p, v->vol) };
}

int saved_params(struct verb_call *c, struct pool *p, struct saved **out, struct err *e)
{
	struct saved s = { .path = NULL };
	const char *handle;

	*out = NULL;
	if (verb_string_or(c, "vmParams.hiberVolHandle", NULL, &handle, e) < 0)
		return -1;
	if (handle) {
		json_object_set(c->params, "hibernationVolHandle",
		                json_object_get(json_object_get(c->params, "vmParams"), "hiberVolHandle"));
		if (read_handle(c, c->pool, &s, e) < 0)
			return -1;
	} else if (read_volume(c, "memoryDumpVolume", &s.memory, e) < 0 ||
	           read_volume(c, "memoryConfVolume", &s.config, e) < 0) {
		return -1;
	}
	if (!s.memory.vol)
		return 0;
	*out = POOL_NEW(p, struct saved);
	(*out)->memory = kept(p, &s.memory);
	(*out)->config = kept(p, &s.config);
	return 0;
}

struct image_xml {
	const char *path;
	char *xml;
};

static int image_work(virConnectPtr conn, void *arg, struct err *e)
{
	struct image_xml *i = arg;

	i->xml = virDomainSaveImageGetXMLDesc(conn, i->path, 0);
	return i->xml ? 0 : virt_err(e, "read the saved memory");
}

/* From the configuration beside the memory; without one the memory knows it, too. */
static int saved_xml(struct agent *a, struct pool *p, struct saved *s, char **xml, struct err *e)
{
	g_autoptr(GByteArray) data = g_byte_array_new();
	struct config_io io = { .agent = a, .data = data, .error = e };
	struct image_xml image = { .path = s->path };
	auto_json *object = NULL;
	char *path;

	if (!s->config.vol) {
		if (virt_run(a, VIRT_OPS, image_work, &image, e) < 0)
			return -1;
		*xml = pool_strdup(p, image.xml);
		free(image.xml);
		return 0;
	}
	if (prepare(a, p, &s->config, &path, e) < 0)
		return -1;
	io.path = path;
	if (task_run(a->tasks, read_work, &io, e) < 0 || io.result < 0)
		return -1;
	object = pickle_read(data->data, data->len, e);
	if (!object)
		return -1;
	*xml = pool_strdup(p, json_string_value(json_object_get(object, "_srcDomXML")));
	return *xml ? 0 : err_set(e, ERR_SYNTAX, "the saved configuration has no domain");
}

int saved_open(struct agent *a, struct pool *p, struct saved *s, xmlDocPtr *doc, struct err *e)
{
	auto_xml old = NULL;
	xmlDocPtr now = *doc;
	char *xml = NULL;

	if (prepare(a, p, &s->memory, &s->path, e) < 0)
		return err_wrap(e, "memory");
	if (saved_xml(a, p, s, &xml, e) < 0)
		return -1;
	old = xml_parse(xml, e);
	if (!old || saved_merge(p, old, now, e) < 0)
		return -1;
	*doc = old;
	old = NULL;
	xmlFreeDoc(now);
	return 0;
}

void saved_close(struct agent *a, struct saved *s)
{
	const struct saved_volume *const volumes[] = { &s->memory, &s->config };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < G_N_ELEMENTS(volumes); i++)
		if (volumes[i]->vol &&
		    storage_teardown_volume(a, volumes[i]->sd, volumes[i]->img, volumes[i]->vol, &e) < 0)
			log_debug("volume of saved memory not torn down", "ERROR", e.detail);
}

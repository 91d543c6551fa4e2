/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a simulated host does with the memory of VMs: saves it, goes on with it, gets more of it, and of processors. Saved memory
 * fits the disks only as long as the VM has not run since: going on with it then would ruin them, and is a finding.
 */
#include <string.h>

#include "sim/sim_host.h"

enum { EXIT_SAVED = 5 };

static int runs_of(struct sim *s, const char *vm_id)
{
	return GPOINTER_TO_INT(g_hash_table_lookup(s->storage->runs, vm_id));
}

static void count_run(struct sim *s, const char *vm_id)
{
	g_hash_table_replace(s->storage->runs, g_strdup(vm_id), GINT_TO_POINTER(runs_of(s, vm_id) + 1));
}

static struct sim_volume *volume_of(struct sim_vm *vm, struct err *e)
{
	struct sim_sd *sd = sim_sd_find(vm->host, vm->memory.sd, e);
	struct sim_volume *v = sd ? sim_volume_find(sd, vm->memory.img, vm->memory.vol) : NULL;

	if (sd && !v)
		sim_refuse(e, 201, "Volume does not exist: %s", vm->memory.vol);
	return v;
}

/* ---- going on ---- */

int sim_memory_read(struct sim_vm *vm, json_t *params, struct err *e)
{
	json_t *dump = json_object_get(params, "memoryDumpVolume"), *conf = json_object_get(params, "memoryConfVolume");
	struct sim_vm_disk *m = &vm->memory;

	if (!dump && !conf)
		return 0;
	if (!uuid_is_valid(sim_text(dump, "domainID")) || !uuid_is_valid(sim_text(dump, "imageID")) ||
	    !uuid_is_valid(sim_text(dump, "volumeID")) || !uuid_is_valid(sim_text(conf, "volumeID"))) {
		sim_fail(vm->host->sim, "VM.create names saved memory that cannot be");
		sim_refuse(e, -32602, "bad memory volumes");
		return -1;
	}
	g_strlcpy(m->sd, sim_text(dump, "domainID"), sizeof(m->sd));
	g_strlcpy(m->img, sim_text(dump, "imageID"), sizeof(m->img));
	g_strlcpy(m->vol, sim_text(dump, "volumeID"), sizeof(m->vol));
	vm->is_restoring = true;
	return 0;
}

int sim_memory_use(struct sim_vm *vm, struct err *e)
{
	struct sim *s = vm->host->sim;
	struct sim_volume *v = vm->is_restoring ? volume_of(vm, e) : NULL;

	if (vm->is_restoring && !v)
		return -1;
	if (v && (strcmp(v->memory_of, vm->id) != 0 || v->memory_run != runs_of(s, vm->id)))
		sim_fail(s, "VM %s goes on with memory that does not fit its disks any more", vm->name);
	count_run(s, vm->id);
	return 0;
}

/* ---- saving ---- */

static void saved(struct sim_vm *vm)
{
	struct sim *s = vm->host->sim;
	struct err e = ERR_INIT;
	struct sim_volume *v = volume_of(vm, &e);

	if (!v || sim_happens(s, s->faults.fail_start)) {
		sim_vm_move(vm, SIM_VM_UP);
		return;
	}
	g_strlcpy(v->memory_of, vm->id, sizeof(v->memory_of));
	v->memory_run = runs_of(s, vm->id);
	sim_vm_end(vm, 0, EXIT_SAVED, "SaveState succeeded");
}

static json_t *hibernate(struct sim_host *h, json_t *params, struct err *e)
{
	g_auto(GStrv) ids = g_strsplit(sim_text(params, "hibernationVolHandle"), ",", -1);
	struct sim_vm *vm = sim_vm_running(h, params, e);

	if (!vm)
		return NULL;
	if (g_strv_length(ids) != 6) {
		sim_fail(h->sim, "VM.hibernate with volumes that cannot be");
		return sim_refuse(e, -32602, "bad volumes");
	}
	if (vm->status == SIM_VM_SAVING)
		return sim_refuse(e, 100, "It is being saved already");
	g_strlcpy(vm->memory.sd, ids[0], sizeof(vm->memory.sd));
	g_strlcpy(vm->memory.img, ids[2], sizeof(vm->memory.img));
	g_strlcpy(vm->memory.vol, ids[3], sizeof(vm->memory.vol));
	if (!volume_of(vm, e))
		return NULL;
	sim_vm_move(vm, SIM_VM_SAVING);
	sim_vm_plan(vm, sim_between(h->sim, SIM_SECOND, 20 * SIM_SECOND), saved, true);
	return json_true();
}

/* ---- more of it ---- */

static json_t *set_cpus(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = sim_vm_running(h, params, e);

	if (!vm)
		return NULL;
	vm->vcpus = (int)sim_int(params, "numberOfCpus");
	return sim_vm_definition(vm);
}

static json_t *plug_memory(struct sim_host *h, json_t *params, struct err *e)
{
	struct sim_vm *vm = sim_vm_running(h, params, e);

	return vm ? sim_vm_definition(vm) : NULL;
}

static json_t *freeze(struct sim_host *h, json_t *params, struct err *e)
{
	return sim_vm_running(h, params, e) ? json_true() : NULL;
}

const struct sim_verb SIM_MEMORY_VERBS[] = {
	{ "VM.freeze", "vmID=u", freeze, false },
	{ "VM.thaw", "vmID=u", freeze, false },
	{ "VM.hibernate", "vmID=u hibernationVolHandle=s", hibernate, false },
	{ "VM.setNumberOfCpus", "vmID=u numberOfCpus=i cpusets=a?", set_cpus, false },
	{ "VM.hotplugMemory", "vmID=u params=o", plug_memory, false },
	{ NULL, NULL, NULL, false },
};

/* SPDX-License-Identifier: Apache-2.0 */
/* One machine: its life in memory, its lock, its status. */
#include <string.h>

#include "agent/agent.h"
#include "agent/vms/payload.h"
#include "agent/vms/sample.h"
#include "agent/vms/serial.h"
#include "agent/vms/vms.h"
#include "base/log.h"

enum { LOCK_WAIT_MS = 60000 };

static const char *const STATUS_NAMES[N_VM_STATUS] = {
	[VM_DOWN] = "Down",           [VM_WAIT_FOR_LAUNCH] = "WaitForLaunch", [VM_UP] = "Up",
	[VM_PAUSED] = "Paused",       [VM_POWERING_DOWN] = "Powering down",   [VM_REBOOTING] = "RebootInProgress",
	[VM_SAVING] = "Saving State", [VM_RESTORING] = "Restoring state",
};

const char *vm_status_name(enum vm_status s) { return STATUS_NAMES[s]; }

bool vm_is_active(const struct vm *vm) { return vm->status != VM_DOWN && !vm_is_starting(vm); }

/* --- life ----------------------------------------------------------------- */

struct vm *vm_add(struct agent *a, struct pool *domain_pool, struct domain *d, char *xml)
{
	struct vm *vm = g_new0(struct vm, 1);

	vm->agent = a;
	vm->n_refs = 1;
	for (int i = 0; i < UUID_LEN; i++)
		vm->id[i] = g_ascii_tolower(d->id[i]);
	vm->domain_pool = domain_pool;
	vm->domain = d;
	vm->xml = xml;
	vm->status = VM_DOWN;
	vm->pause_code = "NOERR";
	vm->exit_message = g_strdup("");
	vm->client_ip = g_strdup("");
	vm->time_offset = g_strdup("0");
	vm->guest = json_object();
	vm->status_ms = agent_event_time_ms();
	g_hash_table_insert(a->vms->by_id, vm->id, vm);
	return vm;
}

struct vm *vm_ref(struct vm *vm)
{
	vm->n_refs++;
	return vm;
}

void vm_unref(struct vm *vm)
{
	if (--vm->n_refs)
		return;
	serial_free(vm);
	g_clear_pointer(&vm->viewers, g_hash_table_unref);
	pool_free(vm->domain_pool);
	g_free(vm->exit_message);
	g_free(vm->client_ip);
	g_free(vm->time_offset);
	g_free(vm->user_quota);
	json_decref(vm->watchdog);
	json_decref(vm->guest);
	vm_samples_clear(&vm->samples);
	g_free(vm);
}

void vm_remove(struct vm *vm)
{
	if (vm->is_removed)
		return;
	vm->is_removed = true;
	g_hash_table_remove(vm->agent->vms->by_id, vm->id);
	waitq_wake_all(&vm->moved);
	vm_unref(vm);
}

/* --- lock ----------------------------------------------------------------- */

int vm_lock(struct vm *vm, struct err *e)
{
	const int64_t until = loop_now_ms(vm->agent->loop) + LOCK_WAIT_MS;

	vm_ref(vm); /* of the lock */
	while (vm->is_locked && !vm->is_removed) {
		const int64_t left = until - loop_now_ms(vm->agent->loop);

		if (left <= 0) {
			vm_unref(vm);
			return err_agent(e, 100, "Virtual machine is busy with another operation");
		}
		waitq_wait(&vm->unlocked, left);
	}
	if (vm->is_removed) {
		vm_unref(vm);
		return err_agent(e, 1, "Virtual machine does not exist");
	}
	vm->is_locked = true;
	return 0;
}

void vm_unlock(struct vm *vm)
{
	vm->is_locked = false;
	waitq_wake_all(&vm->unlocked);
	vm_unref(vm);
}

int vm_hold(struct vm *vm, struct vm **held, struct err *e)
{
	if (vm_lock(vm, e) < 0)
		return -1;
	*held = vm;
	return 0;
}

/* --- status --------------------------------------------------------------- */

json_t *vm_display_info(const struct vm *vm)
{
	json_t *list = json_array();

	for (int i = 0; i < vm->domain->n_graphics; i++) {
		const struct domain_graphics *g = &vm->domain->graphics[i];
		g_autofree char *port = g_strdup_printf("%d", g->port);
		g_autofree char *tls_port = g_strdup_printf("%d", g->tls_port);
		const char *listen = g->listen ? g->listen : "0";

		if (strcmp(listen, "0.0.0.0") == 0 || strcmp(listen, "::") == 0)
			listen = "0";
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "type", g->type, "port", port, "tlsPort",
		                                      tls_port, "ipAddress", listen));
	}
	return list;
}

static json_t *vm_news(struct vm *vm)
{
	json_t *j = json_object();
	g_autofree char *hash = g_strdup_printf("%d", vm->domain->hash);

	json_object_set_new(j, "status", json_string(vm_status_name(vm->status)));
	json_object_set_new(j, "timeOffset", json_string(vm->time_offset));
	if (vm->status == VM_DOWN) {
		json_object_set_new(j, "exitCode", json_integer(vm->is_failed));
		json_object_set_new(j, "exitReason", json_integer(vm->exit));
		json_object_set_new(j, "exitMessage", json_string(vm->exit_message));
		return j;
	}
	json_object_set_new(j, "hash", json_string(hash));
	json_object_set_new(j, "displayInfo", vm_display_info(vm));
	json_object_set_new(j, "clientIp", json_string(vm->client_ip));
	json_object_set_new(j, "pauseCode", json_string(vm->pause_code));
	json_object_set_new(j, "monitorResponse", json_string("0"));
	if (vm->watchdog)
		json_object_set(j, "watchdogEvent", vm->watchdog);
	json_object_set_new(j, "cpuUser", json_string("0.00"));
	json_object_set_new(j, "cpuSys", json_string("0.00"));
	json_object_set_new(
	    j, "elapsedTime",
	    json_integer(vm->started_wall_ms ? (loop_wall_ms(vm->agent->loop) - vm->started_wall_ms) / 1000 : 0));
	return j;
}

void vm_tell(struct vm *vm)
{
	g_autofree char *method = g_strdup_printf("|virt|VM_status|%s", vm->id);
	json_t *all = json_object();

	json_object_set_new(all, vm->id, vm_news(vm));
	agent_event(vm->agent, method, all);
}

void vm_move(struct vm *vm, enum vm_status next)
{
	if (vm->status == next && next != VM_PAUSED)
		return;
	log_info("vm moves", "VM", vm->id, "FROM", vm_status_name(vm->status), "TO", vm_status_name(next), "WHY",
	         next == VM_DOWN     ? vm->exit_message
	         : next == VM_PAUSED ? vm->pause_code
	                             : NULL);
	vm->status = next;
	vm->status_ms = agent_event_time_ms();
	if (next != VM_PAUSED)
		vm->pause_code = "NOERR";
	if (vm_is_active(vm) && vm->started_wall_ms == 0)
		vm->started_wall_ms = loop_wall_ms(vm->agent->loop);
	vm_tell(vm);
	waitq_wake_all(&vm->moved);
}

void vm_pause_with(struct vm *vm, const char *pause_code)
{
	if (vm->status == VM_PAUSED && strcmp(vm->pause_code, pause_code) == 0)
		return;
	vm->pause_code = pause_code;
	vm_move(vm, VM_PAUSED);
}

struct end_note {
	struct vm *vm;
	bool is_failed;
	enum vm_exit why;
};

/* The reason outlives the agent in the metadata of the definition. */
static void note_end(void *arg)
{
	struct end_note *n = arg;
	g_autofree char *code = g_strdup_printf("%d", n->is_failed);
	g_autofree char *why = g_strdup_printf("%d", n->why);
	const struct domain_meta values[] = {
		{ "exitCode", code },
		{ "exitReason", why },
		{ "exitMessage", n->vm->exit_message },
	};
	struct err e = ERR_INIT;

	if (n->vm->status == VM_DOWN && !n->vm->is_removed && !n->vm->is_locked)
		vm_write_meta(n->vm, values, G_N_ELEMENTS(values), &e);
	vm_unref(n->vm);
	g_free(n);
}

void vm_end(struct vm *vm, bool is_failed, enum vm_exit why, const char *message)
{
	struct end_note *n;

	if (vm->status == VM_DOWN && vm->exit_message[0])
		return;
	vm->is_failed = is_failed;
	vm->exit = why;
	g_free(vm->exit_message);
	vm->exit_message = g_utf8_make_valid(message, -1); /* it may be cut in the middle of a character */
	vm->is_admin_shutdown = false;
	vm->started_wall_ms = 0;
	json_object_clear(vm->guest);
	vm->status = vm->status == VM_DOWN ? VM_WAIT_FOR_LAUNCH : vm->status; /* so that it moves */
	g_clear_pointer(&vm->viewers, g_hash_table_unref);
	g_free(vm->client_ip);
	vm->client_ip = g_strdup("");
	vm_move(vm, VM_DOWN);
	serial_free(vm);
	payload_remove(vm->agent, vm->id);
	n = g_new0(struct end_note, 1);
	*n = (struct end_note){ vm_ref(vm), is_failed, why };
	fiber_start(vm->agent->loop, "note end", note_end, n);
}

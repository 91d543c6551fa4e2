/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/events.h"

#include <glib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/vms/life.h"
#include "agent/vms/sample.h"
#include "agent/vms/virt.h"
#include "agent/vms/vms.h"
#include "base/log.h"

enum { VIEWERS_MAX = 1000 };

enum kind { LIFECYCLE, REBOOT, RTC, WATCHDOG, IO_ERROR, GRAPHICS, DEVICE, AGENT, OTHER };

/* One event on its way to the loop. */
struct event {
	struct agent *agent;
	enum kind kind;
	uuid_text id;
	int what, detail;
	long long number;
	char text[128];
};

static struct event *event_new(void *opaque, virDomainPtr dom, enum kind kind)
{
	struct event *ev = g_new0(struct event, 1);

	ev->agent = opaque;
	ev->kind = kind;
	virDomainGetUUIDString(dom, ev->id);
	return ev;
}

/* --- on the loop ------------------------------------------------------------- */

static void stopped(struct vm *vm, int detail)
{
	if (vm_is_starting(vm)) /* the fiber that starts it sees the error itself */
		return;
	if (vm->is_paused_too_long) {
		vm_end(vm, true, EXIT_PAUSED_TOO_LONG, "Paused by an I/O error for too long");
		return;
	}
	if (vm->is_panicked) {
		vm_end(vm, true, EXIT_ERROR, "The guest's kernel has panicked");
		return;
	}
	switch (detail) {
	case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
		if (vm->is_admin_shutdown)
			vm_end(vm, false, EXIT_BY_ADMIN, "Admin shut down from the engine");
		else
			vm_end(vm, false, EXIT_BY_GUEST, "User shut down from within the guest");
		break;
	case VIR_DOMAIN_EVENT_STOPPED_DESTROYED:
		if (vm->is_reboot_destroy && vm->status == VM_REBOOTING)
			vm_end(vm, false, EXIT_ON_REBOOT, "Destroyed on reboot, to start with its new configuration");
		else
			vm_end(vm, false, EXIT_BY_ADMIN, "Admin shut down from the engine");
		break;
	case VIR_DOMAIN_EVENT_STOPPED_MIGRATED: vm_end(vm, false, EXIT_MIGRATED, "Migration succeeded"); break;
	case VIR_DOMAIN_EVENT_STOPPED_SAVED: vm_end(vm, false, EXIT_SAVED, "SaveState succeeded"); break;
	default: vm_end(vm, true, EXIT_LOST_QEMU, "Lost connection with qemu process");
	}
}

static void suspended(struct vm *vm, int detail)
{
	switch (detail) {
	case VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED:
	case VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT: break;
	case VIR_DOMAIN_EVENT_SUSPENDED_IOERROR:
		if (vm->status != VM_PAUSED)
			vm_pause_with(vm, "EOTHER"); /* the event with the reason comes before or after this one */
		break;
	case VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY: vm_pause_with(vm, "POSTCOPY"); break;
	default:
		if (vm->status != VM_PAUSED)
			vm_pause_with(vm, "NOERR");
	}
}

static void lifecycle(struct vm *vm, const struct event *ev)
{
	vm->n_events++;
	switch (ev->what) {
	case VIR_DOMAIN_EVENT_STARTED:
		vm->is_panicked = vm->is_paused_too_long = false;
		if (vm->status == VM_DOWN) { /* somebody started it beside us */
			g_free(vm->exit_message);
			vm->exit_message = g_strdup("");
			vm_move(vm, VM_UP);
		}
		vm_sync_soon(vm);
		sample_soon(vm->agent);
		break;
	case VIR_DOMAIN_EVENT_SUSPENDED:
		if (!vm_is_starting(vm) && vm->status != VM_DOWN && !vm->is_saving)
			suspended(vm, ev->detail);
		break;
	case VIR_DOMAIN_EVENT_RESUMED:
		if (vm->status == VM_PAUSED)
			vm_move(vm, VM_UP);
		vm_sync_soon(vm);
		break;
	case VIR_DOMAIN_EVENT_SHUTDOWN:
		/* One that is destroyed because it reboots says so, too; its end is told by why it was destroyed. */
		if (vm_is_active(vm) && !(vm->is_reboot_destroy && vm->status == VM_REBOOTING))
			vm_move(vm, VM_POWERING_DOWN);
		break;
	case VIR_DOMAIN_EVENT_CRASHED:
		log_warn("the guest's kernel has panicked", "VM", vm->id);
		vm->is_panicked = true;
		vm_sync_soon(vm);
		break;
	case VIR_DOMAIN_EVENT_STOPPED: stopped(vm, ev->detail); break;
	default: break;
	}
}

static void io_error(struct vm *vm, const struct event *ev)
{
	if (ev->what != VIR_DOMAIN_EVENT_IO_ERROR_PAUSE)
		return;
	vm->n_events++;
	log_warn("vm has an I/O error", "VM", vm->id, "DISK", ev->text, "WHY", ev->detail ? "ENOSPC" : "EIO");
	vm_pause_with(vm, ev->detail == 1 ? "ENOSPC" : ev->detail == 2 ? "EIO" : "EOTHER");
}

static void watchdog(struct vm *vm, const struct event *ev)
{
	static const char *const ACTIONS[] = {
		"none", "pause", "reset", "poweroff", "shutdown", "debug", "inject-nmi"
	};

	json_decref(vm->watchdog);
	vm->watchdog = json_pack("{s:f, s:s}", "time", (double)loop_wall_ms(vm->agent->loop) / 1000, "action",
	                         ev->what >= 0 && ev->what < (int)G_N_ELEMENTS(ACTIONS) ? ACTIONS[ev->what] : "none");
	log_warn("watchdog of vm", "VM", vm->id, "ACTION", json_string_value(json_object_get(vm->watchdog, "action")));
	vm_tell(vm);
}

/* Each connection counts: SPICE has several for one client, and VNC lets many look. ev->text is "address port". */
static void graphics(struct vm *vm, const struct event *ev)
{
	GHashTableIter it;
	gpointer key = NULL;
	char ip[sizeof(ev->text)] = "";

	if (!vm->viewers)
		vm->viewers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (ev->what == VIR_DOMAIN_EVENT_GRAPHICS_DISCONNECT)
		g_hash_table_remove(vm->viewers, ev->text);
	else if (ev->what == VIR_DOMAIN_EVENT_GRAPHICS_INITIALIZE && g_hash_table_size(vm->viewers) < VIEWERS_MAX)
		g_hash_table_add(vm->viewers, g_strdup(ev->text)); /* only now it is known that he may */
	g_hash_table_iter_init(&it, vm->viewers);
	if (g_hash_table_iter_next(&it, &key, NULL)) {
		g_strlcpy(ip, key, sizeof(ip));
		ip[strcspn(ip, " ")] = '\0';
	}
	if (strcmp(vm->client_ip, ip) == 0)
		return;
	g_free(vm->client_ip);
	vm->client_ip = g_strdup(ip);
	vm_tell(vm);
}

static void rtc_changed(struct vm *vm, const struct event *ev)
{
	g_free(vm->time_offset);
	vm->time_offset = g_strdup_printf("%lld", ev->number);
	vm_tell(vm);
}

static void handle(void *arg)
{
	g_autofree struct event *ev = arg;
	struct vm *vm = vms_find(ev->agent, ev->id);

	if (!vm)
		return;
	switch (ev->kind) {
	case LIFECYCLE: lifecycle(vm, ev); break;
	case REBOOT: life_rebooted(vm); break;
	case RTC: rtc_changed(vm, ev); break;
	case WATCHDOG: watchdog(vm, ev); break;
	case IO_ERROR: io_error(vm, ev); break;
	case GRAPHICS: graphics(vm, ev); break;
	case AGENT:
		vm->guest_due_ms = vm->guest_slow_due_ms = 0;
		if (!vm_is_starting(vm)) /* its state is read when it runs */
			vm_sync_soon(vm);
		break;
	case DEVICE:
		vm->n_events++;
		waitq_wake_all(&vm->moved);
		vm_sync_soon(vm);
		break;
	case OTHER: vm_sync_soon(vm); break;
	}
}

static int post(struct event *ev)
{
	loop_post(ev->agent->loop, handle, ev);
	return 0;
}

/* --- on libvirt's thread -------------------------------------------------------- */

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int what, int detail, void *opaque)
{
	struct event *ev = event_new(opaque, dom, LIFECYCLE);

	ev->what = what;
	ev->detail = detail;
	return post(ev);
}

static void on_reboot(virConnectPtr conn, virDomainPtr dom, void *opaque) { post(event_new(opaque, dom, REBOOT)); }

static void on_rtc(virConnectPtr conn, virDomainPtr dom, long long offset, void *opaque)
{
	struct event *ev = event_new(opaque, dom, RTC);

	ev->number = offset;
	post(ev);
}

static void on_watchdog(virConnectPtr conn, virDomainPtr dom, int action, void *opaque)
{
	struct event *ev = event_new(opaque, dom, WATCHDOG);

	ev->what = action;
	post(ev);
}

static void on_io_error(virConnectPtr conn, virDomainPtr dom, const char *path, const char *alias, int action,
                        const char *reason, void *opaque)
{
	struct event *ev = event_new(opaque, dom, IO_ERROR);

	ev->what = action;
	ev->detail = g_strcmp0(reason, "enospc") == 0                       ? 1
	             : g_strcmp0(reason, "eio") == 0 || !reason || !*reason ? 2
	                                                                    : 0;
	g_strlcpy(ev->text, alias ? alias : "", sizeof(ev->text));
	post(ev);
}

static void on_graphics(virConnectPtr conn, virDomainPtr dom, int phase, const virDomainEventGraphicsAddress *local,
                        const virDomainEventGraphicsAddress *remote, const char *scheme,
                        const virDomainEventGraphicsSubject *subject, void *opaque)
{
	struct event *ev = event_new(opaque, dom, GRAPHICS);

	ev->what = phase;
	g_snprintf(ev->text, sizeof(ev->text), "%s %s", remote && remote->node ? remote->node : "",
	           remote && remote->service ? remote->service : "");
	post(ev);
}

static void on_device(virConnectPtr conn, virDomainPtr dom, const char *alias, void *opaque)
{
	post(event_new(opaque, dom, DEVICE));
}

static void on_agent(virConnectPtr conn, virDomainPtr dom, int state, int reason, void *opaque)
{
	post(event_new(opaque, dom, AGENT));
}

static void on_tray(virConnectPtr conn, virDomainPtr dom, const char *alias, int reason, void *opaque)
{
	post(event_new(opaque, dom, OTHER));
}

void events_register(virConnectPtr conn, struct agent *a)
{
	static const struct {
		int id;
		virConnectDomainEventGenericCallback fn;
	} EVENTS[] = {
		{ VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle) },
		{ VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot) },
		{ VIR_DOMAIN_EVENT_ID_RTC_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_rtc) },
		{ VIR_DOMAIN_EVENT_ID_WATCHDOG, VIR_DOMAIN_EVENT_CALLBACK(on_watchdog) },
		{ VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, VIR_DOMAIN_EVENT_CALLBACK(on_io_error) },
		{ VIR_DOMAIN_EVENT_ID_GRAPHICS, VIR_DOMAIN_EVENT_CALLBACK(on_graphics) },
		{ VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device) },
		{ VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, VIR_DOMAIN_EVENT_CALLBACK(on_device) },
		{ VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_device) },
		{ VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_agent) },
		{ VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_tray) },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(EVENTS); i++)
		if (virConnectDomainEventRegisterAny(conn, NULL, EVENTS[i].id, EVENTS[i].fn, a, NULL) < 0) {
			struct err e = ERR_INIT;

			virt_err(&e, "subscribe to events of kind %d", EVENTS[i].id);
			log_warn("libvirt events", "ERROR", e.detail);
		}
}

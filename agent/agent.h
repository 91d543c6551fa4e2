/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The agent: one process, one loop that owns all state, fibers that read top to bottom, and worker
 * threads for what blocks. Everything below is touched on the loop's thread only.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/task.h"
#include "base/uuid.h"

struct accel;
struct caps;
struct edge;
struct hooks; /* agent/hooks */
struct host_stats;
struct mom;
struct networks;
struct storage; /* agent/storage */
struct virt;
struct vms;

struct agent_options {
	const char *state_dir;    /* certificates, identity, what must survive a restart */
	const char *run_dir;      /* what must not survive a reboot */
	const char *storage_root; /* /rhev/data-center */
	const char *listen;       /* address to listen on; NULL: all */
	const char *libvirt_uri;
	const char *accel;        /* "auto", "kvm" or "tcg" */
	const char *probe_kernel; /* kernel and initrd for the probe of KVM, or NULL */
	const char *probe_initrd;
	const char *hooks_dir;       /* scripts of the host's owner, by point */
	const char *hooks_user;      /* who runs them when we are root; NULL or unknown: root */
	const char *hooks_python;    /* folder with the module "hooking" */
	const char *ksm_dir;         /* /sys/kernel/mm/ksm */
	const char *serial_dir;      /* where QEMU makes the sockets of serial consoles */
	int hooks_timeout_ms;        /* of one script */
	const char *user;            /* "36:36"; "": as it was started */
	const char *console_tls_dir; /* or NULL */
	int port;
	int ready_fd; /* -1: none; a line is written there when the port is open */
};

struct agent {
	struct loop *loop;
	struct chance *chance;
	struct task_pool *tasks; /* short blocking work of all areas; storage has its own workers */
	struct agent_options opt;
	uuid_text host_id; /* identity of this host: DIR/vdsm.id, else the machine's */
	bool is_stopping;

	struct virt *virt;
	struct vms *vms;
	struct accel *accel;
	struct caps *caps;
	struct host_stats *stats;
	struct hooks *hooks;
	struct mom *mom; /* memory policy: ballooning and KSM */
	struct networks *networks;
	struct storage *storage; /* made by storage_init, NULL without */
	struct edge *edge;       /* the port: TLS, STOMP, JSON-RPC */
};

/*
 * What agent/storage gives to the rest (declared in agent/storage/storage.h):
 *   int  storage_init(struct agent *a, struct err *e);       before the port opens; sets a->storage
 *   void storage_deinit(struct agent *a);
 *   int  storage_prepare_volume(struct agent *a, struct pool *p, const char *sd, const char *img,
 *                               const char *vol, char **path, struct err *e);     in a fiber
 *   int  storage_teardown_volume(struct agent *a, const char *sd, const char *img, const char *vol,
 *                                struct err *e);                                  in a fiber
 *   void storage_add_stats(struct agent *a, json_t *stats);         "storageDomains" of Host.getStats
 *   void storage_add_capabilities(struct agent *a, json_t *caps);   "domain_versions" and so on
 */

/* Send an event to every client that subscribed: method "|virt|VM_status|ID", an object of parameters
 * (reference taken over); "notify_time" is added. */
void agent_event(struct agent *a, const char *method, json_t *params);
/* Milliseconds of the monotonic clock, as "notify_time" and "statusTime" have them. */
int64_t agent_event_time_ms(void);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The connection to libvirt. Its calls block, so they run on worker threads while a fiber waits; its
 * events arrive on a thread of their own and are posted to the loop. The daemon may vanish at any
 * time: we reconnect with growing pauses and tell the VMs about both.
 *
 * Each call under way has a connection of its own. Calls that share one are not independent: a daemon
 * serves five of a client at a time, and while one hangs the client's library may sleep on the answers
 * of the others until the next keep-alive. Lines bound how many calls of a kind there are, so that
 * guest agents that hang cannot hold up statistics, nor those a start.
 */
#include <libvirt/libvirt.h>
#include <stdbool.h>

#include "base/err.h"

struct agent;

enum virt_line { VIRT_OPS, VIRT_STATS, VIRT_GUEST, VIRT_LONG, N_VIRT_LINE };

/* Starts the event thread and a fiber that connects and stays connected. */
int virt_init(struct agent *a, struct err *e);
bool virt_is_connected(const struct agent *a);

/* Run fn on a worker with a connection. In a fiber. fn touches nothing but arg and e. */
typedef int (*virt_fn)(virConnectPtr conn, void *arg, struct err *e);
int virt_run(struct agent *a, enum virt_line line, virt_fn fn, void *arg, struct err *e);

/* The same with a domain; ERR_NOT_FOUND when libvirt does not have it. */
typedef int (*virt_domain_fn)(virDomainPtr dom, void *arg, struct err *e);
int virt_run_domain(struct agent *a, enum virt_line line, const char *id, virt_domain_fn fn, void *arg, struct err *e);

/* On a worker after a failed call: libvirt's error of this thread, behind "what was being done". Connection
 * trouble becomes ERR_NETWORK, a missing domain ERR_NOT_FOUND, time-outs ERR_TIMEOUT, else ERR_BACKEND. */
int virt_err(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void virt_domain_unref(virDomainPtr *d)
{
	if (*d)
		virDomainFree(*d);
}
#define auto_domain __attribute__((cleanup(virt_domain_unref))) virDomainPtr

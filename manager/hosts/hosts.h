/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Hosts: their life from registration to removal, what they can do, how they are. */
#include "manager/api/call.h"

void hosts_register(struct core *c);
/* Begin to look after every host of the inventory. After jobs are registered, before they resume. */
void hosts_start(struct core *c);
void hosts_free(struct core *c);

/* Published and up, with a connection. */
bool host_is_up(struct core *c, const char *host_id);
/* Has the agent's port open for us just now, whatever the status? */
bool host_is_connected(struct core *c, const char *host_id);
/* Last Host.getCapabilities, Host.getStats; NULL if never got. Borrowed: do not keep over a wait. */
json_t *host_caps(struct core *c, const char *host_id);
json_t *host_stats(struct core *c, const char *host_id);
/* Last Host.hostdevListByCaps: name -> {params}. Borrowed; NULL if never got. */
json_t *host_devices(struct core *c, const char *host_id);
/* Is it a CPU type that clusters can have? */
bool cpu_type_is_known(const char *name);
/* May KVM be used there? (proven by the agent) */
bool host_has_kvm(struct core *c, const char *host_id);
/* SHA-256 (hex) of the public key that the host must show, in p; NULL: not known yet. */
const char *host_key_of(struct core *c, struct pool *p, const char *host_id);
/* Wait until the host is up, at most timeout_ms. */
int host_wait_up(struct core *c, const char *host_id, int64_t timeout_ms, struct err *e);
/* Have the monitoring look again now. */
void host_refresh_soon(struct core *c, const char *host_id);

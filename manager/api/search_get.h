/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Fields that are computed from more than one member; see sget_fn. */
#include "manager/api/search_internal.h"

bool sget_vm_uptime(struct core *c, const void *obj, struct sval *v);
bool sget_vm_vcpus(struct core *c, const void *obj, struct sval *v);
bool sget_host_cpus(struct core *c, const void *obj, struct sval *v);
bool sget_host_external_status(struct core *c, const void *obj, struct sval *v);
bool sget_host_active_vms(struct core *c, const void *obj, struct sval *v);
bool sget_host_migrating_vms(struct core *c, const void *obj, struct sval *v);
bool sget_host_committed_mem(struct core *c, const void *obj, struct sval *v);
bool sget_template_children(struct core *c, const void *obj, struct sval *v);
bool sget_user_login(struct core *c, const void *obj, struct sval *v);
bool sget_user_profile(struct core *c, const void *obj, struct sval *v);
bool sget_user_type(struct core *c, const void *obj, struct sval *v);
bool sget_storage_shared_status(struct core *c, const void *obj, struct sval *v);
bool sget_storage_external_status(struct core *c, const void *obj, struct sval *v);
bool sget_storage_total(struct core *c, const void *obj, struct sval *v);
bool sget_disk_allocation(struct core *c, const void *obj, struct sval *v);
bool sget_disk_vms(struct core *c, const void *obj, struct sval *v);
bool sget_network_is_vm(struct core *c, const void *obj, struct sval *v);
bool sget_profile_passthrough(struct core *c, const void *obj, struct sval *v);
bool sget_event_custom_id(struct core *c, const void *obj, struct sval *v);
bool sget_false(struct core *c, const void *obj, struct sval *v);

/* Does it read the version alone? */
bool sget_is_pure(sget_fn fn);
/* Is it the number of entities of a kind that refer to us by a member (and by another one to something)? */
struct sget_count {
	sget_fn fn;
	enum kind kind;
	const char *member, *other;
};
const struct sget_count *sget_count_of(sget_fn fn);

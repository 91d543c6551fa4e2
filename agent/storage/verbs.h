/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Handlers of the storage verbs; the table is in verbs.c. */
#include "agent/verb.h"

int sverb_connect_server(struct agent *a, struct verb_call *c, struct err *e);
int sverb_disconnect_server(struct agent *a, struct verb_call *c, struct err *e);
int sverb_domain_create(struct agent *a, struct verb_call *c, struct err *e);
int sverb_domain_format(struct agent *a, struct verb_call *c, struct err *e);
int sverb_domain_info(struct agent *a, struct verb_call *c, struct err *e);
int sverb_domain_stats(struct agent *a, struct verb_call *c, struct err *e);
int sverb_domain_images(struct agent *a, struct verb_call *c, struct err *e);
int sverb_domain_volumes(struct agent *a, struct verb_call *c, struct err *e);
int sverb_domain_attach(struct agent *a, struct verb_call *c, struct err *e);
int sverb_domain_activate(struct agent *a, struct verb_call *c, struct err *e);
int sverb_domain_deactivate(struct agent *a, struct verb_call *c, struct err *e);
int sverb_domain_detach(struct agent *a, struct verb_call *c, struct err *e);
int sverb_domain_set_description(struct agent *a, struct verb_call *c, struct err *e);
int sverb_all_domains(struct agent *a, struct verb_call *c, struct err *e);
int sverb_repo_stats(struct agent *a, struct verb_call *c, struct err *e);
int sverb_pool_create(struct agent *a, struct verb_call *c, struct err *e);
int sverb_pool_connect(struct agent *a, struct verb_call *c, struct err *e);
int sverb_pool_disconnect(struct agent *a, struct verb_call *c, struct err *e);
int sverb_pool_destroy(struct agent *a, struct verb_call *c, struct err *e);
int sverb_pool_info(struct agent *a, struct verb_call *c, struct err *e);
int sverb_connected_pools(struct agent *a, struct verb_call *c, struct err *e);
int sverb_spm_start(struct agent *a, struct verb_call *c, struct err *e);
int sverb_spm_stop(struct agent *a, struct verb_call *c, struct err *e);
int sverb_spm_status(struct agent *a, struct verb_call *c, struct err *e);
int sverb_task_status(struct agent *a, struct verb_call *c, struct err *e);
int sverb_task_info(struct agent *a, struct verb_call *c, struct err *e);
int sverb_task_stop(struct agent *a, struct verb_call *c, struct err *e);
int sverb_task_revert(struct agent *a, struct verb_call *c, struct err *e);
int sverb_task_clear(struct agent *a, struct verb_call *c, struct err *e);
int sverb_all_statuses(struct agent *a, struct verb_call *c, struct err *e);
int sverb_all_infos(struct agent *a, struct verb_call *c, struct err *e);
int sverb_all_details(struct agent *a, struct verb_call *c, struct err *e);
int sverb_volume_create(struct agent *a, struct verb_call *c, struct err *e);
int sverb_volume_extend(struct agent *a, struct verb_call *c, struct err *e);
int sverb_volume_delete(struct agent *a, struct verb_call *c, struct err *e);
int sverb_volume_info(struct agent *a, struct verb_call *c, struct err *e);
int sverb_volume_size(struct agent *a, struct verb_call *c, struct err *e);
int sverb_volume_qemu_info(struct agent *a, struct verb_call *c, struct err *e);
int sverb_volume_measure(struct agent *a, struct verb_call *c, struct err *e);
int sverb_volume_set_description(struct agent *a, struct verb_call *c, struct err *e);
int sverb_volume_set_legality(struct agent *a, struct verb_call *c, struct err *e);
int sverb_volume_refresh(struct agent *a, struct verb_call *c, struct err *e);
int sverb_image_delete(struct agent *a, struct verb_call *c, struct err *e);
int sverb_image_volumes(struct agent *a, struct verb_call *c, struct err *e);
int sverb_image_prepare(struct agent *a, struct verb_call *c, struct err *e);
int sverb_image_teardown(struct agent *a, struct verb_call *c, struct err *e);
int sverb_copy_data(struct agent *a, struct verb_call *c, struct err *e);
int sverb_update_volume(struct agent *a, struct verb_call *c, struct err *e);
int sverb_merge_prepare(struct agent *a, struct verb_call *c, struct err *e);
int sverb_merge(struct agent *a, struct verb_call *c, struct err *e);
int sverb_merge_finish(struct agent *a, struct verb_call *c, struct err *e);
int sverb_seal(struct agent *a, struct verb_call *c, struct err *e);
int sverb_get_jobs(struct agent *a, struct verb_call *c, struct err *e);

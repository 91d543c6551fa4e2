/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/manager.h"

#include "manager/api/statistics.h"
#include "manager/clusters/clusters.h"
#include "manager/console/console.h"
#include "manager/core/events.h"
#include "manager/core/jobs.h"
#include "manager/disks/disks.h"
#include "manager/hosts/hosts.h"
#include "manager/networks/networks.h"
#include "manager/storage/storage.h"
#include "manager/system/dashboard.h"
#include "manager/system/system.h"
#include "manager/users/users.h"
#include "manager/vms/vms.h"

void manager_register_all(struct core *c)
{
	system_register(c);
	users_register(c);
	clusters_register(c);
	networks_register(c);
	hosts_register(c);
	storage_register(c);
	disks_register(c);
	vms_register(c);
	api_register(STATISTICS_OPS);
}

void manager_start_all(struct core *c)
{
	events_start(c);
	networks_start(c);
	storage_start(c);
	vms_start(c);
	c->is_started = true;
	hosts_start(c);
	dashboard_start(c);
	jobs_resume(c);
}

void manager_free_all(struct core *c)
{
	dashboard_free(c);
	consoles_free(c);
	vms_free(c);
	storage_free(c);
	hosts_free(c);
	networks_free(c);
}

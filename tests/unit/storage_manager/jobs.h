/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Every job of the two domains: how the scene before it is made, and the call that begins it. */
#include "manager/core/jobs.h"
#include "rig.h"

struct scenario {
	const char *name;
	bool (*is_done)(void); /* the job did its work; else everything is as before */
	void (*prepare)(void);
	const char *op, *ids, *body;
	bool is_destroying, is_format;
};

static void nothing(void) {}
static void one_domain(void) { rig_add_domain(SD, "data1", "/data/one"); }
static void attached(void) { rig_with_storage(); }

static void two_domains(void)
{
	rig_with_storage();
	rig_add_domain(SD2, "data2", "/data/two");
}

static void two_attached(void)
{
	two_domains();
	rig_attach(SD2);
	rig_settle();
}

static void second_down(void)
{
	two_attached();
	rig_ok("attached_storage_domain.deactivate", DC "/" SD2, NULL);
	rig_settle();
}

static void in_maintenance(void)
{
	rig_with_storage();
	rig_ok("attached_storage_domain.deactivate", DC "/" SD, NULL);
	rig_settle();
}

static void with_disk(void)
{
	rig_with_storage();
	rig_add_disk(DISK);
}

static void with_vm_disk(void)
{
	with_disk();
	rig_ok("disk_attachments.add", VM,
	       "{\"disk\":{\"id\":\"" DISK "\"},\"interface\":\"virtio\",\"bootable\":true}");
}

static bool has_domain(void) { return rig_domain(SD) != NULL; }
static bool has_no_domain(void) { return !rig_domain(SD); }
static bool is_status(const char *id, enum m_storage_domain_status s)
{
	return rig_domain(id) && rig_domain(id)->status == s;
}
static bool is_active(void) { return is_status(SD, M_STORAGE_DOMAIN_STATUS_ACTIVE); }
static bool is_second_active(void) { return is_status(SD2, M_STORAGE_DOMAIN_STATUS_ACTIVE); }
static bool is_down(void) { return is_status(SD, M_STORAGE_DOMAIN_STATUS_MAINTENANCE); }
static bool is_second_down(void) { return is_status(SD2, M_STORAGE_DOMAIN_STATUS_MAINTENANCE); }
static bool is_free(void) { return is_status(SD, M_STORAGE_DOMAIN_STATUS_UNATTACHED); }
static bool is_second_free(void) { return is_status(SD2, M_STORAGE_DOMAIN_STATUS_UNATTACHED); }
static bool has_disk(void) { return rig_disk(DISK) != NULL; }
static bool has_no_disk(void) { return !rig_disk(DISK); }
static bool is_grown(void) { return rig_disk(DISK) && rig_disk(DISK)->provisioned_size == 20000768; }

#define NEW_DOMAIN                                                                                                     \
	"{\"id\":\"" SD "\",\"name\":\"data1\",\"type\":\"data\",\"host\":{\"name\":\"host1\"},"                       \
	"\"storage\":{\"type\":\"localfs\",\"path\":\"/data/one\"}}"
#define NEW_DISK                                                                                                       \
	"{\"id\":\"" DISK "\",\"name\":\"disk1\",\"format\":\"cow\",\"provisioned_size\":\"10000000\","                \
	"\"storage_domains\":{\"storage_domain\":[{\"name\":\"data1\"}]}}"

static const struct scenario SCENARIOS[] = {
	{ "AddStorageDomain", has_domain, nothing, "storage_domains.add", "", NEW_DOMAIN },
	{ "RemoveStorageDomain", has_no_domain, one_domain, "storage_domain.remove", SD, NULL, .is_format = true,
	  .is_destroying = true },
	{ "AttachFirst", is_active, one_domain, "attached_storage_domains.add", DC, "{\"id\":\"" SD "\"}" },
	{ "AttachSecond", is_second_active, two_domains, "attached_storage_domains.add", DC, "{\"name\":\"data2\"}" },
	{ "DeactivateLast", is_down, attached, "attached_storage_domain.deactivate", DC "/" SD, NULL },
	{ "DeactivateSecond", is_second_down, two_attached, "attached_storage_domain.deactivate", DC "/" SD2, NULL },
	{ "ActivateMaster", is_active, in_maintenance, "attached_storage_domain.activate", DC "/" SD, NULL },
	{ "ActivateSecond", is_second_active, second_down, "attached_storage_domain.activate", DC "/" SD2, NULL },
	{ "DetachLast", is_free, in_maintenance, "attached_storage_domain.remove", DC "/" SD, NULL },
	{ "DetachSecond", is_second_free, second_down, "attached_storage_domain.remove", DC "/" SD2, NULL },
	{ "AddDisk", has_disk, attached, "disks.add", "", NEW_DISK },
	{ "ExtendDisk", is_grown, with_disk, "disk.update", DISK, "{\"provisioned_size\":\"20000000\"}" },
	{ "RemoveDisk", has_no_disk, with_disk, "disk.remove", DISK, NULL, .is_destroying = true },
	{ "RemoveVmDisk", has_no_disk, with_vm_disk, "disk_attachment.remove", VM "/" DISK, NULL,
	  .is_destroying = true },
};

static inline void begin(const struct scenario *s)
{
	rig_query.format = s->is_format;
	rig_begin(s->op, s->ids, s->body);
}

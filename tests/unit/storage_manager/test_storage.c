/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jobs.h"
#include "manager/core/events.h"
#include "manager/disks/disks_int.h"
#include "manager/storage/storage.h"

static int setup(void **state)
{
	rig_make(true);
	return 0;
}
static int teardown(void **state)
{
	rig_free();
	return 0;
}

/* ---- domains ---- */

static void a_domain_is_added(void **state)
{
	const struct m_storage_domain *sd;

	sd = rig_ok("storage_domains.add", "",
	            "{\"name\":\"data1\",\"type\":\"data\",\"host\":{\"name\":\"host1\"},"
	            "\"storage\":{\"type\":\"localfs\",\"path\":\"/data//one/\"}}")
	         ->object;
	assert_int_equal(sd->status, M_STORAGE_DOMAIN_STATUS_UNATTACHED);
	assert_string_equal(sd->storage->path, "/data/one");
	assert_int_equal(sd->storage_format, M_STORAGE_FORMAT_V5);
	assert_int_equal(sd->external_status, M_EXTERNAL_STATUS_OK);
	assert_true(sd->has.committed && sd->has.critical_space_action_blocker && sd->has.warning_low_space_indicator &&
	            sd->has.wipe_after_delete && sd->has.supports_discard && sd->has.backup &&
	            sd->has.discard_after_delete);
	assert_int_equal(sd->block_size, 512);
	assert_int_equal(sd->available, 60000000000);
	assert_int_equal(sd->used, 40000000000);
	assert_false(sd->master);
	assert_true(rig_has_event("USER_ADD_STORAGE_DOMAIN"));
	rig_check_world();
}

static void bad_domains_are_refused(void **state)
{
	rig_add_domain(SD, "data1", "/data/one");
#define BODY(MORE) "{\"name\":\"other\",\"type\":\"data\",\"host\":{\"id\":\"" HOST "\"}," MORE "}"
	rig_fails(ERR_CONFLICT, "storage_domains.add", "",
	          BODY("\"storage\":{\"type\":\"localfs\",\"path\":\"/data/one/\"}"));
	rig_fails(ERR_INVALID, "storage_domains.add", "", BODY("\"storage\":{\"type\":\"localfs\",\"path\":\"data\"}"));
	rig_fails(ERR_INVALID, "storage_domains.add", "",
	          BODY("\"storage\":{\"type\":\"localfs\",\"path\":\"/a/../b\"}"));
	rig_fails(ERR_UNSUPPORTED, "storage_domains.add", "", BODY("\"storage\":{\"type\":\"nfs\",\"path\":\"/a\"}"));
	rig_fails(ERR_UNSUPPORTED, "storage_domains.add", "",
	          BODY("\"storage_format\":\"v4\",\"storage\":{\"type\":\"localfs\","
	               "\"path\":\"/a\"}"));
	rig_fails(ERR_CONFLICT, "storage_domains.add", "",
	          "{\"name\":\"data1\",\"type\":\"data\",\"host\":{\"id\":\"" HOST "\"},"
	          "\"storage\":{\"type\":\"localfs\",\"path\":\"/data/two\"}}");
	rig_fails(ERR_NOT_FOUND, "storage_domains.add", "",
	          "{\"name\":\"x\",\"type\":\"data\",\"host\":{\"name\":\"nobody\"},"
	          "\"storage\":{\"type\":\"localfs\",\"path\":\"/a\"}}");
	/* the agent says no: the answer says so, and nothing is left */
	rig_fails(ERR_CONFLICT, "storage_domains.add", "",
	          BODY("\"storage\":{\"type\":\"localfs\",\"path\":\"/bad\"}"));
	assert_true(rig_has_event("USER_ADD_STORAGE_DOMAIN_FAILED"));
	fake_agents_set_up(rig->agents, HOST, false);
	rig_fails(ERR_CONFLICT, "storage_domains.add", "", BODY("\"storage\":{\"type\":\"localfs\",\"path\":\"/a\"}"));
	fake_agents_set_up(rig->agents, HOST, true);
	rig_check_world();
}

static void shared_centers_take_no_local_storage(void **state)
{
	rig_free();
	rig_make(false);
	rig_fails(ERR_CONFLICT, "storage_domains.add", "", NEW_DOMAIN);
}

static void the_first_domain_makes_the_center(void **state)
{
	const struct m_storage_domain *sd;
	const struct call *c;

	rig_add_domain(SD, "data1", "/data/one");
	sd = rig_ok("attached_storage_domains.add", DC, "{\"name\":\"data1\"}")->object;
	assert_int_equal(sd->status, M_STORAGE_DOMAIN_STATUS_ACTIVE);
	assert_string_equal(sd->data_center.id, DC);
	assert_string_equal(sd->href, "/ovirt-engine/api/datacenters/" DC "/storagedomains/" SD);
	assert_true(sd->master);
	assert_int_equal(rig_center()->status, M_DATA_CENTER_STATUS_UP);
	assert_int_equal(rig_center()->storage_format, M_STORAGE_FORMAT_V5);
	/* status is told in the data center only */
	sd = rig_ok("storage_domain.get", SD, NULL)->object;
	assert_int_equal(sd->status, 0);
	assert_null(sd->data_center.id);
	assert_int_equal(sd->data_centers.n, 1);
	c = rig_ok("attached_storage_domains.list", DC, NULL);
	assert_int_equal(c->n_list, 1);
	rig_ok("attached_storage_domain.get", DC "/" SD, NULL);
	rig_fails(ERR_CONFLICT, "attached_storage_domains.add", DC, "{\"id\":\"" SD "\"}");
	rig_fails(ERR_CONFLICT, "storage_domain.remove", SD, NULL);
	rig_fails(ERR_CONFLICT, "attached_storage_domain.remove", DC "/" SD, NULL);
	rig_check_world();
}

static void the_master_goes_last(void **state)
{
	two_attached();
	rig_fails(ERR_CONFLICT, "attached_storage_domain.deactivate", DC "/" SD, NULL);
	rig_ok("attached_storage_domain.deactivate", DC "/" SD2, NULL);
	rig_ok("attached_storage_domain.deactivate", DC "/" SD, NULL);
	assert_int_equal(rig_center()->status, M_DATA_CENTER_STATUS_MAINTENANCE);
	rig_fails(ERR_CONFLICT, "attached_storage_domain.remove", DC "/" SD, NULL);
	rig_fails(ERR_CONFLICT, "attached_storage_domain.activate", DC "/" SD2, NULL);
	rig_ok("attached_storage_domain.activate", DC "/" SD, NULL);
	rig_ok("attached_storage_domain.activate", DC "/" SD2, NULL);
	rig_check_world();
	assert_int_equal(rig_center()->status, M_DATA_CENTER_STATUS_UP);
}

static void a_domain_is_renamed(void **state)
{
	rig_with_storage();
	rig_ok("storage_domain.update", SD,
	       "{\"name\":\"other\",\"warning_low_space_indicator\":20,\"storage\":{\"path\":\"/x\"}}");
	assert_string_equal(rig_domain(SD)->name, "other");
	assert_string_equal(rig_domain(SD)->storage->path, "/data/one");
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(fake_agents_disk(rig->agents), SD), "name")), "other");
	rig_fails(ERR_IMMUTABLE, "storage_domain.update", SD, "{\"type\":\"iso\"}");
}

static void a_domain_is_forgotten(void **state)
{
	in_maintenance();
	rig_query.destroy = true;
	rig_ok("storage_domain.remove", SD, NULL);
	assert_null(rig_domain(SD));
	assert_int_equal(rig_center()->status, M_DATA_CENTER_STATUS_UNINITIALIZED);
	assert_int_equal(json_object_size(fake_agents_disk(rig->agents)), 1);
}

/* ---- health ---- */

static void report(int code)
{
	json_t *r = fake_agents_report(rig->agents, HOST, code);

	storage_host_report(rig->core, HOST, r);
	json_decref(r);
	rig_run(15000);
}

static void trouble_that_lasts_deactivates(void **state)
{
	rig_with_storage();
	report(0);
	for (int i = 0; i < 19; i++)
		report(358);
	assert_true(is_active());
	for (int i = 0; i < 3; i++)
		report(358);
	assert_int_equal(rig_domain(SD)->status, M_STORAGE_DOMAIN_STATUS_INACTIVE);
	assert_true(rig_has_event("SYSTEM_DEACTIVATED_STORAGE_DOMAIN"));
	report(0);
	assert_true(is_active());
}

static void a_lost_host_takes_the_center_down(void **state)
{
	rig_with_storage();
	fake_agents_set_up(rig->agents, HOST, false);
	storage_host_lost(rig->core, HOST);
	rig_run(1000);
	assert_int_equal(rig_center()->status, M_DATA_CENTER_STATUS_PROBLEMATIC);
	assert_int_equal(rig_domain(SD)->status, M_STORAGE_DOMAIN_STATUS_UNKNOWN);
	rig_fails(ERR_CONFLICT, "disks.add", "", NEW_DISK);
	fake_agents_restart(rig->agents, HOST);
	fake_agents_set_up(rig->agents, HOST, true);
	rig_run(30000);
	rig_check_world();
	assert_true(is_active());
}

static void go_up(void *arg)
{
	struct err e;
	*(int *)arg = storage_host_up(rig->core, HOST, &e);
}

static void go_down(void *arg)
{
	struct err e;
	*(int *)arg = storage_host_down(rig->core, HOST, &e);
}

static void set_host(enum m_host_status status)
{
	struct txn *t = txn_begin(rig->core);

	((struct m_host *)txn_edit(t, KIND_HOST, HOST))->status = status;
	txn_commit_async(t);
	rig_run(10);
}

static void a_host_goes_and_comes(void **state)
{
	int rc = 1;

	rig_with_storage();
	set_host(M_HOST_STATUS_PREPARING_FOR_MAINTENANCE);
	fiber_start(rig->loop, "down", go_down, &rc);
	rig_run(2000);
	assert_int_equal(rc, 0);
	set_host(M_HOST_STATUS_MAINTENANCE);
	rig_run(15000);
	assert_int_equal(rig_center()->status, M_DATA_CENTER_STATUS_PROBLEMATIC);
	assert_int_equal(json_object_size(fake_agents_pools(rig->agents, HOST)), 0);
	rc = 1;
	fiber_start(rig->loop, "up", go_up, &rc);
	rig_run(2000);
	assert_int_equal(rc, 0);
	set_host(M_HOST_STATUS_UP);
	rig_check_world();
	assert_true(is_active());
}

/* ---- disks ---- */

static void a_disk_is_made(void **state)
{
	const struct m_disk *d;

	rig_with_storage();
	d = rig_ok("disks.add", "", NEW_DISK)->object;
	assert_int_equal(d->status, M_DISK_STATUS_LOCKED);
	assert_string_equal(d->id, DISK);
	rig_settle();
	d = rig_ok("disk.get", DISK, NULL)->object;
	assert_int_equal(d->status, M_DISK_STATUS_OK);
	assert_string_equal(d->alias, "disk1");
	assert_string_equal(d->name, "disk1");
	assert_int_equal(d->provisioned_size, 10002432);
	assert_int_equal(d->format, M_DISK_FORMAT_COW);
	assert_true(d->sparse);
	assert_int_equal(d->qcow_version, M_QCOW_VERSION_QCOW2_V3);
	assert_int_equal(d->content_type, M_DISK_CONTENT_TYPE_DATA);
	assert_int_equal(d->storage_type, M_DISK_STORAGE_TYPE_IMAGE);
	assert_int_equal(d->backup, M_DISK_BACKUP_NONE);
	assert_true(d->has.actual_size && d->has.total_size && d->has.propagate_errors && d->has.shareable &&
	            d->has.wipe_after_delete && d->image_id && d->disk_profile.id);
	assert_int_equal(storage_committed(rig->core, SD), 10002432);
	assert_true(rig_has_event("USER_ADD_DISK_FINISHED_SUCCESS"));
	rig_fails(ERR_CONFLICT, "disks.add", "", NEW_DISK); /* the id */
	assert_int_equal(rig_ok("storage_domain_disks.list", SD, NULL)->n_list, 1);
	rig_ok("storage_domain_disk.get", SD "/" DISK, NULL);
	rig_ok("attached_storage_domain_disk.get", DC "/" SD "/" DISK, NULL);
	rig_check_world();
}

static void bad_disks_are_refused(void **state)
{
#define IN_SD "\"storage_domains\":{\"storage_domain\":[{\"id\":\"" SD "\"}]}"
	static const struct {
		enum err_code code;
		const char *body;
	} CASES[] = {
		{ ERR_MISSING, "{\"format\":\"raw\"," IN_SD "}" },
		{ ERR_MISSING, "{\"format\":\"raw\",\"provisioned_size\":1000}" },
		{ ERR_NOT_FOUND,
		  "{\"format\":\"raw\",\"provisioned_size\":1000,\"storage_domain\":{\"name\":\"nix\"}}" },
		{ ERR_UNSUPPORTED, "{\"format\":\"cow\",\"sparse\":false,\"provisioned_size\":1000," IN_SD "}" },
		{ ERR_CONFLICT, "{\"format\":\"raw\",\"backup\":\"incremental\",\"provisioned_size\":1000," IN_SD "}" },
		{ ERR_CONFLICT, "{\"format\":\"cow\",\"shareable\":true,\"provisioned_size\":1000," IN_SD "}" },
		{ ERR_RANGE, "{\"format\":\"raw\",\"provisioned_size\":9223372036854775807," IN_SD "}" },
		{ ERR_INVALID, "{\"id\":\"x\",\"format\":\"raw\",\"provisioned_size\":1000," IN_SD "}" },
		{ ERR_CONFLICT, "{\"format\":\"raw\",\"sparse\":false,\"provisioned_size\":70000000000," IN_SD "}" },
	};

	rig_with_storage();
	rig_run(20000);
	for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++)
		rig_fails(CASES[i].code, "disks.add", "", CASES[i].body);
	rig_ok("disks.add", "",
	       "{\"format\":\"cow\",\"sparse\":false,\"backup\":\"incremental\",\"provisioned_size\":1000," IN_SD "}");
	rig_settle();
	rig_ok("disks.add", "", "{\"format\":\"raw\",\"provisioned_size\":70000000000," IN_SD "}");
	rig_check_world();
}

static void a_disk_is_changed(void **state)
{
	const json_t *vol;
	const char *text;

	with_disk();
	rig_ok("disk.update", DISK,
	       "{\"alias\":\"new\",\"description\":\"words\",\"wipe_after_delete\":true,\"status\":\"locked\"}");
	assert_string_equal(rig_disk(DISK)->name, "new");
	assert_string_equal(rig_disk(DISK)->alias, "new");
	assert_int_equal(rig_disk(DISK)->status, M_DISK_STATUS_OK);
	rig_run(1000);
	vol = json_object_get(
	    json_object_get(
	        json_object_get(json_object_get(json_object_get(fake_agents_disk(rig->agents), SD), "images"), DISK),
	        rig_disk(DISK)->image_id),
	    "description");
	text = json_string_value(vol);
	assert_string_equal(text, "{\"DiskAlias\":\"new\",\"DiskDescription\":\"words\"}");
	rig_fails(ERR_CONFLICT, "disk.update", DISK, "{\"provisioned_size\":1000}");
	rig_fails(ERR_CONFLICT, "disk.update", DISK, "{\"format\":\"cow\"}");
	rig_fails(ERR_IMMUTABLE, "disk.update", DISK, "{\"id\":\"" SD "\"}");
	rig_ok("disk.update", DISK, "{\"provisioned_size\":20000000}");
	rig_fails(ERR_CONFLICT, "disk.update", DISK, "{\"alias\":\"late\"}");
	rig_settle();
	assert_true(is_grown());
	rig_check_world();
}

static void long_descriptions_are_cut(void **state)
{
	struct m_disk d = { .name = "name", .description = NULL };
	char text[1000] = "";
	auto_pool p = pool_new();
	char *s;

	for (int i = 0; i < 200; i++)
		strcat(text, "\xc3\xa4\"");
	d.description = text;
	s = disk_description(p, &d);
	assert_true(strlen(s) <= 210);
	assert_non_null(strstr(s, "\"DiskAlias\":\"name\""));
	json_t *o = json_loads(s, 0, NULL);
	assert_non_null(o);
	json_decref(o);
}

static void disks_are_attached(void **state)
{
	const struct m_disk_attachment *a;

	with_disk();
	a = rig_ok("disk_attachments.add", VM,
	           "{\"disk\":{\"id\":\"" DISK "\"},\"interface\":\"virtio\",\"bootable\":true}")
	        ->object;
	assert_string_equal(a->id, DISK);
	assert_string_equal(a->href, "/ovirt-engine/api/vms/" VM "/diskattachments/" DISK);
	assert_true(a->active && a->bootable);
	rig_fails(ERR_CONFLICT, "disk_attachments.add", VM,
	          "{\"disk\":{\"id\":\"" DISK "\"},\"interface\":\"virtio\"}");
	rig_fails(ERR_CONFLICT, "disk_attachments.add", VM2,
	          "{\"disk\":{\"id\":\"" DISK "\"},\"interface\":\"virtio\"}");
	rig_fails(ERR_MISSING, "disk_attachments.add", VM, "{\"disk\":{\"id\":\"" DISK "\"}}");
#define INLINE "\"interface\":\"virtio_scsi\",\"disk\":{\"format\":\"cow\",\"provisioned_size\":5000000}"
	rig_fails(ERR_CONFLICT, "disk_attachments.add", VM, "{\"bootable\":true," INLINE "}");
	a = rig_ok("disk_attachments.add", VM, "{" INLINE "}")->object;
	assert_string_equal(rig_disk(a->id)->name, "vm1_Disk2");
	rig_settle();
	assert_true(rig_has_event("USER_ADD_DISK_TO_VM_FINISHED_SUCCESS"));
	assert_int_equal(rig_ok("disk_attachments.list", VM, NULL)->n_list, 2);
	assert_int_equal(rig_ok("storage_domain_vms.list", SD, NULL)->n_list, 1);
	rig_ok("disk_attachment.update", VM "/" DISK,
	       "{\"interface\":\"sata\",\"bootable\":false,\"disk\":{\"id\":\"" DISK "\"}}");
	a = rig_ok("disk_attachment.get", VM "/" DISK, NULL)->object;
	assert_int_equal(a->interface, M_DISK_INTERFACE_SATA);
	rig_fails(ERR_CONFLICT, "attached_storage_domain.remove", DC "/" SD, NULL);
	rig_query.detach_only = true;
	rig_ok("disk_attachment.remove", VM "/" DISK, NULL);
	assert_true(has_disk());
	rig_fails(ERR_NO_ENTITY, "disk_attachment.get", VM "/" DISK, NULL);
	rig_check_world();
}

static void shareable_disks_go_to_many(void **state)
{
	with_disk();
	rig_ok("disk.update", DISK, "{\"shareable\":true}");
	rig_ok("disk_attachments.add", VM, "{\"disk\":{\"id\":\"" DISK "\"},\"interface\":\"virtio\"}");
	rig_ok("disk_attachments.add", VM2, "{\"disk\":{\"id\":\"" DISK "\"},\"interface\":\"virtio\"}");
	rig_fails(ERR_CONFLICT, "disk.update", DISK, "{\"shareable\":false}");
	rig_fails(ERR_CONFLICT, "disk_attachment.remove", VM "/" DISK, NULL);
	rig_ok("disk.remove", DISK, NULL);
	rig_settle();
	assert_int_equal(inv_count(rig->core->inv, KIND_DISK_ATTACHMENT), 0);
	rig_check_world();
}

static void set_vm(enum m_vm_status status)
{
	struct txn *t = txn_begin(rig->core);

	((struct m_vm *)txn_edit(t, KIND_VM, VM))->status = status;
	txn_commit_async(t);
	rig_run(10);
}

static void running_vms_get_disks_plugged(void **state)
{
	const struct m_disk_attachment *a;

	with_disk();
	set_vm(M_VM_STATUS_UP);
	rig->is_hotplug_bad = true;
	rig_fails(ERR_CONFLICT, "disk_attachments.add", VM,
	          "{\"disk\":{\"id\":\"" DISK "\"},\"interface\":\"virtio\"}");
	assert_int_equal(inv_count(rig->core->inv, KIND_DISK_ATTACHMENT), 0);
	rig->is_hotplug_bad = false;
	a = rig_ok("disk_attachments.add", VM, "{\"disk\":{\"id\":\"" DISK "\"},\"interface\":\"virtio\"}")->object;
	assert_true(a->active);
	assert_int_equal(rig->n_hotplugs, 2);
	a = rig_ok("disk_attachments.add", VM, "{" INLINE "}")->object;
	assert_true(a->active);
	rig_fails(ERR_CONFLICT, "disk.remove", DISK, NULL);
	rig_fails(ERR_CONFLICT, "disk.update", DISK, "{\"provisioned_size\":20000000}");
	rig_fails(ERR_CONFLICT, "attached_storage_domain.deactivate", DC "/" SD, NULL);
	rig_fails(ERR_CONFLICT, "disk_attachment.update", VM "/" DISK, "{\"interface\":\"sata\"}");
	a = rig_ok("disk_attachment.update", VM "/" DISK, "{\"active\":false}")->object;
	assert_false(a->active);
	rig_ok("disk_attachment.remove", VM "/" DISK, NULL);
	rig_settle();
	assert_true(has_no_disk());
	set_vm(M_VM_STATUS_IMAGE_LOCKED);
	rig_fails(ERR_CONFLICT, "disk_attachments.add", VM, "{" INLINE "}");
	set_vm(M_VM_STATUS_DOWN);
	rig_check_world();
}

static void remove_vm(void *arg)
{
	struct call c = { .core = rig->core, .pool = pool_new(), .is_trusted = true };
	struct txn *t = txn_begin(rig->core);
	char job[UUID_LEN + 1];
	struct err e;

	((struct m_vm *)txn_edit(t, KIND_VM, VM))->status = M_VM_STATUS_IMAGE_LOCKED;
	*(int *)arg = disk_start_remove(&c, t, (const char *const[]){ DISK, NULL }, VM, job, &e);
	pool_free(c.pool);
}

static void a_vm_goes_with_its_disks(void **state)
{
	int rc = 1;

	with_vm_disk();
	fake_agents_fault_verb(rig->agents, "Image.delete", FAKE_TASK_FAILS, 0);
	fiber_start(rig->loop, "remove", remove_vm, &rc);
	rig_run(10);
	assert_int_equal(rc, 0);
	rig_settle();
	assert_int_equal(INV_GET(rig->core->inv, VM, vm, VM)->status, M_VM_STATUS_DOWN);
	assert_int_equal(rig_disk(DISK)->status, M_DISK_STATUS_OK); /* its volume is untouched */
	fake_agents_heal(rig->agents);
	fiber_start(rig->loop, "remove", remove_vm, &rc);
	rig_run(10);
	assert_int_equal(INV_GET(rig->core->inv, VM, vm, VM)->status, M_VM_STATUS_IMAGE_LOCKED);
	rig_settle();
	assert_null(INV_GET(rig->core->inv, VM, vm, VM));
	assert_true(has_no_disk());
	assert_true(rig_has_event("USER_REMOVE_VM_FINISHED"));
	rig_check_world();
}

static void what_is_on_a_domain_is_told(void **state)
{
	const struct m_storage_connection *conn;

	rig_with_storage();
	conn = rig_ok("storage_domain_server_connections.list", SD, NULL)->list[0];
	assert_string_equal(conn->path, "/data/one");
	assert_int_equal(rig_ok("storage_server_connections.list", "", NULL)->n_list, 1);
	assert_int_equal(rig_ok("files.list", SD, NULL)->n_list, 0);
	assert_int_equal(rig_ok("storage_domain_templates.list", SD, NULL)->n_list, 0);
	assert_int_equal(rig_ok("assigned_disk_profiles.list", SD, NULL)->n_list, 1);
	rig_ok("assigned_disk_profiles.add", SD, "{\"name\":\"fast\"}");
	assert_int_equal(rig_ok("disk_profiles.list", "", NULL)->n_list, 2);
}

static void the_journal_may_refuse(void **state)
{
	rig_with_storage();
	fake_journal_fail(rig->journal, 1, ERR_NO_SPACE);
	rig_fails(ERR_NO_SPACE, "disks.add", "", NEW_DISK);
	rig_ok("disks.add", "", NEW_DISK);
	fake_journal_fail(rig->journal, 3, ERR_NO_SPACE);
	rig_settle();
	rig_check_world();
	assert_true(has_disk());
}

#define T(FN) cmocka_unit_test_setup_teardown(FN, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_domain_is_added),
		T(bad_domains_are_refused),
		T(shared_centers_take_no_local_storage),
		T(the_first_domain_makes_the_center),
		T(the_master_goes_last),
		T(a_domain_is_renamed),
		T(a_domain_is_forgotten),
		T(trouble_that_lasts_deactivates),
		T(a_lost_host_takes_the_center_down),
		T(a_host_goes_and_comes),
		T(a_disk_is_made),
		T(bad_disks_are_refused),
		T(a_disk_is_changed),
		T(long_descriptions_are_cut),
		T(disks_are_attached),
		T(shareable_disks_go_to_many),
		T(running_vms_get_disks_plugged),
		T(a_vm_goes_with_its_disks),
		T(what_is_on_a_domain_is_told),
		T(the_journal_may_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

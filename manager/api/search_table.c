/* SPDX-License-Identifier: Apache-2.0 */
/* The language's words: entities, their fields and relations, as schema/search.json has them, and where values are. */
#include "manager/api/search_get.h"
#include "model/types.h"

/* ---- enumerations ---- */

static const struct senum ARCHITECTURE = { "ArchitectureType", "undefined x86 ppc s390x x86_64 ppc64 ppc64le ppcle",
	                                   &M_ENUM_architecture };
static const struct senum SEVERITY = { "AuditLogSeverity", "NORMAL WARNING ERROR ALERT", &M_ENUM_log_severity };
static const struct senum BIOS_TYPE = { "BiosType", "I440FX_SEA_BIOS Q35_SEA_BIOS Q35_OVMF Q35_SECURE_BOOT",
	                                &M_ENUM_bios_type };
static const struct senum DISK_CONTENT = {
	"DiskContentType",
	"DATA OVF_STORE MEMORY_DUMP_VOLUME MEMORY_METADATA_VOLUME ISO "
	"HOSTED_ENGINE HOSTED_ENGINE_SANLOCK HOSTED_ENGINE_METADATA HOSTED_ENGINE_CONFIGURATION BACKUP_SCRATCH",
	&M_ENUM_disk_content_type
};
static const struct senum DISK_STORAGE = { "DiskStorageType", "IMAGE LUN CINDER MANAGED_BLOCK_STORAGE KUBERNETES",
	                                   &M_ENUM_disk_storage_type };
static const struct senum EXTERNAL_STATUS = { "ExternalStatus", "Ok Info Warning Error Failure",
	                                      &M_ENUM_external_status };
static const struct senum GLUSTER_STATUS = { "GlusterStatus", "UP DOWN UNKNOWN WARNING" };
static const struct senum GLUSTER_TYPE = {
	"GlusterVolumeType",
	"DISTRIBUTE REPLICATE DISTRIBUTED_REPLICATE STRIPE "
	"DISTRIBUTED_STRIPE STRIPED_REPLICATE DISTRIBUTED_STRIPED_REPLICATE DISPERSE DISTRIBUTED_DISPERSE TIER UNKNOWN"
};
static const struct senum IMAGE_STATUS = { "ImageStatus", "Unassigned OK LOCKED ILLEGAL", &M_ENUM_disk_status };
static const struct senum PROVIDER_TYPE = { "ProviderType",
	                                    "OPENSTACK_NETWORK FOREMAN OPENSTACK_IMAGE OPENSTACK_VOLUME VMWARE "
	                                    "EXTERNAL_NETWORK KVM XEN KUBEVIRT" };
static const struct senum QUOTA_MODE = { "QuotaEnforcementTypeEnum", "DISABLED SOFT_ENFORCEMENT HARD_ENFORCEMENT" };
static const struct senum SHARED_STATUS = { "StorageDomainSharedStatus", "Unattached Active Inactive Mixed" };
static const struct senum STORAGE_STATUS = { "StorageDomainStatus",
	                                     "Unknown Uninitialized Unattached Active Inactive Locked "
	                                     "Maintenance PreparingForMaintenance Detaching Activating",
	                                     &M_ENUM_storage_domain_status };
static const struct senum POOL_STATUS = { "StoragePoolStatus",
	                                  "Uninitialized Up Maintenance NotOperational NonResponsive "
	                                  "Contend",
	                                  &M_ENUM_data_center_status, "NonResponsive=problematic" };
static const struct senum STORAGE_TYPE = { "StorageType",
	                                   "UNKNOWN NFS FCP ISCSI LOCALFS POSIXFS GLUSTERFS GLANCE CINDER "
	                                   "MANAGED_BLOCK_STORAGE UNMANAGED",
	                                   &M_ENUM_storage_type };
static const struct senum TRANSPORT = { "TransportType", "TCP RDMA" };
static const struct senum HOST_TYPE = { "VDSNiceType", "RHEL RHEVH", &M_ENUM_host_type };
static const struct senum HOST_STATUS = { "VDSStatus",
	                                  "Unassigned Down Maintenance Up NonResponsive Error Installing "
	                                  "InstallFailed Reboot PreparingForMaintenance NonOperational PendingApproval "
	                                  "Initializing Connecting InstallingOS "
	                                  "Kdumping",
	                                  &M_ENUM_host_status };
static const struct senum VM_STATUS = { "VMStatus",
	                                "Unassigned Down Up PoweringUp Paused MigratingFrom MigratingTo Unknown "
	                                "NotResponding WaitForLaunch RebootInProgress SavingState RestoringState "
	                                "Suspended ImageIllegal ImageLocked PoweringDown",
	                                &M_ENUM_vm_status, "MigratingFrom=migrating MigratingTo=migrating" };
static const struct senum VM_POOL_TYPE = { "VmPoolType", "AUTOMATIC MANUAL", &M_ENUM_vm_pool_type };
static const struct senum TEMPLATE_STATUS = { "VmTemplateStatus", "OK Locked Illegal", &M_ENUM_template_status };
static const struct senum VM_TYPE = { "VmType", "Desktop Server HighPerformance", &M_ENUM_vm_type };
static const struct senum VOLUME_TYPE = { "VolumeType", "Unassigned Preallocated Sparse" };

/* ---- fields ---- */

#define FREE(name, path)                                                                                               \
	{                                                                                                              \
		name, ST_STRING, OPS_EQ, SF_FREE, path                                                                 \
	}
#define TEXT(name, path)                                                                                               \
	{                                                                                                              \
		name, ST_STRING, OPS_EQ, 0, path                                                                       \
	}
#define UUID(name, path)                                                                                               \
	{                                                                                                              \
		name, ST_UUID, OPS_EQ, 0, path                                                                         \
	}
#define BOOL(name, path)                                                                                               \
	{                                                                                                              \
		name, ST_BOOL, OPS_EQ, 0, path                                                                         \
	}
#define INT(name, ops, path)                                                                                           \
	{                                                                                                              \
		name, ST_INT, ops, 0, path                                                                             \
	}
#define INT_FN(name, ops, fn)                                                                                          \
	{                                                                                                              \
		name, ST_INT, ops, 0, NULL, fn                                                                         \
	}
#define ENUM(name, path, en)                                                                                           \
	{                                                                                                              \
		name, ST_ENUM, OPS_EQ, 0, path, NULL, &en                                                              \
	}
#define ENUM_FN(name, fn, en)                                                                                          \
	{                                                                                                              \
		name, ST_ENUM, OPS_EQ, 0, NULL, fn, &en                                                                \
	}
#define SIZE(name, ops, unit, path)                                                                                    \
	{                                                                                                              \
		name, ST_INT, ops, unit, path                                                                          \
	}

static const struct sfield VM_FIELDS[] = {
	FREE("name", "name"),
	FREE("comment", "comment"),
	ENUM("status", "status", VM_STATUS),
	{ "ip", ST_STRING, OPS_EQ, SF_FREE | SF_IP },
	FREE("on_host", "host/name"),
	FREE("fqdn", "fqdn"),
	{ "uptime", ST_TIMESPAN, OPS_LTGT, 0, NULL, sget_vm_uptime },
	{ "os", ST_OS, OPS_EQ, 0, "os.type" },
	{ "creationdate", ST_DATE, OPS_LTGT, 0, "creation_time" },
	FREE("address", "fqdn"),
	INT("cpu_usage", OPS_ALL, NULL),
	INT("mem_usage", OPS_ALL, NULL),
	INT("network_usage", OPS_ALL, NULL),
	SIZE("memory", OPS_ALL, SF_MB, "memory"),
	SIZE("guaranteed_memory", OPS_ALL, SF_MB, "memory_policy.guaranteed"),
	INT("migration_progress_percent", OPS_ALL, NULL),
	{ "apps", ST_STRING, OPS_EQ, SF_SUBSTRING },
	FREE("cluster", "cluster/name"),
	FREE("pool", "vm_pool/name"),
	FREE("loggedinuser", NULL),
	{ "tag", ST_STRING, OPS_EQ, SF_FREE | SF_TAG, "<tag_assignment.vm/of_tag/name" },
	FREE("datacenter", "cluster/data_center/name"),
	ENUM("type", "type", VM_TYPE),
	FREE("quota", "quota/name"),
	UUID("id", "id"),
	FREE("description", "description"),
	ENUM("architecture", "cpu.architecture|cluster/cpu.architecture", ARCHITECTURE),
	FREE("custom_emulated_machine", "custom_emulated_machine"),
	FREE("custom_cpu_type", "custom_cpu_model"),
	FREE("compatibility_level", "cluster/version"),
	TEXT("custom_compatibility_level", "custom_compatibility_version"),
	UUID("created_by_user_id", "created_by"),
	BOOL("next_run_config_exists", "next_run_configuration_exists"),
	BOOL("has_illegal_images", "has_illegal_images"),
	ENUM("bios_type", "bios.type", BIOS_TYPE),
	FREE("k8s_namespace", NULL),
	INT_FN("vcpus", OPS_ALL, sget_vm_vcpus),
};

static const struct sfield HOST_FIELDS[] = {
	FREE("name", "name"),
	FREE("comment", "comment"),
	ENUM("status", "status", HOST_STATUS),
	ENUM_FN("external_status", sget_host_external_status, EXTERNAL_STATUS),
	FREE("cluster", "cluster/name"),
	FREE("address", "address"),
	INT("cpu_usage", OPS_ALL, NULL),
	INT("mem_usage", OPS_ALL, NULL),
	INT("network_usage", OPS_ALL, NULL),
	{ "load", ST_DECIMAL, OPS_ALL },
	FREE("version", "version"),
	INT_FN("cpus", OPS_ALL, sget_host_cpus),
	SIZE("memory", OPS_ALL, SF_MB, "memory"),
	{ "cpu_speed", ST_DECIMAL, OPS_ALL, 0, "cpu.speed" },
	FREE("cpu_model", "cpu.name"),
	INT_FN("active_vms", OPS_ALL, sget_host_active_vms),
	INT_FN("migrating_vms", OPS_EQ, sget_host_migrating_vms),
	INT_FN("committed_mem", OPS_ALL, sget_host_committed_mem),
	{ "tag", ST_STRING, OPS_EQ, SF_FREE | SF_TAG, "<tag_assignment.host/of_tag/name" },
	ENUM("type", "type", HOST_TYPE),
	FREE("datacenter", "cluster/data_center/name"),
	ENUM("architecture", "cpu.architecture|cluster/cpu.architecture", ARCHITECTURE),
	BOOL("update_available", "update_available"),
	INT("ha_score", OPS_EQ, "hosted_engine.score"),
	INT("spm_id", OPS_EQ, "spm_id"),
	UUID("hw_id", "hardware_information.uuid|unique_id"),
	{ "id", ST_UUID, OPS_EQ, SF_HIDDEN, "id" },
};

/* Instance types have the same words as templates, but no children, no tags and no cluster of their own. */
#define TEMPLATE_FIELDS_WITH(children, tags)                                                                           \
	FREE("name", "name"), FREE("comment", "comment"), { "os", ST_OS, OPS_EQ, 0, "os.type" },                       \
	    { "creationdate", ST_DATE, OPS_DATE, 0, "creation_time" }, INT_FN("childcount", OPS_ALL, children),        \
	    SIZE("mem", OPS_ALL, SF_MB, "memory"), FREE("description", "description"),                                 \
	    ENUM("status", "status", TEMPLATE_STATUS), BOOL("sealed", NULL), FREE("cluster", "cluster/name"),          \
	    FREE("datacenter", "cluster/data_center/name"), FREE("quota", "quota/name"),                               \
	    ENUM("architecture", "cpu.architecture|cluster/cpu.architecture", ARCHITECTURE),                           \
	    FREE("version_name", "version.version_name"), { "tag", ST_STRING, OPS_EQ, SF_FREE | SF_TAG, tags },        \
	{                                                                                                              \
		"_vmt_id", ST_UUID, OPS_EQ, SF_HIDDEN, "id"                                                            \
	}

static const struct sfield TEMPLATE_FIELDS[] = {
	TEMPLATE_FIELDS_WITH(sget_template_children, "<tag_assignment.template/of_tag/name"),
};
static const struct sfield INSTANCE_TYPE_FIELDS[] = { TEMPLATE_FIELDS_WITH(NULL, NULL) };

static const struct sfield USER_FIELDS[] = {
	FREE("name", "name"),
	FREE("lastname", "last_name"),
	{ "usrname", ST_STRING, OPS_EQ, SF_FREE | SF_LOGIN, NULL, sget_user_login },
	FREE("user_and_domain", "user_name"),
	{ "login", ST_STRING, OPS_EQ, SF_FREE, NULL, sget_user_login },
	{ "directory", ST_STRING, OPS_EQ, SF_FREE, NULL, sget_user_profile },
	FREE("department", "department"),
	{ "tag", ST_STRING, OPS_EQ, SF_FREE | SF_TAG, "<tag_assignment.user/of_tag/name" },
	FREE("pool", NULL),
	{ "type", ST_STRING, OPS_EQ, 0, NULL, sget_user_type },
};

static const struct sfield GROUP_FIELDS[] = {
	FREE("grpname", "name"),
	FREE("name", "name"),
};

static const struct sfield POOL_FIELDS[] = {
	FREE("name", "name"),
	FREE("description", "description"),
	FREE("comment", "comment"),
	ENUM("type", "type", VM_POOL_TYPE),
	FREE("cluster", "cluster/name"),
	FREE("datacenter", "cluster/data_center/name"),
	ENUM("architecture", "cluster/cpu.architecture", ARCHITECTURE),
	INT("assigned_vm_count", OPS_EQ, NULL),
	INT("running_vm_count", OPS_EQ, NULL),
};

static const struct sfield CLUSTER_FIELDS[] = {
	FREE("name", "name"),
	FREE("description", "description"),
	FREE("comment", "comment"),
	ENUM("architecture", "cpu.architecture", ARCHITECTURE),
	TEXT("compatibility_level", "version"),
	FREE("cpu_type", "cpu.type"),
};

static const struct sfield DATA_CENTER_FIELDS[] = {
	FREE("name", "name"),       FREE("description", "description"),
	BOOL("local", "local"),     ENUM("status", "status", POOL_STATUS),
	FREE("comment", "comment"), FREE("compatibility_version", "version"),
};

static const struct sfield STORAGE_FIELDS[] = {
	FREE("name", "name"),
	ENUM("status", "status", STORAGE_STATUS),
	ENUM_FN("shared_status", sget_storage_shared_status, SHARED_STATUS),
	ENUM_FN("external_status", sget_storage_external_status, EXTERNAL_STATUS),
	FREE("datacenter", "data_center/name|data_centers/name"),
	ENUM("type", "storage.type", STORAGE_TYPE),
	SIZE("free_size", OPS_ALL, SF_GB, "available"),
	SIZE("used_size", OPS_ALL, SF_GB, "used"),
	INT_FN("total_size", OPS_ALL, sget_storage_total),
	SIZE("committed", OPS_ALL, SF_GB, "committed"),
	FREE("comment", "comment"),
	FREE("description", "description"),
	BOOL("wipe_after_delete", "wipe_after_delete"),
	BOOL("discard_after_delete", "discard_after_delete"),
	INT("low_space_threshold (%)", OPS_EQ, "warning_low_space_indicator"),
	INT("critical_space_threshold (gb)", OPS_EQ, "critical_space_action_blocker"),
	BOOL("backup", "backup"),
};

static const struct sfield DISK_FIELDS[] = {
	FREE("alias", "alias|name"),
	FREE("name", "alias|name"),
	FREE("description", "description"),
	INT("provisioned_size", OPS_LTGT, "provisioned_size"),
	INT("size", OPS_LTGT, "provisioned_size"),
	INT("actual_size", OPS_LTGT, "actual_size"),
	{ "creation_date", ST_DATE, OPS_LTGT, 0, "created" },
	BOOL("shareable", "shareable"),
	ENUM("status", "status", IMAGE_STATUS),
	ENUM("disk_type", "storage_type", DISK_STORAGE),
	ENUM("disk_content_type", "content_type", DISK_CONTENT),
	ENUM_FN("allocation_policy", sget_disk_allocation, VOLUME_TYPE),
	INT_FN("number_of_vms", OPS_ALL, sget_disk_vms),
	FREE("vm_names", "<disk_attachment.disk/vm/name"),
	FREE("quota", "quota/name"),
	UUID("id", "id"),
	BOOL("wipe_after_delete", "wipe_after_delete"),
	{ "last_modified", ST_DATE, OPS_LTGT, 0, "modified|created" },
};

static const struct sfield VOLUME_FIELDS[] = {
	FREE("name", NULL),
	ENUM("type", NULL, GLUSTER_TYPE),
	ENUM("transport_type", NULL, TRANSPORT),
	INT("replica_count", OPS_ALL, NULL),
	INT("stripe_count", OPS_ALL, NULL),
	ENUM("status", NULL, GLUSTER_STATUS),
};

static const struct sfield QUOTA_FIELDS[] = {
	FREE("name", "name"),
	FREE("storagepoolname", "data_center.name"),
	FREE("description", "description"),
	INT("thresholdstoragepercentage", OPS_ALL, "storage_soft_limit_pct"),
	INT("thresholdclusterpercentage", OPS_ALL, "cluster_soft_limit_pct"),
	INT("gracestoragepercentage", OPS_ALL, "storage_hard_limit_pct"),
	INT("graceclusterpercentage", OPS_ALL, "cluster_hard_limit_pct"),
	ENUM("enforcementtype", NULL, QUOTA_MODE),
};

static const struct sfield NETWORK_FIELDS[] = {
	FREE("name", "name"),
	FREE("description", "description"),
	FREE("comment", "comment"),
	INT("vlanid", OPS_ALL, "vlan.id"),
	BOOL("stp", "stp"),
	INT("mtu", OPS_ALL, "mtu"),
	{ "vmnetwork", ST_BOOL, OPS_EQ, 0, NULL, sget_network_is_vm },
	FREE("datacenter", "data_center/name"),
	FREE("label", "network_labels.id"),
	FREE("provider_name", "external_provider/name"),
	FREE("qos_name", "qos/name"),
};

static const struct sfield VNIC_PROFILE_FIELDS[] = {
	FREE("name", "name"),
	FREE("description", "description"),
	BOOL("port_mirroring", "port_mirroring"),
	{ "passthrough", ST_BOOL, OPS_EQ, 0, NULL, sget_profile_passthrough },
	FREE("network_name", "network/name"),
	FREE("compatibility_version", "network/data_center/version"),
	FREE("datacenter", "network/data_center/name"),
	FREE("qos_name", "qos/name"),
	FREE("network_filter", "network_filter/name"),
	FREE("failover", "failover/name"),
};

static const struct sfield PROVIDER_FIELDS[] = {
	FREE("name", NULL),
	ENUM("type", NULL, PROVIDER_TYPE),
	FREE("description", NULL),
	FREE("url", NULL),
};

#define HIDDEN_ID(name, path)                                                                                          \
	{                                                                                                              \
		name, ST_STRING, OPS_EQ, SF_HIDDEN | SF_FREE, path                                                     \
	}
static const struct sfield EVENT_FIELDS[] = {
	INT("type", OPS_EQ, "code"),
	{ "severity", ST_ENUM, OPS_ALL, 0, "severity", NULL, &SEVERITY },
	FREE("message", "description"),
	{ "time", ST_DATE, OPS_DATE, 0, "time" },
	FREE("usrname", "user/user_name|user/name"),
	FREE("event_host", "host/name"),
	FREE("event_vm", "vm/name"),
	FREE("event_template", "template/name"),
	FREE("event_storage", "storage_domain/name"),
	FREE("event_datacenter", "data_center/name"),
	FREE("event_volume", NULL),
	FREE("correlation_id", "correlation_id"),
	FREE("origin", "origin"),
	INT_FN("custom_event_id", OPS_EQ, sget_event_custom_id),
	{ "deleted", ST_BOOL, OPS_EQ, 0, NULL, sget_false },
	HIDDEN_ID("_event_vm_id", "vm.id"),
	HIDDEN_ID("_event_template_id", "template.id"),
	HIDDEN_ID("_event_storage_id", "storage_domain.id"),
	HIDDEN_ID("_event_host_id", "host.id"),
	HIDDEN_ID("_event_datacenter_id", "data_center.id"),
	HIDDEN_ID("_event_quota_id", NULL),
	HIDDEN_ID("usrid", "user.id"),
	HIDDEN_ID("_event_volume_id", NULL),
};

static const struct sfield SESSION_FIELDS[] = {
	UUID("user_id", NULL),   FREE("user_name", NULL), FREE("authz_name", NULL),
	FREE("source_ip", NULL), INT("id", OPS_EQ, NULL),
};

static const struct sfield JOB_FIELDS[] = { UUID("correlation_id", "correlation_id") };

static const struct sfield HOST_NIC_FIELDS[] = { FREE("network_name", NULL), FREE("mac", NULL) };
static const struct sfield VNIC_FIELDS[] = {
	FREE("network_name", "vnic_profile/network/name|network/name"),
	FREE("mac", "mac.address"),
};
static const struct sfield CLUSTER_NETWORK_FIELDS[] = {
	FREE("network_name", "of_network/name|name"),
	FREE("cluster_name", "cluster/name"),
};
static const struct sfield HOST_NETWORK_FIELDS[] = { FREE("host_name", NULL) };

/* Kinds that the schema does not speak of. */
static const struct sfield OTHER_FIELDS[] = {
	FREE("name", "name"),
	FREE("description", "description"),
	FREE("comment", "comment"),
	UUID("id", "id"),
};

/* ---- relations ---- */

static const struct srel VM_CROSS[] = {
	{ SE_HOST, "host" },
	{ SE_TEMPLATE, "template" },
	{ SE_EVENT, "<event.vm" },
	{ SE_USER, "<permission.vm/user" },
	{ SE_STORAGE, "<disk_attachment.vm/disk/storage_domains" },
	{ SE_VNIC, "<nic.vm" },
};
static const struct srel HOST_CROSS[] = {
	{ SE_VM, "<vm.host" },
	{ SE_TEMPLATE, "<vm.host/template" },
	{ SE_EVENT, "<event.host" },
	{ SE_USER, "<vm.host/<permission.vm/user" },
	{ SE_STORAGE, "cluster/data_center/<storage_domain.data_center" },
	{ SE_NIC, NULL },
};
static const struct srel TEMPLATE_CROSS[] = {
	{ SE_VM, "<vm.template" },
	{ SE_HOST, "<vm.template/host" },
	{ SE_EVENT, "<event.template" },
	{ SE_USER, "<vm.template/<permission.vm/user" },
	{ SE_STORAGE, "<disk_attachment.template/disk/storage_domains" },
	{ SE_VNIC, "<nic.template" },
};
static const struct srel INSTANCE_TYPE_CROSS[] = {
	{ SE_VM, "<vm.instance_type" }, { SE_HOST, NULL }, { SE_EVENT, NULL }, { SE_USER, NULL },
	{ SE_STORAGE, NULL },           { SE_VNIC, NULL },
};
static const struct srel USER_CROSS[] = {
	{ SE_VM, "<permission.user/vm" },
	{ SE_HOST, "<permission.user/vm/host" },
	{ SE_TEMPLATE, "<permission.user/vm/template" },
	{ SE_EVENT, "<event.user" },
};
static const struct srel CLUSTER_CROSS[] = {
	{ SE_DATA_CENTER, "data_center" },
	{ SE_STORAGE, "data_center/<storage_domain.data_center" },
	{ SE_CLUSTER_NETWORK, "<cluster_network.cluster" },
};
static const struct srel DATA_CENTER_CROSS[] = {
	{ SE_CLUSTER, "<cluster.data_center" },
	{ SE_STORAGE, "<storage_domain.data_center" },
	{ SE_NETWORK, "<network.data_center" },
};
static const struct srel STORAGE_CROSS[] = {
	{ SE_HOST, "data_center/<cluster.data_center/<host.cluster" },
	{ SE_CLUSTER, "data_center/<cluster.data_center" },
};
static const struct srel DISK_CROSS[] = {
	{ SE_DATA_CENTER, "storage_domains/data_center" },
	{ SE_STORAGE, "storage_domains" },
};
static const struct srel VOLUME_CROSS[] = { { SE_CLUSTER, NULL } };
static const struct srel NETWORK_CROSS[] = {
	{ SE_CLUSTER_NETWORK, "<cluster_network.of_network" },
	{ SE_HOST_NETWORK, NULL },
	{ SE_PROVIDER, NULL },
};
static const struct srel EVENT_CROSS[] = {
	{ SE_VM, "vm" },           { SE_HOST, "host" }, { SE_TEMPLATE, "template" }, { SE_USER, "user" },
	{ SE_CLUSTER, "cluster" }, { SE_VOLUME, NULL }, { SE_QUOTA, NULL },
};

/* ---- entities ---- */

#define FIELDS(f) f, G_N_ELEMENTS(f)
#define CROSS(x)  x, G_N_ELEMENTS(x)

const struct sentity SENTITIES[N_SENT] = {
	[SE_VM] = { "vm", "vms", KIND_VM, FIELDS(VM_FIELDS), CROSS(VM_CROSS) },
	[SE_HOST] = { "host", "hosts", KIND_HOST, FIELDS(HOST_FIELDS), CROSS(HOST_CROSS) },
	[SE_TEMPLATE] = { "template", "templates", KIND_TEMPLATE, FIELDS(TEMPLATE_FIELDS), CROSS(TEMPLATE_CROSS) },
	[SE_INSTANCE_TYPE] = { "instancetype", "instancetypes", KIND_INSTANCE_TYPE, FIELDS(INSTANCE_TYPE_FIELDS),
	                       CROSS(INSTANCE_TYPE_CROSS) },
	[SE_IMAGE_TYPE] = { "imagetype", "imagetypes", -1, FIELDS(INSTANCE_TYPE_FIELDS), CROSS(INSTANCE_TYPE_CROSS) },
	[SE_USER] = { "user", "users", KIND_USER, FIELDS(USER_FIELDS), CROSS(USER_CROSS) },
	[SE_GROUP] = { "group", "groups", KIND_GROUP, FIELDS(GROUP_FIELDS) },
	[SE_POOL] = { "pool", "pools", -1, FIELDS(POOL_FIELDS) },
	[SE_CLUSTER] = { "cluster", "clusters", KIND_CLUSTER, FIELDS(CLUSTER_FIELDS), CROSS(CLUSTER_CROSS) },
	[SE_DATA_CENTER] = { "datacenter", NULL, KIND_DATA_CENTER, FIELDS(DATA_CENTER_FIELDS),
	                     CROSS(DATA_CENTER_CROSS) },
	[SE_STORAGE] = { "storage", NULL, KIND_STORAGE_DOMAIN, FIELDS(STORAGE_FIELDS), CROSS(STORAGE_CROSS) },
	[SE_DISK] = { "disk", "disks", KIND_DISK, FIELDS(DISK_FIELDS), CROSS(DISK_CROSS) },
	[SE_VOLUME] = { "volume", "volumes", -1, FIELDS(VOLUME_FIELDS), CROSS(VOLUME_CROSS) },
	[SE_QUOTA] = { "quota", NULL, KIND_QUOTA, FIELDS(QUOTA_FIELDS) },
	[SE_NETWORK] = { "network", "networks", KIND_NETWORK, FIELDS(NETWORK_FIELDS), CROSS(NETWORK_CROSS) },
	[SE_VNIC_PROFILE] = { "vnicprofile", "vnicprofiles", KIND_VNIC_PROFILE, FIELDS(VNIC_PROFILE_FIELDS) },
	[SE_PROVIDER] = { "provider", "providers", -1, FIELDS(PROVIDER_FIELDS) },
	[SE_EVENT] = { "event", "events", KIND_EVENT, FIELDS(EVENT_FIELDS), CROSS(EVENT_CROSS) },
	[SE_SESSION] = { "session", "sessions", -1, FIELDS(SESSION_FIELDS) },
	[SE_JOB] = { "job", "jobs", KIND_JOB, FIELDS(JOB_FIELDS) },
	[SE_NIC] = { "nic", NULL, -1, FIELDS(HOST_NIC_FIELDS), .is_cross_only = true },
	[SE_VNIC] = { "vnic", NULL, KIND_NIC, FIELDS(VNIC_FIELDS), .is_cross_only = true },
	[SE_CLUSTER_NETWORK] = { "cluster_network", NULL, KIND_CLUSTER_NETWORK, FIELDS(CLUSTER_NETWORK_FIELDS),
	                         .is_cross_only = true },
	[SE_HOST_NETWORK] = { "host_network", NULL, -1, FIELDS(HOST_NETWORK_FIELDS), .is_cross_only = true },
	[SE_OTHER] = { "other", NULL, -1, FIELDS(OTHER_FIELDS), .is_cross_only = true },
};

enum sent sent_of_kind(enum kind k)
{
	for (int i = 0; i < SE_OTHER; i++)
		if (SENTITIES[i].kind == (int)k && !SENTITIES[i].is_cross_only)
			return (enum sent)i;
	return SE_OTHER;
}

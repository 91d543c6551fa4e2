// SPDX-License-Identifier: Apache-2.0
import { t } from "../../text";
import type { Entity } from "../api";
import { addressesOf } from "../usage";
import { col, commentColumn, descriptionColumn, hidden, idColumn, link, nameColumn, statusColumn } from "./columns";
import type { EntityPage, Related } from "./types";

const name = (e: Entity) => e.name;
const ofCluster = (row: Entity, e: Entity) => (row.cluster as Entity | undefined)?.id === e.id;

/** The events of one, by its id. */
export const events = (field: string): Related => ({ word: "events", label: t("lists.many.events"), page: "events", search: (e) => [field, e.id] });

const meters = () => [
  col("usage.memory", { text: "lists.col.memory_usage", sort: "mem_usage", as: "meter", width: 112 }),
  col("usage.cpu", { text: "lists.col.cpu_usage", sort: "cpu_usage", as: "meter", width: 112 }),
  col("usage.network", { text: "lists.col.network_usage", sort: "network_usage", as: "meter", width: 112 }),
];

const HARDWARE_OF_VM = ["memory", "memory_policy", "cpu.topology", "cpu.mode", "cpu.type", "cpu.architecture", "cpu_shares", "cpu_pinning_policy", "auto_pinning_policy",
  "custom_cpu_model", "custom_emulated_machine", "custom_compatibility_version", "cpu_profile", "io", "numa_tune_mode", "dynamic_cpu"];
const BOOT_OF_VM = ["os.type", "os.boot", "os.kernel", "os.initrd", "os.cmdline", "bios", "tpm_enabled", "start_paused", "run_once", "time_zone", "serial_number"];
const CONSOLE_OF_VM = ["display", "console", "usb", "soundcard_enabled", "sso"];
const HA_OF_VM = ["high_availability", "lease", "storage_error_resume_behaviour", "delete_protected"];

export const computePages = (): EntityPage[] => [
  {
    path: "vms", type: "vm", one: t("lists.one.vms"), many: t("lists.many.vms"), group: "Compute", search: "Vms",
    follow: "host", followOne: "host,cluster,template,original_template,cpu_profile,instance_type,quota", lookups: ["clusters"], liveFollow: "statistics,reported_devices",
    columns: [
      { ...statusColumn(), width: 105 },
      { ...nameColumn(), width: 170 },
      col("flags", { text: "lists.col.flags", as: "flags", width: 96 }),
      hidden(commentColumn()),
      link("host", "on_host", { width: 100 }),
      col("addresses", { text: "lists.col.addresses", sort: "ip", width: 125, value: addressesOf }),
      col("fqdn", { sort: "fqdn", width: 170, isHidden: true }),
      link("cluster", "cluster", { width: 105 }),
      link("cluster.data_center", "datacenter", { type: "data_center", isHidden: true }),
      ...meters(),
      col("memory", { sort: "memory", as: "bytes", width: 100 }),
      col("vcpus", { text: "lists.col.vcpus", sort: "vcpus", as: "count", width: 80, value: (e) => vcpus(e) }),
      col("display.type", { text: "lists.col.graphics", as: "words", width: 100, isHidden: true }),
      col("start_time", { text: "lists.col.uptime", sort: "uptime", as: "uptime", width: 110, value: (e) => (e.status === "down" ? undefined : e.start_time) }),
      descriptionColumn(),
      col("os.type", { text: "lists.col.os", sort: "os", as: "words", width: 170, isHidden: true }),
      col("creation_time", { text: "lists.col.created", sort: "creationdate", as: "date", width: 190, isHidden: true }),
      idColumn(),
    ],
    fields: ["name", "description", "cluster", "template", "os.type", "memory", "memory_policy.max", "memory_policy.guaranteed",
      "cpu.topology.sockets", "cpu.topology.cores", "cpu.topology.threads", "type", "high_availability.enabled", "high_availability.priority",
      "delete_protected", "stateless", "start_paused", "display.type", "bios.type", "console.enabled", "time_zone.name", "comment"],
    actions: ["start", "shutdown", "reboot", "suspend", "stop"],
    sections: [
      { title: t("lists.section.general"), paths: ["description", "comment", "status", "status_detail", "stop_reason", "type", "cluster", "host", "template", "original_template",
        "instance_type", "vm_pool", "quota", "creation_time", "start_time", "stop_time", "origin", "next_run_configuration_exists", "stateless", "id"] },
      { title: t("lists.section.system"), paths: HARDWARE_OF_VM },
      { title: t("lists.section.guest"), paths: ["fqdn", "guest_operating_system", "guest_time_zone", "initialization"] },
      { title: t("lists.section.console"), paths: CONSOLE_OF_VM },
      { title: t("lists.section.ha"), paths: HA_OF_VM },
      { title: t("lists.section.placement"), paths: ["placement_policy", "migration", "migration_downtime", "tunnel_migration"] },
      { title: t("lists.section.boot"), paths: BOOT_OF_VM },
    ],
    tabs: [{ word: "nics" }, { word: "diskattachments" }, { word: "snapshots" }, { word: "applications" }, { word: "hostdevices" }, { word: "cdroms" },
      { word: "reporteddevices" }, { word: "sessions" }, { word: "permissions" }, events("_event_vm_id"), { word: "tags" }, { word: "graphicsconsoles" }, { word: "watchdogs" },
      { word: "numanodes" }, { word: "mediateddevices" }, { word: "statistics" }],
  },
  {
    path: "templates", type: "template", one: t("lists.one.templates"), many: t("lists.many.templates"), group: "Compute", search: "Templates",
    lookups: ["clusters"], followOne: "cluster,cpu_profile,quota",
    columns: [statusColumn(), nameColumn(), col("version.version_number", { text: "lists.col.version", as: "count", width: 90 }), hidden(commentColumn()),
      col("creation_time", { text: "lists.col.created", sort: "creationdate", as: "date", width: 190 }), link("cluster", "cluster"),
      link("cluster.data_center", "datacenter", { type: "data_center" }), col("memory", { sort: "mem", as: "bytes", width: 100 }),
      col("os.type", { text: "lists.col.os", sort: "os", as: "words", width: 170, isHidden: true }), descriptionColumn(), idColumn()],
    fields: ["name", "description", "vm", "cluster", "version.version_name", "version.base_template", "comment"],
    sections: [
      { title: t("lists.section.general"), paths: ["description", "comment", "status", "version", "type", "cluster", "creation_time", "origin", "quota", "stateless", "id"] },
      { title: t("lists.section.system"), paths: HARDWARE_OF_VM },
      { title: t("lists.section.console"), paths: CONSOLE_OF_VM },
      { title: t("lists.section.ha"), paths: HA_OF_VM },
      { title: t("lists.section.placement"), paths: ["placement_policy", "migration", "migration_downtime"] },
      { title: t("lists.section.boot"), paths: BOOT_OF_VM },
    ],
    tabs: [{ word: "vms", label: t("lists.many.vms"), page: "vms", search: (e) => ["template.name", name(e)], belongs: (row, e) => (row.template as Entity | undefined)?.id === e.id },
      { word: "nics" }, { word: "diskattachments" }, { word: "permissions" }, events("_event_template_id"), { word: "tags" }, { word: "cdroms" }],
  },
  {
    path: "vmpools", type: "vm_pool", one: t("lists.one.vmpools"), many: t("lists.many.vmpools"), group: "Compute", search: "Pools", lookups: ["clusters"], followOne: "cluster,template",
    columns: [nameColumn(), hidden(commentColumn()), col("type", { sort: "type", as: "words" }), col("size", { as: "count" }), col("prestarted_vms", { as: "count" }), link("cluster", "cluster"), descriptionColumn(), idColumn()],
    fields: ["name", "description", "cluster", "template", "size", "prestarted_vms", "max_user_vms", "type", "stateful", "comment"],
    tabs: [{ word: "vms", label: t("lists.many.vms"), page: "vms", search: (e) => ["pool", name(e)], belongs: (row, e) => (row.vm_pool as Entity | undefined)?.id === e.id }, { word: "permissions" }],
  },
  {
    path: "hosts", type: "host", one: t("lists.one.hosts"), many: t("lists.many.hosts"), group: "Compute", search: "Hosts", lookups: ["clusters"], followOne: "cluster",
    liveFollow: "statistics",
    columns: [
      { ...statusColumn(), width: 140 },
      { ...nameColumn(), width: 180 },
      col("flags", { text: "lists.col.flags", as: "flags", width: 96 }),
      hidden(commentColumn()),
      col("address", { sort: "address", width: 140 }),
      link("cluster", "cluster", { width: 120 }),
      link("cluster.data_center", "datacenter", { type: "data_center", width: 120 }),
      col("summary.active", { text: "lists.col.vms", sort: "active_vms", as: "count", width: 80 }),
      ...meters().map((c) => (c.path === "usage.network" ? hidden(c) : c)),
      col("memory", { sort: "memory", as: "bytes", width: 110, isHidden: true }),
      col("spm.status", { text: "lists.col.spm", sort: "spm_id", as: "words", width: 100 }),
      col("cpu.name", { text: "lists.col.cpu_model", sort: "cpu_model", width: 220, isHidden: true }),
      col("version.full_version", { text: "lists.col.version", sort: "version", width: 120, isHidden: true }),
      idColumn(),
    ],
    fields: ["name", "address", "port", "root_password", "cluster", "comment"],
    actions: ["activate", "deactivate"],
    sections: [
      { title: t("lists.section.general"), paths: ["description", "comment", "status", "status_detail", "external_status", "address", "port", "cluster", "spm", "summary", "type",
        "network_operation_in_progress", "update_available", "reinstallation_required", "hosted_engine", "id"] },
      { title: t("lists.section.hardware"), paths: ["hardware_information", "cpu", "memory", "max_scheduling_memory", "numa_supported", "auto_numa_status", "iscsi", "device_passthrough",
        "vgpu_placement"] },
      { title: t("lists.section.software"), paths: ["os", "version", "libvirt_version", "kdump_status", "ksm", "transparent_hugepages", "ovn_configured"] },
      { title: t("lists.section.security"), paths: ["certificate", "se_linux", "ssh", "protocol", "override_iptables"] },
      { title: t("lists.section.power"), paths: ["power_management"] },
    ],
    tabs: [{ word: "vms", label: t("lists.many.vms"), page: "vms", search: (e) => ["on_host", name(e)], belongs: (row, e) => (row.host as Entity | undefined)?.id === e.id, without: ["host"] },
      { word: "nics" }, { word: "networkattachments" }, { word: "devices", label: t("lists.tab.devices") }, { word: "hooks" }, { word: "storage" }, { word: "permissions" },
      events("_event_host_id"), { word: "tags" }, { word: "numanodes" }, { word: "statistics" }],
  },
  {
    path: "clusters", type: "cluster", one: t("lists.one.clusters"), many: t("lists.many.clusters"), group: "Compute", search: "Clusters", lookups: ["datacenters"],
    followOne: "data_center,management_network,mac_pool,scheduling_policy",
    columns: [nameColumn(), hidden(commentColumn()), link("data_center"), col("version", { text: "lists.col.level", sort: "compatibility_level", as: "version", width: 140 }),
      col("cpu.type", { text: "lists.col.cpu_type", sort: "cpu_type", width: 240 }), col("cpu.architecture", { sort: "architecture", as: "words", width: 120, isHidden: true }), descriptionColumn(), idColumn()],
    fields: ["name", "description", "data_center", "cpu.type", "bios_type", "ballooning_enabled", "ksm.enabled", "comment"],
    sections: [
      { title: t("lists.section.general"), paths: ["description", "comment", "data_center", "version", "cpu", "bios_type", "management_network", "mac_pool", "switch_type", "firewall_type", "id"] },
      { title: t("lists.section.policy"), paths: ["scheduling_policy", "custom_scheduling_policy_properties", "memory_policy", "ballooning_enabled", "ksm", "threads_as_cores", "error_handling",
        "ha_reservation", "fencing_policy", "migration", "tunnel_migration"] },
    ],
    tabs: [{ word: "networks" },
      { word: "hosts", label: t("lists.many.hosts"), page: "hosts", search: (e) => ["cluster", name(e)], belongs: ofCluster, without: ["cluster", "cluster.data_center"] },
      { word: "vms", label: t("lists.many.vms"), page: "vms", search: (e) => ["cluster", name(e)], belongs: ofCluster, without: ["cluster", "cluster.data_center"] },
      { word: "templates", label: t("lists.many.templates"), page: "templates", search: (e) => ["cluster", name(e)], belongs: ofCluster, without: ["cluster", "cluster.data_center"] },
      { word: "affinitygroups" }, { word: "cpuprofiles" }, { word: "permissions" },
      { word: "events", label: t("lists.many.events"), page: "events", search: (e) => ["clusters.name", name(e)], belongs: ofCluster }],
  },
  {
    path: "datacenters", type: "data_center", one: t("lists.one.datacenters"), many: t("lists.many.datacenters"), group: "Compute", search: "DataCenter", followOne: "mac_pool",
    columns: [statusColumn(), nameColumn(), hidden(commentColumn()), col("local", { text: "lists.col.storage_type", sort: "local", width: 130, value: (e) => t(e.local ? "lists.storage.local" : "lists.storage.shared") }),
      col("version", { text: "lists.col.level", sort: "compatibility_version", as: "version", width: 150 }), descriptionColumn(), idColumn()],
    fields: ["name", "description", "local", "comment"],
    tabs: [{ word: "storagedomains" }, { word: "networks" }, { word: "clusters" }, { word: "qoss" }, { word: "quotas" }, { word: "iscsibonds" }, { word: "permissions" },
      events("_event_datacenter_id")],
  },
];

function vcpus(e: Entity): number | undefined {
  const topology = (e.cpu as { topology?: { sockets?: number; cores?: number; threads?: number } } | undefined)?.topology;
  return topology && (topology.sockets ?? 1) * (topology.cores ?? 1) * (topology.threads ?? 1);
}

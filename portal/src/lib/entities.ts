// SPDX-License-Identifier: Apache-2.0
// What the schema cannot know: which members matter most to people, and how entities are related on the screen.

export interface Column {
  /** path of members: "cluster.name" */
  path: string;
  label: string;
  /** field of the search language to sort by */
  sort?: string;
  as?: "status" | "bytes" | "date" | "link" | "count" | "percent";
}

export interface EntityPage {
  /** word in the path: "vms" */
  path: string;
  type: string;
  /** singular and plural for people */
  one: string;
  many: string;
  group: "Compute" | "Network" | "Storage" | "Administration";
  columns: Column[];
  /** members fetched along with a list */
  follow?: string;
  /** fields of the form to create and edit, most important first; what is not named is under "More" */
  fields: string[];
  /** actions offered as buttons, others are in the menu */
  actions?: string[];
  /** names its search by this entity word in bookmarks */
  search: string;
}

const NAME: Column = { path: "name", label: "Name", sort: "name" };
const STATUS: Column = { path: "status", label: "Status", sort: "status", as: "status" };
const DESCRIPTION: Column = { path: "description", label: "Description", sort: "description" };
const COMMENT: Column = { path: "comment", label: "Comment", sort: "comment" };

export const PAGES: EntityPage[] = [
  {
    path: "vms",
    type: "vm",
    one: "Virtual machine",
    many: "Virtual machines",
    group: "Compute",
    search: "Vms",
    follow: "cluster,host",
    columns: [
      STATUS,
      NAME,
      { path: "host", label: "Host", sort: "on_host", as: "link" },
      { path: "fqdn", label: "FQDN", sort: "fqdn" },
      { path: "cluster", label: "Cluster", sort: "cluster", as: "link" },
      { path: "memory", label: "Memory", sort: "memory", as: "bytes" },
      { path: "start_time", label: "Started", as: "date" },
      DESCRIPTION,
    ],
    fields: ["name", "description", "cluster", "template", "os.type", "memory", "memory_policy.max", "memory_policy.guaranteed",
      "cpu.topology.sockets", "cpu.topology.cores", "cpu.topology.threads", "type", "high_availability.enabled", "high_availability.priority",
      "delete_protected", "stateless", "start_paused", "display.type", "bios.type", "console.enabled", "time_zone.name", "comment"],
    actions: ["start", "shutdown", "reboot", "suspend", "stop"],
  },
  {
    path: "templates",
    type: "template",
    one: "Template",
    many: "Templates",
    group: "Compute",
    search: "Templates",
    columns: [STATUS, NAME, { path: "version.version_number", label: "Version" }, { path: "creation_time", label: "Created", sort: "creationdate", as: "date" },
      { path: "memory", label: "Memory", as: "bytes" }, DESCRIPTION],
    fields: ["name", "description", "vm", "cluster", "version.version_name", "version.base_template", "comment"],
  },
  {
    path: "hosts",
    type: "host",
    one: "Host",
    many: "Hosts",
    group: "Compute",
    search: "Hosts",
    follow: "cluster",
    columns: [STATUS, NAME, { path: "address", label: "Address", sort: "address" }, { path: "cluster", label: "Cluster", sort: "cluster", as: "link" },
      { path: "summary.active", label: "VMs", sort: "active_vms", as: "count" }, { path: "memory", label: "Memory", sort: "memory", as: "bytes" },
      { path: "spm.status", label: "SPM", sort: "spm_id" }, COMMENT],
    fields: ["name", "address", "port", "root_password", "cluster", "comment"],
    actions: ["activate", "deactivate"],
  },
  {
    path: "clusters",
    type: "cluster",
    one: "Cluster",
    many: "Clusters",
    group: "Compute",
    search: "Clusters",
    follow: "data_center",
    columns: [NAME, { path: "data_center", label: "Data center", as: "link" }, { path: "cpu.type", label: "CPU type" },
      { path: "version.major", label: "Level", as: "count" }, DESCRIPTION],
    fields: ["name", "description", "data_center", "cpu.type", "bios_type", "ballooning_enabled", "ksm.enabled", "comment"],
  },
  {
    path: "datacenters",
    type: "data_center",
    one: "Data center",
    many: "Data centers",
    group: "Compute",
    search: "DataCenter",
    columns: [STATUS, NAME, { path: "local", label: "Local" }, { path: "version.major", label: "Level", as: "count" }, DESCRIPTION],
    fields: ["name", "description", "local", "comment"],
  },
  {
    path: "networks",
    type: "network",
    one: "Network",
    many: "Networks",
    group: "Network",
    search: "Networks",
    follow: "data_center",
    columns: [STATUS, NAME, { path: "data_center", label: "Data center", as: "link" }, { path: "vlan.id", label: "VLAN", sort: "vlanid", as: "count" },
      { path: "mtu", label: "MTU", sort: "mtu", as: "count" }, DESCRIPTION],
    fields: ["name", "description", "data_center", "vlan.id", "mtu", "usages", "port_isolation", "comment"],
  },
  {
    path: "vnicprofiles",
    type: "vnic_profile",
    one: "vNIC profile",
    many: "vNIC profiles",
    group: "Network",
    search: "VnicProfiles",
    follow: "network",
    columns: [NAME, { path: "network", label: "Network", as: "link" }, { path: "port_mirroring", label: "Port mirroring" }, DESCRIPTION],
    fields: ["name", "description", "network", "port_mirroring"],
  },
  {
    path: "storagedomains",
    type: "storage_domain",
    one: "Storage domain",
    many: "Storage domains",
    group: "Storage",
    search: "Storage",
    columns: [STATUS, NAME, { path: "type", label: "Type", sort: "type" }, { path: "storage.type", label: "Storage" },
      { path: "storage_format", label: "Format" }, { path: "available", label: "Free", sort: "size", as: "bytes" }, { path: "used", label: "Used", as: "bytes" }, DESCRIPTION],
    fields: ["name", "description", "type", "host", "storage.type", "storage.path", "storage.address", "comment"],
  },
  {
    path: "disks",
    type: "disk",
    one: "Disk",
    many: "Disks",
    group: "Storage",
    search: "Disks",
    columns: [STATUS, { path: "alias", label: "Alias", sort: "alias" }, { path: "provisioned_size", label: "Size", sort: "provisioned_size", as: "bytes" },
      { path: "actual_size", label: "Used", as: "bytes" }, { path: "format", label: "Format" }, { path: "content_type", label: "Content" }, DESCRIPTION],
    fields: ["alias", "description", "provisioned_size", "format", "sparse", "storage_domains", "shareable", "wipe_after_delete"],
  },
  {
    path: "users",
    type: "user",
    one: "User",
    many: "Users",
    group: "Administration",
    search: "Users",
    columns: [{ path: "user_name", label: "User name", sort: "usrname" }, NAME, { path: "last_name", label: "Last name" }, { path: "email", label: "E-mail" },
      { path: "logged_in", label: "Logged in" }],
    fields: ["user_name", "password", "name", "last_name", "email", "department", "groups"],
  },
  {
    path: "groups",
    type: "group",
    one: "Group",
    many: "Groups",
    group: "Administration",
    search: "Groups",
    columns: [NAME, { path: "namespace", label: "Namespace" }],
    fields: ["name"],
  },
  {
    path: "roles",
    type: "role",
    one: "Role",
    many: "Roles",
    group: "Administration",
    search: "",
    columns: [NAME, { path: "administrative", label: "For administrators" }, { path: "mutable", label: "Own" }, DESCRIPTION],
    fields: ["name", "description", "administrative", "permits"],
  },
  {
    path: "tags",
    type: "tag",
    one: "Tag",
    many: "Tags",
    group: "Administration",
    search: "",
    columns: [NAME, { path: "parent", label: "Below", as: "link" }, DESCRIPTION],
    fields: ["name", "description", "parent"],
  },
  {
    path: "bookmarks",
    type: "bookmark",
    one: "Bookmark",
    many: "Bookmarks",
    group: "Administration",
    search: "",
    columns: [NAME, { path: "value", label: "Search" }],
    fields: ["name", "value"],
  },
  {
    path: "macpools",
    type: "mac_pool",
    one: "MAC address pool",
    many: "MAC address pools",
    group: "Administration",
    search: "",
    columns: [NAME, { path: "default_pool", label: "Default" }, { path: "allow_duplicates", label: "Duplicates" }, DESCRIPTION],
    fields: ["name", "description", "allow_duplicates", "ranges"],
  },
  {
    path: "instancetypes",
    type: "instance_type",
    one: "Instance type",
    many: "Instance types",
    group: "Administration",
    search: "",
    columns: [NAME, { path: "memory", label: "Memory", as: "bytes" }, { path: "cpu.topology.sockets", label: "Sockets", as: "count" }, DESCRIPTION],
    fields: ["name", "description", "memory", "cpu.topology.sockets", "cpu.topology.cores", "cpu.topology.threads"],
  },
  {
    path: "events",
    type: "event",
    one: "Event",
    many: "Events",
    group: "Administration",
    search: "Events",
    columns: [{ path: "severity", label: "Severity", sort: "severity", as: "status" }, { path: "time", label: "Time", sort: "time", as: "date" },
      { path: "description", label: "Message" }, { path: "correlation_id", label: "Correlation id" }],
    fields: [],
  },
  {
    path: "jobs",
    type: "job",
    one: "Job",
    many: "Jobs",
    group: "Administration",
    search: "Jobs",
    columns: [STATUS, { path: "description", label: "Job" }, { path: "start_time", label: "Started", as: "date" }, { path: "end_time", label: "Ended", as: "date" }],
    fields: [],
  },
];

export const pageOf = (path: string) => PAGES.find((p) => p.path === path);
export const pageOfType = (type: string) => PAGES.find((p) => p.type === type);

/** How a status looks: good, busy, bad or none of them. */
export function mood(status: string): "green" | "blue" | "red" | "orange" | "grey" {
  if (["up", "ok", "active", "operational", "finished", "normal", "powering_up"].includes(status)) return "green";
  if (["error", "non_responsive", "non_operational", "install_failed", "failed", "illegal", "not_responding", "problematic", "alert"].includes(status)) return "red";
  if (["warning", "paused", "unknown", "aborted", "inactive", "suspended", "contend"].includes(status)) return "orange";
  if (["down", "maintenance", "unattached", "uninitialized", "unassigned"].includes(status)) return "grey";
  return "blue";
}

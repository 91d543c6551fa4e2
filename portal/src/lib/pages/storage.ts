// SPDX-License-Identifier: Apache-2.0
import { t } from "../../text";
import type { Entity } from "../api";
import { col, commentColumn, descriptionColumn, hidden, idColumn, nameColumn, statusColumn } from "./columns";
import { events } from "./compute";
import type { EntityPage } from "./types";

export const storagePages = (): EntityPage[] => [
  {
    path: "storagedomains", type: "storage_domain", one: t("lists.one.storagedomains"), many: t("lists.many.storagedomains"), group: "Storage", search: "Storage",
    lookups: ["datacenters"], followOne: "data_centers,storage_connections,host",
    columns: [
      { ...statusColumn(), value: (e) => e.status ?? (e.external_status === "ok" ? undefined : e.external_status) },
      nameColumn(),
      col("flags", { text: "lists.col.flags", as: "flags", width: 96 }),
      hidden(commentColumn()),
      col("type", { text: "lists.col.domain_type", sort: "type", as: "words", width: 110 }),
      col("storage.type", { text: "lists.col.storage_type", as: "words", width: 120 }),
      col("storage_format", { text: "lists.col.format", as: "words", width: 90, isHidden: true }),
      col("data_centers", { text: "lists.col.data_center", sort: "datacenter", as: "links", type: "data_center", width: 150 }),
      col("total", { text: "lists.col.total", sort: "total_size", as: "bytes", width: 100, value: (e) => sum(e.available, e.used) }),
      col("available", { text: "lists.col.free", sort: "free_size", as: "bytes", width: 100 }),
      col("used_percent", { text: "lists.col.used", as: "meter", width: 110, value: usedPercent }),
      col("committed", { text: "lists.col.allocated", sort: "committed", as: "bytes", width: 110, isHidden: true }),
      descriptionColumn(),
      idColumn(),
    ],
    fields: ["name", "description", "type", "host", "storage.type", "storage.path", "storage.address", "comment"],
    sections: [
      { title: t("lists.section.general"), paths: ["description", "comment", "status", "external_status", "type", "master", "data_centers", "storage_format", "import", "backup", "id"] },
      { title: t("lists.section.size"), paths: ["available", "used", "committed", "warning_low_space_indicator", "critical_space_action_blocker", "block_size"] },
      { title: t("lists.section.storage"), paths: ["storage", "host", "wipe_after_delete", "discard_after_delete", "supports_discard", "supports_discard_zeroes_data"] },
    ],
    tabs: [{ word: "datacenters", label: t("lists.many.datacenters"), page: "datacenters",
      belongs: (row, e) => ((e.data_centers as Entity[] | undefined) ?? []).some((d) => d.id === row.id) },
      { word: "vms", label: t("lists.many.vms") }, { word: "templates" }, { word: "disks" }, { word: "disksnapshots" }, { word: "diskprofiles" }, { word: "files" },
      { word: "storageconnections" }, { word: "permissions" }, events("_event_storage_id")],
  },
  {
    path: "disks", type: "disk", one: t("lists.one.disks"), many: t("lists.many.disks"), group: "Storage", search: "Disks", nameMember: "alias",
    lookups: ["storagedomains"], liveFollow: "vms", followOne: "storage_domains,disk_profile,quota,vms",
    columns: [
      statusColumn(),
      col("alias", { sort: "alias", width: 220 }),
      col("flags", { text: "lists.col.flags", as: "flags", width: 96 }),
      idColumn(),
      col("vms", { text: "lists.col.attached", sort: "vm_names", as: "links", type: "vm", width: 180 }),
      col("storage_domains", { text: "lists.col.domains", as: "links", type: "storage_domain", width: 160 }),
      col("provisioned_size", { text: "lists.col.virtual_size", sort: "provisioned_size", as: "bytes", width: 120 }),
      col("actual_size", { text: "lists.col.actual_size", sort: "actual_size", as: "bytes", width: 120 }),
      col("sparse", { text: "lists.col.allocation", sort: "allocation_policy", width: 120, value: (e) => (e.sparse === undefined ? undefined : t(e.sparse ? "lists.disk.thin" : "lists.disk.preallocated")) }),
      col("format", { as: "words", width: 120, isHidden: true }),
      col("storage_type", { text: "lists.col.disk_type", sort: "disk_type", as: "words", width: 100, isHidden: true }),
      col("content_type", { text: "lists.col.content", sort: "disk_content_type", as: "words", width: 120 }),
      descriptionColumn(),
    ],
    fields: ["alias", "description", "provisioned_size", "format", "sparse", "storage_domains", "shareable", "wipe_after_delete"],
    sections: [
      { title: t("lists.section.general"), paths: ["alias", "description", "comment", "status", "storage_type", "content_type", "storage_domains", "disk_profile", "quota", "vms", "id"] },
      { title: t("lists.section.size"), paths: ["provisioned_size", "actual_size", "total_size", "initial_size", "format", "qcow_version", "sparse", "image_id"] },
    ],
    tabs: [{ word: "vms", label: t("lists.many.vms"), page: "vms", ids: (e) => ((e.vms as Entity[] | undefined) ?? []).map((vm) => vm.id) },
      { word: "disksnapshots" }, { word: "permissions" }, { word: "statistics" }],
  },
];

function sum(...numbers: unknown[]): number | undefined {
  const known = numbers.filter((n): n is number => typeof n === "number");
  return known.length ? known.reduce((a, b) => a + b, 0) : undefined;
}

function usedPercent(e: Entity): number | undefined {
  const total = sum(e.available, e.used);
  return total && typeof e.used === "number" ? (e.used / total) * 100 : undefined;
}

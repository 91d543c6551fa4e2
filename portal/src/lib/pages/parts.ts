// SPDX-License-Identifier: Apache-2.0
// Parts by their type: the same under a virtual machine, a template, a host.
import { t, type TextKey } from "../../text";
import type { Entity } from "../api";
import { date, nameOf, words } from "../format";
import { addressesOf, statisticsOf } from "../usage";
import { col, descriptionColumn, hidden, idColumn, link, nameColumn, plain, statusColumn } from "./columns";
import type { Column, PartPage } from "./types";

const disk = (path: string, more: Parameters<typeof col>[1] = {}): Column => col(`disk.${path}`, more);

/** Bits a second, from the statistics of a card. */
const rate = (direction: "rx" | "tx") => (e: Entity) => statisticsOf(e).get(`data.current.${direction}.bps`);

/** Whom a permission was given to, and for what. */
const OBJECTS = ["vm", "host", "template", "disk", "storage_domain", "cluster", "data_center", "vm_pool"];
const objectOf = (e: Entity) => OBJECTS.map((k) => [k, e[k] as Entity | undefined] as const).find(([, v]) => v?.id);

/** What a permission was given on: not every kind of object is told of. */
const kindOf = (e: Entity) => objectOf(e)?.[0] ?? (e.is_systemwide === false ? undefined : "system");

/** "Cluster demo", of a permission that was given further up. */
function inheritedFrom(e: Entity): string | undefined {
  if (!e.inherited) return undefined;
  const [kind, object] = objectOf(e) ?? [];
  return kind ? `${words(kind)} ${nameOf(object)}` : e.inherited === "system" ? words("system") : t(`lists.one.${String(e.inherited)}` as TextKey);
}

export const partPages = (): Record<string, PartPage> => {
  const name = plain(nameColumn());
  const description = plain(descriptionColumn());
  return {
    nic: {
      follow: "vnic_profile.network,network,statistics,reported_devices",
      columns: [name, col("flags", { text: "lists.col.flags", as: "flags", width: 96 }), col("plugged", { width: 90 }), col("linked", { text: "lists.col.link", width: 80 }),
        link("network", undefined, { value: (e) => e.network ?? (e.vnic_profile as Entity | undefined)?.network }), link("vnic_profile", undefined, { label: t("lists.col.profile") }), col("interface", { text: "lists.col.type", as: "words", width: 100 }),
        col("mac.address", { text: "lists.col.mac", as: "code", width: 150 }), col("addresses", { text: "lists.col.addresses", width: 180, value: addressesOf }),
        col("rx", { text: "lists.col.rx", as: "speed", width: 110, value: rate("rx") }), col("tx", { text: "lists.col.tx", as: "speed", width: 110, value: rate("tx") })],
      fields: ["name", "vnic_profile", "interface", "mac.address", "linked", "plugged"],
      actions: ["activate", "deactivate"],
    },
    disk_attachment: {
      follow: "disk",
      lookups: ["storagedomains"],
      columns: [disk("status", { as: "status", width: 120 }), col("disk", { text: "lists.col.alias", as: "link", width: 200 }), col("flags", { text: "lists.col.flags", as: "flags", width: 96 }),
        disk("provisioned_size", { text: "lists.col.virtual_size", as: "bytes", width: 120 }), disk("actual_size", { text: "lists.col.actual_size", as: "bytes", width: 120 }),
        col("active", { text: "lists.col.attached_now", width: 90 }), col("interface", { as: "words", width: 120 }), col("logical_name", { width: 130 }),
        disk("storage_domains", { text: "lists.col.domains", as: "links", type: "storage_domain", width: 150 }), disk("format", { as: "words", width: 120, isHidden: true }),
        disk("storage_type", { text: "lists.col.disk_type", as: "words", width: 100 }), disk("description", { width: 200, isHidden: true }), idColumn()],
      actions: ["activate", "deactivate"],
    },
    snapshot: {
      nameMember: "description",
      follow: "disks",
      columns: [col("date", { as: "ago", width: 180 }), col("snapshot_status", { text: "lists.col.status", as: "status", width: 130 }), { ...description, width: 320 },
        col("snapshot_type", { text: "lists.col.type", as: "words", width: 110 }), col("persist_memorystate", { text: "lists.col.memory_saved", width: 140 }),
        col("disks", { as: "count", width: 80, value: (e) => (e.disks as Entity[] | undefined)?.length }), idColumn()],
      fields: ["description", "persist_memorystate"],
      actions: ["restore", "preview", "commit", "undo"],
    },
    application: { columns: [{ ...name, width: 420 }] },
    cdrom: { follow: "file", columns: [col("id", { text: "lists.col.drive", as: "code", width: 320 }), col("file.name", { text: "lists.col.disc", width: 300, value: (e) => file(e) })], fields: ["file.id"] },
    reported_device: {
      columns: [name, col("type", { as: "words", width: 110 }), col("mac.address", { text: "lists.col.mac", as: "code", width: 150 }),
        col("ips", { text: "lists.col.addresses", width: 420, value: (e) => ((e.ips as { address?: string }[] | undefined) ?? []).map((ip) => ip.address) })],
    },
    session: { follow: "user", columns: [link("user", undefined, { width: 240 }), col("console_user", { width: 130 }), col("ip.address", { text: "lists.col.address", width: 160 }), col("protocol", { width: 120 })] },
    permission: {
      follow: "user,group,role,vm,host,template,disk,storage_domain,cluster,data_center",
      columns: [col("who", { text: "lists.col.user", as: "link", width: 260, value: (e) => e.user ?? e.group, type: "user" }), link("role", undefined, { width: 220 }),
        col("object", { text: "lists.col.object", as: "link", width: 220, value: (e) => objectOf(e)?.[1] }), col("object_type", { text: "lists.col.object_type", as: "words", width: 140, value: kindOf }),
        col("inherited", { text: "lists.col.inherited", width: 220, value: inheritedFrom }), idColumn()],
      fields: ["user", "group", "role"],
    },
    host_nic: {
      follow: "network,statistics",
      columns: [plain({ ...statusColumn(), width: 90 }), name, col("mac.address", { text: "lists.col.mac", as: "code", width: 150 }), col("ip.address", { text: "lists.col.address", width: 140 }),
        col("ipv6.address", { text: "lists.col.address6", width: 180, isHidden: true }), link("network"), col("vlan.id", { text: "lists.col.vlan", as: "count", width: 80 }), col("mtu", { as: "count", width: 80 }),
        col("speed", { as: "speed", width: 110 }), col("bonding.slaves", { text: "lists.col.bond", as: "links", width: 160 }), col("boot_protocol", { as: "words", width: 120 }),
        col("rx", { text: "lists.col.rx", as: "speed", width: 110, value: rate("rx") }), col("tx", { text: "lists.col.tx", as: "speed", width: 110, value: rate("tx") })],
    },
    network_attachment: {
      follow: "network,host_nic",
      columns: [link("network"), col("host_nic", { text: "lists.col.nic", width: 140 }), col("in_sync", { width: 100 }),
        col("ip_address_assignments", { text: "lists.col.addresses", width: 320, value: (e) => assignments(e) })],
    },
    host_device: {
      columns: [{ ...name, width: 240 }, col("capability", { as: "words", width: 110 }), col("vendor.name", { text: "lists.col.vendor", width: 220 }), col("product.name", { text: "lists.col.product", width: 300 }),
        col("driver", { width: 120 }), col("iommu_group", { as: "count", width: 110 }), link("vm"), hidden(idColumn())],
    },
    hook: { columns: [{ ...name, width: 280 }, col("event_name", { width: 240 }), col("md5", { width: 280, as: "code" })] },
    statistic: { columns: [{ ...name, width: 240 }, { ...description, width: 320 }, col("value", { width: 160, as: "text", value: newest }), col("unit", { as: "words", width: 140 }), col("kind", { as: "words", width: 100 })] },
    event: { nameMember: "description", columns: [col("severity", { as: "status", width: 130 }), col("time", { as: "ago", width: 200 }), col("description", { text: "lists.col.message", width: 640 })] },
    step: {
      nameMember: "description",
      columns: [plain(statusColumn()), { ...description, width: 420 }, col("progress", { as: "progress", width: 140, value: (e) => (e.status === "finished" ? 100 : e.progress) }), col("type", { as: "words", width: 130 }),
        col("start_time", { text: "lists.col.started", as: "ago", width: 180 }), col("end_time", { text: "lists.col.ended", as: "ago", width: 180 })],
    },
    disk_snapshot: {
      nameMember: "alias",
      follow: "snapshot,storage_domain",
      columns: [plain(statusColumn()), col("alias", { width: 200 }), { ...description, width: 240 }, col("snapshot", { width: 240, value: (e) => (e.snapshot as Entity | undefined)?.description }), col("provisioned_size", { text: "lists.col.virtual_size", as: "bytes", width: 120 }),
        col("actual_size", { text: "lists.col.actual_size", as: "bytes", width: 120 }), hidden(idColumn())],
    },
    qos: {
      columns: [name, col("type", { as: "words", width: 120 }), description, col("limits", { text: "lists.col.limits", width: 420, value: limits })],
    },
    quota: { columns: [name, description, col("cluster_soft_limit_pct", { as: "percent", width: 150 }), col("storage_soft_limit_pct", { as: "percent", width: 150 })] },
    storage_connection: { nameMember: "path", columns: [col("type", { as: "words", width: 130 }), col("address", { width: 200 }), col("path", { width: 300 }), col("target", { width: 260 }), col("port", { as: "code", width: 80 }), hidden(idColumn())] },
    graphics_console: { nameMember: "protocol", columns: [col("protocol", { as: "words", width: 120 }), col("address", { width: 200 }), col("port", { as: "code", width: 90 }), col("tls_port", { as: "code", width: 90 })] },
    cpu_profile: { follow: "cluster,qos", columns: [name, link("cluster"), description, col("qos", { width: 160 }), hidden(idColumn())] },
    disk_profile: { follow: "storage_domain,qos", columns: [name, link("storage_domain"), description, col("qos", { width: 160 }), hidden(idColumn())] },
    cluster_level: { columns: [{ ...name, width: 320 }] },
    domain: { columns: [{ ...name, width: 320 }] },
    network_filter: { columns: [{ ...name, width: 320 }] },
    icon: { nameMember: "id", columns: [col("id", { width: 340, as: "code" }), col("media_type", { width: 160 })] },
    tag: { columns: [name, description] },
    permit: { columns: [{ ...name, width: 320, as: "words" }, col("administrative", { width: 160 })] },
    file: { columns: [{ ...name, width: 360 }, col("type", { as: "words", width: 120 }), hidden(idColumn())] },
    network: { columns: [name, col("flags", { text: "lists.col.roles", as: "flags", width: 100 }), plain({ ...statusColumn(), width: 140 }), col("vlan.id", { text: "lists.col.vlan", as: "count", width: 80 }), col("mtu", { as: "count", width: 90, value: (e) => e.mtu || t("lists.network.mtu") }),
      col("required", { width: 100 }), description, idColumn()] },
  };
};

function file(e: Entity): unknown {
  const it = e.file as Entity | undefined;
  return it?.name ?? it?.id;
}

function newest(e: Entity): unknown {
  const values = (e.values as { datum?: number; detail?: string }[] | undefined) ?? [];
  const first = values[0];
  if (values.length > 1 || first?.datum === undefined) return first?.detail ?? t("lists.items", { n: values.length });
  return e.unit === "none" && e.name === "boot.time" && first.datum ? date(new Date(first.datum * 1000)) : first.datum;
}

function assignments(e: Entity): string[] {
  type Assignment = { assignment_method?: string; ip?: { address?: string; netmask?: string } };
  return ((e.ip_address_assignments as Assignment[] | undefined) ?? []).map((a) => [a.ip?.address, a.assignment_method].filter(Boolean).join(" "));
}

/** Whatever numbers a QoS has. */
function limits(e: Entity): string[] {
  return Object.entries(e).flatMap(([member, v]) => (typeof v === "number" && v > 0 ? [`${member.replace(/_/g, " ")}: ${v}`] : []));
}

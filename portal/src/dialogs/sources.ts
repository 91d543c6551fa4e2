// SPDX-License-Identifier: Apache-2.0
// Where references are chosen from.
import type { Entity } from "../lib/api";
import { bytes, nameOf, words } from "../lib/format";
import { t } from "../text";
import type { Choices, Source, Values } from "./form/model";

const idOf = (v: unknown) => (v as Entity | undefined)?.id || undefined;

/** The id of what was chosen in a field. */
export const chosen = (values: Values, path: string): string | undefined => idOf(values[path]);

const follow = (word: string) => (e: Entity) => nameOf(e[word]) || "";

export const dataCenters = (): Source => ({ type: "data_center", path: "datacenters" });
export const clusters = (): Source => ({ type: "cluster", path: "clusters", follow: "data_center", detail: follow("data_center"), prefer: (e) => (e.data_center as Entity | undefined)?.status === "up" });
export const templates = (): Source => ({
  type: "template", path: "templates",
  detail: (e) => {
    const version = (e.version as { version_number?: number; version_name?: string } | undefined) ?? {};
    return Number(version.version_number ?? 1) > 1 ? t("dialogs.template.version", { n: String(version.version_number), name: version.version_name ?? "" }) : "";
  },
});
export const hosts = (): Source => ({ type: "host", path: "hosts", detail: (e) => [e.address, e.status && words(String(e.status))].filter(Boolean).join(", ") });
export const vms = (): Source => ({ type: "vm", path: "vms", detail: (e) => words(String(e.status ?? "")) });
export const roles = (): Source => ({ type: "role", path: "roles", detail: (e) => (e.administrative ? t("dialogs.role.admin") : t("dialogs.role.user")) });
export const networks = (): Source => ({ type: "network", path: "networks", follow: "data_center", detail: follow("data_center") });
/** Profiles of networks, those of a data center when it is known. */
export const profiles = (center?: string): Source => ({
  type: "vnic_profile", path: "vnicprofiles", follow: "network", detail: follow("network"),
  keep: center ? (e) => ((e.network as Entity | undefined)?.data_center as Entity | undefined)?.id === center : undefined,
});
export const macPools = (): Source => ({ type: "mac_pool", path: "macpools" });
export const tags = (): Source => ({ type: "tag", path: "tags" });
export const filters = (): Source => ({ type: "network_filter", path: "networkfilters" });
export const instanceTypes = (): Source => ({ type: "instance_type", path: "instancetypes", detail: (e) => (e.memory ? bytes(Number(e.memory)) : "") });

const room = (e: Entity) => (e.available !== undefined ? t("dialogs.domain.free", { size: bytes(Number(e.available)) }) : "");

/** Data domains, those of a data center when it is known. */
export const domains = (center?: string): Source =>
  center
    ? { type: "storage_domain", path: `datacenters/${center}/storagedomains`, keep: (e) => e.type === "data" && (e.status === undefined || e.status === "active"), detail: room }
    : { type: "storage_domain", path: "storagedomains", keep: (e) => e.type === "data" && e.status !== "unattached", detail: room };

export const diskProfiles = (domain: string | undefined): Source | undefined => (domain ? { type: "disk_profile", path: `storagedomains/${domain}/diskprofiles` } : undefined);
export const cpuProfiles = (cluster: string | undefined): Source | undefined => (cluster ? { type: "cpu_profile", path: `clusters/${cluster}/cpuprofiles` } : undefined);

/** Floating disks that can be given to a machine. */
export const floatingDisks = (): Source => ({
  type: "disk", path: "disks", by: "alias", search: "disk_content_type = data", follow: "vms",
  keep: (e) => e.content_type === "data" && !(e.template as Entity | undefined)?.id && (!(e.vms as Entity[] | undefined)?.length || e.shareable === true),
  detail: (e) => bytes(Number(e.provisioned_size ?? 0)),
});

/** Discs for the drive. */
export const discs = (): Source => ({ type: "disk", path: "disks", by: "alias", search: "disk_content_type = iso", keep: (e) => e.content_type === "iso", detail: (e) => bytes(Number(e.provisioned_size ?? 0)) });

/** Operating systems that a machine may have. */
export const operatingSystems: Choices = {
  type: "operating_system_info", path: "operatingsystems",
  options: (all) =>
    all.filter((e) => e.architecture === undefined || e.architecture === "x86_64").map((e) => ({ value: String(e.name), label: String(e.description || e.name) }))
      .sort((a, b) => a.label.localeCompare(b.label, undefined, { numeric: true })),
};

/** Processor families of the newest level. */
export const cpuTypes: Choices = {
  type: "cluster_level", path: "clusterlevels",
  options: (all) => {
    const newest = [...all].sort((a, b) => String(b.name).localeCompare(String(a.name), undefined, { numeric: true }))[0];
    return ((newest?.cpu_types as { name: string; architecture: string }[] | undefined) ?? []).map((c) => ({ value: c.name, label: c.name }));
  },
};

/** Compatibility versions, the newest first. */
export const levels: Choices = {
  type: "cluster_level", path: "clusterlevels",
  options: (all) => all.map((e) => String(e.name)).sort((a, b) => b.localeCompare(a, undefined, { numeric: true })).map((value) => ({ value, label: value })),
};

// SPDX-License-Identifier: Apache-2.0
// Forms of the types: which members, in which order, from which choices. What has none is composed from its members.
import type { EntityPage } from "../lib/entities";
import { ENUMS, hasType, memberAt, typeOf } from "../lib/schema";
import { t } from "../text";
import type { Field, Spec } from "./form/model";
import { words } from "../lib/format";
import { clusters, cpuTypes, levels, dataCenters, diskProfiles, domains, filters, hosts, macPools, networks, profiles, tags, chosen } from "./sources";
import { vmSpec } from "./vmSpec";

const NAME: Field = { path: "name", isRequired: true };
const DESCRIPTION: Field = { path: "description" };
const COMMENT: Field = { path: "comment" };

const one = (type: string, fields: Field[], more: Partial<Spec> = {}): Spec => ({ type, sections: [{ id: "general", label: t("dialogs.general"), fields }], ...more });

/** "4.7" as the document wants it. */
function versionOf(body: Record<string, unknown>, level: unknown): Record<string, unknown> {
  if (!level) return body;
  const [major, minor] = String(level).split(".").map(Number);
  return { ...body, version: { major, minor } };
}

const levelNow = (v: unknown) => {
  const version = v as { major?: number; minor?: number } | undefined;
  return version?.major ? `${version.major}.${version.minor ?? 0}` : "";
};

const dataCenter = one("data_center", [
  NAME, DESCRIPTION, COMMENT,
  { path: "kind", label: t("dialogs.dc.storage"), isLocal: true, as: "radio", default: "local", when: (_v, e) => !e,
    options: [{ value: "local", label: t("dialogs.dc.local"), hint: t("dialogs.dc.local.hint") }, { value: "shared", label: t("dialogs.dc.shared"), hint: t("dialogs.dc.shared.hint") }] },
  { path: "level", label: t("dialogs.level"), isLocal: true, choices: levels, none: t("dialogs.level.newest") },
  { path: "quota_mode", default: "disabled", isRequired: true },
  { path: "mac_pool", from: macPools },
], {
  begin: (e) => (e ? { level: levelNow(e.version) } : {}),
  finish: (body, v, e) => versionOf(e ? body : { ...body, local: v.kind === "local" }, e && levelNow(e.version) === v.level ? "" : v.level),
});

const cluster: Spec = {
  type: "cluster",
  sections: [
    { id: "general", label: t("dialogs.general"), fields: [
      NAME, { path: "data_center", isRequired: true, pick: "only", from: dataCenters, locked: (_v, e) => (e?.data_center ? t("dialogs.locked.create") : undefined) }, DESCRIPTION, COMMENT,
      { path: "cpu.architecture", default: "x86_64", options: ["x86_64", "ppc64", "s390x", "aarch64"].map((v) => ({ value: v, label: v })), none: t("dialogs.cpu.detect") },
      { path: "cpu.type", label: t("dialogs.cpu.type"), choices: cpuTypes, none: t("dialogs.cpu.detect"), hint: t("dialogs.cpu.type.hint") },
      { path: "bios_type" },
      { path: "level", label: t("dialogs.level"), isLocal: true, choices: levels, none: t("dialogs.level.dc") },
      { path: "mac_pool", from: macPools },
    ] },
    { id: "memory", label: t("dialogs.optimization"), fields: [
      { path: "memory_policy.over_commit.percent", label: t("dialogs.overcommit"), unit: "%", min: 100, hint: t("dialogs.overcommit.hint") },
      { path: "ballooning_enabled" }, { path: "ksm.enabled", label: t("dialogs.ksm") }, { path: "threads_as_cores" }, { path: "ha_reservation" },
    ] },
    { id: "policy", label: t("dialogs.policy"), fields: [
      { path: "error_handling.on_error", label: t("dialogs.on-error") },
      { path: "fencing_policy.enabled", label: t("dialogs.fencing") },
      { path: "migration.auto_converge" }, { path: "migration.compressed" }, { path: "migration.encrypted" },
      { path: "optional_reason", label: t("dialogs.reason.stop") }, { path: "maintenance_reason_required", label: t("dialogs.reason.maintenance") },
      { path: "required_rng_sources", label: t("dialogs.rng.sources"), as: "words" },
    ] },
    { id: "console", label: t("dialogs.console"), fields: [{ path: "display.proxy", label: t("dialogs.proxy") }, { path: "vnc_encryption" }] },
  ],
  begin: (e) => (e ? { level: levelNow(e.version) } : {}),
  finish: (body, v, e) => versionOf(body, e && levelNow(e.version) === v.level ? "" : v.level),
};

/** Ten letters and digits of base 32, in two groups as hosts show them. */
const isCode = (text: string) => /^\s*[A-Z2-7]{5}[\s-]*[A-Z2-7]{5}\s*$/i.test(text);

/** "abcde fghij" as the host shows it. */
const codeOf = (text: string) => text.replace(/[^A-Za-z2-7]/g, "").toUpperCase().replace(/^(.{5})/, "$1-");

export const host: Spec = {
  type: "host",
  sections: [
    { id: "general", label: t("dialogs.general"), fields: [
      { ...NAME, hint: t("dialogs.host.name.hint") },
      { path: "cluster", isRequired: true, pick: "first", from: clusters, locked: (_v, e) => (e && e.status !== "maintenance" ? t("dialogs.host.cluster.locked") : undefined) },
      { path: "address", isRequired: true, hint: t("dialogs.host.address.hint") },
      { path: "port", label: t("dialogs.host.port"), default: 54321, min: 1, max: 65535, when: (_v, e) => !e },
      { path: "root_password", label: t("dialogs.host.code"), as: "text", isRequired: true, hint: t("dialogs.host.code.hint"), when: (_v, e) => !e,
        check: (v) => (isCode(String(v ?? "")) ? undefined : t("dialogs.host.code.wrong")) },
      DESCRIPTION, COMMENT,
    ] },
    { id: "more", label: t("dialogs.more"), when: (_v, e) => e !== undefined, fields: [
      { path: "spm.priority", label: t("dialogs.spm.priority"), options: [["-1", t("dialogs.never")], ["2", t("dialogs.low")], ["5", t("dialogs.normal")], ["10", t("dialogs.high")]].map(([value, label]) => ({ value, label })) },
      { path: "power_management.enabled", label: t("dialogs.pm") }, { path: "vgpu_placement" },
    ] },
  ],
  intro: (_v, e) => (e ? undefined : t("dialogs.host.intro")),
  finish: (body) => (body.root_password ? { ...body, root_password: codeOf(String(body.root_password)) } : body),
};

const disk = one("disk", [
  { path: "alias", isRequired: true, label: t("dialogs.name") }, DESCRIPTION,
  { path: "provisioned_size", label: t("dialogs.disk.size"), isRequired: true, hint: undefined,
    check: (v, values) => (typeof v === "number" && typeof values["#size"] === "number" && v < values["#size"] ? t("dialogs.disk.smaller") : undefined) },
  { path: "storage_domain", isLocal: true, label: t("dialogs.domain"), as: "reference", isRequired: true, pick: "first", from: () => domains(), when: (_v, e) => !e },
  { path: "format", as: "radio", label: t("dialogs.disk.allocation"), default: "cow", isRequired: true, when: (_v, e) => !e,
    options: [{ value: "cow", label: t("dialogs.disk.thin"), hint: t("dialogs.disk.thin.hint") }, { value: "raw", label: t("dialogs.disk.full"), hint: t("dialogs.disk.full.hint") }] },
  { path: "disk_profile", from: (v) => diskProfiles(chosen(v, "storage_domain") ?? (v["#domain"] as string | undefined)), hint: t("dialogs.disk.profile.hint") },
  { path: "shareable", hint: t("dialogs.disk.shareable.hint") },
  { path: "wipe_after_delete", hint: t("dialogs.disk.wipe.hint") },
  { path: "backup", label: t("dialogs.disk.backup"), when: (_v, e) => e !== undefined },
], {
  begin: (e) => (e ? { "#size": e.provisioned_size, "#domain": (e.storage_domains as { id: string }[] | undefined)?.[0]?.id } : {}),
  follow: (path, value) => (path === "shareable" && value === true ? { format: "raw" } : path === "storage_domain" ? { disk_profile: undefined } : undefined),
  finish: (body, v, e) => (e ? body : { ...body, sparse: v.format === "cow", storage_domains: v.storage_domain ? [{ id: chosen(v, "storage_domain") }] : [] }),
});

const network = one("network", [
  { ...NAME }, { path: "data_center", isRequired: true, pick: "only", from: dataCenters, locked: (_v, e) => (e ? t("dialogs.locked.create") : undefined) }, DESCRIPTION, COMMENT,
  { path: "#vm", isLocal: true, as: "check", label: t("dialogs.network.vm"), default: true, hint: t("dialogs.network.vm.hint") },
  { path: "vlan.id", label: t("dialogs.network.vlan"), min: 1, max: 4094, hint: t("dialogs.network.vlan.hint") },
  { path: "mtu", label: t("dialogs.network.mtu"), hint: t("dialogs.network.mtu.hint") },
  { path: "port_isolation", when: (_v, e) => !e }, { path: "stp" },
  { path: "dns_resolver_configuration.name_servers", label: t("dialogs.network.dns"), as: "words" },
], {
  begin: (e) => (e ? { "#vm": ((e.usages as string[]) ?? []).includes("vm") } : {}),
  finish: (body, v, e) => (!e || ((e.usages as string[]) ?? []).includes("vm") !== v["#vm"] ? { ...body, usages: v["#vm"] ? ["vm"] : [] } : body),
});

const vnicProfile = one("vnic_profile", [
  NAME, { path: "network", isRequired: true, pick: "only", from: networks, locked: (_v, e) => (e ? t("dialogs.locked.create") : undefined) }, DESCRIPTION,
  { path: "network_filter", from: filters },
  { path: "pass_through.mode", label: t("dialogs.passthrough"), default: "disabled", isRequired: true }, { path: "migratable", when: (v) => v["pass_through.mode"] === "enabled" },
  { path: "port_mirroring" }, { path: "failover", from: () => profiles(), when: (v) => v["pass_through.mode"] === "enabled" },
  { path: "custom_properties" },
]);

const user = one("user", [
  { path: "user_name", isRequired: true, locked: (_v, e) => (e ? t("dialogs.locked.create") : undefined), hint: t("dialogs.user.name.hint") },
  { path: "password", as: "secret", hint: t("dialogs.user.password.hint"), isRequired: undefined },
  { path: "#again", isLocal: true, as: "secret", label: t("dialogs.user.again"), when: (v) => !!v.password, check: (v, values) => ((v ?? "") !== values.password ? t("dialogs.user.differs") : undefined) },
  { path: "name", label: t("dialogs.user.first") }, { path: "last_name" }, { path: "email" }, { path: "department" },
  { path: "groups", from: () => ({ type: "group", path: "groups" }) },
], { finish: (body, _v, e) => (e ? body : { ...body, domain: { name: "internal" } }) });

const macPool = one("mac_pool", [
  NAME, DESCRIPTION, { path: "ranges", isRequired: true, as: "ranges", hint: t("dialogs.mac.hint"),
    check: (v) => ((v as { from?: string; to?: string }[]).every((r) => [r.from, r.to].every((m) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(m ?? ""))) ? undefined : t("dialogs.mac.wrong")) },
  { path: "allow_duplicates" }, { path: "default_pool" },
]);

const qosPart = (kind: string, names: string[]): Field[] => names.map((path) => ({ path, min: 0, when: (v) => v.type === kind }));

const qos = one("qos", [
  NAME, DESCRIPTION, { path: "type", isRequired: true, default: "storage", options: ENUMS.qos_type.map((v) => ({ value: v, label: t(`dialogs.qos.${v as "storage"}`) })), locked: (_v, e) => (e ? t("dialogs.locked.create") : undefined) },
  ...qosPart("storage", ["max_throughput", "max_read_throughput", "max_write_throughput", "max_iops", "max_read_iops", "max_write_iops"]),
  ...qosPart("cpu", ["cpu_limit"]),
  ...qosPart("network", ["inbound_average", "inbound_peak", "inbound_burst", "outbound_average", "outbound_peak", "outbound_burst"]),
  ...qosPart("hostnetwork", ["outbound_average_linkshare", "outbound_average_upperlimit", "outbound_average_realtime"]),
]);

const storageDomain = one("storage_domain", [NAME, DESCRIPTION, COMMENT, { path: "warning_low_space_indicator", label: t("dialogs.domain.warning"), unit: "%", min: 0, max: 100 },
  { path: "critical_space_action_blocker", label: t("dialogs.domain.blocker"), unit: "GB", min: 0 }, { path: "wipe_after_delete", hint: t("dialogs.disk.wipe.hint") }, { path: "backup" }]);

const SPECS: Record<string, Spec> = {
  data_center: dataCenter, cluster, host, disk, network, vnic_profile: vnicProfile, user, mac_pool: macPool, qos, storage_domain: storageDomain,
  group: one("group", [NAME], { finish: (body, _v, e) => (e ? body : { ...body, domain: { name: "internal" } }) }),
  tag: one("tag", [NAME, DESCRIPTION, { path: "parent", from: tags }]),
  bookmark: one("bookmark", [NAME, { path: "value", isRequired: true, label: t("dialogs.bookmark.search"), hint: t("dialogs.bookmark.hint") }]),
  vm: vmSpec("vm"), template: vmSpec("template"), instance_type: vmSpec("instance_type"),
  nic: one("nic", [
    NAME, { path: "vnic_profile", label: t("dialogs.profile"), from: () => profiles(), pick: "first" }, { path: "interface", default: "virtio", isRequired: true },
    { path: "mac.address", label: t("dialogs.nic.mac"), hint: t("dialogs.nic.mac.hint"), check: (v) => (!v || /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(String(v)) ? undefined : t("dialogs.mac.wrong")) },
    { path: "linked", label: t("dialogs.nic.linked"), default: true }, { path: "plugged", label: t("dialogs.nic.plugged"), default: true },
  ]),
  cpu_profile: one("cpu_profile", [NAME, { path: "cluster", isRequired: true, pick: "only", from: clusters, locked: (_v, e) => (e ? t("dialogs.locked.create") : undefined) }, DESCRIPTION, { path: "qos" }]),
  disk_profile: one("disk_profile", [NAME, { path: "storage_domain", isRequired: true, pick: "only", from: () => domains(), locked: (_v, e) => (e ? t("dialogs.locked.create") : undefined) }, DESCRIPTION, { path: "qos" }]),
  watchdog: one("watchdog", [{ path: "model", isRequired: true, default: "i6300esb" }, { path: "action", isRequired: true, default: "reset" }]),
};

/** What the members of a type make up for a form. */
function composed(page: EntityPage): Spec {
  const named = page.fields.filter((p) => memberAt(page.type, p));
  const own = hasType(page.type) ? typeOf(page.type).members.filter((m) => !m.isReadonly && !m.isList && "sbide".includes(m.kind) && m.name !== "id").map((m) => m.name).slice(0, 16) : [];
  return one(page.type, (named.length ? named : own).map((path) => {
    const m = memberAt(page.type, path)!;
    return { path, label: undefined, when: m.isCreateOnly ? (_v, e) => !e : undefined };
  }));
}

const made = new Map<string, Spec>();

/** The form of a type. */
export function specOf(page: EntityPage): Spec {
  const known = SPECS[page.type];
  if (known) return known;
  const key = `${page.type} ${page.fields.join()}`;
  let spec = made.get(key);
  if (!spec) made.set(key, (spec = composed(page)));
  return spec;
}

/** What the enumerations' words are called in forms. */
export const choicesOf = (name: string) => ENUMS[name].map((v) => ({ value: v, label: words(v) }));

/** Hosts a machine may run on, as a field. */
export const hostField = (path: string, label: string): Field => ({ path, label, as: "reference", from: hosts });

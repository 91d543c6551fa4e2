// SPDX-License-Identifier: Apache-2.0
// Which commands there are for which type, in the order of menus: what the Manager must have for them, and in which state they make sense.
import type { Entity } from "../lib/api";
import { words } from "../lib/format";
import { t, type TextKey } from "../text";
import type { Field } from "./form/model";

export type Scope = "new" | "one" | "many";

export interface Rule {
  /** name of the command, and of the action where it is one */
  id: string;
  label: string;
  /** what the Manager must have and the user may: "vm.start" */
  op: string;
  scope: Scope;
  group: string;
  isButton?: boolean;
  isDanger?: boolean;
  /** states in which it can be done; all when nothing is said */
  states?: string[];
  /** another reason why not */
  why?: (e: Entity) => string | undefined;
  /** opens the dialog of this name, of the type itself */
  dialog?: string;
  /** asks first; the text says what will happen */
  ask?: boolean;
  /** asks first, and says this besides */
  warn?: (items: Entity[]) => string | undefined;
  /** what the action is given, as fields of a form */
  fields?: Field[];
  /** part of every call: {force: true} */
  inputs?: Record<string, unknown>;
  /** not by the action of its name */
  command?: "console" | "viewer";
}

/** A command with its text. */
function rule(id: string, op: string, scope: Scope, group: string, more: Partial<Rule> = {}): Rule {
  const key = `dialogs.do.${op.split(".")[0]}.${id}` as TextKey;
  const own = t(key);
  const common = t(`dialogs.do.${id}` as TextKey);
  return { id, op, scope, group, label: own !== key ? own : common !== `dialogs.do.${id}` ? common : words(id), ...more };
}

/** All of them; made when the texts are there. */
function build(): Record<string, Rule[]> {
  const G = { power: t("dialogs.group.power"), manage: t("dialogs.group.manage"), copy: t("dialogs.group.copy"), install: t("dialogs.group.install"), other: t("dialogs.group.other") };

  const REASON: Field = { path: "reason", label: t("dialogs.reason"), hint: t("dialogs.reason.hint") };
  const FORCE: Field = { path: "force", label: t("dialogs.force"), hint: t("dialogs.force.hint"), as: "check" };

  const RUNS = ["up", "powering_up", "reboot_in_progress", "paused", "powering_down", "wait_for_launch", "migrating", "not_responding"];

  /** Not while something works on its disks. */
  const UNLOCKED = ["up", "powering_up", "reboot_in_progress", "paused", "powering_down", "down", "suspended", "wait_for_launch", "saving_state", "restoring_state"];

  const isBlank = (e: Entity) => e.id === "00000000-0000-0000-0000-000000000000";

  const vm: Rule[] = [
    rule("new", "vms.add", "new", "", { isButton: true, dialog: "new" }),
    rule("start", "vm.start", "many", G.power, { isButton: true, states: ["down", "suspended", "paused"] }),
    rule("run_once", "vm.start", "one", G.power, { states: ["down"], dialog: "run_once" }),
    rule("suspend", "vm.suspend", "many", G.power, { states: ["up"], ask: true }),
    rule("shutdown", "vm.shutdown", "many", G.power, { isButton: true, states: [...RUNS, "suspended"], ask: true, fields: [REASON, { ...FORCE, label: t("dialogs.force.shutdown"), hint: t("dialogs.force.shutdown.hint") }] }),
    rule("stop", "vm.stop", "many", G.power, { isDanger: true, states: [...RUNS, "suspended"], ask: true, fields: [REASON] }),
    rule("reboot", "vm.reboot", "many", G.power, { isButton: true, states: ["up", "powering_up"], ask: true, fields: [{ ...FORCE, label: t("dialogs.force.reboot"), hint: t("dialogs.force.reboot.hint") }] }),
    rule("reset", "vm.reset", "many", G.power, { isDanger: true, states: ["up", "powering_up", "reboot_in_progress"], ask: true }),
    rule("console", "vm.ticket", "one", "", { isButton: true, states: ["up", "powering_up", "paused", "reboot_in_progress", "powering_down", "migrating"], command: "console" }),
    rule("viewer", "vm_graphics_console.remote_viewer_connection_file", "one", "", { states: ["up", "powering_up", "paused", "reboot_in_progress", "powering_down", "migrating"], command: "viewer" }),
    rule("edit", "vm.update", "one", G.manage, { isButton: true, dialog: "edit" }),
    rule("snapshot", "snapshots.add", "one", G.manage, { states: UNLOCKED, dialog: "snapshot" }),
    rule("change_cd", "vm_cdrom.update", "one", G.manage, { states: ["up", "paused", "down"], dialog: "change_cd" }),
    rule("add_disk", "disk_attachments.add", "one", G.manage, { states: UNLOCKED, dialog: "add_disk" }),
    rule("add_nic", "vm_nics.add", "one", G.manage, { states: ["up", "down"], dialog: "add_nic" }),
    rule("migrate", "vm.migrate", "many", G.manage, { states: ["up", "powering_up", "paused", "reboot_in_progress"], ask: true }),
    rule("cancel_migration", "vm.cancel_migration", "many", G.manage, { states: ["migrating"] }),
    rule("clone", "vm.clone", "one", G.copy, { states: UNLOCKED.filter((s) => s !== "suspended"), dialog: "clone" }),
    rule("make_template", "templates.add", "one", G.copy, { states: ["down"], dialog: "make_template" }),
    rule("tags", "assigned_tags.add", "many", G.other, { dialog: "tags" }),
    rule("permission", "assigned_permissions.add", "many", G.other, { dialog: "permission" }),
    rule("auto_pin_cpu_and_numa_nodes", "vm.auto_pin_cpu_and_numa_nodes", "many", G.other, { states: ["down"], ask: true }),
    rule("freeze_filesystems", "vm.freeze_filesystems", "many", G.other, { states: ["up"], ask: true }),
    rule("thaw_filesystems", "vm.thaw_filesystems", "many", G.other, { states: ["up"] }),
    rule("detach", "vm.detach", "many", G.other, { ask: true, why: (e) => (e.vm_pool ? undefined : t("dialogs.why.no-pool")) }),
    rule("remove", "vm.remove", "many", G.other, { isDanger: true, states: ["down"], dialog: "remove", why: (e) => (e.delete_protected ? t("dialogs.why.protected") : undefined) }),
  ];

  const template: Rule[] = [
    rule("new_vm", "vms.add", "one", "", { isButton: true, dialog: "new_vm", states: ["ok"] }),
    rule("edit", "template.update", "one", "", { isButton: true, dialog: "edit", states: ["ok", "illegal"], why: (e) => (isBlank(e) ? t("dialogs.why.blank") : undefined) }),
    rule("tags", "assigned_tags.add", "many", G.other, { dialog: "tags" }),
    rule("permission", "assigned_permissions.add", "many", G.other, { dialog: "permission" }),
    rule("remove", "template.remove", "many", G.other, { isDanger: true, dialog: "remove", states: ["ok", "illegal"], why: (e) => (isBlank(e) ? t("dialogs.why.blank") : undefined) }),
  ];

  /** How many machines run on the hosts: maintenance waits for them. */
  const stillRun = (hosts: Entity[]) => {
    const n = hosts.reduce((sum, h) => sum + Number((h.summary as { active?: number } | undefined)?.active ?? 0), 0);
    return n ? t("dialogs.warn.host.deactivate", { n }) : undefined;
  };

  const host: Rule[] = [
    rule("new", "hosts.add", "new", "", { isButton: true, dialog: "new" }),
    rule("approve", "host.approve", "many", "", { isButton: true, states: ["pending_approval", "installing_os"], dialog: "approve" }),
    rule("edit", "host.update", "one", "", { isButton: true, dialog: "edit", why: (e) => (["pending_approval", "installing_os"].includes(String(e.status)) ? t("dialogs.why.approve") : undefined) }),
    rule("deactivate", "host.deactivate", "many", G.manage, { isButton: true, states: ["up", "error", "non_responsive", "non_operational", "install_failed", "down", "connecting"], ask: true, fields: [REASON], warn: stillRun }),
    rule("activate", "host.activate", "many", G.manage, { isButton: true, states: ["maintenance", "error", "non_operational", "preparing_for_maintenance", "install_failed"] }),
    rule("refresh", "host.refresh", "many", G.manage, { states: ["up", "maintenance", "non_operational"] }),
    rule("force_select_spm", "host.force_select_spm", "one", G.manage, { states: ["up"], ask: true }),
    rule("fence", "host.fence", "one", G.manage, { ask: true, isDanger: true, fields: [{ path: "fence_type", isRequired: true, as: "enum", options: ["restart", "start", "stop", "manual", "status"].map((value) => ({ value, label: words(value) })) }] }),
    rule("install", "host.install", "one", G.install, { states: ["maintenance", "install_failed", "non_operational", "non_responsive"], ask: true, fields: [{ path: "root_password", as: "text", label: t("dialogs.host.code"), hint: t("dialogs.host.code.again") }] }),
    rule("enroll_certificate", "host.enroll_certificate", "many", G.install, { states: ["maintenance", "up"], ask: true }),
    rule("upgrade_check", "host.upgrade_check", "many", G.install, { states: ["up", "maintenance", "non_operational"] }),
    rule("upgrade", "host.upgrade", "many", G.install, { states: ["up", "maintenance", "non_operational"], ask: true }),
    rule("tags", "assigned_tags.add", "many", G.other, { dialog: "tags" }),
    rule("permission", "assigned_permissions.add", "many", G.other, { dialog: "permission" }),
    rule("remove", "host.remove", "many", G.other, { isDanger: true, dialog: "remove", states: ["maintenance", "pending_approval", "install_failed", "installing_os", "down"] }),
  ];

  const common = (type: string, many: string, more: Rule[] = [], isPermitted = true): Rule[] => [
    rule("new", `${many}.add`, "new", "", { isButton: true, dialog: "new" }),
    rule("edit", `${type}.update`, "one", "", { isButton: true, dialog: "edit" }),
    ...more,
    ...(isPermitted ? [rule("permission", "assigned_permissions.add", "many", G.other, { dialog: "permission" })] : []),
    rule("remove", `${type}.remove`, "many", G.other, { isDanger: true, dialog: "remove" }),
  ];

  const isData = (e: Entity) => (e.content_type === undefined || e.content_type === "data" || e.content_type === "iso" ? undefined : t("dialogs.why.content"));

  /** A template's disks stay where they are, as long as it does. */
  const isFree = (e: Entity) => ((e.template as Entity | undefined)?.id ? t("dialogs.why.of-template") : undefined);

  const isLoose = (e: Entity) => (storage(e) ? undefined : t("dialogs.why.loose"));

  const storage = (e: Entity) => (e.data_centers as Entity[] | undefined)?.length || e.data_center;

  return {
    vm, template, host,
    data_center: common("data_center", "data_centers", [rule("guide", "data_center.get", "one", "", { isButton: true, dialog: "guide" })]),
    cluster: common("cluster", "clusters", [rule("guide", "cluster.get", "one", "", { dialog: "guide" }), rule("networks", "cluster_networks.add", "one", "", { dialog: "networks" })]),
    storage_domain: [
      rule("new", "storage_domains.add", "new", "", { isButton: true, dialog: "new" }),
      rule("edit", "storage_domain.update", "one", "", { isButton: true, dialog: "edit" }),
      rule("attach", "attached_storage_domains.add", "one", "", { isButton: true, states: ["unattached"], dialog: "attach", why: (e) => (storage(e) ? t("dialogs.why.is-attached") : undefined) }),
      rule("activate", "attached_storage_domain.activate", "many", "", { isButton: true, states: ["maintenance", "inactive", "unknown", "preparing_for_maintenance"], dialog: "activate", why: isLoose }),
      rule("deactivate", "attached_storage_domain.deactivate", "many", "", { isButton: true, states: ["active", "inactive", "activating"], dialog: "deactivate", why: isLoose }),
      rule("detach", "attached_storage_domain.remove", "many", G.other, { states: ["maintenance"], dialog: "detach", why: isLoose }),
      rule("permission", "assigned_permissions.add", "many", G.other, { dialog: "permission" }),
      rule("remove", "storage_domain.remove", "many", G.other, { isDanger: true, dialog: "remove", why: (e) => (storage(e) && e.status !== "unattached" ? t("dialogs.why.attached") : undefined) }),
    ],
    disk: [
      rule("new", "disks.add", "new", "", { isButton: true, dialog: "new" }),
      rule("edit", "disk.update", "one", "", { isButton: true, dialog: "edit", states: ["ok"] }),
      rule("move", "disk.move", "many", "", { isButton: true, dialog: "move", states: ["ok"], why: (e) => isData(e) ?? isFree(e) }),
      rule("copy", "disk.copy", "many", "", { isButton: true, dialog: "copy", states: ["ok"], why: isData }),
      rule("permission", "assigned_permissions.add", "many", G.other, { dialog: "permission" }),
      rule("remove", "disk.remove", "many", G.other, { isDanger: true, dialog: "remove", states: ["ok", "illegal"], why: isFree }),
    ],
    network: common("network", "networks"), vnic_profile: common("vnic_profile", "vnic_profiles"),
    user: [
      rule("new", "users.add", "new", "", { isButton: true, dialog: "new" }),
      rule("edit", "user.update", "one", "", { isButton: true, dialog: "edit" }),
      rule("roles", "system_permissions.add", "one", "", { isButton: true, dialog: "roles" }),
      rule("tags", "assigned_tags.add", "many", G.other, { dialog: "tags" }),
      rule("remove", "user.remove", "many", G.other, { isDanger: true, dialog: "remove" }),
    ],
    group: [
      rule("new", "groups.add", "new", "", { isButton: true, dialog: "new" }), rule("roles", "system_permissions.add", "one", "", { isButton: true, dialog: "roles" }), rule("tags", "assigned_tags.add", "many", G.other, { dialog: "tags" }),
      rule("remove", "group.remove", "many", G.other, { isDanger: true, dialog: "remove" }),
    ],
    role: [
      rule("new", "roles.add", "new", "", { isButton: true, dialog: "new" }),
      rule("edit", "role.update", "one", "", { isButton: true, dialog: "edit", why: (e) => (e.mutable === false ? t("dialogs.why.role") : undefined) }),
      rule("copy", "roles.add", "one", "", { isButton: true, dialog: "copy" }),
      rule("remove", "role.remove", "many", G.other, { isDanger: true, dialog: "remove", why: (e) => (e.mutable === false ? t("dialogs.why.role") : undefined) }),
    ],
    tag: common("tag", "tags", [], false), bookmark: common("bookmark", "bookmarks", [], false), mac_pool: common("mac_pool", "mac_pools"),
    instance_type: common("instance_type", "instance_types", [], false),
    snapshot: [
      rule("new", "snapshots.add", "new", "", { isButton: true, dialog: "new" }),
      rule("preview", "vm.preview_snapshot", "one", "", { isButton: true, dialog: "preview", states: ["ok"], why: (e) => (e.snapshot_type === "regular" ? undefined : t("dialogs.why.snapshot")) }),
      rule("commit", "vm.commit_snapshot", "one", "", { isButton: true, dialog: "commit", states: ["in_preview"] }),
      rule("undo", "vm.undo_snapshot", "one", "", { isButton: true, dialog: "undo", states: ["in_preview"] }),
      rule("restore", "snapshot.restore", "one", "", { dialog: "restore", states: ["ok"], why: (e) => (e.snapshot_type === "regular" ? undefined : t("dialogs.why.snapshot")) }),
      rule("clone", "vms.add", "one", G.copy, { dialog: "clone", states: ["ok"], why: (e) => (e.snapshot_type === "regular" ? undefined : t("dialogs.why.snapshot")) }),
      rule("make_template", "templates.add", "one", G.copy, { dialog: "make_template", states: ["ok"], why: (e) => (e.snapshot_type === "regular" ? undefined : t("dialogs.why.snapshot")) }),
      rule("remove", "snapshot.remove", "many", G.other, { isDanger: true, dialog: "remove", states: ["ok"], why: (e) => (e.snapshot_type === "active" ? t("dialogs.why.active") : undefined) }),
    ],
    disk_attachment: [
      rule("new", "disk_attachments.add", "new", "", { isButton: true, dialog: "new" }),
      rule("edit", "disk_attachment.update", "one", "", { isButton: true, dialog: "edit" }),
      rule("plug", "disk_attachment.update", "many", "", { dialog: "plug", why: (e) => (e.active === false ? undefined : t("dialogs.why.plugged")) }),
      rule("unplug", "disk_attachment.update", "many", "", { dialog: "unplug", why: (e) => (e.active === false ? t("dialogs.why.unplugged") : undefined) }),
      rule("remove", "disk_attachment.remove", "many", G.other, { isDanger: true, dialog: "remove" }),
    ],
    nic: [
      rule("new", "vm_nics.add", "new", "", { isButton: true, dialog: "new" }), rule("edit", "vm_nic.update", "one", "", { isButton: true, dialog: "edit" }),
      rule("activate", "vm_nic.activate", "many", "", { why: (e) => (e.plugged === false ? undefined : t("dialogs.why.plugged")) }),
      rule("deactivate", "vm_nic.deactivate", "many", "", { ask: true, why: (e) => (e.plugged === false ? t("dialogs.why.unplugged") : undefined) }),
      rule("remove", "vm_nic.remove", "many", G.other, { isDanger: true, dialog: "remove" }),
    ],
    cdrom: [rule("change_cd", "vm_cdrom.update", "one", "", { isButton: true, dialog: "change_cd" })],
    permission: [rule("new", "assigned_permissions.add", "new", "", { isButton: true, dialog: "new" }), rule("remove", "permission.remove", "many", "", { isDanger: true, isButton: true, dialog: "remove", why: (e) => (e.inherited ? t("dialogs.why.inherited") : undefined) })],
    // ---- places where a type is only a part of something else
    cluster_networks: [rule("networks", "cluster_networks.add", "new", "", { isButton: true, dialog: "manage" })],
    assigned_tags: [rule("tags", "assigned_tags.add", "new", "", { isButton: true, dialog: "assign" }), rule("unassign", "assigned_tag.remove", "many", "", { isButton: true, dialog: "unassign" })],
    attached_storage_domains: [
      rule("attach", "attached_storage_domains.add", "new", "", { isButton: true, dialog: "attach_here" }),
      rule("activate", "attached_storage_domain.activate", "many", "", { isButton: true, states: ["maintenance", "inactive", "unknown", "preparing_for_maintenance"] }),
      rule("deactivate", "attached_storage_domain.deactivate", "many", "", { isButton: true, states: ["active", "inactive", "activating"], ask: true, fields: [FORCE] }),
      rule("detach", "attached_storage_domain.remove", "many", "", { isButton: true, states: ["maintenance"], dialog: "detach_here" }),
    ],
    event: [], job: [], step: [], statistic: [],
  };
}

let rules: Record<string, Rule[]> | undefined;

/** The commands of a type; undefined: there are none but those that the schema gives. */
export const rulesOf = (type: string): Rule[] | undefined => (rules ??= build())[type];

/** Actions of the API that are parts of other things, or nothing for people. */
export const HIDDEN = new Set(["ticket", "logon", "proxy_ticket", "remote_viewer_connection_file", "is_attached", "clone", "preview_snapshot", "commit_snapshot", "undo_snapshot", "maintenance", "export",
  "reorder_mac_addresses", "screenshot", "setup_networks", "commit_net_config", "copyable", "refresh_gluster_heal_status", "clean_finished_tasks", "discover_iscsi", "iscsi_discover", "iscsi_login"]);

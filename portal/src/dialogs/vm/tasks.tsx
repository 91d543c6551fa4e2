// SPDX-License-Identifier: Apache-2.0
// What is done with one machine: copies, templates, snapshots, discs, cards.
import { Checkbox, FormGroup } from "@patternfly/react-core";
import { useMemo } from "react";
import { act, add, type Entity, get, list, update, wireFrom } from "../../lib/api";
import { pageOfType } from "../../lib/entities";
import { bytes, nameOf } from "../../lib/format";
import { t } from "../../text";
import { EntityForm } from "../../ui/EntityForm";
import { useEntity, useList } from "../../ui/queries";
import type { Field, FormPart, Values } from "../form/model";
import type { DialogProps } from "../index";
import { ownerId, vmPathOf } from "../paths";
import { Loading } from "../Loading";
import RunDialog from "../RunDialog";
import { chosen, clusters, discs, domains, hosts, templates } from "../sources";

const NAME: Field = { path: "name", isRequired: true };
const DESCRIPTION: Field = { path: "description" };

/** A copy of a machine. */
export function Clone({ items, onClose }: DialogProps) {
  const vm = items[0];
  const document = (body: Record<string, unknown>, values: Values) => ({ vm: { name: body.name }, ...(chosen(values, "storage_domain") ? { storage_domain: { id: chosen(values, "storage_domain") } } : {}), ...(values["#discard"] ? { discard_snapshots: true } : {}) });
  return (
    <RunDialog title={t("dialogs.clone.title", { name: nameOf(vm) })} items={items} submit={t("dialogs.do.clone")} type="vm" done={t("dialogs.clone.done", { name: nameOf(vm) })} onClose={onClose} text={t("dialogs.clone.text")}
      fields={[{ ...NAME, default: `${nameOf(vm)}-copy` }, { path: "storage_domain", isLocal: true, as: "reference", label: t("dialogs.domain"), from: () => domains(), hint: t("dialogs.clone.domain.hint") },
        { path: "#discard", isLocal: true, as: "check", label: t("dialogs.clone.discard"), default: true }]}
      call={(e, body, values, o) => act(`vms/${e.id}`, "clone", wireFrom("action", document(body, values)), o)}
      equivalents={(e, body, values) => ({ method: "POST", path: `vms/${e.id}/clone`, body: wireFrom("action", document(body, values)), names: { [e.id]: nameOf(e) } })} />
  );
}

/** A machine from a snapshot. */
export function CloneSnapshot({ path, items, onClose }: DialogProps) {
  const vm = useEntity("vm", vmPathOf(path));
  if (!vm.data) return <Loading onClose={onClose} />;
  const document = (body: Record<string, unknown>) => ({ name: body.name, cluster: { id: (vm.data.cluster as Entity).id }, template: { id: "00000000-0000-0000-0000-000000000000" }, snapshots: [{ id: items[0].id }] });
  return (
    <RunDialog title={t("dialogs.clone.title", { name: nameOf(items[0]) })} items={items} submit={t("dialogs.do.clone")} type="vm" done={t("dialogs.clone.done", { name: nameOf(items[0]) })} onClose={onClose} text={t("dialogs.clone.snapshot.text")}
      fields={[{ ...NAME, default: `${nameOf(vm.data)}-copy` }]}
      call={(_e, body, _v, o) => add("vm", "vms", document(body), o)} equivalents={(_e, body) => ({ method: "POST", path: "vms", body: wireFrom("vm", document(body)) })} />
  );
}

const templateFields = (name: string): Field[] => [
  { ...NAME, default: `${name}-template` }, DESCRIPTION, { path: "cluster", from: clusters, hint: t("dialogs.template.cluster.hint") },
  { path: "version.base_template", label: t("dialogs.template.base"), as: "reference", from: templates, hint: t("dialogs.template.base.hint") },
  { path: "version.version_name", label: t("dialogs.template.version-name"), when: (v) => chosen(v, "version.base_template") !== undefined },
  { path: "#seal", isLocal: true, as: "check", label: t("dialogs.template.seal"), hint: t("dialogs.template.seal.hint") },
  { path: "#permissions", isLocal: true, as: "check", label: t("dialogs.template.permissions") },
];

const templateQuery = (v: Values): Record<string, string> => ({ ...(v["#seal"] ? { seal: "true" } : {}), ...(v["#permissions"] ? { clone_permissions: "true" } : {}) });

const withQuery = (path: string, query: Record<string, string>) => (Object.keys(query).length ? `${path}?${new URLSearchParams(query)}` : path);

/** A template of a machine, or of one of its snapshots. */
export function MakeTemplate({ page, path, items, onClose }: DialogProps) {
  const isSnapshot = page.type === "snapshot";
  const source = items[0];
  const document = (body: Record<string, unknown>) => ({ ...body, vm: isSnapshot ? { id: ownerId(path), snapshots: [{ id: source.id }] } : { id: source.id } });
  return (
    <RunDialog title={t("dialogs.template.title", { name: nameOf(source) })} items={[source]} submit={t("dialogs.do.make_template")} type="template" done={t("dialogs.template.done", { name: nameOf(source) })} onClose={onClose} text={t("dialogs.template.text")}
      fields={templateFields(isSnapshot ? "snapshot" : nameOf(source))}
      call={(_e, body, v, o) => add("template", withQuery("templates", templateQuery(v)), document(body), o)}
      equivalents={(_e, body, v) => ({ method: "POST", path: "templates", query: templateQuery(v), body: wireFrom("template", document(body)) })} />
  );
}

/** Which disks a snapshot keeps. */
function SnapshotDisks({ values, set, entity }: FormPart) {
  const vm = (entity ?? values["#vm"]) as Entity;
  const { data } = useList("disk_attachment", `vms/${vm.id}/diskattachments`, { follow: "disk" });
  const left = new Set((values["#without"] as string[] | undefined) ?? []);
  const toggle = (id: string, on: boolean) => set("#without", on ? [...left].filter((x) => x !== id) : [...left, id]);
  return (
    <FormGroup label={t("dialogs.snapshot.disks")} role="group">
      {(data ?? []).map((a) => {
        const disk = a.disk as Entity;
        return <Checkbox key={a.id} id={`snapshot-${a.id}`} label={`${nameOf(disk)} (${bytes(Number(disk.provisioned_size ?? 0))})`} isChecked={!left.has(a.id)} onChange={(_e, on) => toggle(a.id, on)} />;
      })}
      {data && !data.length && <p>{t("dialogs.snapshot.disks.none")}</p>}
    </FormGroup>
  );
}

/** A new snapshot; path is "vms", or the machine's own snapshots. */
export function Snapshot({ path, items, onClose }: DialogProps) {
  const own = vmPathOf(path, items[0]?.id);
  const vm = useMemo<Entity>(() => ({ id: own.split("/")[1] }), [own]);
  const shownVm = useEntity("vm", own);
  const attached = useList("disk_attachment", `${own}/diskattachments`, { follow: "disk" });
  const one = shownVm.data ?? vm;
  const document = (body: Record<string, unknown>, v: Values) => {
    const left = new Set((v["#without"] as string[] | undefined) ?? []);
    const kept = (attached.data ?? []).filter((a) => !left.has(a.id));
    return { ...body, persist_memorystate: false, ...(left.size ? { disk_attachments: kept.map((a) => ({ disk: { id: a.id } })) } : {}) };
  };
  return (
    <RunDialog title={t("dialogs.snapshot.title", { name: nameOf(one) })} items={[one]} submit={t("dialogs.do.snapshot")} type="snapshot" done={t("dialogs.snapshot.done", { name: nameOf(one) })} onClose={onClose}
      text={one.status === "down" ? undefined : t("dialogs.snapshot.running")}
      fields={[{ ...DESCRIPTION, isRequired: true, hint: t("dialogs.snapshot.hint") }, { path: "#without", isLocal: true, default: [], draw: (p) => <SnapshotDisks {...p} entity={vm} /> }]}
      call={(_e, body, v, o) => add("snapshot", `${own}/snapshots`, document(body, v), o)}
      equivalents={(_e, body, v) => ({ method: "POST", path: `${own}/snapshots`, body: wireFrom("snapshot", document(body, v)), names: { [vm.id]: nameOf(one) } })} />
  );
}

/** Preview, commit, undo, restore: what is done to the machine with a snapshot. */
const SNAPSHOT: Record<string, { word: string; onVm: boolean; isDanger: boolean }> = {
  preview: { word: "previewsnapshot", onVm: true, isDanger: false },
  commit: { word: "commitsnapshot", onVm: true, isDanger: true },
  undo: { word: "undosnapshot", onVm: true, isDanger: false },
  restore: { word: "restore", onVm: false, isDanger: true },
};

function SnapshotTask({ path, items, onClose, what }: DialogProps & { what: "preview" | "commit" | "undo" | "restore" }) {
  const { word, onVm, isDanger } = SNAPSHOT[what];
  const own = vmPathOf(path);
  const place = (e: Entity) => (onVm ? own : `${path}/${e.id}`);
  const document = (e: Entity) => (what === "preview" ? { snapshot: { id: e.id } } : {});
  const label = t(`dialogs.do.snapshot.${what}`);
  return (
    <RunDialog title={label} items={items} text={t(`dialogs.ask.snapshot.${what}`)} isDanger={isDanger} submit={label} done={t("dialogs.done", { what: label, name: nameOf(items[0]) })} onClose={onClose}
      call={(e, _b, _v, o) => act(place(e), word, wireFrom("action", document(e)), o)} equivalents={(e) => ({ method: "POST", path: `${place(e)}/${word}`, body: wireFrom("action", document(e)) })} />
  );
}

export const Preview = (p: DialogProps) => <SnapshotTask {...p} what="preview" />;
export const Commit = (p: DialogProps) => <SnapshotTask {...p} what="commit" />;
export const Undo = (p: DialogProps) => <SnapshotTask {...p} what="undo" />;
export const Restore = (p: DialogProps) => <SnapshotTask {...p} what="restore" />;

/** Another disc in the drive, or none. */
export function ChangeCd({ page, path, items, onClose }: DialogProps) {
  const own = page.type === "vm" ? vmPathOf(path, items[0]?.id) : vmPathOf(path);
  const vm = useEntity("vm", own);
  const runs = vm.data !== undefined && vm.data.status !== "down";
  const drives = useList("cdrom", `${own}/cdroms`);
  if (!vm.data || !drives.data) return <Loading onClose={onClose} />;
  const drive = drives.data[0];
  const now = (drive?.file as Entity | undefined)?.id;
  const file = (v: Values) => ({ file: { id: chosen(v, "#disc") ?? "" } });
  const change = async (v: Values) => {
    const fresh = drive ?? (await list("cdrom", `${own}/cdroms`))[0];
    return fresh ? update("cdrom", `${own}/cdroms/${fresh.id}${runs ? "?current=true" : ""}`, file(v)) : add("cdrom", `${own}/cdroms`, file(v));
  };
  return (
    <RunDialog title={t("dialogs.cd.title", { name: nameOf(vm.data) })} items={[]} text={runs ? t("dialogs.cd.now") : t("dialogs.cd.later")} submit={t("dialogs.do.change_cd")} type="cdrom" done={t("dialogs.cd.done", { name: nameOf(vm.data) })} onClose={onClose}
      fields={[{ path: "#disc", isLocal: true, as: "reference", label: t("dialogs.cd"), from: discs, default: now ? { id: now } : undefined, hint: t("dialogs.cd.hint") }]}
      call={(_e, _b, v) => change(v)} target={vm.data}
      equivalents={(_e, _b, v) => ({ method: "PUT", path: `${own}/cdroms/${drive?.id ?? "-"}`, query: runs ? { current: "true" } : undefined, body: file(v) })} />
  );
}

/** A new network card of the selected machine. */
export function AddNic({ items, onClose }: DialogProps) {
  return <EntityForm page={pageOfType("nic") ?? { ...pageOfType("vm")!, type: "nic", one: t("dialogs.nic"), fields: [] }} path={`vms/${items[0].id}/nics`} onClose={onClose} />;
}

const init = (path: string) => `vm.initialization.${path}`;

/** A start with settings that are for this once. */
export function RunOnce({ items, onClose }: DialogProps) {
  const vm = items[0];
  const usesInit = (v: Values) => v["#init"] !== "none";
  const flags = (v: Values) => ({ ...(v["#init"] === "cloud" ? { use_cloud_init: true } : {}), ...(v["#init"] === "sysprep" ? { use_sysprep: true } : {}) });
  const document = (body: Record<string, unknown>, v: Values) => {
    const own = (body.vm as Record<string, unknown> | undefined) ?? {};
    const devices = [...new Set([v["#boot1"], v["#boot2"]].filter(Boolean))];
    const os = { ...(own.os as object | undefined), ...(devices.length ? { boot: { devices } } : {}) };
    const cd = v["#cd"] as Entity | undefined;
    const host = chosen(v, "#host");
    const laid = { ...own, ...(Object.keys(os).length ? { os } : {}), ...(cd ? { cdroms: [{ file: { id: cd.id } }] } : {}), ...(host ? { placement_policy: { hosts: [{ id: host }] } } : {}) };
    return { ...body, ...flags(v), ...(Object.keys(laid).length ? { vm: laid } : { vm: undefined }) };
  };
  const devices = ["hd", "cdrom", "network"].map((value) => ({ value, label: t(`dialogs.boot.${value as "hd"}`) }));
  const fields: Field[] = [
    { path: "#boot1", isLocal: true, label: t("dialogs.boot.first"), options: devices, none: t("dialogs.once.as-set") }, { path: "#boot2", isLocal: true, label: t("dialogs.boot.second"), options: (v) => devices.filter((d) => d.value !== v["#boot1"]), none: t("dialogs.none"), when: (v) => !!v["#boot1"] },
    { path: "#cd", isLocal: true, as: "reference", label: t("dialogs.cd"), from: discs, hint: t("dialogs.once.disc.hint") },
    { path: "#host", isLocal: true, as: "reference", label: t("dialogs.vm.host"), from: () => ({ ...hosts(), keep: (e) => e.status === "up" && (e.cluster as Entity | undefined)?.id === (vm.cluster as Entity | undefined)?.id }), hint: t("dialogs.vm.hosts.hint") },
    { path: "pause", as: "check", label: t("dialogs.once.pause") }, { path: "vm.stateless", as: "check", label: t("dialogs.once.stateless") }, { path: "volatile", as: "check", label: t("dialogs.once.volatile") },
    { path: "vm.bios.boot_menu.enabled", label: t("dialogs.boot.menu"), as: "check" },
    { path: "vm.os.kernel", label: t("dialogs.boot.kernel"), hint: t("dialogs.boot.kernel.hint") }, { path: "vm.os.initrd", label: t("dialogs.boot.initrd"), when: (v) => !!v["vm.os.kernel"] }, { path: "vm.os.cmdline", label: t("dialogs.boot.cmdline"), when: (v) => !!v["vm.os.kernel"] },
    { path: "#init", isLocal: true, as: "radio", default: "none", label: t("dialogs.init"), options: [{ value: "none", label: t("dialogs.once.no-init") }, { value: "cloud", label: "cloud-init" }, { value: "sysprep", label: "Sysprep" }] },
    { path: init("host_name"), label: t("dialogs.init.host"), when: usesInit }, { path: init("user_name"), label: t("dialogs.init.user"), when: usesInit }, { path: init("root_password"), label: t("dialogs.init.password"), as: "secret", when: usesInit },
    { path: init("authorized_ssh_keys"), label: t("dialogs.init.keys"), as: "area", when: (v) => v["#init"] === "cloud" }, { path: init("custom_script"), label: t("dialogs.init.script"), as: "area", rows: 4, when: usesInit },
    { path: "vm.custom_properties", label: t("dialogs.custom"), as: "properties" },
  ];
  return (
    <RunDialog title={t("dialogs.once.title", { name: nameOf(vm) })} items={[]} target={vm} text={t("dialogs.once.text")} submit={t("dialogs.do.start")} done={t("dialogs.done", { what: t("dialogs.do.start"), name: nameOf(vm) })} onClose={onClose} fields={fields}
      call={(e, body, v, o) => act(`vms/${e.id}`, "start", wireFrom("action", document(body, v)), o)}
      equivalents={(e, body, v) => ({ method: "POST", path: `vms/${e.id}/start`, body: wireFrom("action", document(body, v)), names: { [e.id]: nameOf(e) } })} />
  );
}

/** Whether the vm runs; for dialogs of its parts. */
export const isDown = async (path: string) => (await get("vm", vmPathOf(path))).status === "down";

// SPDX-License-Identifier: Apache-2.0
// Disks: new ones of a machine, attached ones, moves and copies.
import { act, add, type Entity, update, wireFrom } from "../lib/api";
import { nameOf } from "../lib/format";
import { t } from "../text";
import { EntityForm } from "../ui/EntityForm";
import { useEntity, useList } from "../ui/queries";
import type { Field, Source, Spec, Values } from "./form/model";
import type { DialogProps } from "./index";
import { vmPathOf } from "./paths";
import { Loading } from "./Loading";
import RunDialog from "./RunDialog";
import { chosen, diskProfiles, domains, floatingDisks } from "./sources";

const GIB = 2 ** 30;
const isNew = (v: Values) => v["#kind"] !== "attach";
const INTERFACES: Field = { path: "interface", default: "virtio", isRequired: true, options: ["virtio", "virtio_scsi", "sata", "ide"].map((value) => ({ value, label: t(`dialogs.disk.${value as "virtio"}`) })) };

/** Profiles belong to domains: with another domain none is chosen. */
const noProfile = (profile: string): Spec["follow"] => (path) => (path === "#domain" ? { [profile]: undefined } : undefined);

const attachmentFields: Field[] = [
  INTERFACES, { path: "bootable", label: t("dialogs.disk.bootable") }, { path: "active", label: t("dialogs.disk.active"), default: true }, { path: "read_only", label: t("dialogs.disk.read-only") },
  { path: "pass_discard", label: t("dialogs.disk.discard") },
];

/** A disk for a machine: a new one, or one that is there. */
export function AddDisk({ page, path, items, onClose }: DialogProps) {
  const own = page.type === "vm" ? vmPathOf(path, items[0]?.id) : vmPathOf(path);
  const vm = useEntity("vm", own);
  const cluster = useEntity("cluster", `clusters/${(vm.data?.cluster as Entity | undefined)?.id ?? ""}`, vm.data !== undefined);
  if (!vm.data || (!cluster.data && !cluster.error)) return <Loading onClose={onClose} />;
  const name = nameOf(vm.data);
  const center = (cluster.data?.data_center as Entity | undefined)?.id;
  const document = (body: Record<string, unknown>, v: Values) => {
    if (!isNew(v)) return { ...body, disk: { id: chosen(v, "#disk") } };
    const disk = (body.disk as Record<string, unknown> | undefined) ?? {};
    return { ...body, disk: { ...disk, alias: disk.alias || `${name}_disk`, sparse: v["disk.format"] === "cow", storage_domains: [{ id: chosen(v, "#domain") }] } };
  };
  const fields: Field[] = [
    { path: "#kind", isLocal: true, as: "radio", label: t("dialogs.disk"), default: "new", options: [{ value: "new", label: t("dialogs.disk.kind.new") }, { value: "attach", label: t("dialogs.disk.kind.attach") }] },
    { path: "#disk", isLocal: true, as: "reference", label: t("dialogs.disk.which"), isRequired: true, from: floatingDisks, when: (v) => !isNew(v) },
    { path: "disk.provisioned_size", as: "bytes", label: t("dialogs.disk.size"), isRequired: true, default: 10 * GIB, min: 1, when: isNew }, { path: "disk.alias", label: t("dialogs.disk.alias"), hint: t("dialogs.disk.alias.hint", { name: `${name}_disk` }), when: isNew },
    { path: "disk.description", label: t("dialogs.description"), when: isNew },
    { path: "#domain", isLocal: true, as: "reference", label: t("dialogs.domain"), isRequired: true, pick: "first", from: () => domains(center), when: isNew },
    { path: "disk.disk_profile", label: t("dialogs.disk.profile"), from: (v) => diskProfiles(chosen(v, "#domain")), hint: t("dialogs.disk.profile.hint"), when: isNew },
    { path: "disk.format", label: t("dialogs.disk.allocation"), as: "radio", default: "cow", when: isNew, options: [{ value: "cow", label: t("dialogs.disk.thin"), hint: t("dialogs.disk.thin.hint") }, { value: "raw", label: t("dialogs.disk.full"), hint: t("dialogs.disk.full.hint") }] },
    ...attachmentFields,
    { path: "disk.shareable", label: t("dialogs.disk.shareable"), hint: t("dialogs.disk.shareable.hint"), when: isNew }, { path: "disk.wipe_after_delete", label: t("dialogs.disk.wipe"), hint: t("dialogs.disk.wipe.hint"), when: isNew },
  ];
  return (
    <RunDialog title={t("dialogs.disk.add.title", { name })} items={[]} target={vm.data} submit={t("dialogs.do.add_disk")} type="disk_attachment" follow={noProfile("disk.disk_profile")} done={t("dialogs.disk.add.done", { name })} onClose={onClose} fields={fields}
      call={(_e, body, v, o) => add("disk_attachment", `${own}/diskattachments`, document(body, v), o)}
      equivalents={(e, body, v) => ({ method: "POST", path: `${own}/diskattachments`, body: wireFrom("disk_attachment", document(body, v)), names: { [e.id]: name } })} />
  );
}

/** The attached disk's own members are changed with it: names, growth. */
const attachmentSpec: Spec = {
  type: "disk_attachment",
  sections: [{ id: "general", label: t("dialogs.general"), fields: [
    { path: "disk.alias", label: t("dialogs.disk.alias"), isRequired: true }, { path: "disk.description", label: t("dialogs.description") },
    { path: "disk.provisioned_size", as: "bytes", label: t("dialogs.disk.size"), isRequired: true, hint: t("dialogs.disk.grow"), check: (v, values) => (typeof v === "number" && v < Number(values["#size"] ?? 0) ? t("dialogs.disk.smaller") : undefined) },
    ...attachmentFields, { path: "disk.wipe_after_delete", label: t("dialogs.disk.wipe"), hint: t("dialogs.disk.wipe.hint") },
  ] }],
  begin: (e) => ({ "#size": (e?.disk as Entity | undefined)?.provisioned_size }),
};

/** Changes an attachment and its disk in one. */
export function EditAttachment({ page, path, items, onClose }: DialogProps) {
  return <EntityForm page={page} path={path} entity={items[0]} spec={attachmentSpec} query={{ follow: "disk" }} title={t("dialogs.edit.title", { what: t("dialogs.disk.lower"), name: nameOf(items[0].disk ?? items[0]) })} onClose={onClose} />;
}

/** The data centers of a storage domain. */
const centersOf = (domain: Entity) => [...((domain.data_centers as Entity[] | undefined) ?? []), ...(domain.data_center ? [domain.data_center as Entity] : [])].map((c) => c.id);

function Move({ items, onClose, what }: DialogProps & { what: "move" | "copy" }) {
  const isCopy = what === "copy";
  const here = new Set(items.flatMap((d) => ((d.storage_domains as Entity[] | undefined) ?? []).map((s) => s.id)));
  const label = t(`dialogs.do.${what}`);
  const all = useList("storage_domain", "storagedomains");
  if (!all.data) return <Loading onClose={onClose} />;
  const centers = new Set(all.data.filter((s) => here.has(s.id)).flatMap(centersOf));
  const isNear = (e: Entity) => centersOf(e).some((id) => centers.has(id));
  const targets = (): Source => ({ ...domains(), keep: (e) => e.type === "data" && isNear(e) && (isCopy || !here.has(e.id)), prefer: (e) => here.has(e.id) });
  const document = (e: Entity, v: Values) => ({
    storage_domain: { id: chosen(v, "#domain") }, ...(isCopy && v["#alias"] ? { disk: { alias: items.length > 1 ? `${nameOf(e)}${v["#alias"]}` : v["#alias"] } } : {}), ...(chosen(v, "#profile") ? { disk_profile: { id: chosen(v, "#profile") } } : {}),
  });
  return (
    <RunDialog title={t(`dialogs.disk.${what}.title`, { n: items.length })} items={items} submit={label} done={t("dialogs.done", { what: label, name: nameOf(items[0]) })} onClose={onClose} text={t(`dialogs.disk.${what}.text`)} follow={noProfile("#profile")}
      fields={[
        { path: "#domain", isLocal: true, as: "reference", label: t("dialogs.disk.to"), isRequired: true, pick: isCopy ? "first" : "only", from: targets },
        { path: "#profile", isLocal: true, as: "reference", label: t("dialogs.disk.profile"), from: (v) => diskProfiles(chosen(v, "#domain")), hint: t("dialogs.disk.profile.hint") },
        ...(isCopy ? [{ path: "#alias", isLocal: true, as: "text" as const, label: items.length > 1 ? t("dialogs.disk.suffix") : t("dialogs.disk.alias.new"), default: items.length > 1 ? "-copy" : `${nameOf(items[0])}-copy` }] : []),
      ]}
      call={(e, _b, v, o) => act(`disks/${e.id}`, what, wireFrom("action", document(e, v)), o)}
      equivalents={(e, _b, v) => ({ method: "POST", path: `disks/${e.id}/${what}`, body: wireFrom("action", document(e, v)), names: { [e.id]: nameOf(e) } })} />
  );
}

export const MoveDisk = (p: DialogProps) => <Move {...p} what="move" />;
export const CopyDisk = (p: DialogProps) => <Move {...p} what="copy" />;

function Plug({ path, items, onClose, isOn }: DialogProps & { isOn: boolean }) {
  const label = t(isOn ? "dialogs.do.plug" : "dialogs.do.unplug");
  return (
    <RunDialog title={label} items={items} text={isOn ? t("dialogs.ask.disk_attachment.plug", { n: items.length }) : t("dialogs.ask.disk_attachment.unplug", { n: items.length })} submit={label} done={t("dialogs.done", { what: label, name: items.map(nameOf).join(", ") })} onClose={onClose}
      call={(e, _b, _v, o) => update("disk_attachment", `${path}/${e.id}`, { active: isOn }, undefined, o)} equivalents={(e) => ({ method: "PUT", path: `${path}/${e.id}`, body: { active: isOn } })} />
  );
}

export const PlugDisk = (p: DialogProps) => <Plug {...p} isOn />;
export const UnplugDisk = (p: DialogProps) => <Plug {...p} isOn={false} />;

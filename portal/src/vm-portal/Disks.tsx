// SPDX-License-Identifier: Apache-2.0
import { Button, Label } from "@patternfly/react-core";
import { add, list, remove, update, type Entity } from "../lib/api";
import { bytes, nameOf, parseBytes, words } from "../lib/format";
import { t } from "../text";
import { useList } from "../ui/queries";
import { ask, NAMES } from "./editing";
import type { Field, Values } from "./fields";
import { PartTable } from "./PartTable";
import { complain } from "./verbs";
import type { PartProps } from "./VmDetails";

const INTERFACES = [["virtio_scsi", "VirtIO-SCSI"], ["virtio", "VirtIO"], ["sata", "SATA"], ["ide", "IDE"]] as const;
export const interfaceChoices = INTERFACES.map(([value, label]) => ({ value: value as string, label }));

/** Storage domains for disks, the one with the most room first. */
export async function domainChoices(): Promise<{ value: string; label: string }[]> {
  const domains = await list("storage_domain", "storagedomains").catch(() => [] as Entity[]);
  return domains
    .filter((d) => d.type === "data" && (d.status === undefined || d.status === "active"))
    .sort((a, b) => Number(b.available ?? 0) - Number(a.available ?? 0))
    .map((d) => ({ value: d.id, label: d.available === undefined ? nameOf(d) : t("vmPortal.disk.domain", { name: nameOf(d), free: bytes(Number(d.available)) }) }));
}

/** A new disk as the Manager wants it: thin ones grow as they are filled. */
export const diskOf = (v: Values) => ({
  name: v.name.trim(), provisioned_size: parseBytes(v.size), format: v.thin === "true" ? "cow" : "raw", ...(v.thin === "true" ? { sparse: true } : {}),
  ...(v.domain ? { storage_domains: [{ id: v.domain }] } : {}),
});

async function create(vm: Entity, count: number) {
  const domains = await domainChoices();
  ask({
    title: t("vmPortal.disk.newOf", { name: nameOf(vm) }),
    description: domains.length ? undefined : t("vmPortal.disk.noDomain"),
    button: t("vmPortal.disk.add"),
    fields: [
      { name: "name", label: t("vmPortal.field.name"), isRequired: true, pattern: NAMES },
      { name: "size", label: t("vmPortal.disk.size"), kind: "size", isRequired: true },
      { name: "domain", label: t("vmPortal.disk.where"), kind: "choice", choices: domains, isRequired: true },
      { name: "interface", label: t("vmPortal.disk.interface"), kind: "choice", choices: interfaceChoices },
      { name: "thin", label: t("vmPortal.disk.thin"), kind: "switch", hint: t("vmPortal.disk.thinHint") },
      { name: "bootable", label: t("vmPortal.disk.bootable"), kind: "switch" },
    ],
    initial: { name: `${vm.name}_disk${count + 1}`, size: "10 GiB", domain: domains[0]?.value ?? "", interface: "virtio_scsi", thin: "true", bootable: String(count === 0) },
    onSave: (v) => add("disk_attachment", `vms/${vm.id}/diskattachments`, { bootable: v.bootable === "true", interface: v.interface, active: true, disk: diskOf(v) }),
  });
}

/** Disks that no VM has, or that several may have. */
async function attach(vm: Entity, had: Entity[]) {
  const isFree = (d: Entity) => d.content_type === "data" && d.status === "ok" && (!(d.vms as Entity[] | undefined)?.length || d.shareable === true) && !had.some((a) => a.id === d.id);
  const disks = (await list("disk", "disks", { follow: "vms", max: 1000 }).catch(() => [] as Entity[])).filter(isFree);
  ask({
    title: t("vmPortal.disk.attachTo", { name: nameOf(vm) }),
    description: disks.length ? undefined : t("vmPortal.disk.noneFree"),
    button: t("vmPortal.disk.attach"),
    fields: [
      { name: "disk", label: t("vmPortal.disk"), kind: "choice", isRequired: true, choices: disks.map((d) => ({ value: d.id, label: nameOf(d), hint: [bytes(Number(d.provisioned_size ?? 0)), d.description].filter(Boolean).join(" · ") })) },
      { name: "interface", label: t("vmPortal.disk.interface"), kind: "choice", choices: interfaceChoices },
      { name: "bootable", label: t("vmPortal.disk.bootable"), kind: "switch" },
    ],
    initial: { disk: disks[0]?.id ?? "", interface: "virtio_scsi", bootable: "false" },
    onSave: (v) => add("disk_attachment", `vms/${vm.id}/diskattachments`, { bootable: v.bootable === "true", interface: v.interface, active: true, disk: { id: v.disk } }),
  });
}

function edit(vm: Entity, a: Entity) {
  const disk = a.disk as Entity;
  const size = Number(disk.provisioned_size ?? 0);
  const fields: Field[] = [
    { name: "name", label: t("vmPortal.field.name"), isRequired: true },
    { name: "description", label: t("vmPortal.field.description") },
    { name: "size", label: t("vmPortal.disk.size"), kind: "size", isRequired: true, hint: t("vmPortal.disk.growOnly") },
    { name: "bootable", label: t("vmPortal.disk.bootable"), kind: "switch" },
  ];
  const initial: Values = { name: nameOf(disk), description: String(disk.description ?? ""), size: bytes(size), bootable: String(a.bootable ?? false) };
  const save = (v: Values) => {
    const changed: Record<string, unknown> = {
      ...(v.name !== initial.name ? { alias: v.name.trim() } : {}), ...(v.description !== initial.description ? { description: v.description } : {}),
      ...(v.size !== initial.size ? { provisioned_size: parseBytes(v.size) } : {}),
    };
    const change = { ...(v.bootable !== initial.bootable ? { bootable: v.bootable === "true" } : {}), ...(Object.keys(changed).length ? { disk: changed } : {}) };
    return Object.keys(change).length ? update("disk_attachment", `vms/${vm.id}/diskattachments/${a.id}`, change) : Promise.resolve();
  };
  ask({ title: t("vmPortal.editOf", { name: nameOf(disk) }), button: t("vmPortal.save"), fields, initial, onSave: save });
}

function takeAway(vm: Entity, a: Entity) {
  const name = nameOf(a.disk);
  ask({
    title: t("vmPortal.disk.removeOf", { name }),
    description: t("vmPortal.disk.removeHint"),
    button: t("vmPortal.remove"),
    fields: [{ name: "keep", label: t("vmPortal.disk.detachOnly"), kind: "switch" }],
    onSave: (v) => remove(`vms/${vm.id}/diskattachments/${a.id}?detach_only=${v.keep === "true"}`),
  });
}

export default function Disks({ vm, may }: PartProps) {
  const { data, error } = useList("disk_attachment", `vms/${vm.id}/diskattachments`, { follow: "disk" });
  const disk = (a: Entity) => (a.disk ?? { id: a.id }) as Entity;
  const canChange = may.has("disk_attachment.update") || may.has("disk_attachments.add");
  const plugLabel = (a: Entity) => t(a.active === false ? "vmPortal.disk.activate" : "vmPortal.disk.deactivate");
  const isFree = (a: Entity) => vm.status === "down" || a.active === false;
  const plug = (a: Entity, label: string) => () =>
    void update("disk_attachment", `vms/${vm.id}/diskattachments/${a.id}`, { active: a.active === false }).catch(complain(disk(a), label));
  return (
    <PartTable
      label={t("vmPortal.tab.disks")}
      named={(a) => nameOf(disk(a))}
      rows={data}
      error={error}
      empty={t("vmPortal.disk.none")}
      onAdd={may.has("disk_attachments.add") ? () => void create(vm, data?.length ?? 0) : undefined}
      addLabel={t("vmPortal.disk.add")}
      columns={[
        { label: t("vmPortal.field.name"), cell: (a) => <>{nameOf(disk(a))} {Boolean(a.bootable) && <Label isCompact>{t("vmPortal.disk.boots")}</Label>}</> },
        { label: t("vmPortal.disk.size"), cell: (a) => bytes(Number(disk(a).provisioned_size ?? 0)) },
        { label: t("vmPortal.disk.used"), cell: (a) => bytes(Number(disk(a).actual_size ?? 0)) },
        { label: t("vmPortal.disk.interface"), cell: (a) => interfaceChoices.find((i) => i.value === a.interface)?.label ?? String(a.interface ?? "") },
        { label: t("vmPortal.column.status"), cell: (a) => words(a.active === false ? "inactive" : String(disk(a).status ?? "ok")) },
      ]}
      actions={
        canChange
          ? (a) => [
              { label: t("vmPortal.edit"), run: () => edit(vm, a) },
              { label: plugLabel(a), run: plug(a, plugLabel(a)), isDisabled: vm.status !== "up" && vm.status !== "down" },
              { label: t("vmPortal.remove"), isDanger: true, isDisabled: !isFree(a), run: () => takeAway(vm, a) },
            ]
          : undefined
      }
    >
      {may.has("disk_attachments.add") && (
        <Button variant="secondary" onClick={() => void attach(vm, data ?? [])}>
          {t("vmPortal.disk.attach")}
        </Button>
      )}
    </PartTable>
  );
}


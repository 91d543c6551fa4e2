// SPDX-License-Identifier: Apache-2.0
import { add, list, remove, update, type Entity } from "../lib/api";
import { nameOf, words } from "../lib/format";
import { t } from "../text";
import { useList } from "../ui/queries";
import { ask } from "./editing";
import type { Field, Values } from "./fields";
import { PartTable, sure } from "./PartTable";
import type { PartProps } from "./VmDetails";

const MAC: [RegExp, string] = [/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, t("vmPortal.nic.macWrong")];
const INTERFACES = ["virtio", "e1000e", "e1000", "rtl8139"];

/** Networks of a cluster; undefined where the user may not know. */
async function networksOf(cluster: string): Promise<Set<string> | undefined> {
  const found = cluster ? await list("network", `clusters/${cluster}/networks`).catch(() => []) : [];
  return found.length ? new Set(found.map((n) => n.id)) : undefined;
}

/** vNIC profiles that cards in the cluster can have, as "profile (network)"; none is a card without a network. */
export async function profileChoices(cluster: string): Promise<{ value: string; label: string }[]> {
  const [profiles, near] = await Promise.all([list("vnic_profile", "vnicprofiles", { follow: "network" }).catch(() => [] as Entity[]), networksOf(cluster)]);
  const label = (p: Entity) => {
    const network = (p.network as Entity | undefined)?.name;
    return network && network !== p.name ? `${nameOf(p)} (${network})` : nameOf(p);
  };
  const isNear = (p: Entity) => !near || near.has((p.network as Entity | undefined)?.id ?? "");
  return [{ value: "", label: t("vmPortal.nic.noProfile") }, ...profiles.filter(isNear).map((p) => ({ value: p.id, label: label(p) }))];
}

/** Of a card, or of a new one. */
async function edit(vm: Entity, nic?: Entity) {
  const profiles = await profileChoices((vm.cluster as Entity | undefined)?.id ?? "");
  const now = (nic?.vnic_profile as Entity | undefined)?.id ?? "";
  if (now && !profiles.some((p) => p.value === now)) profiles.push({ value: now, label: t("vmPortal.nic.currentProfile") });
  const fields: Field[] = [
    { name: "name", label: t("vmPortal.field.name"), isRequired: true, pattern: [/^[\w.\-]{1,50}$/, t("vmPortal.form.name")] },
    { name: "profile", label: t("vmPortal.nic.profile"), kind: "choice", choices: profiles },
    { name: "interface", label: t("vmPortal.nic.type"), kind: "choice", choices: INTERFACES.map((i) => ({ value: i, label: i === "virtio" ? "VirtIO" : i })) },
    { name: "mac", label: t("vmPortal.nic.mac"), pattern: MAC, hint: t("vmPortal.nic.macHint") },
    { name: "linked", label: t("vmPortal.nic.linked"), kind: "switch" },
    { name: "plugged", label: t("vmPortal.nic.plugged"), kind: "switch" },
  ];
  const initial: Values = {
    name: nic?.name ?? "", profile: nic ? now : (profiles[1]?.value ?? ""), interface: String(nic?.interface ?? "virtio"), mac: (nic?.mac as { address?: string } | undefined)?.address ?? "",
    linked: String(nic?.linked ?? true), plugged: String(nic?.plugged ?? true),
  };
  const path = `vms/${vm.id}/nics`;
  const save = (v: Values) => {
    const is = (name: string) => !nic || v[name] !== initial[name];
    const change: Record<string, unknown> = {
      ...(is("name") ? { name: v.name.trim() } : {}), ...(is("profile") && (nic || v.profile) ? { vnic_profile: { id: v.profile } } : {}), ...(is("interface") ? { interface: v.interface } : {}),
      ...(is("mac") && v.mac ? { mac: { address: v.mac } } : {}), ...(is("linked") ? { linked: v.linked === "true" } : {}), ...(is("plugged") ? { plugged: v.plugged === "true" } : {}),
    };
    return nic ? update("nic", `${path}/${nic.id}`, change) : add("nic", path, change);
  };
  ask({ title: nic ? t("vmPortal.editOf", { name: nameOf(nic) }) : t("vmPortal.nic.newOf", { name: nameOf(vm) }), button: t(nic ? "vmPortal.save" : "vmPortal.nic.add"), fields, initial, onSave: save });
}

const ips = (nic: Entity) =>
  ((nic.reported_devices as { ips?: { address?: string }[] }[] | undefined) ?? []).flatMap((d) => d.ips ?? []).map((ip) => ip.address).filter(Boolean).join(", ");

export default function Nics({ vm, may }: PartProps) {
  const { data, error } = useList("nic", `vms/${vm.id}/nics`, { follow: "vnic_profile.network,reported_devices" });
  const canChange = may.has("vm_nic.update") || may.has("vm_nics.add");
  return (
    <PartTable
      label={t("vmPortal.tab.nics")}
      rows={data}
      error={error}
      empty={t("vmPortal.nic.none")}
      onAdd={may.has("vm_nics.add") ? () => void edit(vm) : undefined}
      addLabel={t("vmPortal.nic.add")}
      columns={[
        { label: t("vmPortal.field.name"), cell: nameOf },
        { label: t("vmPortal.nic.profile"), cell: (n) => (n.vnic_profile ? nameOf(n.vnic_profile) : t("vmPortal.nic.noProfile")) },
        { label: t("vmPortal.nic.mac"), cell: (n) => <code>{(n.mac as { address?: string } | undefined)?.address}</code> },
        { label: t("vmPortal.fact.addresses"), cell: ips },
        { label: t("vmPortal.nic.type"), cell: (n) => (n.interface === "virtio" ? "VirtIO" : String(n.interface ?? "")) },
        { label: t("vmPortal.nic.state"), cell: (n) => words(n.plugged === false ? "unplugged" : n.linked === false ? "link_down" : "connected") },
      ]}
      actions={
        canChange
          ? (n) => [
              { label: t("vmPortal.edit"), run: () => void edit(vm, n) },
              {
                label: t("vmPortal.remove"),
                isDanger: true,
                isDisabled: vm.status !== "down" && n.plugged !== false,
                run: () => sure(t("vmPortal.nic.removeOf", { name: nameOf(n) }), t("vmPortal.nic.removeHint"), t("vmPortal.remove"), () => remove(`vms/${vm.id}/nics/${n.id}`)),
              },
            ]
          : undefined
      }
    />
  );
}

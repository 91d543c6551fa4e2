// SPDX-License-Identifier: Apache-2.0
// Who else may use the VM.
import { add, list, remove, type Entity } from "../lib/api";
import { nameOf } from "../lib/format";
import { t } from "../text";
import { useList } from "../ui/queries";
import { ask } from "./editing";
import { PartTable, sure } from "./PartTable";
import type { PartProps } from "./VmDetails";

/** Roles that make sense on a VM, the least mighty first. */
const ROLES = ["UserRole", "UserVmRunTimeManager", "UserVmManager"] as const;

/** Everybody and every group that the user may know of. */
async function people(): Promise<{ value: string; label: string }[]> {
  const [users, groups] = await Promise.all([list("user", "users", { max: 1000 }), list("group", "groups", { max: 1000 }).catch(() => [] as Entity[])]);
  return [
    ...users.map((u) => ({ value: `user ${u.id}`, label: [String(u.user_name ?? nameOf(u)), [u.name, u.last_name].filter((x) => x && x !== u.principal).join(" ")].filter(Boolean).join(" · ") })),
    ...groups.map((g) => ({ value: `group ${g.id}`, label: t("vmPortal.permission.group", { name: nameOf(g) }) })),
  ];
}

async function give(vm: Entity) {
  const [who, known] = await Promise.all([people().catch(() => []), list("role", "roles").catch(() => [] as Entity[])]);
  const roles = [...ROLES].flatMap((name) => known.filter((r) => r.name === name)).concat(known.filter((r) => !r.administrative && !ROLES.some((n) => n === r.name)));
  const hint = (name: string) => (ROLES.some((n) => n === name) ? t(`vmPortal.permission.hint.${name as (typeof ROLES)[number]}`) : undefined);
  ask({
    title: t("vmPortal.permission.newOf", { name: nameOf(vm) }),
    description: who.length > 1 ? undefined : t("vmPortal.permission.nobody"),
    button: t("vmPortal.permission.give"),
    fields: [
      { name: "who", label: t("vmPortal.permission.who"), kind: "choice", choices: who, isRequired: true },
      { name: "role", label: t("vmPortal.permission.role"), kind: "choice", isRequired: true, choices: roles.map((r) => ({ value: r.id, label: nameOf(r), hint: hint(nameOf(r)) })) },
    ],
    initial: { who: "", role: roles[0]?.id ?? "" },
    onSave: (v) => {
      const [kind, id] = v.who.split(" ");
      return add("permission", `vms/${vm.id}/permissions`, { role: { id: v.role }, [kind]: { id } });
    },
  });
}

export default function Permissions({ vm, may }: PartProps) {
  const { data, error } = useList("permission", `vms/${vm.id}/permissions`, { follow: "role,user,group" });
  const isOwn = (p: Entity) => (p.vm as Entity | undefined)?.id === vm.id;
  const who = (p: Entity) => String((p.user as Entity | undefined)?.user_name ?? nameOf(p.user ?? p.group));
  return (
    <PartTable
      label={t("vmPortal.tab.permissions")}
      named={who}
      rows={data}
      error={error}
      empty={t("vmPortal.permission.none")}
      onAdd={may.has("assigned_permissions.add") ? () => void give(vm) : undefined}
      addLabel={t("vmPortal.permission.give")}
      columns={[
        { label: t("vmPortal.permission.who"), cell: who },
        { label: t("vmPortal.permission.role"), cell: (p) => nameOf(p.role) },
        { label: t("vmPortal.permission.where"), cell: (p) => t(isOwn(p) ? "vmPortal.permission.here" : "vmPortal.permission.inherited") },
      ]}
      actions={
        may.has("assigned_permissions.add")
          ? (p) =>
              isOwn(p)
                ? [{
                    label: t("vmPortal.permission.take"),
                    isDanger: true,
                    run: () => sure(t("vmPortal.permission.takeOf", { name: who(p) }), t("vmPortal.permission.takeHint"), t("vmPortal.permission.take"), () => remove(`vms/${vm.id}/permissions/${p.id}`)),
                  }]
                : []
          : undefined
      }
    />
  );
}

// SPDX-License-Identifier: Apache-2.0
// Roles: a name, for whom, and the tree of what they permit.
import { FormGroup, SearchInput, TreeView, type TreeViewDataItem } from "@patternfly/react-core";
import { useMemo, useState } from "react";
import { add, type CallOptions, type Entity, remove, update } from "../lib/api";
import { nameOf, words } from "../lib/format";
import { t } from "../text";
import { useEntity, useList } from "../ui/queries";
import type { Field, FormPart, Values } from "./form/model";
import type { DialogProps } from "./index";
import { Loading } from "./Loading";
import RunDialog from "./RunDialog";

type Permit = { id: string; name: string; administrative?: boolean | string };

const GROUPS: [string, RegExp][] = [
  ["pools", /pool/], ["templates", /template/], ["snapshots", /snapshot/], ["vms", /vm|console|instance/], ["hosts", /host/], ["disks", /disk|image/], ["networks", /network|vnic|mac_|nic/],
  ["storage", /storage/], ["centers", /quota|cluster|affinity|profile|qos/], ["gluster", /gluster|hook/], ["system", /./],
];

const ORDER = ["vms", "snapshots", "templates", "pools", "disks", "hosts", "centers", "storage", "networks", "system", "gluster"] as const;

const groupOf = (name: string) => GROUPS.find(([, like]) => like.test(name))![0];
const isAdmin = (p: Permit) => p.administrative === true || p.administrative === "true";

function Permits({ values, errors, set, all }: FormPart & { all: Permit[] }) {
  const [typed, setTyped] = useState("");
  const chosen = useMemo(() => new Set((values["#permits"] as string[] | undefined) ?? []), [values]);
  const forUsers = values.administrative !== true && values.administrative !== "true";
  const fit = all.filter((p) => (!forUsers || !isAdmin(p)) && words(p.name).toLowerCase().includes(typed.toLowerCase()));
  const put = (ids: string[], on: boolean) => set("#permits", on ? [...new Set([...chosen, ...ids])] : [...chosen].filter((x) => !ids.includes(x)));
  const data = ORDER.flatMap((g): TreeViewDataItem[] => {
    const children = fit.filter((p) => groupOf(p.name) === g).map((p) => ({ id: p.id, name: words(p.name), checkProps: { checked: chosen.has(p.id), "aria-label": words(p.name) } }));
    const n = children.filter((c) => chosen.has(c.id)).length;
    const label = t(`dialogs.role.group.${g}`);
    return children.length ? [{ id: `group:${g}`, name: label, children, defaultExpanded: typed !== "", checkProps: { checked: n === 0 ? false : n === children.length ? true : null, "aria-label": label } }] : [];
  });
  return (
    <FormGroup label={t("dialogs.role.permits", { n: chosen.size })} role="group" isRequired>
      <SearchInput value={typed} placeholder={t("dialogs.role.find")} aria-label={t("dialogs.role.find")} onChange={(_e, v) => setTyped(v)} onClear={() => setTyped("")} />
      <div className="h-tree">
        <TreeView key={typed ? "found" : "all"} data={data} hasCheckboxes aria-label={t("dialogs.role.permits.label")} onCheck={(e, item) => put(item.children ? item.children.map((c) => c.id!) : [item.id!], (e.target as HTMLInputElement).checked)} />
      </div>
      {errors["#permits"] && <p className="h-wrong">{errors["#permits"]}</p>}
    </FormGroup>
  );
}

/** All permits of the newest level. */
function usePermits(): Permit[] | undefined {
  const { data } = useList("cluster_level", "clusterlevels");
  return useMemo(() => {
    const newest = [...(data ?? [])].sort((a, b) => String(b.name).localeCompare(String(a.name), undefined, { numeric: true }))[0];
    return newest ? ((newest.permits as Permit[] | undefined) ?? []) : undefined;
  }, [data]);
}

type What = "new" | "edit" | "copy";

function Form({ what, role, had, all, path, onClose }: { what: What; role?: Entity; had: string[]; all: Permit[]; path: string; onClose: () => void }) {
  const isEdit = what === "edit";
  const fields: Field[] = [
    { path: "name", isRequired: true, default: role && (isEdit ? nameOf(role) : `${nameOf(role)}-copy`) }, { path: "description", default: role?.description },
    { path: "administrative", as: "radio", default: String(role?.administrative === true), label: t("dialogs.role.for"), locked: () => (isEdit ? t("dialogs.locked.create") : undefined),
      options: [{ value: "false", label: t("dialogs.role.users"), hint: t("dialogs.role.users.hint") }, { value: "true", label: t("dialogs.role.admins"), hint: t("dialogs.role.admins.hint") }] },
    { path: "#permits", isLocal: true, default: had, draw: (p) => <Permits {...p} all={all} />, check: (v) => ((v as string[] | undefined)?.length ? undefined : t("dialogs.role.permits.none")) },
  ];
  const permitted = (v: Values) => {
    const ids = v["#permits"] as string[];
    const adminOnly = v.administrative !== true && v.administrative !== "true";
    return ids.filter((id) => !adminOnly || !all.some((p) => p.id === id && isAdmin(p)));
  };
  const document = (body: Record<string, unknown>, v: Values) => ({ ...body, administrative: String(v.administrative) === "true", permits: permitted(v).map((id) => ({ id })) });
  const change = async (body: Record<string, unknown>, v: Values, o: CallOptions) => {
    await update("role", `${path}/${role!.id}`, { name: body.name, description: body.description ?? "" }, undefined, o);
    const now = permitted(v);
    for (const id of now) if (!had.includes(id)) await add("permit", `${path}/${role!.id}/permits`, { id }, o);
    for (const id of had) if (!now.includes(id)) await remove(`${path}/${role!.id}/permits/${id}`, o);
  };
  return (
    <RunDialog title={isEdit ? t("dialogs.edit.title", { what: t("dialogs.role.lower"), name: nameOf(role) }) : t("dialogs.new.title", { what: t("dialogs.role.lower") })} items={[]} target={role ?? { id: "new" }} submit={isEdit ? t("dialogs.save") : t("dialogs.create")} type="role" fields={fields}
      done={isEdit ? t("dialogs.saved", { what: t("dialogs.role"), name: nameOf(role) }) : t("dialogs.role.created")} onClose={onClose}
      call={(_e, body, v, o) => (isEdit ? change(body, v, o) : add("role", path, document(body, v), o))}
      equivalents={(_e, body, v) => (isEdit ? { method: "PUT", path: `${path}/${role!.id}`, body: { name: body.name, description: body.description } } : { method: "POST", path, body: { ...document(body, v), permits: { permit: permitted(v).map((id) => ({ id })) } } })} />
  );
}

function Loaded({ what, items, path, onClose }: DialogProps & { what: What }) {
  const all = usePermits();
  const role = items[0];
  const own = useEntity("role", `${path}/${role?.id ?? ""}`, role !== undefined);
  const had = useList("permit", `${path}/${role?.id ?? ""}/permits`, {}, role !== undefined);
  if (!all || (role && (!own.data || !had.data))) return <Loading onClose={onClose} />;
  return <Form what={what} role={own.data} had={(had.data ?? []).map((p) => p.id)} all={all} path={path} onClose={onClose} />;
}

export const NewRole = (p: DialogProps) => <Loaded {...p} items={[]} what="new" />;
export const EditRole = (p: DialogProps) => <Loaded {...p} what="edit" />;
export const CopyRole = (p: DialogProps) => <Loaded {...p} what="copy" />;


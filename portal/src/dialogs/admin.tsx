// SPDX-License-Identifier: Apache-2.0
// Tags and permissions: given to one or to many.
import { FormGroup, TreeView, type TreeViewDataItem } from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { add, type CallOptions, type Entity, list, remove } from "../lib/api";
import { pageOf } from "../lib/entities";
import { nameOf } from "../lib/format";
import { t } from "../text";
import { useEntity, useList } from "../ui/queries";
import type { Field, FormPart, Values } from "./form/model";
import type { DialogProps } from "./index";
import { ownerOf } from "./paths";
import { Loading } from "./Loading";
import RunDialog from "./RunDialog";
import { roles } from "./sources";

const ROOT_TAG = "00000000-0000-0000-0000-000000000000";

type Marks = Record<string, boolean>;

/** Ids of the tags that each of the items has. */
const useTagsOf = (path: string, items: Entity[]) =>
  useQuery({ queryKey: ["tags-of", path, items.map((e) => e.id)], gcTime: 0, queryFn: () => Promise.all(items.map((e) => list("tag", `${path}/${e.id}/tags`).then((tags) => new Set(tags.map((x) => x.id))))) });

function TagTree({ values, set, all, had }: FormPart & { all: Entity[]; had: Set<string>[] }) {
  const marks = (values["#tags"] as Marks | undefined) ?? {};
  const state = (id: string): boolean | null => {
    if (id in marks) return marks[id];
    const n = had.filter((s) => s.has(id)).length;
    return n === 0 ? false : n === had.length ? true : null;
  };
  const below = (parent: string): TreeViewDataItem[] =>
    all.filter((x) => x.id !== ROOT_TAG && (((x.parent as Entity | undefined)?.id ?? ROOT_TAG) === parent)).sort((a, b) => nameOf(a).localeCompare(nameOf(b)))
      .map((x) => ({ id: x.id, name: nameOf(x), title: x.description as string | undefined, checkProps: { checked: state(x.id), "aria-label": nameOf(x) }, children: below(x.id).length ? below(x.id) : undefined, defaultExpanded: true }));
  const data = below(ROOT_TAG);
  if (!data.length) return <p>{t("dialogs.tags.none")}</p>;
  return (
    <FormGroup label={t("dialogs.tags")} role="group">
      <TreeView data={data} hasCheckboxes aria-label={t("dialogs.tags")} onCheck={(e, item) => set("#tags", { ...marks, [item.id!]: (e.target as HTMLInputElement).checked })} />
    </FormGroup>
  );
}

/** Puts tags on the selected and takes them off. */
export function AssignTags({ path, items, onClose }: DialogProps) {
  const all = useList("tag", "tags");
  const had = useTagsOf(path, items);
  if (!all.data || !had.data) return <Loading onClose={onClose} />;
  const before = had.data;
  const call = async (e: Entity, v: Values, o: CallOptions) => {
    const mine = before[items.indexOf(e)];
    for (const [tag, on] of Object.entries((v["#tags"] as Marks | undefined) ?? {})) {
      if (on && !mine.has(tag)) await add("tag", `${path}/${e.id}/tags`, { id: tag }, o);
      if (!on && mine.has(tag)) await remove(`${path}/${e.id}/tags/${tag}`, o);
    }
  };
  const first = (v: Values) => Object.entries((v["#tags"] as Marks | undefined) ?? {}).find(([, on]) => on)?.[0];
  return (
    <RunDialog title={t("dialogs.do.tags")} items={items} submit={t("dialogs.save")} type="tag" done={t("dialogs.tags.done", { n: items.length })} onClose={onClose}
      fields={[{ path: "#tags", isLocal: true, default: {}, draw: (p) => <TagTree {...p} all={all.data} had={before} /> }]}
      call={(e, _b, v, o) => call(e, v, o)} equivalents={(e, _b, v) => ({ method: "POST", path: `${path}/${e.id}/tags`, body: { id: first(v) ?? "" } })} />
  );
}

/** The same from the tab of one object: the path is "vms/ID/tags". */
export function AssignHere({ page, path, onClose }: DialogProps) {
  const own = ownerOf(path);
  const words = own.split("/");
  const collection = words.slice(0, -1).join("/");
  const type = pageOf(collection)?.type ?? page.type;
  const owner = useEntity(type, own);
  return owner.data ? <AssignTags page={page} path={collection} items={[owner.data]} onClose={onClose} /> : <Loading onClose={onClose} />;
}

export function Unassign({ path, items, onClose }: DialogProps) {
  const label = t("dialogs.do.unassign");
  return <RunDialog title={label} items={items} submit={label} done={t("dialogs.done", { what: label, name: items.map(nameOf).join(", ") })} onClose={onClose} call={(e, _b, _v, o) => remove(`${path}/${e.id}`, o)} equivalents={(e) => ({ method: "DELETE", path: `${path}/${e.id}` })} />;
}

const KINDS: Field = { path: "#kind", isLocal: true, as: "radio", label: t("dialogs.permission.to"), default: "user", options: [{ value: "user", label: t("dialogs.permission.user") }, { value: "group", label: t("dialogs.permission.group") }, { value: "everyone", label: t("dialogs.permission.everyone") }] };

const WHO: Field[] = [
  KINDS,
  { path: "user", label: t("dialogs.permission.user"), isRequired: true, when: (v) => v["#kind"] === "user", from: () => ({ type: "user", path: "users", by: "usrname", detail: (e) => [e.name !== e.user_name ? e.name : "", e.last_name, e.email].filter(Boolean).join(" ") }) },
  { path: "group", label: t("dialogs.permission.group"), isRequired: true, when: (v) => v["#kind"] === "group", from: () => ({ type: "group", path: "groups" }) },
];
const ROLE: Field = { path: "role", isRequired: true, from: roles };
const EVERYONE = "eee00000-0000-0000-0000-123456789eee";

const permissionBody = (body: Record<string, unknown>, v: Values) => (v["#kind"] === "everyone" ? { ...body, group: { id: EVERYONE } } : body);

/** A role on the selected objects for a user or group. */
export function AddPermission({ path, items, onClose }: DialogProps) {
  return (
    <RunDialog title={t("dialogs.do.permission")} items={items} submit={t("dialogs.permission.submit")} type="permission" fields={[...WHO, ROLE]} done={t("dialogs.permission.done", { name: items.map(nameOf).slice(0, 3).join(", ") })} onClose={onClose}
      call={(e, body, v, o) => add("permission", `${path}/${e.id}/permissions`, permissionBody(body, v), o)} equivalents={(e, body, v) => ({ method: "POST", path: `${path}/${e.id}/permissions`, body: permissionBody(body, v), names: { [e.id]: nameOf(e) } })} />
  );
}

/** On a tab, or for everything: the path is that of the permissions. */
export function AddPermissionHere({ path, onClose }: DialogProps) {
  const owner = ownerOf(path);
  const isUsers = owner.startsWith("users/") || owner.startsWith("groups/");
  if (isUsers) return <SystemRole collection={owner.split("/")[0]} id={owner.split("/")[1]} onClose={onClose} />;
  return (
    <RunDialog title={t("dialogs.do.permission")} items={[]} target={{ id: path }} text={owner ? undefined : t("dialogs.permission.system")} submit={t("dialogs.permission.submit")} type="permission" fields={[...WHO, ROLE]} done={t("dialogs.permission.given")} onClose={onClose}
      call={(_e, body, v, o) => add("permission", path, permissionBody(body, v), o)} equivalents={(_e, body, v) => ({ method: "POST", path, body: permissionBody(body, v) })} />
  );
}

function SystemRole({ collection, id, name, onClose }: { collection: string; id: string; name?: string; onClose: () => void }) {
  const who = collection === "groups" ? { group: { id } } : { user: { id } };
  return (
    <RunDialog title={t("dialogs.permission.system.title")} items={name ? [{ id, name }] : []} target={name ? undefined : { id }} text={t("dialogs.permission.system")} submit={t("dialogs.permission.submit")} type="permission" fields={[ROLE]} done={t("dialogs.permission.given")} onClose={onClose}
      call={(_e, body, _v, o) => add("permission", "permissions", { ...body, ...who }, o)} equivalents={(_e, body) => ({ method: "POST", path: "permissions", body: { ...body, ...who } })} />
  );
}

/** A role for everything, given to the selected user or group. */
export const UserRoles = ({ path, items, onClose }: DialogProps) => <SystemRole collection={path} id={items[0].id} name={nameOf(items[0])} onClose={onClose} />;

/** Networks of a cluster: which are there, which every host must have. */
function NetworkTable({ values, set, networks }: FormPart & { networks: Entity[] }) {
  const marks = (values["#networks"] as Record<string, { on: boolean; required: boolean }> | undefined) ?? {};
  const put = (id: string, v: { on: boolean; required: boolean }) => set("#networks", { ...marks, [id]: v });
  return (
    <table className="h-differences">
      <thead>
        <tr>
          <th scope="col">{t("dialogs.networks.name")}</th>
          <th scope="col">{t("dialogs.networks.on")}</th>
          <th scope="col">{t("dialogs.networks.required")}</th>
        </tr>
      </thead>
      <tbody>
        {networks.map((n) => {
          const m = marks[n.id] ?? { on: false, required: false };
          return (
            <tr key={n.id}>
              <th scope="row">{nameOf(n)}</th>
              <td><input type="checkbox" aria-label={t("dialogs.networks.on.label", { name: nameOf(n) })} checked={m.on} onChange={(e) => put(n.id, { on: e.target.checked, required: e.target.checked && m.required })} /></td>
              <td><input type="checkbox" aria-label={t("dialogs.networks.required.label", { name: nameOf(n) })} checked={m.required} disabled={!m.on} onChange={(e) => put(n.id, { ...m, required: e.target.checked })} /></td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Manage({ cluster, onClose }: { cluster: Entity; onClose: () => void }) {
  const path = `clusters/${cluster.id}/networks`;
  const center = (cluster.data_center as Entity | undefined)?.id;
  const here = useList("network", path);
  const all = useList("network", `datacenters/${center}/networks`, {}, center !== undefined);
  const [was] = useState<{ marks?: Record<string, { on: boolean; required: boolean }> }>({});
  const networks = useMemo(() => all.data ?? here.data ?? [], [all.data, here.data]);
  if (!here.data || (center && !all.data)) return <Loading onClose={onClose} />;
  const marks = (was.marks ??= Object.fromEntries(networks.map((n) => [n.id, { on: here.data.some((h) => h.id === n.id), required: here.data.find((h) => h.id === n.id)?.required === true }])));
  type Mark = { on: boolean; required: boolean };
  const changes = (v: Values) => Object.entries(v["#networks"] as Record<string, Mark>).filter(([id, m]) => m.on !== marks[id].on || m.required !== marks[id].required);
  const call = async (v: Values, o: CallOptions) => {
    const { update } = await import("../lib/api");
    for (const [id, m] of changes(v)) {
      if (!m.on) await remove(`${path}/${id}`, o);
      else if (!marks[id].on) await add("network", path, { id, required: m.required }, o);
      else await update("network", `${path}/${id}`, { required: m.required }, undefined, o);
    }
  };
  return (
    <RunDialog title={t("dialogs.networks.title", { name: nameOf(cluster) })} items={[]} target={cluster} submit={t("dialogs.save")} type="network" done={t("dialogs.networks.done", { name: nameOf(cluster) })} onClose={onClose}
      fields={[{ path: "#networks", isLocal: true, default: marks, draw: (p) => <NetworkTable {...p} networks={networks} /> }]}
      call={(_e, _b, v, o) => call(v, o)} equivalents={(_e, _b, v) => {
        const [id, m] = changes(v)[0] ?? ["", { on: true, required: false }];
        return m.on ? { method: "POST", path, body: { id, required: m.required } } : { method: "DELETE", path: `${path}/${id}` };
      }} />
  );
}

export const ClusterNetworks = ({ items, onClose }: DialogProps) => <Manage cluster={items[0]} onClose={onClose} />;

export function ClusterNetworksHere({ path, onClose }: DialogProps) {
  const cluster = useEntity("cluster", ownerOf(path));
  return cluster.data ? <Manage cluster={cluster.data} onClose={onClose} /> : <Loading onClose={onClose} />;
}


// SPDX-License-Identifier: Apache-2.0
// Storage domains: made, attached to a data center, in and out of service.
import { useMemo, useState } from "react";
import { flushSync } from "react-dom";
import { act, add, type CallOptions, type Entity, get, list, remove, wireFrom } from "../lib/api";
import { nameOf } from "../lib/format";
import { t } from "../text";
import { useChange } from "../ui/queries";
import { FormModal } from "./form/FormModal";
import { faultFields, type Field, type Spec, type Values } from "./form/model";
import { operationOf, useForm } from "./form/useForm";
import type { DialogProps } from "./index";
import { ownerOf } from "./paths";
import RunDialog from "./RunDialog";
import { chosen, dataCenters, hosts } from "./sources";
import { type Step, Steps, until } from "./steps";

/** What the Manager takes today. */
const TYPES = ["localfs"];

const spec: Spec = {
  type: "storage_domain",
  sections: [
    { id: "general", label: t("dialogs.general"), fields: [
      { path: "name", isRequired: true }, { path: "description" },
      { path: "type", label: t("dialogs.storage.function"), default: "data", isRequired: true, options: [{ value: "data", label: t("dialogs.storage.data") }] },
      { path: "storage.type", label: t("dialogs.storage.type"), default: "localfs", isRequired: true, options: TYPES.map((value) => ({ value, label: t(`dialogs.storage.${value as "localfs"}`) })) },
      { path: "host", label: t("dialogs.storage.host"), isRequired: true, pick: "only", from: () => ({ ...hosts(), keep: (e) => e.status === "up" }), hint: t("dialogs.storage.host.hint") },
      { path: "storage.path", label: t("dialogs.storage.path"), isRequired: true, hint: t("dialogs.storage.path.hint"), check: (v) => (String(v ?? "").startsWith("/") ? undefined : t("dialogs.storage.path.wrong")) },
      { path: "#center", isLocal: true, as: "reference", label: t("dialogs.storage.attach"), from: dataCenters, hint: t("dialogs.storage.attach.hint") },
    ] },
    { id: "more", label: t("dialogs.advanced"), fields: [
      { path: "comment" }, { path: "warning_low_space_indicator", label: t("dialogs.domain.warning"), unit: "%", min: 0, max: 100 }, { path: "critical_space_action_blocker", label: t("dialogs.domain.blocker"), unit: "GB", min: 0 },
      { path: "wipe_after_delete", label: t("dialogs.disk.wipe"), hint: t("dialogs.disk.wipe.hint") }, { path: "backup", label: t("dialogs.storage.backup") },
    ] },
  ],
};

/** The cluster's data center of a host: where its storage belongs. */
async function centerOf(host: string): Promise<Entity | undefined> {
  const h = await get("host", `hosts/${host}?follow=cluster.data_center`);
  return (h.cluster as Entity | undefined)?.data_center as Entity | undefined;
}

const statusIn = async (center: string, id: string) => (await list("storage_domain", `datacenters/${center}/storagedomains`)).find((d) => d.id === id)?.status;

/** A new domain, from nothing to active. */
export function NewDomain({ path, onClose }: DialogProps) {
  const preset = path.startsWith("datacenters/") ? path.split("/")[1] : undefined;
  const own = useMemo<Spec>(() => (preset ? { ...spec, begin: () => ({ "#center": { id: preset } }) } : spec), [preset]);
  const withCenter = useMemo<Spec>(() => own, [own]);
  const form = useForm(withCenter, undefined, operationOf("storagedomains", false));
  const [fault, setFault] = useState<string>();
  const [steps, setSteps] = useState<Step[]>();
  const save = useChange(() => add("storage_domain", "storagedomains", form.body));
  const center = chosen(form.values, "#center");
  const rest = (made: Entity): Step[] => [
    { label: t("dialogs.storage.step.make"), run: (o: CallOptions) => until(async () => !["locked", undefined].includes((await get("storage_domain", `storagedomains/${made.id}`)).status as string | undefined), o.signal) },
    ...(center
      ? [
          { label: t("dialogs.storage.step.attach"), run: (o: CallOptions) => add("storage_domain", `datacenters/${center}/storagedomains`, { id: made.id }, o) },
          { label: t("dialogs.storage.step.active"), run: (o: CallOptions) => until(async () => (await statusIn(center, made.id)) === "active", o.signal, 180_000) },
        ]
      : []),
  ];
  const submit = () => {
    setFault(undefined);
    save.mutate(undefined, {
      onSuccess: (made) => flushSync(() => setSteps(rest(made as Entity))),
      onError: (e) => {
        const found = faultFields("storage_domain", e, form.fields);
        form.setFaults(found.at);
        setFault(found.rest || t("dialogs.refused.fields"));
      },
    });
  };
  const name = String(form.values.name ?? "");
  if (steps) return <Steps title={t("dialogs.storage.making", { name })} steps={steps} done={t("dialogs.created", { what: t("dialogs.domain"), name })} onClose={onClose} />;
  const chooseHost = (p: string, v: unknown) => {
    form.set(p, v);
    if (p === "host" && v && !center) void centerOf((v as Entity).id).then((dc) => dc && form.set("#center", dc));
  };
  return <FormModal title={t("dialogs.storage.new")} form={{ ...form, set: chooseHost }} submit={t("dialogs.create")} fault={fault} isBusy={save.isPending} equivalents={{ method: "POST", path: "storagedomains", body: wireFrom("storage_domain", form.body) }} onSubmit={submit} onClose={onClose} />;
}

const CENTER: Field = { path: "#center", isLocal: true, as: "reference", label: t("dialogs.dc"), isRequired: true, pick: "only", from: dataCenters };

/** An unattached domain goes to a data center. */
export function Attach({ items, onClose }: DialogProps) {
  const place = (v: Values) => `datacenters/${chosen(v, "#center") ?? ""}/storagedomains`;
  const label = t("dialogs.do.attach");
  return (
    <RunDialog title={label} items={items} text={t("dialogs.ask.storage_domain.attach")} submit={label} fields={[CENTER]} done={t("dialogs.done", { what: label, name: nameOf(items[0]) })} onClose={onClose}
      call={(e, _b, v, o) => add("storage_domain", place(v), { id: e.id }, o)} equivalents={(e, _b, v) => ({ method: "POST", path: place(v), body: { id: e.id } })} />
  );
}

/** On a data center's page: choose which domain. */
export function AttachHere({ path, onClose }: DialogProps) {
  const label = t("dialogs.do.attach");
  const domain: Field = { path: "#domain", isLocal: true, as: "reference", label: t("dialogs.domain"), isRequired: true, pick: "only", from: () => ({ type: "storage_domain", path: "storagedomains", keep: (e) => e.status === "unattached" }), hint: t("dialogs.storage.unattached") };
  return (
    <RunDialog title={label} items={[]} target={{ id: ownerOf(path).split("/")[1] }} text={t("dialogs.ask.storage_domain.attach")} submit={label} fields={[domain]} done={t("dialogs.storage.attached")} onClose={onClose}
      call={(_e, _b, v, o) => add("storage_domain", path, { id: chosen(v, "#domain") }, o)} equivalents={(_e, _b, v) => ({ method: "POST", path, body: { id: chosen(v, "#domain") } })} />
  );
}

/** The data center that a domain is attached to. */
const centerIdOf = (e: Entity) => ((e.data_centers as Entity[] | undefined)?.[0] ?? (e.data_center as Entity | undefined))?.id ?? "";

function Service({ items, onClose, what }: DialogProps & { what: "activate" | "deactivate" | "detach" }) {
  const label = t(`dialogs.do.storage_domain.${what}`);
  const place = (e: Entity) => `datacenters/${centerIdOf(e)}/storagedomains/${e.id}`;
  return (
    <RunDialog title={label} items={items} text={t(`dialogs.ask.storage_domain.${what}`, { n: items.length })} submit={label} isDanger={what === "detach"} done={t("dialogs.done", { what: label, name: nameOf(items[0]) })} onClose={onClose}
      call={(e, _b, _v, o) => (what === "detach" ? remove(place(e), o) : act(place(e), what, {}, o))}
      equivalents={(e) => (what === "detach" ? { method: "DELETE", path: place(e) } : { method: "POST", path: `${place(e)}/${what}`, body: {} })} />
  );
}

export const Activate = (p: DialogProps) => <Service {...p} what="activate" />;
export const Deactivate = (p: DialogProps) => <Service {...p} what="deactivate" />;
export const Detach = (p: DialogProps) => <Service {...p} what="detach" />;

/** On a data center's page the path says which one. */
export const DetachHere = (p: DialogProps) => <Service {...p} items={p.items.map((e) => ({ ...e, data_centers: [{ id: ownerOf(p.path).split("/")[1] }] }))} what="detach" />;

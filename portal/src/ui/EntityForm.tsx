// SPDX-License-Identifier: Apache-2.0
// The form of an entity: made from the schema, told what matters by its specification. Creates one, or changes one.
import { Alert, Bullseye, Modal, ModalBody, ModalHeader, Spinner } from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { add, type Entity, etagOf, Fault, get, newCorrelation, wireFrom } from "../lib/api";
import type { EntityPage } from "../lib/entities";
import { nameOf } from "../lib/format";
import { memberAt } from "../lib/schema";
import { notify } from "../frame/notify";
import { t } from "../text";
import { Conflict } from "../dialogs/form/Conflict";
import { DryRun } from "../dialogs/form/DryRun";
import { NONE_KEPT, partOf, updateKept } from "../dialogs/form/kept";
import { FormModal } from "../dialogs/form/FormModal";
import { atPath, faultFields, isSame, type Spec } from "../dialogs/form/model";
import { operationOf, useForm } from "../dialogs/form/useForm";
import { shownBody } from "../dialogs/secrets";
import { specOf } from "../dialogs/specs";
import { useChange } from "./queries";

interface Props {
  page: EntityPage;
  path: string;
  /** the one to change; without it something new is made */
  entity?: Entity;
  /** other fields than those of the type */
  spec?: Spec;
  title?: string;
  submit?: string;
  /** of the request for the one that is changed: {follow: "disk"} */
  query?: Record<string, string>;
  onClose: () => void;
  /** what was made or changed, before the form closes */
  onDone?: (made: Entity) => void;
}

/** Members that the place decides: a network below a data center is that data center's. */
const OWNERS: Record<string, string> = { datacenters: "data_center", clusters: "cluster", storagedomains: "storage_domain", networks: "network", vms: "vm", hosts: "host" };

function within(spec: Spec, path: string): Spec {
  const [owner, , part] = path.split("/");
  const member = part ? OWNERS[owner] : undefined;
  if (!member || !memberAt(spec.type, member)) return spec;
  const id = path.split("/")[1];
  const sections = spec.sections.map((s) => ({ ...s, fields: s.fields.map((f) => (f.path === member ? { ...f, when: () => false, isRequired: false } : f)) }));
  return { ...spec, sections, begin: (e) => ({ ...spec.begin?.(e), [member]: { id } }), finish: (body, values, e) => ({ ...(spec.finish?.(body, values, e) ?? body), [member]: { id } }) };
}

/** New ones. */
function NewForm({ page, path, spec: said = specOf(page), title, submit, onClose, onDone }: Props) {
  const [spec] = useState(() => within(said, path));
  const form = useForm(spec, undefined, operationOf(path, false));
  const [fault, setFault] = useState<string>();
  const [about] = useState(newCorrelation);
  const save = useChange(() => add(page.type, path, form.body, { correlation: about }));
  const run = () => {
    setFault(undefined);
    save.mutate(undefined, {
      onSuccess: (made) => {
        notify({ variant: "success", title: t("dialogs.created", { what: page.one, name: nameOf(made) }), about });
        onDone?.(made as Entity);
        onClose();
      },
      onError: (e) => {
        const found = faultFields(page.type, e, form.fields);
        form.setFaults(found.at);
        setFault(found.rest || t("dialogs.refused.fields"));
      },
    });
  };
  return (
    <FormModal title={title ?? t("dialogs.new.title", { what: lower(page.one) })} form={form} submit={submit ?? t("dialogs.create")} intro={spec.intro?.(form.values)} fault={fault} isBusy={save.isPending}
      equivalents={{ method: "POST", path, body: shownBody(wireFrom(page.type, form.body)) }} onSubmit={run} onClose={onClose} />
  );
}

/** "Virtual machine" in the middle of a sentence; abbreviations stay as they are. */
export const lower = (one: string) => (/^[A-Z][a-z]+(\s|$)/.test(one) ? one.charAt(0).toLowerCase() + one.slice(1) : one);

/** Asks anew for what is changed: the version goes along with the change. */
async function fresh(type: string, path: string, query: Record<string, string> = {}): Promise<Entity> {
  const now = await get(type, Object.keys(query).length ? `${path}?${new URLSearchParams(query)}` : path);
  if (now.next_run_configuration_exists !== true) return now;
  return { ...now, ...(await get(type, `${path}?next_run=true`)), "@etag": etagOf(now), status: now.status };
}

function EditForm({ page, path, entity, first, spec = specOf(page), query, title, submit, onClose, onDone }: Props & { entity: Entity; first: Entity }) {
  const form = useForm(spec, first, operationOf(path, true));
  const [fault, setFault] = useState<string>();
  const [theirs, setTheirs] = useState<Entity>();
  const [kept, setKept] = useState(NONE_KEPT);
  const own = `${path}/${entity.id}`;
  const save = useChange((etag: string | undefined) => updateKept(page.type, own, form.body, kept, etag));
  const failed = async (e: Error) => {
    if (e instanceof Fault && e.status === 412) {
      setTheirs(await fresh(page.type, own, query));
      return;
    }
    const found = faultFields(page.type, e, form.fields);
    form.setFaults(found.at);
    setFault(found.rest || t("dialogs.refused.fields"));
  };
  const run = (etag = etagOf(form.entity!)) => {
    setFault(undefined);
    save.mutate(etag, {
      onSuccess: (made) => {
        notify({ variant: "success", title: t("dialogs.saved", { what: page.one, name: nameOf(made) || nameOf(entity) }) });
        onDone?.(made as Entity);
        onClose();
      },
      onError: (e) => void failed(e),
    });
  };
  const takeTheirs = () => {
    const changedByMe = form.changed.filter((f) => isSame(atPath(form.entity, f.path), atPath(theirs, f.path)));
    const values = Object.fromEntries(Object.keys(form.values).map((p) => [p, atPath(theirs, p) ?? (form.before[p] !== undefined && spec.sections.some((s) => s.fields.some((f) => f.path === p && f.isLocal)) ? form.values[p] : undefined)]));
    for (const f of changedByMe) values[f.path] = form.values[f.path];
    form.rebase(theirs!, values);
    setTheirs(undefined);
  };
  const keepMine = () => {
    const etag = etagOf(theirs!);
    const mine = Object.fromEntries(Object.keys(form.values).map((p) => [p, form.changed.some((f) => f.path === p) ? form.values[p] : (atPath(theirs, p) ?? form.values[p])]));
    form.rebase(theirs!, mine);
    setTheirs(undefined);
    run(etag);
  };
  return (
    <>
      <FormModal title={title ?? t("dialogs.edit.title", { what: lower(page.one), name: nameOf(entity) })} form={form} submit={submit ?? t("dialogs.save")} intro={spec.intro?.(form.values, form.entity)} fault={fault} isBusy={save.isPending}
        below={page.type === "vm" && form.entity?.status !== "down" && form.changed.length > 0 ? <DryRun path={own} body={wireFrom(page.type, form.body)} fields={form.fields} kept={kept} onKept={setKept} /> : undefined}
        equivalents={{ method: "PUT", path: own, query: kept.isAll ? { next_run: "true" } : undefined, body: shownBody(wireFrom(page.type, kept.isAll ? form.body : partOf(form.body, kept.members, false))), names: { [entity.id]: nameOf(entity) } }} onSubmit={() => run()} onClose={onClose} />
      {theirs && <Conflict form={form} theirs={theirs} onMine={keepMine} onTheirs={takeTheirs} onClose={() => setTheirs(undefined)} />}
    </>
  );
}

function EditLoader(props: Props & { entity: Entity }) {
  const own = `${props.path}/${props.entity.id}`;
  const { data, error } = useQuery({ queryKey: ["edit", own], queryFn: () => fresh(props.page.type, own, props.query), staleTime: Infinity, gcTime: 0, refetchOnWindowFocus: false });
  if (data) return <EditForm {...props} first={data} />;
  return (
    <Modal isOpen disableFocusTrap={!error} variant="medium" onClose={props.onClose} aria-label={nameOf(props.entity)}>
      <ModalHeader title={t("dialogs.edit.title", { what: lower(props.page.one), name: nameOf(props.entity) })} />
      <ModalBody>{error ? <Alert component="p" variant="danger" isInline title={error.message} /> : <Bullseye><Spinner aria-label={t("dialogs.loading")} /></Bullseye>}</ModalBody>
    </Modal>
  );
}

export function EntityForm(props: Props) {
  return props.entity ? <EditLoader {...props} entity={props.entity} /> : <NewForm {...props} />;
}

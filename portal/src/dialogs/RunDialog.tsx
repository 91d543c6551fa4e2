// SPDX-License-Identifier: Apache-2.0
// Asks before something is done: what will happen and to whom, what else is needed for it, and then does it.
import { Alert } from "@patternfly/react-core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { flushSync } from "react-dom";
import { notify } from "../frame/notify";
import type { CallOptions, Entity } from "../lib/api";
import { titleOf } from "./paths";
import { t } from "../text";
import type { EquivalentsProps } from "../ui/Equivalents";
import { type Bulk, failedOf, runBulk } from "./bulk";
import { FormModal } from "./form/FormModal";
import { faultFields, type Field, type Spec, type Values } from "./form/model";
import { useForm } from "./form/useForm";
import { Outcomes } from "./Outcomes";

const NAMED = 10;

export interface RunProps {
  title: string;
  items: Entity[];
  /** what it is done to, where no names are to be listed */
  target?: Entity;
  /** of those selected, what cannot be done to now, and why */
  left?: { item: Entity; why: string }[];
  /** what will happen */
  text?: string;
  warning?: string;
  isDanger?: boolean;
  submit: string;
  /** type of the document that the fields are members of; "action" unless told */
  type?: string;
  fields?: Field[];
  finish?: Spec["finish"];
  follow?: Spec["follow"];
  /** "Power off: web1" */
  done: string;
  call: (item: Entity, body: Record<string, unknown>, values: Values, options: CallOptions) => Promise<unknown>;
  equivalents: (item: Entity, body: Record<string, unknown>, values: Values) => EquivalentsProps;
  onClose: () => void;
}

/** Names, up to ten. */
export function Names({ items }: { items: Entity[] }) {
  const rest = items.length - NAMED;
  return (
    <ul className="h-names">
      {items.slice(0, NAMED).map((e) => <li key={e.id}>{titleOf(e)}</li>)}
      {rest > 0 && <li>{t("dialogs.names.more", { n: rest })}</li>}
    </ul>
  );
}

export default function RunDialog(props: RunProps) {
  const { title, items: named, target, left = [], text, warning, isDanger, submit, type = "action", fields, done, call, equivalents, onClose } = props;
  const items = target ? [target] : named;
  const spec = useState<Spec>(() => ({ type, sections: [{ id: "inputs", label: "", fields: fields ?? [] }], finish: props.finish, follow: props.follow }))[0];
  const form = useForm(spec, undefined);
  const client = useQueryClient();
  const [bulk, setBulk] = useState<Bulk>();
  const [fault, setFault] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const run = async (targets: Entity[]) => {
    const single = targets.length === 1 && items.length === 1;
    setFault(undefined);
    setBusy(true);
    let error: Error | undefined;
    const over = await runBulk(targets, async (e, options) => {
      try {
        await call(e, form.body, form.values, options);
      } catch (x) {
        error = x as Error;
        throw x;
      }
    }, single ? undefined : (b) => flushSync(() => setBulk(b)));
    setBusy(false);
    void client.invalidateQueries();
    if (failedOf(over).length) {
      if (!single || !error) return;
      const found = faultFields(type, error, form.fields);
      form.setFaults(found.at);
      setFault(found.rest || t("dialogs.refused.fields"));
      return;
    }
    if (over.outcomes.some((o) => o.state === "left")) return;
    notify({ variant: "success", title: done, about: over.correlation, isForAll: items.length > 1 });
    onClose();
  };
  if (bulk) return <Outcomes title={title} bulk={bulk} onRetry={() => void run(failedOf(bulk))} onClose={onClose} />;
  const lead = (
    <>
      {text && <p>{text}</p>}
      {named.length > 0 && <Names items={named} />}
      {warning && <Alert component="p" variant="warning" isInline isPlain title={warning} />}
      {left.length > 0 && (
        <Alert component="p" variant="info" isInline title={t("dialogs.left-out", { n: left.length })}>
          <ul className="h-names">{left.slice(0, NAMED).map((l) => <li key={l.item.id}>{`${titleOf(l.item)}: ${l.why}`}</li>)}</ul>
        </Alert>
      )}
    </>
  );
  return (
    <FormModal title={title} form={form} submit={submit} isDanger={isDanger} lead={lead} fault={fault} isBusy={isBusy} variant={(fields?.length ?? 0) > 2 ? "medium" : "small"}
      equivalents={items[0] && equivalents(items[0], form.body, form.values)} onSubmit={() => void run(items)} onClose={onClose} />
  );
}

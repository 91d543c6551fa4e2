// SPDX-License-Identifier: Apache-2.0
// A form made from the schema: the members that the page's description names, in its order.
import {
  ActionGroup, Alert, Button, Checkbox, Form, FormGroup, FormHelperText, FormSelect, FormSelectOption, HelperText, HelperTextItem,
  Modal, ModalBody, ModalHeader, TextInput,
} from "@patternfly/react-core";
import { useMemo, useState } from "react";
import type { Entity } from "../lib/api";
import { type EntityPage, pageOfType } from "../lib/entities";
import { at, bytes, fieldLabel, nameOf, parseBytes, words } from "../lib/format";
import { ENUMS, hasType, type Member, typeOf } from "../lib/schema";
import { useList, useSave } from "./queries";

const BYTES = new Set(["memory", "provisioned_size", "initial_size", "max", "guaranteed"]);

function memberAt(type: string, path: string): Member | undefined {
  const [first, ...rest] = path.split(".");
  const m = hasType(type) ? typeOf(type).members.find((x) => x.name === first) : undefined;
  return m && rest.length ? memberAt(m.type, rest.join(".")) : m;
}

const isBytes = (m: Member) => m.kind === "i" && BYTES.has(m.name);

function textOf(m: Member, v: unknown): string {
  if (v === undefined || v === null) return "";
  if (isBytes(m)) return bytes(v as number);
  if (m.kind === "r") return (m.isList ? (v as Entity[])[0]?.id : (v as Entity).id) ?? "";
  if (Array.isArray(v)) return v.map((x) => (typeof x === "object" ? nameOf(x) : x)).join(", ");
  return String(v);
}

/** What was typed, as a value; a string that begins with "!" says what is wrong. */
function valueOf(m: Member, text: string): unknown {
  const one = (t: string): unknown => {
    if (m.kind === "r") return { id: t };
    if (m.kind === "b") return t === "true";
    if (isBytes(m)) return parseBytes(t) ?? "!A size such as 2 GiB is wanted.";
    if (m.kind === "i" || m.kind === "d") return Number.isFinite(Number(t)) ? Number(t) : "!A number is wanted.";
    return t;
  };
  if (!m.isList) return one(text);
  return text.split(",").map((t) => one(t.trim()));
}

function put(into: Record<string, unknown>, path: string, v: unknown) {
  const keys = path.split(".");
  let o = into;
  for (const key of keys.slice(0, -1)) o = (o[key] ??= {}) as Record<string, unknown>;
  o[keys[keys.length - 1]] = v;
}

function Reference({ m, id, value, onChange }: { m: Member; id: string; value: string; onChange: (v: string) => void }) {
  const page = pageOfType(m.type);
  const { data } = useList(m.type, page?.path ?? "", { max: 500 }, page !== undefined);
  return (
    <FormSelect id={id} value={value} onChange={(_e, v) => onChange(v)}>
      <FormSelectOption value="" label="" />
      {(data ?? []).map((e) => (
        <FormSelectOption key={e.id} value={e.id} label={nameOf(e)} />
      ))}
    </FormSelect>
  );
}

function Input({ m, id, label, value, onChange, isInvalid }: { m: Member; id: string; label: string; value: string; onChange: (v: string) => void; isInvalid: boolean }) {
  if (m.kind === "b") return <Checkbox id={id} label={label} isChecked={value === "true"} onChange={(_e, v) => onChange(String(v))} />;
  if (m.kind === "r" && pageOfType(m.type)) return <Reference m={m} id={id} value={value} onChange={onChange} />;
  if (m.kind === "e" && !m.isList)
    return (
      <FormSelect id={id} value={value} onChange={(_e, v) => onChange(v)}>
        {["", ...ENUMS[m.type]].map((w) => (
          <FormSelectOption key={w} value={w} label={w && words(w)} />
        ))}
      </FormSelect>
    );
  return (
    <TextInput id={id} type={m.isSecret ? "password" : "text"} value={value} validated={isInvalid ? "error" : "default"} onChange={(_e, v) => onChange(v)} />
  );
}

export function EntityForm({ page, path, entity, onClose }: { page: EntityPage; path: string; entity?: Entity; onClose: () => void }) {
  const fields = useMemo(
    () =>
      page.fields.flatMap((f) => {
        const m = memberAt(page.type, f);
        return m && !(entity && m.isCreateOnly) ? [{ path: f, m }] : [];
      }),
    [page, entity],
  );
  const before = useMemo(() => Object.fromEntries(fields.map((f) => [f.path, entity ? textOf(f.m, at(entity, f.path)) : ""])), [fields, entity]);
  const [now, setNow] = useState<Record<string, string>>(before);
  const save = useSave(page.type, path, entity?.id);
  const changed = fields.filter((f) => now[f.path] !== before[f.path]);
  const values = Object.fromEntries(changed.map((f) => [f.path, valueOf(f.m, now[f.path])]));
  const wrong = Object.fromEntries(Object.entries(values).filter(([, v]) => typeof v === "string" && v.startsWith("!")));
  const body = () => {
    const out: Record<string, unknown> = {};
    for (const [p, v] of Object.entries(values)) put(out, p, v);
    return out;
  };
  const submit = (e: React.FormEvent) => {
    e.preventDefault();
    if (!Object.keys(wrong).length) save.mutate(body(), { onSuccess: onClose });
  };
  return (
    <Modal isOpen onClose={onClose} variant="medium" aria-label={page.one}>
      <ModalHeader title={entity ? `Edit ${nameOf(entity)}` : `New ${page.one.toLowerCase()}`} />
      <ModalBody>
        <Form onSubmit={submit} isHorizontal>
          {save.isError && <Alert variant="danger" isInline title="It was refused"><span className="h-faults">{save.error.message}</span></Alert>}
          {fields.map(({ path: p, m }) => (
            <FormGroup key={p} label={m.kind === "b" ? undefined : fieldLabel(p)} fieldId={`f-${p}`}>
              <Input m={m} id={`f-${p}`} label={fieldLabel(p)} value={now[p]} isInvalid={p in wrong} onChange={(v) => setNow({ ...now, [p]: v })} />
              {p in wrong && (
                <FormHelperText>
                  <HelperText>
                    <HelperTextItem variant="error">{String(wrong[p]).slice(1)}</HelperTextItem>
                  </HelperText>
                </FormHelperText>
              )}
            </FormGroup>
          ))}
          <ActionGroup>
            <Button type="submit" isDisabled={!changed.length || Object.keys(wrong).length > 0} isLoading={save.isPending}>
              {entity ? "Save" : "Create"}
            </Button>
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
          </ActionGroup>
        </Form>
      </ModalBody>
    </Modal>
  );
}

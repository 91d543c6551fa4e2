// SPDX-License-Identifier: Apache-2.0
// What is typed into a form, what is wrong with it, and the document it makes.
import { useCallback, useMemo, useRef, useState } from "react";
import type { Entity } from "../../lib/api";
import { bytes } from "../../lib/format";
import { operation, type Operation, serviceAt, serviceOf } from "../../lib/schema";
import { bodyOf, changedFields, checkField, type Field, isSame, fieldsOf, lookOf, type Spec, type Values, valuesOf } from "./model";

/** The operation that a form calls: what it requires is what must be given. */
export function operationOf(path: string, isEdit: boolean): Operation | undefined {
  const many = serviceAt(path);
  return isEdit ? operation(many?.one ? serviceOf(many.one) : undefined, "update") : operation(many, "add");
}

export interface FormState {
  spec: Spec;
  entity?: Entity;
  values: Values;
  fields: Field[];
  /** of all fields; what is shown are those of touched fields, and all after the first try */
  errors: Record<string, string>;
  shown: Record<string, string>;
  isDirty: boolean;
  body: Record<string, unknown>;
  changed: Field[];
  op?: Operation;
  set: (path: string, value: unknown) => void;
  setFaults: (faults: Record<string, string>) => void;
  /** marks all fields as seen: everything that is wrong is shown */
  tryAll: () => void;
  /** another state of the entity underneath; what is typed is given anew */
  rebase: (entity: Entity, values: Values) => void;
  before: Values;
}

const show = (spec: Spec, f: Field) => (n: number) => (lookOf(spec.type, f) === "bytes" ? bytes(n) : String(n));

export function useForm(spec: Spec, first: Entity | undefined, op?: Operation): FormState {
  const [base, setBase] = useState(() => ({ entity: first, before: valuesOf(spec, first) }));
  const [values, setValues] = useState<Values>(base.before);
  const [seen, setSeen] = useState(new Set<string>());
  const [all, setAll] = useState(false);
  const [faults, setFaults] = useState<Record<string, string>>({});
  const touched = useRef(new Set<string>());
  const { entity, before } = base;
  const set = useCallback((path: string, value: unknown) => {
    touched.current.add(path);
    setValues((old) => ({ ...old, [path]: value, ...spec.follow?.(path, value, { ...old, [path]: value }, touched.current) }));
    setSeen((old) => (old.has(path) ? old : new Set(old).add(path)));
    setFaults((old) => (path in old ? Object.fromEntries(Object.entries(old).filter(([p]) => p !== path)) : old));
  }, [spec]);
  const fields = useMemo(() => fieldsOf(spec, values, entity), [spec, values, entity]);
  const errors = useMemo(() => {
    const wrong = fields.flatMap((f): [string, string][] => {
      if (entity && !(f.path in faults) && isSame(values[f.path], before[f.path])) return [];
      const why = faults[f.path] ?? checkField(spec, f, values, show(spec, f), op, entity);
      return why ? [[f.path, why]] : [];
    });
    return Object.fromEntries(wrong);
  }, [spec, fields, values, before, faults, op, entity]);
  const shown = Object.fromEntries(Object.entries(errors).filter(([p]) => all || p in faults || (seen.has(p) && values[p] !== undefined)));
  const changed = useMemo(() => changedFields(fields, values, before), [fields, values, before]);
  const body = useMemo(() => bodyOf(spec, values, before, entity), [spec, values, before, entity]);
  return {
    spec, entity, values, fields, errors, shown, body, changed, op, set, setFaults, before,
    isDirty: changed.length > 0 && seen.size > 0,
    tryAll: () => setAll(true),
    rebase: (next, nextValues) => {
      setBase({ entity: next, before: valuesOf(spec, next) });
      setValues(nextValues);
      setFaults({});
    },
  };
}

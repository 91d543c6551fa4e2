// SPDX-License-Identifier: Apache-2.0
// A form as data: its fields, what is typed, what is wrong with it, and the document that comes of it.
import type { Entity, Fault } from "../../lib/api";
import { fieldLabel, nameOf } from "../../lib/format";
import { isRequired, type Member, memberAt, type Operation, typeOf } from "../../lib/schema";
import { t } from "../../text";

/** What is in the fields, by their paths ("cpu.topology.cores"). */
export type Values = Record<string, unknown>;

export interface Option {
  value: string;
  label: string;
  hint?: string;
}

/** Where a reference is chosen from. */
export interface Source {
  type: string;
  path: string;
  /** put before what is typed: "datacenter=Default and " */
  search?: string;
  /** more of the query: {type: "data"} */
  keep?: (e: Entity) => boolean;
  /** picked before others */
  prefer?: (e: Entity) => boolean;
  /** what stands behind the name */
  detail?: (e: Entity) => string;
  follow?: string;
  /** member that names it and is searched for; "name" unless told */
  by?: string;
}

/** Options that the Manager tells. */
export interface Choices {
  type: string;
  path: string;
  options: (all: Entity[]) => Option[];
}

export type Look = "text" | "area" | "number" | "bytes" | "check" | "enum" | "reference" | "references" | "words" | "secret" | "ranges" | "properties" | "radio";

export interface Field {
  path: string;
  label?: string;
  hint?: string;
  as?: Look;
  isRequired?: boolean;
  /** of something new */
  default?: unknown;
  options?: Option[] | ((values: Values) => Option[]);
  choices?: Choices;
  /** what an empty choice of an enumeration says */
  none?: string;
  from?: (values: Values) => Source | undefined;
  /** take what there is when nothing is chosen yet: the only one, or the first */
  pick?: "only" | "first";
  /** shown only then; what is not shown is not sent */
  when?: (values: Values, entity?: Entity) => boolean;
  /** cannot be changed, and why */
  locked?: (values: Values, entity?: Entity) => string | undefined;
  check?: (value: unknown, values: Values) => string | undefined;
  /** part of no document: it only steers the form */
  isLocal?: boolean;
  min?: number;
  max?: number;
  /** stands behind numbers: "ms" */
  unit?: string;
  rows?: number;
  /** draws itself: label, fields, messages */
  draw?: React.ComponentType<FormPart>;
}

export interface Section {
  id: string;
  label: string;
  fields: Field[];
  when?: (values: Values, entity?: Entity) => boolean;
}

/** What parts of a form are given that draw themselves. */
export interface FormPart {
  values: Values;
  errors: Record<string, string>;
  set: (path: string, value: unknown) => void;
  entity?: Entity;
}

export interface Spec {
  type: string;
  sections: Section[];
  /** last word on the document before it is sent */
  finish?: (body: Record<string, unknown>, values: Values, entity?: Entity) => Record<string, unknown>;
  /** what is said above the fields */
  intro?: (values: Values, entity?: Entity) => string | undefined;
  /** values of an entity that has no such members of its own */
  begin?: (entity: Entity | undefined) => Values;
  /** what else changes when one value does; what people have typed themselves (touched) is better left alone */
  follow?: (path: string, value: unknown, values: Values, touched: ReadonlySet<string>) => Values | undefined;
  /** what something new takes from elsewhere (its template): the same need not be sent */
  inherited?: (values: Values) => Entity | undefined;
}

export const fieldsOf = (spec: Spec, values: Values, entity?: Entity): Field[] =>
  spec.sections.filter((s) => !s.when || s.when(values, entity)).flatMap((s) => s.fields).filter((f) => !f.when || f.when(values, entity));

export const labelOf = (f: Field) => f.label ?? fieldLabel(f.path);

const BYTES = new Set(["memory", "memory_policy.max", "memory_policy.guaranteed", "provisioned_size", "initial_size"]);

/** How a field looks, by its member unless it says so itself. */
export function lookOf(type: string, f: Field): Look {
  if (f.as) return f.as;
  if (f.options || f.choices) return "enum";
  const m = memberAt(type, f.path);
  if (!m) return "text";
  if (m.isSecret) return "secret";
  if (m.kind === "b") return "check";
  if (m.kind === "r") return m.isList ? "references" : "reference";
  if (m.kind === "e" && !m.isList) return "enum";
  if (m.isList) return m.type === "range" ? "ranges" : m.type === "custom_property" || m.type === "property" ? "properties" : "words";
  if (m.kind === "i" && BYTES.has(f.path)) return "bytes";
  if (m.kind === "i" || m.kind === "d") return "number";
  return "text";
}

export const atPath = (e: Record<string, unknown> | undefined, path: string): unknown =>
  path.split(".").reduce<unknown>((v, key) => (v as Record<string, unknown> | undefined)?.[key], e);

export function putPath(into: Record<string, unknown>, path: string, v: unknown): void {
  const keys = path.split(".");
  let o = into;
  for (const key of keys.slice(0, -1)) o = (o[key] ??= {}) as Record<string, unknown>;
  o[keys[keys.length - 1]] = v;
}

/** What a form begins with. */
export function valuesOf(spec: Spec, entity?: Entity): Values {
  const out: Values = {};
  for (const f of spec.sections.flatMap((s) => s.fields)) {
    const v = entity ? atPath(entity, f.path) : undefined;
    out[f.path] = v ?? (entity && !f.isLocal ? undefined : f.default);
  }
  return { ...out, ...spec.begin?.(entity) };
}

const isEmpty = (v: unknown): boolean => v === undefined || v === "" || v === null || (Array.isArray(v) && v.every((x) => x === "" || (!!x && typeof x === "object" && "name" in x && x.name === "" && !("id" in x))));

/** Two values that say the same. References are the same by their ids. */
export function isSame(a: unknown, b: unknown): boolean {
  if (isEmpty(a) && isEmpty(b)) return true;
  if (a === false && isEmpty(b)) return true;
  if (b === false && isEmpty(a)) return true;
  const plain = (v: unknown): unknown => {
    if (Array.isArray(v)) return v.map(plain);
    if (v && typeof v === "object" && "id" in v) return (v as Entity).id || (v as Entity).name;
    return v;
  };
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}

export const changedFields = (fields: Field[], now: Values, before: Values) => fields.filter((f) => !isSame(now[f.path], before[f.path]));

const isReference = (v: unknown): v is Entity => !!v && typeof v === "object" && !Array.isArray(v) && "id" in v;

/** A value as it stands in a document: of references only what names them. */
function sendable(v: unknown, m?: Member): unknown {
  const isBlank = (x: unknown) => x === "" || (!!x && typeof x === "object" && ((x as Entity).name === "" || Object.values(x).every((y) => y === "")));
  if (Array.isArray(v)) return v.filter((x) => !isBlank(x)).map((x) => sendable(x));
  if (isReference(v) && m?.kind !== "o") return v.id ? { id: v.id } : { name: v.name };
  return v;
}

/** The document: all that was given of something new, what was changed of what is there. */
export function bodyOf(spec: Spec, now: Values, before: Values, entity?: Entity): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const fields = fieldsOf(spec, now, entity).filter((f) => !f.isLocal);
  const inherited = entity ? undefined : spec.inherited?.(now);
  for (const f of entity ? changedFields(fields, now, before) : fields) {
    const m = memberAt(spec.type, f.path);
    const v = now[f.path];
    if (inherited && f.path !== "template" && isSame(v, atPath(inherited, f.path))) continue;
    if (!isEmpty(v)) putPath(out, f.path, sendable(v, m));
    else if (entity && m) putPath(out, f.path, m.isList ? [] : m.kind === "r" ? { id: "" } : "");
  }
  return spec.finish ? spec.finish(out, now, entity) : out;
}

function checkText(text: string, m: Member | undefined): string | undefined {
  const rule = m?.rule;
  if (!rule) return undefined;
  if (rule.max !== undefined && text.length > rule.max) return t("dialogs.check.long", { n: text.length - rule.max, max: rule.max });
  if (rule.min !== undefined && text.length < rule.min) return t("dialogs.check.short", { min: rule.min });
  if (rule.pattern && !new RegExp(rule.pattern).test(text)) return rule.hint ? t("dialogs.check.pattern", { hint: rule.hint }) : t("dialogs.check.form");
  return undefined;
}

function checkNumber(n: number, f: Field, m: Member | undefined, show: (n: number) => string): string | undefined {
  if (Number.isNaN(n)) return f.as === "bytes" || (m && BYTES.has(f.path)) ? t("dialogs.check.size") : t("dialogs.check.number");
  const min = f.min ?? m?.rule?.min;
  const max = f.max ?? m?.rule?.max;
  if (min !== undefined && max !== undefined && (n < min || n > max)) return t("dialogs.check.between", { min: show(min), max: show(max) });
  if (min !== undefined && n < min) return t("dialogs.check.least", { min: show(min) });
  if (max !== undefined && n > max) return t("dialogs.check.most", { max: show(max) });
  return undefined;
}

/** What is wrong with one field, in words. */
export function checkField(spec: Spec, f: Field, values: Values, show: (n: number) => string, op?: Operation, entity?: Entity): string | undefined {
  const v = values[f.path];
  const m = memberAt(spec.type, f.path);
  const must = f.isRequired ?? (!entity && isRequired(op, f.path));
  if (isEmpty(v) || (isReference(v) && !v.id && !v.name)) return must && lookOf(spec.type, f) !== "check" ? t("dialogs.check.required", { what: labelOf(f) }) : f.check?.(v, values);
  if (typeof v === "string" && m?.kind === "s") return checkText(v, m) ?? f.check?.(v, values);
  if (typeof v === "number") return checkNumber(v, f, m, show) ?? f.check?.(v, values);
  return f.check?.(v, values);
}

/** Whether a field has to be given. */
export const mustHave = (f: Field, op?: Operation, entity?: Entity) => f.isRequired ?? (!entity && f.path.indexOf(".") < 0 && isRequired(op, f.path));

/** A fault of the Manager: what it says about fields of the form, by their paths, and what is left over. */
export function faultFields(type: string, fault: Error, fields: Field[]): { at: Record<string, string>; rest: string } {
  const detail = (fault as Fault).detail || fault.message;
  const element = typeOf(type).element;
  const at: Record<string, string> = {};
  const left: string[] = [];
  for (const line of detail.replace(/^\[|\]$/g, "").split(/\n|, (?=[a-z_]+\.[a-z_.]+: )/)) {
    const named = new RegExp(`\\b${element}\\.([a-z_]+(?:\\.[a-z_]+)*)`).exec(line)?.[1];
    const field = named && [...fields].sort((a, b) => b.path.length - a.path.length).find((f) => named === f.path || named.startsWith(f.path + ".") || f.path.startsWith(named + "."));
    if (field) at[field.path] = inWords(line, `${element}.${named}`, field);
    else left.push(line.replace(/^[a-z_]+(\.[a-z_]+)+: (?=[A-Z][^ ]* )/, "")); // a sentence that needs no path
  }
  return { at, rest: left.join("\n") };
}

/** "vm.memory must be ..." -> "Memory must be ..."; "vm.name: The name is in use." -> "The name is in use." */
function inWords(line: string, named: string, f: Field): string {
  if (line.startsWith(`${named}: `)) {
    const rest = line.slice(named.length + 2);
    return / required for /.test(rest) ? t("dialogs.check.required", { what: labelOf(f) }) : rest;
  }
  return line.replace(named, labelOf(f));
}

/** A value for people: in tables of differences. */
export function shown(v: unknown, show: (n: number) => string = String): string {
  if (isEmpty(v)) return "–";
  if (typeof v === "boolean") return v ? t("dialogs.yes") : t("dialogs.no");
  if (Array.isArray(v)) return v.map((x) => shown(x, show)).join(", ");
  if (typeof v === "number") return show(v);
  if (typeof v === "object") return nameOf(v) || JSON.stringify(v);
  return String(v);
}

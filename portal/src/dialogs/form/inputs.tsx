// SPDX-License-Identifier: Apache-2.0
// The fields of forms, one for each kind of member.
import { Button, Checkbox, FormSelect, FormSelectOption, InputGroup, InputGroupItem, InputGroupText, Radio, TextArea, TextInput } from "@patternfly/react-core";
import { MinusCircleIcon } from "@patternfly/react-icons/dist/esm/icons/minus-circle-icon";
import { PlusCircleIcon } from "@patternfly/react-icons/dist/esm/icons/plus-circle-icon";
import { useEffect, useRef, useState } from "react";
import type { Entity } from "../../lib/api";
import { words } from "../../lib/format";
import { ENUMS, memberAt } from "../../lib/schema";
import { t } from "../../text";
import { useList } from "../../ui/queries";
import { type Field, labelOf, lookOf, type Option, type Values } from "./model";
import { Reference, References } from "./Reference";

interface Props {
  type: string;
  f: Field;
  id: string;
  values: Values;
  isInvalid: boolean;
  isRequired: boolean;
  isDisabled: boolean;
  isNew: boolean;
  onChange: (v: unknown) => void;
}

const UNITS = ["MiB", "GiB", "TiB"];
const FACTOR: Record<string, number> = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

const unitFor = (n: number) => (n >= FACTOR.TiB && n % FACTOR.TiB === 0 ? "TiB" : n >= FACTOR.GiB && n % (FACTOR.GiB / 4) === 0 ? "GiB" : "MiB");

interface SizeProps {
  id: string;
  label: string;
  value?: number;
  isInvalid: boolean;
  isDisabled: boolean;
  onChange: (v: number | undefined) => void;
}

/** A size: a number, and the unit it is in. "2 GiB" may be typed as well. */
export function Size({ id, label, value, isInvalid, isDisabled, onChange }: SizeProps) {
  const [unit, setUnit] = useState(value ? unitFor(value) : "GiB");
  const [text, setText] = useState<string>();
  const last = useRef(value);
  useEffect(() => {
    if (Object.is(last.current, value)) return;
    last.current = value;
    setText(undefined);
    if (value) setUnit(unitFor(value));
  }, [value]);
  const typed = (raw: string, u: string) => {
    const m = /^\s*(\d+(?:[.,]\d+)?)\s*(?:([mgt])i?b?)?\s*$/i.exec(raw);
    const named = m?.[2] ? `${m[2].toUpperCase()}iB` : u;
    const n = raw.trim() === "" ? undefined : m ? Math.round(Number(m[1].replace(",", ".")) * FACTOR[named]) : NaN;
    setUnit(named);
    setText(m?.[2] ? undefined : raw);
    last.current = n;
    onChange(n);
  };
  const shown = text ?? (value === undefined || Number.isNaN(value) ? "" : String(Math.round((value / FACTOR[unit]) * 1000) / 1000));
  return (
    <InputGroup>
      <InputGroupItem isFill>
        <TextInput id={id} inputMode="decimal" value={shown} isDisabled={isDisabled} validated={isInvalid ? "error" : "default"} onChange={(_e, v) => typed(v, unit)} />
      </InputGroupItem>
      <InputGroupItem>
        <FormSelect className="h-unit" aria-label={t("dialogs.unit", { what: label })} value={unit} isDisabled={isDisabled} onChange={(_e, u) => (setUnit(u), typed(shown, u))}>
          {UNITS.map((u) => <FormSelectOption key={u} value={u} label={u} />)}
        </FormSelect>
      </InputGroupItem>
    </InputGroup>
  );
}

function NumberField({ id, f, value, isInvalid, isDisabled, onChange }: Omit<SizeProps, "label"> & { f: Field }) {
  const [text, setText] = useState<string>();
  const shown = Number.isNaN(value) ? (text ?? "") : (value ?? "");
  const input = (
    <TextInput id={id} inputMode="numeric" value={String(shown)} isDisabled={isDisabled} validated={isInvalid ? "error" : "default"}
      onChange={(_e, v) => (setText(v), onChange(v.trim() === "" ? undefined : /^-?\d+(\.\d+)?$/.test(v.trim()) ? Number(v) : NaN))} />
  );
  return f.unit ? <InputGroup><InputGroupItem isFill>{input}</InputGroupItem><InputGroupText>{f.unit}</InputGroupText></InputGroup> : input;
}

interface RowsProps<T> {
  label: string;
  rows: T[];
  empty: T;
  draw: (row: T, set: (row: T) => void, i: number) => React.ReactNode;
  onChange: (rows: T[]) => void;
}

/** A list of what is edited in place, with what adds and takes away. */
export function Rows<T>({ label, rows, empty, draw, onChange }: RowsProps<T>) {
  const all = rows.length ? rows : [empty];
  return (
    <div className="h-rows" role="group" aria-label={label}>
      {all.map((row, i) => (
        <div key={i} className="h-rows-row">
          {draw(row, (next) => onChange(all.map((r, j) => (j === i ? next : r))), i)}
          <Button variant="plain" icon={<MinusCircleIcon />} aria-label={t("dialogs.rows.remove", { what: label, n: i + 1 })} isDisabled={all.length === 1 && !rows.length} onClick={() => onChange(all.filter((_r, j) => j !== i))} />
        </div>
      ))}
      <Button variant="link" isInline icon={<PlusCircleIcon />} onClick={() => onChange([...all, empty])}>
        {t("dialogs.rows.add")}
      </Button>
    </div>
  );
}

type Pair = Record<string, string>;

function Pairs({ id, label, value, a, b, onChange }: { id: string; label: string; value: Pair[]; a: [string, string]; b: [string, string]; onChange: (v: Pair[]) => void }) {
  return (
    <Rows<Pair> label={label} rows={value} empty={{ [a[0]]: "", [b[0]]: "" }} onChange={onChange} draw={(row, set, i) => (
      <>
        <TextInput id={i ? undefined : id} aria-label={`${a[1]} ${i + 1}`} placeholder={a[1]} value={row[a[0]] ?? ""} onChange={(_e, v) => set({ ...row, [a[0]]: v })} />
        <TextInput aria-label={`${b[1]} ${i + 1}`} placeholder={b[1]} value={row[b[0]] ?? ""} onChange={(_e, v) => set({ ...row, [b[0]]: v })} />
      </>
    )} />
  );
}

function optionsOf(type: string, f: Field, values: Values): Option[] {
  if (typeof f.options === "function") return f.options(values);
  if (f.options) return f.options;
  const m = memberAt(type, f.path);
  return (m && ENUMS[m.type] ? ENUMS[m.type] : []).map((w) => ({ value: w, label: words(w) }));
}

function Choice({ type, f, id, values, isInvalid, isDisabled, isRequired, onChange }: Props) {
  const asked = useList(f.choices?.type ?? "", f.choices?.path ?? "", {}, f.choices !== undefined);
  const options = f.choices ? f.choices.options(asked.data ?? []) : optionsOf(type, f, values);
  const value = String(values[f.path] ?? "");
  if (f.as === "radio")
    return (
      <div role="radiogroup" aria-label={labelOf(f)} className="h-radios">
        {options.map((o) => (
          <Radio key={o.value} id={`${id}-${o.value}`} name={id} label={o.label} description={o.hint} isDisabled={isDisabled} isChecked={value === o.value} onChange={() => onChange(o.value)} />
        ))}
      </div>
    );
  const known = value === "" || options.some((o) => o.value === value);
  return (
    <FormSelect id={id} value={value} isDisabled={isDisabled} validated={isInvalid ? "error" : "default"} onChange={(_e, v) => onChange(v !== "" && memberAt(type, f.path)?.kind === "i" ? Number(v) : v)}>
      {(!isRequired || value === "") && <FormSelectOption value="" label={f.none ?? (isRequired ? t("dialogs.choose") : t("dialogs.unset"))} isPlaceholder />}
      {options.map((o) => <FormSelectOption key={o.value} value={o.value} label={o.label} />)}
      {!known && <FormSelectOption value={value} label={words(value)} />}
    </FormSelect>
  );
}

function Text({ f, id, values, isInvalid, isDisabled, isNew, look, onChange }: Props & { look: string }) {
  const text = String(values[f.path] ?? "");
  if (look === "area") return <TextArea id={id} value={text} rows={f.rows ?? 3} resizeOrientation="vertical" isDisabled={isDisabled} validated={isInvalid ? "error" : "default"} onChange={(_e, v) => onChange(v)} />;
  return (
    <TextInput id={id} type={look === "secret" ? "password" : "text"} autoComplete={look === "secret" ? "new-password" : "off"} value={text} isDisabled={isDisabled}
      placeholder={look === "secret" && !isNew ? t("dialogs.secret.keep") : undefined} validated={isInvalid ? "error" : "default"} onChange={(_e, v) => onChange(v)} />
  );
}

/** One field, as its member wants it. */
export function Input(props: Props) {
  const { type, f, id, values, isInvalid, isRequired, isDisabled, onChange } = props;
  const look = lookOf(type, f);
  const v = values[f.path];
  const label = labelOf(f);
  switch (look) {
    case "check":
      return <Checkbox id={id} label={label} description={f.hint} isDisabled={isDisabled} isChecked={v === true} onChange={(_e, on) => onChange(on)} />;
    case "reference":
      return <Reference id={id} label={label} from={f.from?.(values)} value={v as Entity | undefined} isInvalid={isInvalid} isDisabled={isDisabled} canClear={!isRequired} pick={f.pick} onChange={onChange} />;
    case "references":
      return <References id={id} label={label} from={f.from?.(values)} value={(v as Entity[]) ?? []} isInvalid={isInvalid} onChange={onChange} />;
    case "bytes":
      return <Size id={id} label={label} value={v as number | undefined} isInvalid={isInvalid} isDisabled={isDisabled} onChange={onChange} />;
    case "number":
      return <NumberField id={id} f={f} value={v as number | undefined} isInvalid={isInvalid} isDisabled={isDisabled} onChange={onChange} />;
    case "enum":
    case "radio":
      return <Choice {...props} />;
    case "words":
      return <Rows<string> label={label} rows={(v as string[]) ?? []} empty="" onChange={onChange} draw={(row, set, i) => <TextInput id={i ? undefined : id} aria-label={`${label} ${i + 1}`} value={row} onChange={(_e, x) => set(x)} />} />;
    case "ranges":
      return <Pairs id={id} label={label} value={(v as Pair[]) ?? []} a={["from", t("dialogs.from")]} b={["to", t("dialogs.to")]} onChange={onChange} />;
    case "properties":
      return <Pairs id={id} label={label} value={(v as Pair[]) ?? []} a={["name", t("dialogs.property")]} b={["value", t("dialogs.value")]} onChange={onChange} />;
    default:
      return <Text {...props} look={look} />;
  }
}

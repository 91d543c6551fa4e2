// SPDX-License-Identifier: Apache-2.0
// Small forms: fields by a list, and a dialog around them.
import {
  Alert, Button, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, Modal, ModalBody, ModalFooter, ModalHeader, Switch, TextArea, TextInput,
} from "@patternfly/react-core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { type Kept, NONE_KEPT } from "../dialogs/form/kept";
import { Fault } from "../lib/api";
import { parseBytes } from "../lib/format";
import { t } from "../text";
import { Choice } from "./Choice";

export interface Field {
  name: string;
  label: string;
  kind?: "text" | "area" | "number" | "size" | "choice" | "switch" | "password";
  choices?: { value: string; label: string; hint?: string }[];
  hint?: string;
  isRequired?: boolean;
  isDisabled?: boolean;
  min?: number;
  max?: number;
  /** names of VMs and the like: a pattern and what it means */
  pattern?: [RegExp, string];
}

export type Values = Record<string, string>;

/** What is wrong with a value; undefined: nothing. */
export function wrong(f: Field, v: string): string | undefined {
  if (f.isDisabled) return undefined;
  if (!v.trim()) return f.isRequired ? t("vmPortal.form.required") : undefined;
  if (f.kind === "size" && parseBytes(v) === undefined) return t("vmPortal.form.size");
  if (f.kind === "number" && !(Number.isInteger(Number(v)) && Number(v) >= (f.min ?? 0) && Number(v) <= (f.max ?? Infinity)))
    return t("vmPortal.form.number", { min: f.min ?? 0, max: f.max ?? "∞" });
  if (f.pattern && !f.pattern[0].test(v)) return f.pattern[1];
  return undefined;
}

export const isRight = (fields: Field[], values: Values) => fields.every((f) => !wrong(f, values[f.name] ?? ""));

interface FieldsProps {
  fields: Field[];
  values: Values;
  onChange: (values: Values) => void;
  /** before the fields' ids, where several forms are on a page */
  prefix?: string;
  /** complain about what has not been touched, too */
  isStrict?: boolean;
}

export function Fields({ fields, values, onChange, prefix = "v", isStrict }: FieldsProps) {
  const [touched, setTouched] = useState<Record<string, boolean>>({});
  const set = (name: string, v: string) => onChange({ ...values, [name]: v });
  return (
    <>
      {fields.map((f) => {
        const id = `${prefix}-${f.name}`;
        const v = values[f.name] ?? "";
        const fault = touched[f.name] || isStrict || (v !== "" && f.kind !== undefined) ? wrong(f, v) : undefined;
        const common = {
          id, value: v, isDisabled: f.isDisabled, isRequired: f.isRequired, validated: fault ? ("error" as const) : ("default" as const), "aria-describedby": fault || f.hint ? `${id}-hint` : undefined,
          onBlur: () => setTouched((old) => ({ ...old, [f.name]: true })),
        };
        if (f.kind === "switch")
          return (
            <FormGroup key={f.name} fieldId={id}>
              <Switch id={id} label={f.label} isChecked={v === "true"} isDisabled={f.isDisabled} onChange={(_e, on) => set(f.name, String(on))} />
              {f.hint && <Hint id={`${id}-hint`} text={f.hint} />}
            </FormGroup>
          );
        return (
          <FormGroup key={f.name} label={f.label} fieldId={id} isRequired={f.isRequired}>
            {f.kind === "choice" ? (
              <Choice id={id} label={f.label} value={v} choices={f.choices ?? []} onChange={(x) => set(f.name, x)} isFull isDisabled={f.isDisabled} />
            ) : f.kind === "area" ? (
              <TextArea {...common} rows={3} resizeOrientation="vertical" maxLength={4000} onChange={(_e, x) => set(f.name, x)} />
            ) : (
              <TextInput {...common} type={f.kind === "password" ? "password" : "text"} inputMode={f.kind === "number" ? "numeric" : undefined} autoComplete={f.kind === "password" ? "new-password" : "off"}
                maxLength={255} onChange={(_e, x) => set(f.name, x)} />
            )}
            {(fault ?? f.hint) && <Hint id={`${id}-hint`} text={fault ?? f.hint ?? ""} isFault={Boolean(fault)} />}
          </FormGroup>
        );
      })}
    </>
  );
}

const Hint = ({ id, text, isFault }: { id: string; text: string; isFault?: boolean }) => (
  <FormHelperText>
    <HelperText id={id}>
      <HelperTextItem variant={isFault ? "error" : "default"}>{text}</HelperTextItem>
    </HelperText>
  </FormHelperText>
);

/** What is kept for the next start. */
export interface Later {
  kept: Kept;
  onKept: (kept: Kept) => void;
}

interface DialogProps {
  title: string;
  description?: string;
  button: string;
  /** may depend on what has been chosen so far */
  fields: Field[] | ((values: Values) => Field[]);
  initial?: Values;
  onSave: (values: Values, kept: Kept) => Promise<unknown>;
  onClose: () => void;
  isDanger?: boolean;
  /** below the fields: what would become of what is said so far */
  below?: (values: Values, later: Later) => ReactNode;
}

/** More fields than this stand side by side. */
const MANY = 7;

/** A form in a dialog; what is refused stays open and says why. */
export function FieldDialog({ title, description, button, fields, initial = {}, onSave, onClose, isDanger, below }: DialogProps) {
  const [values, setValues] = useState<Values>(initial);
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [isStrict, setStrict] = useState(false);
  const [kept, setKept] = useState(NONE_KEPT);
  const client = useQueryClient();
  const shown = typeof fields === "function" ? fields(values) : fields;
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    if (!isRight(shown, values)) return setStrict(true);
    setBusy(true);
    setFault("");
    try {
      await onSave(values, kept);
      void client.invalidateQueries();
      onClose();
    } catch (x) {
      setFault(x instanceof Fault && x.status === 412 ? t("vmPortal.form.changed") : (x as Error).message || t("vmPortal.unreachable"));
      setBusy(false);
    }
  };
  return (
    <Modal isOpen variant={shown.length > MANY ? "medium" : "small"} onClose={onClose} aria-labelledby="form-title">
      <ModalHeader title={title} labelId="form-title" description={description} titleIconVariant={isDanger ? "warning" : undefined} />
      <ModalBody>
        <Form id="v-form" className={shown.length > MANY ? "v-form" : undefined} onSubmit={(e) => void submit(e)}>
          {fault && (
            <Alert variant="danger" isInline title={t("vmPortal.form.refused")} component="p" role="alert">
              {fault}
            </Alert>
          )}
          <Fields fields={shown} values={values} onChange={setValues} isStrict={isStrict} />
          {below?.(values, { kept, onKept: setKept })}
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="v-form" variant={isDanger ? "danger" : "primary"} isLoading={isBusy} isDisabled={isBusy}>
          {button}
        </Button>
        <Button variant="link" onClick={onClose}>
          {t("vmPortal.cancel")}
        </Button>
      </ModalFooter>
    </Modal>
  );
}

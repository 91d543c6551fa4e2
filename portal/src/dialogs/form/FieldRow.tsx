// SPDX-License-Identifier: Apache-2.0
// A field with its label, what it is for, and what is wrong with it.
import { FormGroup, FormHelperText, HelperText, HelperTextItem } from "@patternfly/react-core";
import { Input } from "./inputs";
import { type Field, labelOf, lookOf, mustHave } from "./model";
import type { FormState } from "./useForm";

export const fieldId = (path: string) => `f-${path.replace(/[^A-Za-z0-9_]+/g, "-")}`;

export function FieldRow({ form, f }: { form: FormState; f: Field }) {
  const { spec, values, entity, op } = form;
  const wrong = form.shown[f.path];
  const Draw = f.draw;
  if (Draw) return <div id={fieldId(f.path)} tabIndex={-1}><Draw values={values} errors={form.shown} set={form.set} entity={entity} /></div>;
  const look = lookOf(spec.type, f);
  const isCheck = look === "check";
  const must = mustHave(f, op, entity);
  const locked = f.locked?.(values, entity);
  const hint = locked ?? (isCheck ? undefined : f.hint);
  const id = fieldId(f.path);
  return (
    <FormGroup label={isCheck ? undefined : labelOf(f)} fieldId={look === "radio" ? undefined : id} isRequired={must && !isCheck} role={look === "radio" ? "group" : undefined}>
      <Input type={spec.type} f={f} id={id} values={values} isInvalid={wrong !== undefined} isRequired={must} isDisabled={locked !== undefined} isNew={!entity} onChange={(v) => form.set(f.path, v)} />
      {(wrong || hint) && (
        <FormHelperText>
          <HelperText>
            <HelperTextItem variant={wrong ? "error" : "default"}>{wrong ?? hint}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  );
}

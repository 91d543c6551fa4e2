// SPDX-License-Identifier: Apache-2.0
// The frame of all forms: tabs, what was refused, what it would be as a call, and the question before something typed is thrown away.
import { Alert, Button, Form, Modal, ModalBody, ModalFooter, ModalHeader, Tab, Tabs, TabTitleIcon, TabTitleText } from "@patternfly/react-core";
import { ExclamationCircleIcon } from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import { useEffect, useId, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { t } from "../../text";
import { Equivalents, type EquivalentsProps } from "../../ui/Equivalents";
import { fieldId, FieldRow } from "./FieldRow";
import type { Section } from "./model";
import type { FormState } from "./useForm";

interface Props {
  title: string;
  form: FormState;
  submit: string;
  /** what is said above the fields */
  intro?: React.ReactNode;
  /** stands above the fields */
  lead?: React.ReactNode;
  /** it ends or takes away something */
  isDanger?: boolean;
  /** stands below the fields, whatever tab is open */
  below?: React.ReactNode;
  fault?: string;
  isBusy?: boolean;
  canSubmit?: boolean;
  equivalents?: EquivalentsProps;
  variant?: "small" | "medium" | "large";
  onSubmit: () => void;
  onClose: () => void;
}

/** Asks before what was typed is lost. */
export function Discard({ onDiscard, onStay }: { onDiscard: () => void; onStay: () => void }) {
  return (
    <Modal isOpen variant="small" onClose={onStay} aria-label={t("dialogs.discard.title")}>
      <ModalHeader title={t("dialogs.discard.title")} titleIconVariant="warning" />
      <ModalBody>{t("dialogs.discard.text")}</ModalBody>
      <ModalFooter>
        <Button variant="danger" onClick={onDiscard}>{t("dialogs.discard.yes")}</Button>
        <Button variant="link" onClick={onStay}>{t("dialogs.discard.no")}</Button>
      </ModalFooter>
    </Modal>
  );
}

function SectionBody({ form, section }: { form: FormState; section: Section }) {
  const shown = section.fields.filter((f) => form.fields.includes(f));
  return <>{shown.map((f) => <FieldRow key={f.path} form={form} f={f} />)}</>;
}

/** The field with this id, or the first of several choices that share it as their name. */
const firstOf = (id: string) => `[id="${id}"], [name="${id}"]`;

function focusField(path: string) {
  const id = fieldId(path);
  const el = document.getElementById(id) ?? document.querySelector<HTMLElement>(`[id^="${id}-"], [name="${id}"]`);
  el?.focus();
  el?.scrollIntoView({ block: "center" });
}

/** Does a click there choose, add or take away something? Tabs and what only opens do not. */
const isChoice = (target: EventTarget) =>
  target instanceof Element && target.closest("[role=option], [role=menuitem], button:not([aria-expanded], [role=tab], [role=combobox])") !== null;

export function FormModal({ title, form, submit, intro, lead, isDanger, below, fault, isBusy, canSubmit = true, equivalents, variant, onSubmit, onClose }: Props) {
  const id = useId();
  const sections = form.spec.sections.filter((s) => !s.when || s.when(form.values, form.entity));
  const [tab, setTab] = useState(sections[0]?.id ?? "");
  const [asking, setAsking] = useState<"no" | "asking" | "leaving">("no");
  const wasTouched = useRef(false);
  const [isOpen, setOpen] = useState(false);
  const goTo = useRef<string>(undefined);
  const current = sections.find((s) => s.id === tab) ?? sections[0];
  const hasTabs = sections.length > 1;
  const wrongIn = (s: Section) => Object.keys(form.shown).some((p) => s.fields.some((f) => f.path === p));
  const toFirst = (errors: Record<string, string>) => {
    const section = sections.find((s) => s.fields.some((f) => f.path in errors));
    const field = section?.fields.find((f) => f.path in errors);
    if (!section || !field) return;
    goTo.current = field.path;
    setTab(section.id);
    setTimeout(() => focusField(field.path));
  };
  const isWrong = Object.keys(form.errors).length > 0;
  const faults = Object.keys(form.shown).length;
  const before = useRef(faults);
  useEffect(() => {
    if (fault !== undefined && faults && faults !== before.current) toFirst(form.shown);
    before.current = faults;
  });
  const onForm = (e: React.FormEvent) => {
    e.preventDefault();
    e.stopPropagation();
    if (isBusy || !canSubmit) return;
    form.tryAll();
    if (isWrong) toFirst(form.errors);
    else onSubmit();
  };
  const close = () => (form.isDirty && wasTouched.current && !isBusy ? setAsking("asking") : onClose());
  const discard = () => {
    flushSync(() => setAsking("leaving")); // one after the other: each gives the focus back to who is still there
    onClose();
  };
  const byHand = (e: React.SyntheticEvent) => {
    if (e.type === "input" || isChoice(e.target)) wasTouched.current = true;
  };
  const first = current?.fields.find((f) => form.fields.includes(f));
  return (
    <Modal isOpen disableFocusTrap={asking !== "no"} onClose={close} variant={variant ?? (hasTabs ? "large" : "medium")} aria-label={title} elementToFocus={first && !first.draw && !form.entity ? firstOf(fieldId(first.path)) : undefined} className={hasTabs ? "h-dialog h-dialog-tabs" : "h-dialog"}>
      <ModalHeader title={title} description={intro} titleIconVariant={isDanger ? "warning" : undefined} />
      <ModalBody className="h-dialog-body" onInputCapture={byHand} onClickCapture={byHand}>
        {lead}
        {fault && (
          <Alert component="p" variant="danger" isInline title={t("dialogs.refused")} className="h-dialog-fault">
            <span className="h-faults">{fault}</span>
          </Alert>
        )}
        <Form id={id} onSubmit={onForm} isHorizontal={variant !== "small"} noValidate className={hasTabs ? "h-form h-form-tabs" : "h-form"}>
          {hasTabs && (
            <Tabs isVertical activeKey={current.id} onSelect={(_e, key) => setTab(String(key))} aria-label={t("dialogs.tabs")} className="h-form-nav">
              {sections.map((s) => (
                <Tab key={s.id} eventKey={s.id} tabContentId={`${id}-pane`} title={
                  <>
                    <TabTitleText>{s.label}</TabTitleText>
                    {wrongIn(s) && <TabTitleIcon><ExclamationCircleIcon color="var(--pf-t--global--icon--color--status--danger--default)" aria-label={t("dialogs.tab.wrong")} /></TabTitleIcon>}
                  </>
                } />
              ))}
            </Tabs>
          )}
          <div className="h-form-fields" id={hasTabs ? `${id}-pane` : undefined} role={hasTabs ? "tabpanel" : undefined} aria-label={hasTabs ? current.label : undefined}>
            {current && <SectionBody key={current.id} form={form} section={current} />}
          </div>
        </Form>
        {below}
        {isOpen && equivalents && <div className="h-dialog-equivalents" ref={(el) => el?.scrollIntoView({ block: "nearest" })}><Equivalents {...equivalents} /></div>}
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form={id} variant={isDanger ? "danger" : "primary"} isLoading={isBusy} isDisabled={isBusy || !canSubmit || (form.entity !== undefined && !form.changed.length)}>{submit}</Button>
        <Button variant="link" onClick={close}>{t("dialogs.cancel")}</Button>
        {equivalents && (
          <Button variant="link" className="h-dialog-api" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>{t("dialogs.equivalents")}</Button>
        )}
      </ModalFooter>
      {asking === "asking" && <Discard onDiscard={discard} onStay={() => setAsking("no")} />}
    </Modal>
  );
}

// SPDX-License-Identifier: Apache-2.0
import {
  Alert, Button, Form, FormGroup, FormHelperText, FormSection, FormSelect, FormSelectOption, HelperText, HelperTextItem, Modal, ModalBody, ModalFooter, ModalHeader, TextInput,
} from "@patternfly/react-core";
import { type FormEvent, useState } from "react";
import { useMe } from "../lib/me";
import { changePassword, Fault, sessionUser } from "../lib/session";
import { formats, INTERVALS, type Interval, interval, language } from "../lib/settings";
import { useStore } from "../lib/store";
import { LANGUAGES, languageCode, locale, t } from "../text";
import { notify } from "./notify";

const FORMATS = ["cs", "de", "en-GB", "en-US", "es", "fr", "it", "ja", "ka", "ko", "pt-BR", "sv", "zh-CN"];

const languageName = (code: string) => new Intl.DisplayNames([code], { type: "language" }).of(code) ?? code;

function Choices() {
  const [spoken, setSpoken] = useState(language.get());
  const every = useStore(interval);
  const form = useStore(formats);
  const choose = (code: string) => {
    setSpoken(code);
    language.set(code);
  };
  const sample = new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(new Date());
  return (
    <FormSection title={t("frame.display")} titleElement="h2">
      <FormGroup label={t("frame.language")} fieldId="language">
        <FormSelect id="language" value={spoken} onChange={(_e, v) => choose(v)}>
          <FormSelectOption value="" label={t("frame.asBrowser")} />
          {LANGUAGES.map((code) => (
            <FormSelectOption key={code} value={code} label={languageName(code)} />
          ))}
        </FormSelect>
        {spoken !== "" && spoken !== languageCode() && (
          <FormHelperText>
            <Button variant="link" isInline onClick={() => window.location.reload()}>
              {t("frame.reloadForLanguage")}
            </Button>
          </FormHelperText>
        )}
      </FormGroup>
      <FormGroup label={t("frame.formats")} fieldId="formats">
        <FormSelect id="formats" value={form} onChange={(_e, v) => formats.set(v)}>
          <FormSelectOption value="" label={t("frame.asBrowser")} />
          {FORMATS.map((code) => (
            <FormSelectOption key={code} value={code} label={languageName(code)} />
          ))}
        </FormSelect>
        <FormHelperText>
          <HelperText>
            <HelperTextItem>{sample}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      </FormGroup>
      <FormGroup label={t("frame.refresh")} fieldId="refresh">
        <FormSelect id="refresh" value={every} onChange={(_e, v) => interval.set(v as Interval)}>
          {INTERVALS.map((s) => (
            <FormSelectOption key={s} value={s} label={t("frame.seconds", { n: Number(s) })} />
          ))}
        </FormSelect>
        <FormHelperText>
          <HelperText>
            <HelperTextItem>{t("frame.refreshHelp")}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      </FormGroup>
    </FormSection>
  );
}

function PasswordForm({ user }: { user: string }) {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const differs = again !== "" && fresh !== again;
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    setFault("");
    try {
      await changePassword(user, old, fresh);
      notify({ variant: "success", title: t("frame.passwordChanged") });
      for (const clear of [setOld, setFresh, setAgain]) clear("");
    } catch (error) {
      const x = error as Fault;
      setFault(/incorrect/i.test(x.detail) ? t("frame.oldPasswordWrong") : x.status === 0 ? t("frame.unreachable") : x.message);
    } finally {
      setBusy(false);
    }
  };
  const field = (id: string, label: string, value: string, set: (v: string) => void, isNew: boolean, help?: string) => (
    <FormGroup label={label} fieldId={id} isRequired>
      <TextInput id={id} type="password" isRequired autoComplete={isNew ? "new-password" : "current-password"} value={value} validated={help ? "error" : "default"}
        aria-describedby={help ? `${id}-help` : undefined} onChange={(_e, v) => set(v)} />
      {help && (
        <FormHelperText id={`${id}-help`}>
          <HelperText>
            <HelperTextItem variant="error">{help}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  );
  return (
    <Form onSubmit={submit}>
      <FormSection title={t("frame.changePassword")} titleElement="h2">
        {fault && <Alert variant="danger" isInline title={fault} component="p" role="alert" />}
        <input type="text" hidden readOnly autoComplete="username" value={user} />
        {field("account-old", t("frame.oldPassword"), old, setOld, false)}
        {field("account-new", t("frame.newPassword"), fresh, setFresh, true)}
        {field("account-again", t("frame.newPasswordAgain"), again, setAgain, true, differs ? t("frame.passwordsDiffer") : undefined)}
        <div>
          <Button type="submit" variant="secondary" isLoading={isBusy} isDisabled={isBusy || !old || !fresh || fresh !== again}>
            {t("frame.changePassword")}
          </Button>
        </div>
      </FormSection>
    </Form>
  );
}

/** What people set for themselves: language, formats, refresh, password. */
export function AccountDialog({ onClose }: { onClose: () => void }) {
  const me = useMe();
  const user = sessionUser() || (me?.user_name ?? "");
  const expires = me?.password_expires;
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby="account-title">
      <ModalHeader title={t("frame.account")} labelId="account-title" description={[user, [me?.name, me?.last_name].filter(Boolean).join(" ")].filter(Boolean).join(" · ")} />
      <ModalBody className="h-account">
        <Form>
          <Choices />
        </Form>
        {me?.can_change_password !== false && <PasswordForm user={user} />}
        {expires !== undefined && <p>{t("frame.passwordExpires", { date: new Intl.DateTimeFormat(locale(), { dateStyle: "long" }).format(expires) })}</p>}
      </ModalBody>
      <ModalFooter>
        <Button onClick={onClose}>{t("frame.close")}</Button>
      </ModalFooter>
    </Modal>
  );
}

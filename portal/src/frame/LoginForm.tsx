// SPDX-License-Identifier: Apache-2.0
// User and password; when the password is out of date, also a new one.
import { Alert, Button, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, TextInput } from "@patternfly/react-core";
import { type FormEvent, useState } from "react";
import { changePassword, Fault, login } from "../lib/session";
import { t } from "../text";

interface Props {
  /** who is asked; undefined: anybody */
  user?: string;
  onLogin?: () => void;
  secondary?: React.ReactNode;
}

/** What a refused login means, as people say it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Fault)) return String(error);
  if (error.status === 0) return t("frame.unreachable");
  if (/locked|disabled/i.test(error.detail)) return t("frame.locked");
  if (/incorrect/i.test(error.detail)) return t("frame.wrongPassword");
  return error.message || t("frame.loginRefused");
}

const isExpired = (error: unknown) => error instanceof Fault && /out of date|expired/i.test(error.detail);

function Password({ id, label, value, onChange, isNew, help, hasFocus }: {
  id: string; label: string; value: string; onChange: (v: string) => void; isNew?: boolean; help?: string; hasFocus?: boolean;
}) {
  return (
    <FormGroup label={label} fieldId={id} isRequired>
      <TextInput id={id} name={id} type="password" isRequired value={value} autoFocus={hasFocus} autoComplete={isNew ? "new-password" : "current-password"}
        validated={help ? "error" : "default"} aria-describedby={help ? `${id}-help` : undefined} onChange={(_e, v) => onChange(v)} />
      {help && (
        <FormHelperText id={`${id}-help`}>
          <HelperText>
            <HelperTextItem variant="error">{help}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  );
}

export function LoginForm({ user: known, onLogin, secondary }: Props) {
  const [user, setUser] = useState(known ?? "");
  const [profile, setProfile] = useState("internal");
  const [password, setPassword] = useState("");
  const [isOld, setOld] = useState(false);
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const differs = isOld && again !== "" && fresh !== again;
  const isReady = user !== "" && password !== "" && (!isOld || (fresh !== "" && fresh === again));

  const enter = async () => {
    const name = user.includes("@") ? user : `${user}@${profile || "internal"}`;
    if (isOld) {
      await changePassword(name, password, fresh);
      setOld(false);
      setPassword(fresh);
    }
    await login(name, isOld ? fresh : password);
    onLogin?.();
  };
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    if (!isReady || isBusy) return;
    setBusy(true);
    setFault("");
    try {
      await enter();
    } catch (error) {
      if (isExpired(error) && !isOld) setOld(true);
      else setFault(reasonOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Form onSubmit={submit} className="h-login-form">
      {fault && <Alert variant="danger" isInline title={fault} component="p" role="alert" />}
      {isOld && <Alert variant="info" isInline title={t("frame.passwordOld")} component="p" role="alert" />}
      <FormGroup label={t("frame.userName")} fieldId="login-user" isRequired={!known}>
        <TextInput id="login-user" name="username" value={user} isRequired readOnlyVariant={known || isOld ? "default" : undefined} autoFocus={!known} autoComplete="username"
          autoCapitalize="none" spellCheck={false} onChange={(_e, v) => setUser(v.trim())} />
      </FormGroup>
      <Password id="login-password" label={isOld ? t("frame.oldPassword") : t("frame.password")} value={password} onChange={setPassword} hasFocus={known !== undefined} />
      {isOld && <Password id="login-new" label={t("frame.newPassword")} value={fresh} onChange={setFresh} isNew hasFocus />}
      {isOld && <Password id="login-again" label={t("frame.newPasswordAgain")} value={again} onChange={setAgain} isNew help={differs ? t("frame.passwordsDiffer") : undefined} />}
      {!known && !isOld && !user.includes("@") && (
        <FormGroup label={t("frame.profile")} fieldId="login-profile">
          <TextInput id="login-profile" name="profile" value={profile} autoCapitalize="none" spellCheck={false} onChange={(_e, v) => setProfile(v.trim())} />
        </FormGroup>
      )}
      <Button type="submit" isBlock isDisabled={!isReady || isBusy} isLoading={isBusy}>
        {isOld ? t("frame.changeAndLogin") : t("frame.login")}
      </Button>
      {secondary}
    </Form>
  );
}

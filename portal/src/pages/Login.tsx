// SPDX-License-Identifier: Apache-2.0
import { LoginForm, LoginPage } from "@patternfly/react-core";
import { useState } from "react";
import { login } from "../lib/api";

export function Login({ onLogin }: { onLogin: () => void }) {
  const [user, setUser] = useState("admin");
  const [password, setPassword] = useState("");
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (e: React.MouseEvent) => {
    e.preventDefault();
    setBusy(true);
    try {
      const [name, profile] = user.includes("@") ? [user.slice(0, user.lastIndexOf("@")), user.slice(user.lastIndexOf("@") + 1)] : [user, "internal"];
      await login(name, password, profile);
      onLogin();
    } catch (x) {
      setFault((x as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <LoginPage loginTitle="Log in to Hostler" brandImgAlt="">
      <LoginForm
        showHelperText={fault !== ""}
        helperText={fault}
        usernameLabel="User name"
        usernameValue={user}
        onChangeUsername={(_e, v) => setUser(v)}
        passwordLabel="Password"
        passwordValue={password}
        onChangePassword={(_e, v) => setPassword(v)}
        onLoginButtonClick={submit}
        isLoginButtonDisabled={isBusy}
        loginButtonLabel="Log in"
      />
    </LoginPage>
  );
}

// SPDX-License-Identifier: Apache-2.0
import { useEffect } from "react";
import { LoginForm } from "../frame/LoginForm";
import { Logo } from "../frame/Logo";
import { t } from "../text";

/** The first page. Afterwards one is where the link led. */
export function Login({ portal, onLogin }: { portal?: string; onLogin?: () => void }) {
  useEffect(() => {
    document.title = t("frame.loginTitle", { product: t("frame.product") });
  }, []);
  return (
    <div className="h-login">
      <main className="h-login-card">
        <header>
          <Logo suffix={portal} />
          <h1>{t("frame.loginTo", { manager: window.location.hostname })}</h1>
        </header>
        <LoginForm onLogin={onLogin} />
      </main>
    </div>
  );
}

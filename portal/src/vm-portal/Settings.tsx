// SPDX-License-Identifier: Apache-2.0
// What people choose for themselves in the VM Portal.
import { Button, Card, CardBody, CardTitle, Form, FormGroup, PageSection } from "@patternfly/react-core";
import { createElement, lazy, Suspense } from "react";
import { showDialog } from "../dialogs/store";
import { THEMES, theme, type Theme } from "../lib/settings";
import { useStore, type Store } from "../lib/store";
import { t, type TextKey } from "../text";
import { Choice } from "./Choice";
import { SshKeys } from "./SshKeys";
import { CONSOLES, consoleChoice, NOTIFICATIONS, notifications, VIEWS, view } from "./preferences";

const AccountDialog = lazy(() => import("../frame/AccountDialog").then((m) => ({ default: m.AccountDialog })));
const account = () => showDialog((onClose) => createElement(Suspense, { fallback: null }, createElement(AccountDialog, { onClose })));

function Setting<T extends string>({ of, values, words, label }: { of: Store<T>; values: readonly T[]; words: string; label: string }) {
  const value = useStore(of);
  const id = `setting-${words.replace(/\W/g, "-")}`;
  return (
    <FormGroup label={label} fieldId={id}>
      <Choice id={id} label={label} value={value} choices={values.map((v) => ({ value: v, label: t(`${words}.${v}` as TextKey) }))} onChange={(v) => of.set(v as T)} isFull />
    </FormGroup>
  );
}

export default function Settings() {
  return (
    <PageSection isFilled aria-label={t("vmPortal.settings")} className="v-page v-narrow">
      <div className="v-head">
        <h1>{t("vmPortal.settings")}</h1>
      </div>
      <Card>
        <CardBody>
          <Form>
            <Setting of={consoleChoice} values={CONSOLES} words="vmPortal.setting.console" label={t("vmPortal.setting.console")} />
            <Setting of={view} values={VIEWS} words="vmPortal.setting.view" label={t("vmPortal.setting.view")} />
            <Setting of={notifications} values={NOTIFICATIONS} words="vmPortal.setting.notifications" label={t("vmPortal.setting.notifications")} />
            <Setting<Theme> of={theme} values={THEMES} words="vmPortal.setting.theme" label={t("vmPortal.setting.theme")} />
          </Form>
          <p className="v-quiet v-gap">{t("vmPortal.setting.kept")}</p>
        </CardBody>
      </Card>
      <SshKeys />
      <Card className="v-gap">
        <CardTitle component="h2">{t("vmPortal.setting.account")}</CardTitle>
        <CardBody>
          <p className="v-quiet">{t("vmPortal.setting.accountHint")}</p>
          <Button variant="secondary" className="v-gap" onClick={account}>
            {t("vmPortal.setting.accountOpen")}
          </Button>
        </CardBody>
      </Card>
    </PageSection>
  );
}

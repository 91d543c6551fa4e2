// SPDX-License-Identifier: Apache-2.0
// What both portals stand in: session, live changes, messages, errors.
import "@patternfly/react-core/dist/styles/base.css";
import "./frame.css";
import { Bullseye, Spinner } from "@patternfly/react-core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, type ReactNode, StrictMode, Suspense, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { Fault, isAway, sessionState, whenLoggedOut } from "../lib/session";
import { closeDialogs } from "../dialogs/store";
import { startTheme } from "../lib/settings";
import { useStore } from "../lib/store";
import { Login } from "../pages/Login";
import { loadLanguage, t } from "../text";
import { AwayBanner } from "./AwayBanner";
import { ErrorBoundary, wasReloaded } from "./ErrorBoundary";
import { notify } from "./notify";
import { Toasts } from "./Toasts";

const LoginDialog = lazy(() => import("./LoginDialog").then((m) => ({ default: m.LoginDialog })));

/** Of the whole page; forgets everything when the user logs out. */
export const client = new QueryClient({
  defaultOptions: {
    queries: { retry: (n, e) => !(e instanceof Fault && ((e.status > 0 && e.status < 500) || e.status === 501)) && n < 2, networkMode: "always" },
    mutations: { networkMode: "always" },
  },
});

/** In the middle of a page or of a part that is being fetched. */
export const Waiting = () => (
  <Bullseye>
    <Spinner aria-label={t("frame.loading")} />
  </Bullseye>
);

/** Begins something, and ends it when what is given back is called, also when it has not begun yet. */
function whileShown(begin: () => Promise<() => void>): () => void {
  const ending = begin();
  return () => void ending.then((end) => end());
}

function Inside({ children }: { children: ReactNode }) {
  const isExpired = useStore(sessionState) === "expired";
  useEffect(() => whileShown(async () => (await import("../lib/live")).startLive(client)), []);
  useEffect(() => isAway.subscribe(() => isAway.get() || void client.invalidateQueries()), []);
  return (
    <>
      <AwayBanner />
      <Suspense fallback={<Waiting />}>{children}</Suspense>
      {isExpired && (
        <Suspense>
          <LoginDialog />
        </Suspense>
      )}
    </>
  );
}

function Gate({ name, children }: { name?: string; children: ReactNode }) {
  const isOut = useStore(sessionState) === "out";
  return isOut ? (
    <>
      <AwayBanner />
      <Login portal={name} />
    </>
  ) : (
    <Inside>{children}</Inside>
  );
}

/** Shows a portal in #root: asks who it is, then shows the children. name: beside the product's name, on the login page. */
export async function startPortal(children: ReactNode, name?: () => string): Promise<void> {
  startTheme();
  await loadLanguage();
  whenLoggedOut(() => (closeDialogs(), client.clear()));
  if (wasReloaded()) notify({ variant: "info", title: t("frame.updated") });
  createRoot(document.getElementById("root")!).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <ErrorBoundary place="">
          <div className="h-app">
            <Gate name={name?.()}>{children}</Gate>
          </div>
          <Toasts />
        </ErrorBoundary>
      </QueryClientProvider>
    </StrictMode>,
  );
}

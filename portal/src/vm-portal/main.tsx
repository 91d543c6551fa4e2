// SPDX-License-Identifier: Apache-2.0
// The VM Portal: one's own virtual machines.
import "@patternfly/react-core/dist/styles/base.css";
import "../ui/style.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { actAsUser, Fault } from "../lib/api";
import { sessionState } from "../lib/session";
import { useStore } from "../lib/store";
import { Login } from "../pages/Login";
import { usePlace } from "../ui/router";

actAsUser();
const client = new QueryClient({ defaultOptions: { queries: { retry: (n, e) => !(e instanceof Fault && e.status < 500) && n < 2 } } });
const ConsolePage = lazy(() => import("../console/ConsolePage"));

function App() {
  const { path } = usePlace();
  if (useStore(sessionState) === "out") return <Login onLogin={() => undefined} />;
  return <Suspense>{path[0] === "console" && <ConsolePage />}</Suspense>;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);

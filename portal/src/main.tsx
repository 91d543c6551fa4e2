// SPDX-License-Identifier: Apache-2.0
import "@patternfly/react-core/dist/styles/base.css";
import "@patternfly/react-styles/css/components/Table/table.css";
import "./ui/style.css";
import {
  Button, Masthead, MastheadBrand, MastheadContent, MastheadMain, Nav, NavGroup, NavItem, Page, PageSidebar, PageSidebarBody, SkipToContent,
  Toolbar, ToolbarContent, ToolbarItem,
} from "@patternfly/react-core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { DialogHost } from "./dialogs";
import { Fault, isLoggedIn, logout, whenLoggedOut } from "./lib/api";
import { PAGES, pageOf } from "./lib/entities";
import { DetailPage } from "./pages/DetailPage";
import { ListPage } from "./pages/ListPage";
import { Login } from "./pages/Login";
import { linkTo, usePlace } from "./ui/router";

const client = new QueryClient({
  defaultOptions: { queries: { retry: (n, e) => !(e instanceof Fault && e.status < 500) && n < 2 } },
});

const GROUPS = ["Compute", "Network", "Storage", "Administration"] as const;

function useDark(): [boolean, () => void] {
  const [isDark, setDark] = useState(() => (localStorage.getItem("hostler-dark") ?? String(matchMedia("(prefers-color-scheme: dark)").matches)) === "true");
  useEffect(() => {
    document.documentElement.classList.toggle("pf-v6-theme-dark", isDark);
    localStorage.setItem("hostler-dark", String(isDark));
  }, [isDark]);
  return [isDark, () => setDark(!isDark)];
}

function Frame() {
  const { path } = usePlace();
  const [isDark, toggleDark] = useDark();
  const page = pageOf(path[0] ?? "vms") ?? PAGES[0];
  const head = (
    <Masthead>
      <MastheadMain>
        <MastheadBrand>
          <a href={linkTo("vms")} className="h-brand">
            Hostler
          </a>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <Toolbar isStatic>
          <ToolbarContent>
            <ToolbarItem align={{ default: "alignEnd" }}>
              <Button variant="plain" onClick={toggleDark} aria-pressed={isDark} aria-label="Dark mode">
                {isDark ? "☀" : "☾"}
              </Button>
              <Button variant="link" onClick={() => void logout()}>
                Log out
              </Button>
            </ToolbarItem>
          </ToolbarContent>
        </Toolbar>
      </MastheadContent>
    </Masthead>
  );
  const side = (
    <PageSidebar>
      <PageSidebarBody>
        <Nav aria-label="Main">
          {GROUPS.map((g) => (
            <NavGroup key={g} title={g}>
              {PAGES.filter((p) => p.group === g).map((p) => (
                <NavItem key={p.path} isActive={p === page} to={linkTo(p.path)}>
                  {p.many}
                </NavItem>
              ))}
            </NavGroup>
          ))}
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
  return (
    <Page masthead={head} sidebar={side} isManagedSidebar isContentFilled mainContainerId="main" skipToContent={<SkipToContent href="#main">Skip to content</SkipToContent>}>
      {path[1] ? <DetailPage key={path[1]} page={page} id={path[1]} tab={path[2] ?? ""} /> : <ListPage key={page.path} page={page} />}
    </Page>
  );
}

function App() {
  const [isIn, setIn] = useState(isLoggedIn());
  useEffect(() => whenLoggedOut(() => (setIn(false), client.clear())), []);
  return isIn ? <Frame /> : <Login onLogin={() => setIn(true)} />;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <App />
      <DialogHost />
    </QueryClientProvider>
  </StrictMode>,
);

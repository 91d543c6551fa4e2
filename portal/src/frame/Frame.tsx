// SPDX-License-Identifier: Apache-2.0
// The Administration Portal around its pages.
import { Page, SkipToContent } from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { DialogHost } from "../dialogs/store";
import { useUnread } from "../lib/alerts";
import { type Entity, get } from "../lib/api";
import { pageOf } from "../lib/entities";
import { nameOf } from "../lib/format";
import { useJobWatch } from "../lib/jobs";
import { later } from "../lib/later";
import { isSidebarHidden } from "../lib/settings";
import { useStore } from "../lib/store";
import { ROUTES, START } from "../routes";
import { t } from "../text";
import { placeOf, usePlace } from "../ui/router";
import { ErrorBoundary } from "./ErrorBoundary";
import { PortalMasthead } from "./Masthead";
import { entityPages, titleOf } from "./pages";
import { frameDialog, pane as paneStore, togglePane } from "./panes";
import { Waiting } from "./Portal";
import { useShortcuts } from "./shortcuts";
import { Sidebar } from "./Sidebar";

const ListPage = later(async () => (await import("../pages/ListPage")).ListPage);
const DetailPage = later(async () => (await import("../pages/DetailPage")).DetailPage);
const NotFound = lazy(() => import("./NotFound"));
const TasksPane = lazy(() => import("./TasksPane").then((m) => ({ default: m.TasksPane })));
const NotificationsPane = lazy(() => import("./NotificationsPane").then((m) => ({ default: m.NotificationsPane })));
const TagsPane = lazy(() => import("./TagsPane").then((m) => ({ default: m.TagsPane })));
const Palette = lazy(() => import("./Palette").then((m) => ({ default: m.Palette })));
const ShortcutsDialog = lazy(() => import("./ShortcutsDialog").then((m) => ({ default: m.ShortcutsDialog })));
const AboutDialog = lazy(() => import("./AboutDialog").then((m) => ({ default: m.AboutDialog })));

const PANES = { tasks: TasksPane, notifications: NotificationsPane, tags: TagsPane };
const DIALOGS = { palette: Palette, shortcuts: ShortcutsDialog, about: AboutDialog };
const WIDE = matchMedia("(min-width: 75rem)");

/** The code of the page that the address names: while somebody types a password. */
function fetchPage() {
  const { path } = placeOf(window.location.hash);
  (ROUTES[path[0] ?? START]?.component ?? (path[1] ? DetailPage : ListPage)).fetch();
}
fetchPage();

/** What the path names: a page of its own, an entity's list or details, or nothing. */
function Shown({ path }: { path: string[] }) {
  const word = path[0] ?? START;
  const Route = ROUTES[word]?.component;
  const page = pageOf(word);
  if (Route) return <Route />;
  if (!page) return <NotFound word={path.join("/")} pages={[...Object.keys(ROUTES), ...entityPages().map((p) => p.path)]} />;
  return path[1] ? <DetailPage key={`${word}/${path[1]}`} page={page} id={path[1]} tab={path[2] ?? ""} /> : <ListPage key={word} page={page} />;
}

/** "web01 · Virtual machines · Hostler" */
function useTitle(path: string[]) {
  const word = path[0] ?? START;
  const page = pageOf(word);
  const one = path[1] && page ? `${word}/${encodeURIComponent(path[1])}` : "";
  // asked for by the page itself; that one tries again with what the last observer said, so this one must be able to, too
  const { data } = useQuery<Entity>({ queryKey: ["one", one], queryFn: ({ signal }) => get(page?.type ?? "", one, { signal }), enabled: false });
  const name = one && data ? nameOf(data) : "";
  useEffect(() => {
    document.title = [name, titleOf(word), t("frame.product")].filter(Boolean).join(" · ");
  }, [name, word]);
}

/** After going to another page the keyboard is in it, not on the link that led there. */
function useFocus(place: string) {
  const before = useRef(place);
  useEffect(() => {
    if (before.current === place) return;
    before.current = place;
    const main = document.getElementById("main");
    main?.scrollTo(0, 0);
    if (!main?.contains(document.activeElement)) main?.focus({ preventScroll: true });
  }, [place]);
}

function useSidebar() {
  const hidden = useStore(isSidebarHidden) === "yes";
  const [isWide, setWide] = useState(WIDE.matches);
  const [isLaid, setLaid] = useState(false);
  useEffect(() => {
    const change = () => setWide(WIDE.matches);
    WIDE.addEventListener("change", change);
    return () => WIDE.removeEventListener("change", change);
  }, []);
  const toggle = useCallback(() => (WIDE.matches ? isSidebarHidden.set(isSidebarHidden.get() === "yes" ? "no" : "yes") : setLaid((is) => !is)), []);
  useEffect(() => {
    if (!isLaid) return;
    const leave = (e: Event) => {
      const isInside = (e.target as Element).closest("#sidebar, .pf-v6-c-masthead__toggle");
      if (e instanceof KeyboardEvent ? e.key === "Escape" : !isInside) setLaid(false);
    };
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, leave);
    return () => ["pointerdown", "keydown"].forEach((kind) => document.removeEventListener(kind, leave));
  }, [isLaid]);
  return { isOpen: isWide ? !hidden : isLaid, isLaid: !isWide && isLaid, toggle, close: () => setLaid(false) };
}

function Dialogs() {
  const which = useStore(frameDialog);
  const Dialog = which && which !== "account" ? DIALOGS[which] : undefined;
  return <Suspense>{Dialog && <Dialog onClose={() => frameDialog.get() === which && frameDialog.set(undefined)} />}</Suspense>;
}

function Framed() {
  const { path } = usePlace();
  const pane = useStore(paneStore);
  const jobs = useJobWatch();
  const alerts = useUnread();
  const sidebar = useSidebar();
  const word = path[0] ?? START;
  const place = path.slice(0, 2).join("/");
  const Drawer = pane && PANES[pane];
  useTitle(path);
  useFocus(place);
  useShortcuts(sidebar.toggle);
  useEffect(() => {
    const close = (e: KeyboardEvent) => {
      if (e.key === "Escape" && !e.defaultPrevented && (document.activeElement === document.body || document.activeElement?.closest(".pf-v6-c-notification-drawer, .h-pane-button"))) paneStore.set(undefined);
    };
    document.addEventListener("keydown", close);
    return () => document.removeEventListener("keydown", close);
  }, []);
  return (
    <>
      <Page
        className="h-page"
        isContentFilled
        mainContainerId="main"
        mainTabIndex={-1}
        skipToContent={
          <SkipToContent href="#main" onClick={(e) => (e.preventDefault(), document.getElementById("main")?.focus())}>
            {t("frame.skip")}
          </SkipToContent>
        }
        masthead={
          <PortalMasthead
            pane={pane}
            onPane={togglePane}
            isSidebarOpen={sidebar.isOpen}
            onSidebar={sidebar.toggle}
            onPalette={() => frameDialog.set("palette")}
            running={jobs.filter((j) => j.status === "started").length}
            alerts={alerts}
          />
        }
        sidebar={<Sidebar current={word} isOpen={sidebar.isOpen} isLaid={sidebar.isLaid} onGo={sidebar.close} />}
        isNotificationDrawerExpanded={pane !== undefined}
        notificationDrawer={<Suspense fallback={<Waiting />}>{Drawer && <Drawer onClose={() => paneStore.set(undefined)} />}</Suspense>}
      >
        <ErrorBoundary place={place}>
          <Suspense fallback={<Waiting />}>
            <Shown path={path} />
          </Suspense>
        </ErrorBoundary>
      </Page>
      <Dialogs />
    </>
  );
}

/** A page in a window of its own: a console. */
function Bare({ path }: { path: string[] }) {
  const Route = ROUTES[path[0]].component;
  return (
    <ErrorBoundary place={path.join("/")}>
      <Route />
    </ErrorBoundary>
  );
}

export function Frame() {
  const { path } = usePlace();
  return (
    <>
      {ROUTES[path[0] ?? START]?.isBare ? <Bare path={path} /> : <Framed />}
      <DialogHost />
    </>
  );
}

// SPDX-License-Identifier: Apache-2.0
// Masthead and pages of the VM Portal.
import "@patternfly/react-styles/css/components/Table/table.css";
import "./vm-portal.css";
import { Button, DropdownItem, Masthead, MastheadBrand, MastheadContent, MastheadMain, Page, SkipToContent } from "@patternfly/react-core";
import BellIcon from "@patternfly/react-icons/dist/esm/icons/bell-icon";
import CogIcon from "@patternfly/react-icons/dist/esm/icons/cog-icon";
import { lazy, Suspense, useEffect } from "react";
import { DialogHost } from "../dialogs/store";
import { Waiting } from "../frame/Portal";
import { Logo } from "../frame/Logo";
import { notify } from "../frame/notify";
import { UserMenu } from "../frame/UserMenu";
import type { Entity } from "../lib/api";
import { onEvent } from "../lib/live";
import { useStore } from "../lib/store";
import { t } from "../text";
import { useMe } from "../ui/queries";
import { linkTo, usePlace } from "../ui/router";
import { notifications } from "./preferences";
import { VmList } from "./VmList";

const ConsolePage = lazy(() => import("../console/ConsolePage"));
const VmDetails = lazy(() => import("./VmDetails"));
const CreateWizard = lazy(() => import("./CreateWizard"));
const Events = lazy(() => import("./Events"));
const Settings = lazy(() => import("./Settings"));
const Templates = lazy(() => import("./Templates"));

const ADMIN = "/ovirt-engine/webadmin/";
const LOUD: Record<string, "warning" | "danger"> = { warning: "warning", error: "danger", alert: "danger" };

/** Events of high severity show up in the corner, when the user wants that. */
function useLoudEvents() {
  const wanted = useStore(notifications);
  useEffect(() => {
    if (wanted === "off") return;
    return onEvent((e: Entity) => {
      const variant = LOUD[String(e.severity)];
      if (variant && (wanted === "all" || variant === "danger")) notify({ variant, title: String(e.description ?? "") });
    });
  }, [wanted]);
}

function Head({ place }: { place: string }) {
  const me = useMe();
  return (
    <Masthead className="h-masthead" display={{ default: "inline" }}>
      <MastheadMain>
        <MastheadBrand>
          <a href={linkTo("")} className="h-brand" title={`${t("frame.product")} ${t("vmPortal.name")}`}>
            <Logo suffix={t("vmPortal.name")} />
          </a>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <nav aria-label={t("vmPortal.pages")} className="v-nav">
          <a href={linkTo("")} aria-current={place === "" || place === "vms" ? "page" : undefined}>
            {t("vmPortal.vms")}
          </a>
          <a href={linkTo("templates")} aria-current={place === "templates" ? "page" : undefined}>
            {t("vmPortal.templates")}
          </a>
        </nav>
        <div className="h-tools">
          {me?.is_admin && (
            <Button component="a" href={ADMIN} variant="link" className="v-wide">
              {t("vmPortal.administration")}
            </Button>
          )}
          <Button component="a" href={linkTo("events")} variant="plain" icon={<BellIcon />} aria-label={t("vmPortal.events")} />
          <Button component="a" href={linkTo("settings")} variant="plain" className="v-settings" icon={<CogIcon />} aria-label={t("vmPortal.settings")} />
          <UserMenu>
            <DropdownItem to={linkTo("settings")} component="a">
              {t("vmPortal.settings")}
            </DropdownItem>
            {me?.is_admin && (
              <DropdownItem to={ADMIN} component="a">
                {t("vmPortal.administration")}
              </DropdownItem>
            )}
          </UserMenu>
        </div>
      </MastheadContent>
    </Masthead>
  );
}

function PageOf({ path }: { path: string[] }) {
  switch (path[0]) {
    case "vms":
      return path[1] ? <VmDetails key={path[1]} id={path[1]} tab={path[2] ?? ""} /> : <VmList />;
    case "new":
      return <CreateWizard />;
    case "events":
      return <Events />;
    case "settings":
      return <Settings />;
    case "templates":
      return <Templates />;
    default:
      return <VmList />;
  }
}

export function VmPortal() {
  const { path } = usePlace();
  useLoudEvents();
  useEffect(() => {
    if (path[0] !== "console" && path[0] !== "vms") document.title = t("vmPortal.title");
  }, [path]);
  if (path[0] === "console")
    return (
      <>
        <ConsolePage />
        <DialogHost />
      </>
    );
  return (
    <Page masthead={<Head place={path[0] ?? ""} />} mainContainerId="main" isContentFilled className="v-portal" skipToContent={<SkipToContent href="#main" onClick={skip}>{t("vmPortal.skip")}</SkipToContent>}>
      <Suspense fallback={<Waiting />}>
        <PageOf path={path} />
      </Suspense>
      <DialogHost />
    </Page>
  );
}

/** The part behind '#' is the place in the portal: the way to the content is by focus. */
function skip(e: React.MouseEvent) {
  e.preventDefault();
  document.getElementById("main")?.focus();
}

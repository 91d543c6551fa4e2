// SPDX-License-Identifier: Apache-2.0
import { Nav, NavExpandable, NavItem, NavList, PageSidebar, PageSidebarBody } from "@patternfly/react-core";
import type { ComponentType, ReactNode } from "react";
import { closedGroups } from "../lib/settings";
import { useStore } from "../lib/store";
import { t } from "../text";
import { linkTo } from "../ui/router";
import { useOperations } from "../ui/queries";
import { BOTTOM, groups, isThere, TOP, titleOf } from "./pages";

const withIcon = (Icon: ComponentType, text: ReactNode) => (
  <span className="h-nav-text">
    <Icon />
    {text}
  </span>
);

/** The pages in their groups. isLaid: over the page, on a narrow screen. */
export function Sidebar({ current, isOpen, isLaid, onGo }: { current: string; isOpen: boolean; isLaid: boolean; onGo: () => void }) {
  const { data: has } = useOperations();
  const closed = useStore(closedGroups).split(",").filter(Boolean);
  const toggle = (id: string, open: boolean) => closedGroups.set([...closed.filter((c) => c !== id), ...(open ? [] : [id])].join(","));
  const item = (path: string, Icon?: ComponentType) => (
    <NavItem key={path} itemId={path} isActive={path === current} to={linkTo(path)} onClick={onGo} icon={Icon && <Icon />}>
      {titleOf(path)}
    </NavItem>
  );
  const alone = (pages: typeof TOP) => pages.filter((p) => isThere(p.path, has)).map((p) => item(p.path, p.icon));
  return (
    <PageSidebar isSidebarOpen={isOpen} id="sidebar" className={isLaid ? "pf-m-expanded" : ""}>
      <PageSidebarBody>
        <Nav aria-label={t("frame.navigation")} className="h-nav">
          <NavList>
            {alone(TOP)}
            {groups(has).map(({ id, title, icon, paths }) => (
              <NavExpandable
                key={id}
                title={withIcon(icon, t(title))}
                groupId={id}
                isActive={paths.includes(current)}
                isExpanded={paths.includes(current) || !closed.includes(id)}
                onExpand={(_e, open) => toggle(id, open)}
              >
                {paths.map((path) => item(path))}
              </NavExpandable>
            ))}
            {alone(BOTTOM)}
          </NavList>
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
}

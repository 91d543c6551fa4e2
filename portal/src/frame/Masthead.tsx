// SPDX-License-Identifier: Apache-2.0
import { Button, Masthead, MastheadBrand, MastheadContent, MastheadMain, MastheadToggle, PageToggleButton, Tooltip } from "@patternfly/react-core";
import BellIcon from "@patternfly/react-icons/dist/esm/icons/bell-icon";
import BarsIcon from "@patternfly/react-icons/dist/esm/icons/bars-icon";
import SearchIcon from "@patternfly/react-icons/dist/esm/icons/search-icon";
import TagsIcon from "@patternfly/react-icons/dist/esm/icons/tags-icon";
import TasksIcon from "@patternfly/react-icons/dist/esm/icons/tasks-icon";
import { live } from "../lib/live";
import { isAway } from "../lib/session";
import { useStore } from "../lib/store";
import { START } from "../routes";
import { t } from "../text";
import { linkTo } from "../ui/router";
import { BookmarksMenu } from "./BookmarksMenu";
import { HelpMenu } from "./HelpMenu";
import { Logo } from "./Logo";
import type { Pane } from "./panes";
import { UserMenu } from "./UserMenu";

/** Whether changes come by themselves. */
function LiveDot() {
  const state = useStore(live);
  const away = useStore(isAway);
  const text = away ? t("frame.liveAway") : state === "live" ? t("frame.liveOn") : t("frame.liveOff");
  return (
    <Tooltip content={text}>
      <span className={`h-live h-live-${away ? "away" : state}`} role="img" aria-label={text} tabIndex={0} />
    </Tooltip>
  );
}

interface Props {
  pane?: Pane;
  onPane: (pane: Pane) => void;
  isSidebarOpen: boolean;
  onSidebar: () => void;
  onPalette: () => void;
  running: number;
  alerts: number;
}

export function PortalMasthead({ pane, onPane, isSidebarOpen, onSidebar, onPalette, running, alerts }: Props) {
  return (
    <Masthead className="h-masthead">
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton variant="plain" aria-label={t("frame.navigation")} aria-expanded={isSidebarOpen} aria-controls="sidebar" isSidebarOpen={isSidebarOpen} onSidebarToggle={onSidebar}>
            <BarsIcon />
          </PageToggleButton>
        </MastheadToggle>
        <MastheadBrand>
          <a href={linkTo(START)} className="h-brand" aria-label={t("frame.home")}>
            <Logo />
          </a>
          <span className="h-environment" title={t("frame.environment")}>
            {window.location.hostname}
          </span>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <div className="h-mast-tools">
          <button type="button" className="h-palette-button" onClick={onPalette} aria-keyshortcuts="Control+K">
            <SearchIcon />
            <span>{t("frame.paletteHint")}</span>
            <kbd aria-hidden="true">{t("frame.paletteKey")}</kbd>
          </button>
          <LiveDot />
          <Button variant="plain" isExpanded={pane === "tasks"} aria-label={t("frame.tasksButton", { n: running })} onClick={() => onPane("tasks")} className="h-badged h-pane-button"
            icon={<TasksIcon className={running ? "h-busy" : undefined} />}>
            {running > 0 && <span className="h-badge">{running > 99 ? "99+" : running}</span>}
          </Button>
          <Button variant="plain" isExpanded={pane === "notifications"} aria-label={t("frame.notificationsButton", { n: alerts })} onClick={() => onPane("notifications")} className="h-badged h-pane-button"
            icon={<BellIcon />}>
            {alerts > 0 && <span className="h-badge h-badge-alert">{alerts > 99 ? "99+" : alerts}</span>}
          </Button>
          <BookmarksMenu />
          <Button variant="plain" isExpanded={pane === "tags"} aria-label={t("frame.tags")} icon={<TagsIcon />} onClick={() => onPane("tags")} className="h-wide-only h-pane-button" />
          <HelpMenu />
          <UserMenu />
        </div>
      </MastheadContent>
    </Masthead>
  );
}

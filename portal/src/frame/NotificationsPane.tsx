// SPDX-License-Identifier: Apache-2.0
// Alerts and events as they come.
import {
  Button, Dropdown, DropdownItem, DropdownList, MenuToggle, NotificationDrawer, NotificationDrawerBody, NotificationDrawerGroup, NotificationDrawerHeader,
  NotificationDrawerList, NotificationDrawerListItem, NotificationDrawerListItemBody, NotificationDrawerListItemHeader, Spinner,
} from "@patternfly/react-core";
import EllipsisVIcon from "@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon";
import TimesIcon from "@patternfly/react-icons/dist/esm/icons/times-icon";
import { useEffect, useState } from "react";
import { dismiss, dismissAll, type EventGroup, type EventList, indexOf, markRead, restore, useEvents } from "../lib/alerts";
import type { Entity } from "../lib/api";
import { ago, fullTime, useNow } from "../lib/clock";
import { pageOfType } from "../lib/entities";
import { nameOf } from "../lib/format";
import { linkToObject } from "../lib/jobs";
import { readUpTo } from "../lib/settings";
import { t } from "../text";
import { linkTo } from "../ui/router";

const VARIANTS = { normal: "info", warning: "warning", error: "danger", alert: "danger" } as const;
const OBJECTS = ["vm", "template", "host", "storage_domain", "cluster", "data_center", "user"] as const;

const timeOf = (e: Entity) => (e.time instanceof Date ? e.time.getTime() : 0);

function ObjectLinks({ event }: { event: Entity }) {
  const found = OBJECTS.flatMap((type) => {
    const object = event[type] as Entity | undefined;
    const to = object && linkToObject(type, object.id);
    return to && (type !== "user" || event.severity !== "normal") ? [{ to, type, text: object.name ? nameOf(object) : (pageOfType(type)?.one ?? type) }] : [];
  });
  return found.map(({ to, type, text }) => (
    <a key={type} href={to}>
      {text}
    </a>
  ));
}

function EventItem({ event, isRead, now }: { event: Entity; isRead: boolean; now: number }) {
  const severity = String(event.severity ?? "normal") as keyof typeof VARIANTS;
  const text = String(event.description ?? "");
  return (
    <NotificationDrawerListItem variant={VARIANTS[severity] ?? "info"} isRead={isRead} tabIndex={-1}>
      <NotificationDrawerListItemHeader variant={VARIANTS[severity] ?? "info"} title={text} truncateTitle={4} headingLevel="h3" srTitle={t(`frame.severity.${severity}`)}>
        <Button variant="plain" size="sm" aria-label={t("frame.dismiss", { text })} icon={<TimesIcon />} onClick={() => dismiss(event)} />
      </NotificationDrawerListItemHeader>
      <NotificationDrawerListItemBody>
        <span className="h-event-links">
          <time title={fullTime(timeOf(event))}>{ago(timeOf(event), now)}</time>
          <ObjectLinks event={event} />
        </span>
      </NotificationDrawerListItemBody>
    </NotificationDrawerListItem>
  );
}

function Group({ group, list, upTo, isExpanded, onExpand, now }: { group: EventGroup; list: EventList; upTo: number; isExpanded: boolean; onExpand: (open: boolean) => void; now: number }) {
  const { shown, isLoading, error } = list;
  return (
    <NotificationDrawerGroup title={t(`frame.${group}`)} count={shown.length} isExpanded={isExpanded} isRead={shown.every((e) => indexOf(e) <= upTo)} onExpand={(_e, open) => onExpand(open)} headingLevel="h2">
      <NotificationDrawerList isHidden={!isExpanded} aria-label={t(`frame.${group}`)}>
        {shown.map((e) => (
          <EventItem key={e.id} event={e} isRead={group === "events" || indexOf(e) <= upTo} now={now} />
        ))}
      </NotificationDrawerList>
      {isExpanded && isLoading && <Spinner aria-label={t("frame.loading")} />}
      {isExpanded && error && <p className="h-job-error">{error.message}</p>}
      {isExpanded && !isLoading && !error && !shown.length && <p className="h-nothing">{t(group === "alerts" ? "frame.noAlerts" : "frame.noEvents")}</p>}
    </NotificationDrawerGroup>
  );
}

export function NotificationsPane({ onClose }: { onClose: () => void }) {
  const alerts = useEvents("alerts");
  const events = useEvents("events");
  const [open, setOpen] = useState<EventGroup | undefined>();
  const [hasMenu, setMenu] = useState(false);
  const [upTo] = useState(Number(readUpTo.get()));
  const now = useNow(10_000);
  const expanded = open ?? (alerts.shown.length ? "alerts" : "events");
  const newest = alerts.all[0]?.id;
  useEffect(() => {
    if (newest) markRead(alerts.all);
  }, [newest]); // the list is another one whenever its first is
  const group = (which: EventGroup, list: EventList) => (
    <Group group={which} list={list} upTo={upTo} isExpanded={expanded === which} now={now} onExpand={(isOpen) => setOpen(isOpen ? which : which === "alerts" ? "events" : "alerts")} />
  );
  return (
    <NotificationDrawer role="region" className="h-drawer" aria-label={t("frame.notifications")}>
      <NotificationDrawerHeader title={t("frame.notifications")} onClose={onClose} closeButtonAriaLabel={t("frame.closePane")}>
        <Dropdown
          isOpen={hasMenu}
          onOpenChange={setMenu}
          onSelect={() => setMenu(false)}
          popperProps={{ position: "right" }}
          toggle={(ref) => <MenuToggle ref={ref} variant="plain" isExpanded={hasMenu} aria-label={t("frame.notificationsMenu")} icon={<EllipsisVIcon />} onClick={() => setMenu(!hasMenu)} />}
        >
          <DropdownList>
            <DropdownItem onClick={() => dismissAll("alerts", alerts.all)}>{t("frame.dismissAlerts")}</DropdownItem>
            <DropdownItem onClick={() => dismissAll("events", events.all)}>{t("frame.dismissEvents")}</DropdownItem>
            <DropdownItem onClick={restore}>{t("frame.restore")}</DropdownItem>
            <DropdownItem to={linkTo("events")}>{t("frame.allEvents")}</DropdownItem>
          </DropdownList>
        </Dropdown>
      </NotificationDrawerHeader>
      <NotificationDrawerBody>
        {group("alerts", alerts)}
        {group("events", events)}
      </NotificationDrawerBody>
    </NotificationDrawer>
  );
}

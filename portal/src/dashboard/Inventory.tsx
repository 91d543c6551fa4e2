// SPDX-License-Identifier: Apache-2.0
// What there is, one card for each kind; each number leads to the list of what it counts.
import ClusterIcon from "@patternfly/react-icons/dist/esm/icons/cluster-icon";
import DatabaseIcon from "@patternfly/react-icons/dist/esm/icons/database-icon";
import EnterpriseIcon from "@patternfly/react-icons/dist/esm/icons/enterprise-icon";
import ListIcon from "@patternfly/react-icons/dist/esm/icons/list-icon";
import ServerIcon from "@patternfly/react-icons/dist/esm/icons/server-icon";
import DesktopIcon from "@patternfly/react-icons/dist/esm/icons/desktop-icon";
import type { ComponentType } from "react";
import { number } from "../lib/format";
import { t, type TextKey } from "../text";
import { linkTo } from "../ui/router";
import { StateIcon } from "./StateIcon";
import type { Card } from "./data";

const ICONS: Record<string, ComponentType> = {
  datacenters: EnterpriseIcon,
  clusters: ClusterIcon,
  hosts: ServerIcon,
  storagedomains: DatabaseIcon,
  vms: DesktopIcon,
  events: ListIcon,
};

function InventoryCard({ card }: { card: Card }) {
  const Icon = ICONS[card.collection] ?? ListIcon;
  const name = t(`dashboard.card.${card.collection}` as TextKey);
  return (
    <li className="h-dash-card h-inventory">
      <a href={linkTo(card.collection)} className="h-inventory-all">
        <span className="h-inventory-name">
          <Icon /> {name}
        </span>
        <span className="h-inventory-total">{number(card.total)}</span>
      </a>
      <span className="h-inventory-parts">
        {card.parts.map((part) => (
          <a
            key={part.state}
            href={linkTo(card.collection, { search: part.search })}
            title={t(`dashboard.state.${part.state}`)}
            aria-label={t("dashboard.cardPart", { count: part.count, what: `${name}, ${t(`dashboard.state.${part.state}`)}` })}
          >
            <StateIcon state={part.state} /> {number(part.count)}
          </a>
        ))}
      </span>
    </li>
  );
}

export function Inventory({ cards }: { cards: Card[] }) {
  return (
    <ul className="h-dash-cards" aria-label={t("dashboard.inventory")}>
      {cards.map((card) => (
        <InventoryCard key={card.collection} card={card} />
      ))}
    </ul>
  );
}

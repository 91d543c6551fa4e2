// SPDX-License-Identifier: Apache-2.0
// What is special about an entity, as small icons with words behind them.
import Bolt from "@patternfly/react-icons/dist/esm/icons/bolt-icon";
import Copy from "@patternfly/react-icons/dist/esm/icons/copy-icon";
import Desktop from "@patternfly/react-icons/dist/esm/icons/desktop-icon";
import Download from "@patternfly/react-icons/dist/esm/icons/download-icon";
import Exchange from "@patternfly/react-icons/dist/esm/icons/exchange-alt-icon";
import Warning from "@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon";
import Heartbeat from "@patternfly/react-icons/dist/esm/icons/heartbeat-icon";
import History from "@patternfly/react-icons/dist/esm/icons/history-icon";
import Key from "@patternfly/react-icons/dist/esm/icons/key-icon";
import Pause from "@patternfly/react-icons/dist/esm/icons/pause-icon";
import Pencil from "@patternfly/react-icons/dist/esm/icons/pencil-alt-icon";
import Power from "@patternfly/react-icons/dist/esm/icons/power-off-icon";
import Share from "@patternfly/react-icons/dist/esm/icons/share-alt-icon";
import Shield from "@patternfly/react-icons/dist/esm/icons/shield-alt-icon";
import Star from "@patternfly/react-icons/dist/esm/icons/star-icon";
import Lock from "@patternfly/react-icons/dist/esm/icons/lock-icon";
import Tachometer from "@patternfly/react-icons/dist/esm/icons/tachometer-alt-icon";
import Undo from "@patternfly/react-icons/dist/esm/icons/undo-icon";
import type { ComponentType } from "react";
import type { Entity } from "../lib/api";
import { at } from "../lib/format";
import { t, type TextKey } from "../text";

interface Flag {
  types: string;
  is: (e: Entity) => boolean;
  text: TextKey;
  icon: ComponentType;
}

const yes = (path: string) => (e: Entity) => at(e, path) === true;
const has = (path: string, word: string) => (e: Entity) => {
  const v = at(e, path);
  return Array.isArray(v) ? v.includes(word) : v === word;
};

const FLAGS: Flag[] = [
  { types: "vm template", is: yes("high_availability.enabled"), text: "lists.flag.ha", icon: Heartbeat },
  { types: "vm template", is: yes("delete_protected"), text: "lists.flag.protected", icon: Shield },
  { types: "vm", is: yes("next_run_configuration_exists"), text: "lists.flag.next_run", icon: Pencil },
  { types: "vm", is: yes("run_once"), text: "lists.flag.run_once", icon: History },
  { types: "vm template", is: yes("stateless"), text: "lists.flag.stateless", icon: Undo },
  { types: "vm", is: yes("start_paused"), text: "lists.flag.paused", icon: Pause },
  { types: "vm", is: yes("has_illegal_images"), text: "lists.flag.illegal", icon: Warning },
  { types: "vm template", is: has("type", "desktop"), text: "lists.flag.desktop", icon: Desktop },
  { types: "vm template", is: has("type", "high_performance"), text: "lists.flag.performance", icon: Tachometer },
  { types: "host", is: has("spm.status", "spm"), text: "lists.flag.spm", icon: Star },
  { types: "host", is: yes("update_available"), text: "lists.flag.update", icon: Download },
  { types: "host", is: yes("reinstallation_required"), text: "lists.flag.reinstall", icon: Warning },
  { types: "storage_domain", is: yes("master"), text: "lists.flag.master", icon: Star },
  { types: "disk", is: (e) => !!(e.template as Entity | undefined)?.id, text: "lists.flag.of-template", icon: Copy },
  { types: "disk", is: yes("shareable"), text: "lists.flag.shareable", icon: Share },
  { types: "disk_attachment", is: yes("disk.shareable"), text: "lists.flag.shareable", icon: Share },
  { types: "disk_attachment", is: yes("bootable"), text: "lists.flag.bootable", icon: Power },
  { types: "disk_attachment", is: yes("read_only"), text: "lists.flag.readonly", icon: Lock },
  { types: "network", is: has("usages", "management"), text: "lists.flag.management", icon: Star },
  { types: "network", is: has("usages", "vm"), text: "lists.flag.vm", icon: Desktop },
  { types: "network", is: has("usages", "migration"), text: "lists.flag.migration", icon: Exchange },
  { types: "network", is: has("usages", "display"), text: "lists.flag.display", icon: Bolt },
  { types: "mac_pool", is: yes("default_pool"), text: "lists.flag.default", icon: Star },
  { types: "role", is: yes("administrative"), text: "lists.flag.admin", icon: Key },
  { types: "role", is: (e) => e.mutable === false, text: "lists.flag.builtin", icon: Lock },
];

const byType = new Map<string, Flag[]>();
for (const flag of FLAGS) for (const type of flag.types.split(" ")) byType.set(type, [...(byType.get(type) ?? []), flag]);

/** What is special about an entity of a type. */
export const flagsOf = (type: string, e: Entity): Flag[] => (byType.get(type) ?? []).filter((f) => f.is(e));

export const flagWords = (type: string, e: Entity): string => flagsOf(type, e).map((f) => t(f.text)).join(", ");

/** The icons; each says its word to the mouse and to screen readers. */
export function Flags({ type, e }: { type: string; e: Entity }) {
  return (
    <span className="h-flags">
      {flagsOf(type, e).map(({ text, icon: Icon }) => (
        <span key={text} role="img" aria-label={t(text)} title={t(text)}>
          <Icon />
        </span>
      ))}
    </span>
  );
}

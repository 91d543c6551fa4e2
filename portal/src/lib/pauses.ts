// SPDX-License-Identifier: Apache-2.0
// The Manager's words for why a VM is paused, in words of people.
import { t, type TextKey } from "../text";

const PAUSES: Record<string, TextKey | undefined> = {
  eio: "lists.pause.eio", enospc: "lists.pause.enospc", eother: "lists.pause.eother", eperm: "lists.pause.eperm", postcopy: "lists.pause.postcopy",
};

/** "" when there is nothing to tell: it was paused by somebody. */
export function whyPaused(detail: unknown): string {
  const word = typeof detail === "string" ? detail.toLowerCase() : "";
  const key = PAUSES[word];
  return key ? t(key) : word === "noerr" || word === "none" ? "" : word;
}

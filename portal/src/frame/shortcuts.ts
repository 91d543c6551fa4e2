// SPDX-License-Identifier: Apache-2.0
// Keys that work everywhere, as long as one is not typing.
import { useEffect } from "react";
import { frameDialog, togglePane } from "./panes";
import type { TextKey } from "../text";
import { go, linkTo } from "../ui/router";
import { isPage } from "./pages";

/** After "g". */
export const JUMPS: [key: string, path: string][] = [
  ["d", "dashboard"],
  ["v", "vms"],
  ["t", "templates"],
  ["h", "hosts"],
  ["c", "clusters"],
  ["a", "datacenters"],
  ["n", "networks"],
  ["p", "vnicprofiles"],
  ["s", "storagedomains"],
  ["k", "disks"],
  ["u", "users"],
  ["e", "events"],
  ["j", "jobs"],
];

/** Others: what the dialog of shortcuts shows. */
export const KEYS: [keys: string, what: TextKey][] = [
  ["/", "frame.key.search"],
  ["Ctrl K", "frame.key.palette"],
  ["n", "frame.key.new"],
  ["?", "frame.key.help"],
  ["[", "frame.key.sidebar"],
  ["o", "frame.key.tasks"],
  ["i", "frame.key.notifications"],
  ["↑ ↓", "frame.key.rows"],
  ["Esc", "frame.key.close"],
];

const SEQUENCE_MS = 1500;

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [role=textbox], canvas, .xterm") !== null);
const hasDialog = () => document.querySelector("[role=dialog], [role=alertdialog]") !== null;

/** A page's own search field and button for something new. */
function focusSearch(): boolean {
  const field = document.querySelector<HTMLElement>("main [data-shortcut=search], main input[type=search], main [role=search] input, main input[aria-label=Search]");
  field?.focus();
  return field !== null;
}

function pressNew(): boolean {
  const button = document.querySelector<HTMLButtonElement>("main [data-shortcut=new]:not(:disabled)");
  const fallback = [...document.querySelectorAll<HTMLButtonElement>("main button:not(:disabled)")].find((b) => b.textContent?.trim() === "New");
  (button ?? fallback)?.click();
  return Boolean(button ?? fallback);
}

export function useShortcuts(onSidebar: () => void) {
  useEffect(() => {
    let jumping = 0;
    const single: Record<string, () => boolean | void> = {
      "/": focusSearch,
      n: pressNew,
      "?": () => frameDialog.set("shortcuts"),
      "[": onSidebar,
      o: () => togglePane("tasks"),
      i: () => togglePane("notifications"),
    };
    const onKey = (e: KeyboardEvent) => {
      if ((e.ctrlKey || e.metaKey) && !e.altKey && e.key.toLowerCase() === "k" && !hasDialog()) {
        e.preventDefault();
        frameDialog.set("palette");
        return;
      }
      if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || isTyping(e.target) || hasDialog()) return;
      if (Date.now() - jumping < SEQUENCE_MS) {
        jumping = 0;
        const path = JUMPS.find(([key]) => key === e.key)?.[1];
        if (path && isPage(path)) {
          e.preventDefault();
          go(linkTo(path));
        }
        return;
      }
      if (e.key === "g") {
        jumping = Date.now();
        return;
      }
      if (single[e.key] && single[e.key]() !== false) e.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [onSidebar]);
}

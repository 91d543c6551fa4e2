// SPDX-License-Identifier: Apache-2.0
// What people choose for themselves; kept in this browser.
import { type Store, store } from "./store";

/** A text that is remembered. Private windows may not have a memory: then it is kept as long as the page. */
export function remembered<T extends string>(key: string, first: T, isValid: (text: string) => text is T): Store<T> {
  let saved: string | null = null;
  try {
    saved = localStorage.getItem(key);
  } catch {
    // no memory
  }
  const s = store<T>(saved !== null && isValid(saved) ? saved : first);
  s.subscribe(() => {
    try {
      localStorage.setItem(key, s.get());
    } catch {
      // no memory
    }
  });
  return s;
}

const oneOf =
  <T extends string>(...texts: T[]) =>
  (text: string): text is T =>
    (texts as string[]).includes(text);
const isText = (text: string): text is string => text.length < 10_000;

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
export const theme = remembered<Theme>("hostler-theme", "system", oneOf(...THEMES));

/** Seconds between two looks when changes do not come by themselves. */
export const INTERVALS = ["5", "10", "20", "30", "60"] as const;
export type Interval = (typeof INTERVALS)[number];
export const interval = remembered<Interval>("hostler-interval", "5", oneOf(...INTERVALS));

/** "": as the browser says. */
export const language = remembered("hostler-language", "", isText);
/** Tag of the locale for dates and numbers; "": as the browser says. */
export const formats = remembered("hostler-formats", "", isText);
export const isSidebarHidden = remembered<"yes" | "no">("hostler-sidebar-hidden", "no", oneOf("yes", "no"));
/** Groups of the sidebar that are closed. */
export const closedGroups = remembered("hostler-closed-groups", "Administration,More", isText);
/** Index of the last alert that was read, indexes that were dismissed, and the one up to which all were. */
export const readUpTo = remembered("hostler-alerts-read", "0", isText);
export const dismissed = remembered("hostler-events-dismissed", "", isText);
/** Time (ms) up to which finished tasks are not shown any more. */
export const clearedUpTo = remembered("hostler-tasks-cleared", "0", isText);

const DARK = matchMedia("(prefers-color-scheme: dark)");

function applyTheme() {
  const isDark = theme.get() === "dark" || (theme.get() === "system" && DARK.matches);
  document.documentElement.classList.toggle("pf-v6-theme-dark", isDark);
  document.documentElement.style.colorScheme = isDark ? "dark" : "light";
}

/** Makes the page light or dark as chosen, now and when that changes. */
export function startTheme() {
  applyTheme();
  theme.subscribe(applyTheme);
  DARK.addEventListener("change", applyTheme);
}

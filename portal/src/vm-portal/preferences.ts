// SPDX-License-Identifier: Apache-2.0
// What people choose in the VM Portal; kept in this browser.
import { remembered } from "../lib/settings";

const oneOf =
  <T extends string>(...texts: T[]) =>
  (text: string): text is T =>
    (texts as string[]).includes(text);

export const VIEWS = ["cards", "table"] as const;
export type View = (typeof VIEWS)[number];
export const view = remembered<View>("hostler-vm-view", "cards", oneOf(...VIEWS));

/** Which events show up in the corner. */
export const NOTIFICATIONS = ["all", "errors", "off"] as const;
export type Notifications = (typeof NOTIFICATIONS)[number];
export const notifications = remembered<Notifications>("hostler-vm-notifications", "errors", oneOf(...NOTIFICATIONS));

/** How consoles are opened: in the browser, or by a file for Remote Viewer. */
export const CONSOLES = ["vnc", "spice", "serial", "vnc-file", "spice-file"] as const;
export type ConsoleChoice = (typeof CONSOLES)[number];
export const consoleChoice = remembered<ConsoleChoice>("hostler-vm-console", "vnc", oneOf(...CONSOLES));

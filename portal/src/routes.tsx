// SPDX-License-Identifier: Apache-2.0
// Pages that are not composed from the API's description, by the first word of their path. All others are an entity's list or details.
import { type Later, later } from "./lib/later";
import type { TextKey } from "./text";

export interface Route {
  title: TextKey;
  component: Later<object>;
  /** shown without masthead and sidebar, in a window of its own */
  isBare?: boolean;
}

export const ROUTES: Record<string, Route> = {
  console: { title: "consoles.pageTitle", component: later(async () => (await import("./console/ConsolePage")).default), isBare: true },
  dashboard: { title: "dashboard.title", component: later(async () => (await import("./dashboard/DashboardPage")).default) },
  sessions: { title: "frame.sessions", component: later(async () => (await import("./pages/SessionsPage")).default) },
};

/** Where one comes without a path. */
export const START = "dashboard" in ROUTES ? "dashboard" : "vms";

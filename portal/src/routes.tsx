// SPDX-License-Identifier: Apache-2.0
// Pages that are not composed from the API's description, by the first word of their path. All others are an entity's list or details.
import { type ComponentType, lazy, type LazyExoticComponent } from "react";
import type { TextKey } from "./text";

export interface Route {
  title: TextKey;
  component: LazyExoticComponent<ComponentType>;
  /** shown without masthead and sidebar, in a window of its own */
  isBare?: boolean;
}

export const ROUTES: Record<string, Route> = {
  console: { title: "consoles.pageTitle", component: lazy(() => import("./console/ConsolePage")), isBare: true },
  dashboard: { title: "dashboard.title", component: lazy(() => import("./dashboard/DashboardPage")) },
};

/** Where one comes without a path. */
export const START = "dashboard" in ROUTES ? "dashboard" : "vms";

// SPDX-License-Identifier: Apache-2.0
// Tabs of details pages that are not composed from the schema.
import { type ComponentType, lazy, type LazyExoticComponent } from "react";
import type { Entity } from "../lib/api";
import { t } from "../text";

export interface ExtraTab {
  /** type of the entity: "vm" */
  type: string;
  /** last word of the link: "vms/ID/utilization" */
  word: string;
  label: string;
  /** stands behind the tab of this word; behind "General" where nothing is said */
  after?: string;
  component: LazyExoticComponent<ComponentType<{ entity: Entity }>>;
  /** what it shows, for those who want to ask for the same: a page beside the API, and its parameters */
  source?: (path: string) => { path: string; query?: Record<string, string> };
}

const history = (path: string) => ({ path: "/ovirt-engine/hostler/history", query: { path } });

/** One row for each; its component is loaded when the tab is opened. */
export const TABS: ExtraTab[] = [
  {
    type: "vm",
    word: "utilization",
    get label() {
      return t("dashboard.utilizationTab");
    },
    component: lazy(() => import("../dashboard/UtilizationTab").then((m) => ({ default: m.VmUtilization }))),
    source: history,
  },
  {
    type: "host",
    word: "utilization",
    get label() {
      return t("dashboard.utilizationTab");
    },
    component: lazy(() => import("../dashboard/UtilizationTab").then((m) => ({ default: m.HostUtilization }))),
    source: history,
  },
  {
    type: "user",
    word: "sessions",
    after: "groups",
    get label() {
      return t("frame.sessions.tab");
    },
    component: lazy(() => import("./SessionsPage").then((m) => ({ default: m.UserSessions }))),
    source: () => ({ path: "/ovirt-engine/hostler/sessions" }),
  },
];

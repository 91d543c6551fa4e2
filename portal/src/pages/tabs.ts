// SPDX-License-Identifier: Apache-2.0
// Tabs of details pages that are not composed from the schema.
import type { ComponentType, LazyExoticComponent } from "react";
import type { Entity } from "../lib/api";

export interface ExtraTab {
  /** type of the entity: "vm" */
  type: string;
  /** last word of the link: "vms/ID/utilization" */
  word: string;
  label: string;
  /** stands behind the tab of this word; behind "General" where nothing is said */
  after?: string;
  component: LazyExoticComponent<ComponentType<{ entity: Entity }>>;
}

/** One row for each; its component is loaded when the tab is opened. */
export const TABS: ExtraTab[] = [];

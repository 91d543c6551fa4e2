// SPDX-License-Identifier: Apache-2.0
// What a page of an entity says about itself; all else comes from the API's description.
import type { Entity } from "../api";

export type As =
  | "status" | "bytes" | "date" | "ago" | "link" | "links" | "count" | "percent" | "flags" | "meter" | "uptime" | "version" | "progress" | "code" | "text" | "speed" | "words";

export interface Column {
  /** path of members: "cluster.name"; of computed ones a name of its own */
  path: string;
  label: string;
  /** field of the search language to sort by */
  sort?: string;
  as?: As;
  /** in pixels, at first */
  width?: number;
  /** not shown until it is chosen */
  isHidden?: boolean;
  /** where no member holds it */
  value?: (e: Entity) => unknown;
  /** type of what a link leads to, where the schema does not say */
  type?: string;
}

export interface Section {
  title: string;
  /** members in their order; a structure brings all of its own */
  paths: string[];
}

/** Entities that belong to one but are no part of it: found by search, or, where the language cannot say it, picked from all. */
export interface Related {
  word: string;
  label: string;
  /** path of their page: "vms" */
  page: string;
  /** field and value of the search */
  search?: (e: Entity) => [field: string, value: string | undefined];
  /** they are known by their ids */
  ids?: (e: Entity) => string[];
  /** does a row belong to it? For names that the language cannot hold. */
  belongs?: (row: Entity, e: Entity) => boolean;
  /** columns that say nothing here */
  without?: string[];
}

export interface PartTab {
  /** word in the path: "nics" */
  word: string;
  label?: string;
}

export interface EntityPage {
  /** word in the path: "vms" */
  path: string;
  type: string;
  /** singular and plural for people */
  one: string;
  many: string;
  group: "Compute" | "Network" | "Storage" | "Administration" | "More";
  columns: Column[];
  /** members fetched along with a list */
  follow?: string;
  /** members fetched along with one */
  followOne?: string;
  /** collections whose names are looked up for references in lists */
  lookups?: string[];
  /** members of the rows on the screen that change all the time */
  liveFollow?: string;
  /** fields of the form to create and edit, most important first; what is not named is under "More" */
  fields: string[];
  /** actions offered as buttons, others are in the menu */
  actions?: string[];
  /** names its search by this entity word in bookmarks; empty: cannot be searched */
  search: string;
  /** groups of the general tab; members that none names are under "More" */
  sections?: Section[];
  /** tabs in their order; parts that the Manager lists and that are not named come behind them */
  tabs?: (PartTab | Related)[];
  /** parts that are shown elsewhere */
  without?: string[];
  /** order at first */
  sort?: { field: string; desc: boolean };
  /** the Manager gives the oldest first, and cannot sort */
  isNewestLast?: boolean;
  /** member that a row is opened by: "name" where nothing is said */
  nameMember?: string;
}

/** What is said about parts of a type, wherever they are. */
export interface PartPage {
  columns: Column[];
  /** member that a row is opened by, where it is not its name */
  nameMember?: string;
  follow?: string;
  lookups?: string[];
  fields?: string[];
  actions?: string[];
}

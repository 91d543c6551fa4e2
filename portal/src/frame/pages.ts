// SPDX-License-Identifier: Apache-2.0
// Where everything is: the sidebar's groups, the palette's pages and the titles are all made of this.
import type { ComponentType } from "react";
import TasksIcon from "@patternfly/react-icons/dist/esm/icons/tasks-icon";
import CogIcon from "@patternfly/react-icons/dist/esm/icons/cog-icon";
import CubesIcon from "@patternfly/react-icons/dist/esm/icons/cubes-icon";
import HddIcon from "@patternfly/react-icons/dist/esm/icons/hdd-icon";
import ListIcon from "@patternfly/react-icons/dist/esm/icons/list-icon";
import NetworkIcon from "@patternfly/react-icons/dist/esm/icons/network-wired-icon";
import ServerIcon from "@patternfly/react-icons/dist/esm/icons/server-icon";
import TachometerIcon from "@patternfly/react-icons/dist/esm/icons/tachometer-alt-icon";
import { type EntityPage, morePages, PAGES, pageOf } from "../lib/entities";
import { operation, serviceAt } from "../lib/schema";
import { ROUTES, START } from "../routes";
import { t, type TextKey } from "../text";

export interface NavGroup {
  id: string;
  title: TextKey;
  icon: ComponentType;
  /** paths of pages in the order of the sidebar */
  paths: string[];
}

/** The order that administrators know; pages that are not named here come after, in the group that they say. */
const KNOWN: NavGroup[] = [
  { id: "Compute", title: "frame.compute", icon: ServerIcon, paths: ["vms", "templates", "vmpools", "hosts", "datacenters", "clusters"] },
  { id: "Network", title: "frame.network", icon: NetworkIcon, paths: ["networks", "vnicprofiles"] },
  { id: "Storage", title: "frame.storage", icon: HddIcon, paths: ["storagedomains", "disks"] },
  { id: "Administration", title: "frame.administration", icon: CogIcon, paths: ["users", "groups", "roles", "sessions", "tags", "bookmarks", "macpools", "instancetypes"] },
];

/** Beside the groups. */
export const TOP: { path: string; icon: ComponentType }[] = [{ path: "dashboard", icon: TachometerIcon }];
export const BOTTOM: { path: string; icon: ComponentType }[] = [
  { path: "events", icon: ListIcon },
  { path: "jobs", icon: TasksIcon },
];

const isAlone = (path: string) => [...TOP, ...BOTTOM].some((p) => p.path === path);

export const isPage = (path: string) => path in ROUTES || pageOf(path) !== undefined;

/** Does the Manager list what the page shows, and can it show one? (A list of what there cannot be yet is no page.) While that is not known, yes. */
export function isThere(path: string, has: Set<string> | undefined): boolean {
  if (path in ROUTES) return true;
  const needs = [operation(serviceAt(path), "list")?.id, operation(serviceAt(`${path}/one`), "get")?.id];
  return pageOf(path) !== undefined && (!has || needs.every((id) => !id || has.has(id)));
}

/** Groups with the pages that there are; more: what nobody has described, and the Manager lists nevertheless. */
export function groups(has: Set<string> | undefined): NavGroup[] {
  const isKnown = (path: string) => KNOWN.some((g) => g.paths.includes(path)) || isAlone(path);
  const said = KNOWN.map((group) => {
    const rest = PAGES.filter((p) => p.group === group.id && !isKnown(p.path)).map((p) => p.path);
    return { ...group, paths: [...group.paths, ...rest].filter((path) => isThere(path, has)) };
  });
  const found = [...PAGES.filter((p) => p.group === "More"), ...(has ? morePages(has) : [])].map((p) => p.path).filter((path) => !isKnown(path) && isThere(path, has));
  return [...said, { id: "More", title: "frame.more" as const, icon: CubesIcon, paths: [...new Set(found)] }].filter((g) => g.paths.length > 0);
}

export function titleOf(path: string): string {
  const route = ROUTES[path];
  return route ? t(route.title) : (pageOf(path)?.many ?? t("frame.notFound"));
}

/** First word of the path that is shown. */
export const firstWord = (path: string[]) => path[0] ?? START;

export const entityPages = (): EntityPage[] => PAGES;

// SPDX-License-Identifier: Apache-2.0
// The list of VMs: what is asked for, page by page.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { list, type Entity } from "../lib/api";
import { useRefresh } from "../ui/queries";

export interface Wanted {
  text: string;
  /** "running", "down", "other", or "" */
  status: string;
  os: string;
  sort: string;
}

export const PAGE = 60;

const STATUSES: Record<string, string> = {
  running: "status = up or status = powering_up or status = reboot_in_progress",
  down: "status = down",
  paused: "status = paused or status = suspended",
};

/** As a value of the search language: only letters that cannot end it. */
const quoted = (text: string) => `"*${text.replace(/["\\*]/g, "").trim()}*"`;

export function searchOf({ text, status, os, sort }: Wanted, page: number): string {
  const clean = text.replace(/["\\*]/g, "").trim();
  const terms = [clean && `name = ${quoted(clean)} or description = ${quoted(clean)}`, STATUSES[status], os && `os = ${os}`].filter(Boolean);
  const [field, order] = sort.split("-");
  // between neighbours without a word stands an "and" that binds less than "or"
  return `${terms.join(" ")} sortby ${field} ${order === "desc" ? "desc" : "asc"} page ${page}`.trim();
}

/** Pages of the VMs that the user may see. */
export function useVms(wanted: Wanted) {
  return useInfiniteQuery({
    queryKey: ["list", "vms", wanted],
    queryFn: ({ pageParam, signal }) => list("vm", "vms", { search: searchOf(wanted, pageParam), max: PAGE }, { signal }),
    initialPageParam: 1,
    getNextPageParam: (last, all) => (last.length < PAGE ? undefined : all.length + 1),
    refetchInterval: useRefresh(),
    placeholderData: (old) => old,
  });
}

/** Names of the operating systems for people, by their type. */
export function useOperatingSystems(): Map<string, string> {
  const { data } = useQuery({ queryKey: ["list", "operatingsystems", {}], queryFn: () => list("operating_system_info", "operatingsystems"), staleTime: Infinity });
  return new Map((data ?? []).map((os: Entity) => [String(os.name), String(os.description ?? os.name)]));
}

// SPDX-License-Identifier: Apache-2.0
// Permissions on an object hold for what lies in it: who may do something here because of a permission further up.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Entity, get, list } from "../lib/api";
import { pageOf } from "../lib/entities";
import { useRefresh } from "../ui/queries";

/** Where the permission was given, of one that is inherited. */
export const INHERITED = "inherited";

interface Place {
  /** path of the collection, "" for the system */
  path: string;
  id: string;
}

const idOf = (v: unknown): string | undefined => (v as Entity | undefined)?.id;
const idsOf = (v: unknown): string[] => ((v as Entity[] | undefined) ?? []).map((e) => e.id);

/** What objects refer to that they lie in. */
const ABOVE: [path: string, ids: (e: Entity) => (string | undefined)[]][] = [
  ["clusters", (e) => [idOf(e.cluster)]],
  ["storagedomains", (e) => [idOf(e.storage_domain), ...idsOf(e.storage_domains)]],
  ["networks", (e) => [idOf(e.network)]],
  ["vms", (e) => idsOf(e.vms)],
  ["datacenters", (e) => [idOf(e.data_center), ...idsOf(e.data_centers)]],
];

const aboveOf = (e: Entity | undefined, own: string): Place[] =>
  e ? ABOVE.flatMap(([path, ids]) => ids(e).flatMap((id) => (id && `${path}/${id}` !== own ? [{ path, id }] : []))) : [];

/** Who is somebody, and the lists of all permissions, lie in nothing. */
const PEOPLE = ["users", "groups", "roles", "permissions"];

/** "vms/ID" of "vms/ID/permissions", where permissions are inherited. */
export function ownerOf(path: string): string | undefined {
  const [word, id, part, more] = path.split("/");
  return part === "permissions" && !more && !PEOPLE.includes(word) && pageOf(word) ? `${word}/${id}` : undefined;
}

/** Two steps are enough to get everywhere: what it lies in, and what these lie in. */
function usePlaces(owner: string | undefined): Place[] {
  const one = (path: string) => ({
    queryKey: ["one", path, { follow: "above" }],
    queryFn: ({ signal }: { signal: AbortSignal }) => get(pageOf(path.split("/")[0])!.type, path + (path.startsWith("disks/") ? "?follow=vms" : ""), { signal }),
    staleTime: 30_000,
    retry: false,
  });
  const { data: self } = useQuery({ ...one(owner ?? ""), enabled: owner !== undefined });
  const first = aboveOf(owner ? self : undefined, owner ?? "");
  const nearest = useQueries({ queries: first.filter((p) => p.path !== "datacenters").map((p) => one(`${p.path}/${p.id}`)), combine: (all) => all.flatMap((r) => r.data ?? []) });
  if (!owner) return [];
  const all = [...first, ...nearest.flatMap((e) => aboveOf(e, owner)), { path: "", id: "" }];
  return all.filter((p, i) => all.findIndex((o) => o.path === p.path && o.id === p.id) === i);
}

/** Permissions that an object's list at path does not have, but that hold for it; each says where it was given. */
export function useInherited(path: string, follow: string | undefined): Entity[] {
  const places = usePlaces(ownerOf(path));
  const interval = useRefresh();
  const found = useQueries({
    queries: places.map((p) => {
      const from = p.path ? `${p.path}/${p.id}/permissions` : "permissions";
      return { queryKey: ["list", from, { follow }], queryFn: ({ signal }: { signal: AbortSignal }) => list("permission", from, { follow }, { signal }), refetchInterval: interval, retry: false };
    }),
    combine: (all) => all.map((r) => r.data),
  });
  const key = places.map((p) => p.path).join();
  return useMemo(
    () => found.flatMap((rows, i) => (rows ?? []).map((row) => ({ ...row, [INHERITED]: key.split(",")[i] || "system" }))),
    [found, key],
  );
}

/** Those that were given for everything, by id: of others without an object the API does not say what they are for. */
export function useSystemwide(type: string): Set<string> | undefined {
  const interval = useRefresh();
  const { data } = useQuery({
    queryKey: ["list", "permissions", {}],
    queryFn: ({ signal }) => list("permission", "permissions", {}, { signal }),
    refetchInterval: interval,
    retry: false,
    enabled: type === "permission",
  });
  return useMemo(() => (type === "permission" && data ? new Set(data.map((p) => p.id)) : undefined), [type, data]);
}

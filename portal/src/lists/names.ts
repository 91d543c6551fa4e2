// SPDX-License-Identifier: Apache-2.0
// References in lists bear ids only; the names of those that are few are looked up once for all rows.
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Entity, list } from "../lib/api";
import { type EntityPage, pageOf } from "../lib/entities";
import { useRefresh } from "../ui/queries";
import { hasType, type Member, typeOf } from "../lib/schema";

const MOST = 1000;
const FRESH_MS = 30_000;

const lookup = (page: EntityPage) => {
  const query = { max: MOST, follow: page.path === "clusters" ? "data_center" : undefined };
  return {
    queryKey: ["list", page.path, query],
    queryFn: ({ signal }: { signal: AbortSignal }) => list(page.type, page.path, query, { signal }),
    staleTime: FRESH_MS,
    refetchInterval: FRESH_MS * 4,
  };
};

/** The members of a type that refer to one of some types. */
const references = (type: string, types: string[]) => (hasType(type) ? typeOf(type).members.filter((m) => m.kind === "r" && types.includes(m.type)) : []);

type ById = Map<string, Entity>;

/** References with names, where these are known. */
function resolved(e: Entity, members: Member[], byId: ById): Entity {
  const out = { ...e };
  for (const m of members) {
    const v = e[m.name];
    if (Array.isArray(v)) out[m.name] = v.map((x: Entity) => byId.get(x.id) ?? x);
    else if (v) out[m.name] = byId.get((v as Entity).id) ?? v;
  }
  return out;
}

/** Puts names into references: of the entity itself, and of those that were fetched along with it. */
export function useNames(type: string, lookups: string[]): { named: (e: Entity) => Entity; stamp: unknown } {
  const pages = lookups.flatMap((path) => pageOf(path) ?? []);
  const byId: ById = useQueries({
    queries: pages.map(lookup),
    combine: (results) => new Map(results.flatMap((r) => r.data ?? []).map((e) => [e.id, e])),
  });
  const types = pages.map((p) => p.type).join();
  const { members, inner } = useMemo(() => {
    const wanted = types.split(",");
    const along = typeOf(type).members.filter((m) => m.kind === "r" && !m.isList && !wanted.includes(m.type));
    return { members: references(type, wanted), inner: along.map((m) => ({ name: m.name, members: references(m.type, wanted) })).filter((m) => m.members.length) };
  }, [type, types]);
  return useMemo(() => {
    const named = (e: Entity): Entity => {
      const out = resolved(e, members, byId);
      for (const m of inner) {
        const v = out[m.name] as Entity | undefined;
        if (v && Object.keys(v).length > 2) out[m.name] = resolved(v, m.members, byId);
      }
      return out;
    };
    return { named, stamp: byId };
  }, [byId, members, inner]);
}

const MOST_ATTACHED = 40;

/** States of storage domains by their id: only the data centers that they are attached to tell. */
export function useStates(type: string, rows: (Entity | undefined)[]): Map<string, unknown> {
  const interval = useRefresh();
  const centers = type === "storage_domain" ? rows.flatMap((e) => (e?.status === undefined ? ((e?.data_centers as Entity[] | undefined) ?? []) : [])).map((d) => d.id) : [];
  return useQueries({
    queries: [...new Set(centers)].slice(0, MOST_ATTACHED).map((id) => {
      const path = `datacenters/${id}/storagedomains`;
      return { queryKey: ["list", path, {}], queryFn: ({ signal }: { signal: AbortSignal }) => list("storage_domain", path, {}, { signal }), staleTime: 3000, refetchInterval: interval, retry: false };
    }),
    combine: stateOfEach,
  });
}

const stateOfEach = (results: { data?: Entity[] }[]) => new Map(results.flatMap((r) => r.data ?? []).map((e) => [e.id, e.status]));

// SPDX-License-Identifier: Apache-2.0
// References in lists bear ids only; the names of those that are few are looked up once for all rows.
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Entity, list } from "../lib/api";
import { type EntityPage, pageOf } from "../lib/entities";
import { typeOf } from "../lib/schema";

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

/** Puts names into references: of the type itself, and of those in structures that were fetched along. */
export function useNames(type: string, lookups: string[]): { named: (e: Entity) => Entity; stamp: unknown } {
  const pages = lookups.flatMap((path) => pageOf(path) ?? []);
  const byId = useQueries({
    queries: pages.map(lookup),
    combine: (results) => new Map(results.flatMap((r) => r.data ?? []).map((e) => [e.id, e])),
  });
  const types = pages.map((p) => p.type);
  const members = useMemo(() => typeOf(type).members.filter((m) => m.kind === "r" && types.includes(m.type)), [type, types.join()]);
  return useMemo(() => {
    const one = (v: Entity) => byId.get(v.id) ?? v;
    const named = (e: Entity): Entity => {
      const out = { ...e };
      for (const m of members) {
        const v = e[m.name];
        if (Array.isArray(v)) out[m.name] = v.map((x: Entity) => one(x));
        else if (v) out[m.name] = one(v as Entity);
      }
      return inner(out, byId);
    };
    return { named, stamp: byId };
  }, [byId, members]);
}

/** One level deeper: the data center of a network that was fetched along. */
function inner(e: Entity, byId: Map<string, Entity>): Entity {
  const network = e.network as Entity | undefined;
  const center = (network?.data_center as Entity | undefined)?.id;
  if (network && center && byId.has(center)) e.network = { ...network, data_center: byId.get(center) };
  return e;
}

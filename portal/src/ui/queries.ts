// SPDX-License-Identifier: Apache-2.0
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { act, add, count, type CallOptions, get, list, newCorrelation, operations, remove, update, type Entity, type ListQuery } from "../lib/api";
import { live } from "../lib/live";
import { interval } from "../lib/settings";
import { useStore } from "../lib/store";

export { useAllowed, useMe } from "../lib/me";

/** How often is asked although changes come by themselves. */
export const FALLBACK_MS = 30_000;

/** For refetchInterval of queries that the event stream keeps up to date. */
export function useRefresh(): number {
  const isLive = useStore(live) === "live";
  const chosen = 1000 * Number(useStore(interval));
  return isLive ? Math.max(FALLBACK_MS, chosen) : chosen;
}

export const useList = (type: string, path: string, q: ListQuery = {}, enabled = true) =>
  useQuery({
    queryKey: ["list", path, q],
    queryFn: ({ signal }) => list(type, path, q, { signal }),
    refetchInterval: useRefresh(),
    placeholderData: (old) => old,
    enabled,
  });

export const useEntity = (type: string, path: string, enabled = true) =>
  useQuery({ queryKey: ["one", path], queryFn: ({ signal }) => get(type, path, { signal }), refetchInterval: useRefresh(), enabled });

export const useCount = (collection: string, search: string, enabled = true) =>
  useQuery({ queryKey: ["count", collection, search], queryFn: () => count(collection, search), refetchInterval: useRefresh(), placeholderData: (old) => old, enabled });

export const useOperations = () => useQuery({ queryKey: ["operations"], queryFn: operations, staleTime: Infinity });

/** What changes something; afterwards all that is shown is asked for again. */
export function useChange<T>(fn: (input: T) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: fn, onSettled: () => client.invalidateQueries() });
}

export const useSave = (type: string, path: string, id?: string) =>
  useChange((e: Record<string, unknown>) => (id ? update(type, `${path}/${id}`, e) : add(type, path, e)));

/** The same for each of several, with one correlation id; faults by name. */
export async function forEach(items: Entity[], fn: (e: Entity, options: CallOptions) => Promise<unknown>): Promise<{ e: Entity; why: string }[]> {
  const options = { correlation: newCorrelation() };
  const outcomes = await Promise.allSettled(items.map((e) => fn(e, options)));
  return outcomes.flatMap((o, i) => (o.status === "rejected" ? [{ e: items[i], why: (o.reason as Error).message }] : []));
}

export const useAction = (path: string) =>
  useChange(({ items, action, inputs }: { items: Entity[]; action: string; inputs: Record<string, unknown> }) =>
    forEach(items, (e, options) => act(`${path}/${e.id}`, action, inputs, options)).then((faults) => {
      if (faults.length) throw new Error(faults.map((f) => `${f.e.name ?? f.e.id}: ${f.why}`).join("\n"));
    }),
  );

export const useRemove = (path: string) =>
  useChange((items: Entity[]) =>
    forEach(items, (e, options) => remove(`${path}/${e.id}`, options)).then((faults) => {
      if (faults.length) throw new Error(faults.map((f) => `${f.e.name ?? f.e.id}: ${f.why}`).join("\n"));
    }),
  );

// SPDX-License-Identifier: Apache-2.0
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { act, add, get, list, operations, remove, update, type Entity, type ListQuery } from "../lib/api";

export const REFRESH_MS = 5000;

export const useList = (type: string, path: string, q: ListQuery = {}, enabled = true) =>
  useQuery({ queryKey: ["list", path, q], queryFn: () => list(type, path, q), refetchInterval: REFRESH_MS, placeholderData: (old) => old, enabled });

export const useEntity = (type: string, path: string) =>
  useQuery({ queryKey: ["one", path], queryFn: () => get(type, path), refetchInterval: REFRESH_MS });

export const useOperations = () => useQuery({ queryKey: ["operations"], queryFn: operations, staleTime: Infinity });

/** What changes something; afterwards all that is shown is asked for again. */
export function useChange<T>(fn: (input: T) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: fn, onSettled: () => client.invalidateQueries() });
}

export const useSave = (type: string, path: string, id?: string) =>
  useChange((e: Record<string, unknown>) => (id ? update(type, `${path}/${id}`, e) : add(type, path, e)));

/** The same for each of several; faults by name. */
export async function forEach(items: Entity[], fn: (e: Entity) => Promise<unknown>): Promise<{ e: Entity; why: string }[]> {
  const outcomes = await Promise.allSettled(items.map(fn));
  return outcomes.flatMap((o, i) => (o.status === "rejected" ? [{ e: items[i], why: (o.reason as Error).message }] : []));
}

export const useAction = (path: string) =>
  useChange(({ items, action, inputs }: { items: Entity[]; action: string; inputs: Record<string, unknown> }) =>
    forEach(items, (e) => act(`${path}/${e.id}`, action, inputs)).then((faults) => {
      if (faults.length) throw new Error(faults.map((f) => `${f.e.name ?? f.e.id}: ${f.why}`).join("\n"));
    }),
  );

export const useRemove = (path: string) =>
  useChange((items: Entity[]) =>
    forEach(items, (e) => remove(`${path}/${e.id}`)).then((faults) => {
      if (faults.length) throw new Error(faults.map((f) => `${f.e.name ?? f.e.id}: ${f.why}`).join("\n"));
    }),
  );

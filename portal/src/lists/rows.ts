// SPDX-License-Identifier: Apache-2.0
// Rows of a list: of a searchable collection only the pages on the screen are loaded, of others all.
import { type QueryClient, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { count, type Entity, list } from "../lib/api";
import type { Column, EntityPage } from "../lib/entities";
import { textOf, valueOf } from "../ui/Value";
import { useRefresh } from "../ui/queries";
import { useInherited, useSystemwide } from "./inherited";
import { useNames, useStates } from "./names";

export const PAGE = 100;
const LIVE_PAGE = 25;
const LIVE_MS = 10_000;
const BULK = 500;
/** Most rows that a collection without search is loaded with. */
const WHOLE = 5000;

export interface Rows {
  /** undefined until it is known */
  count: number | undefined;
  at: (i: number) => Entity | undefined;
  /** tells which rows are on the screen */
  onRange: (first: number, last: number) => void;
  /** rows from first to last, loaded if need be */
  slice: (first: number, last: number) => Promise<Entity[]>;
  /** up to that many rows from the beginning */
  all: (limit: number) => Promise<Entity[]>;
  error: Error | null;
  refresh: () => void;
  isBusy: boolean;
}

/** Links and actions of the API are of no use here, and are most of what a page of rows weighs. */
async function load(page: EntityPage, path: string, query: Record<string, string | number | undefined>, signal?: AbortSignal): Promise<Entity[]> {
  const rows = await list(page.type, path, query, { signal });
  for (const row of rows) {
    delete row.link;
    delete row.actions;
  }
  return rows;
}

/** Always with its number: rows without a search come in no order, and pages must fit together. */
const withPage = (search: string, n: number) => [search, `page ${n}`].filter(Boolean).join(" ");

const pagesFor = (first: number, last: number, size: number) => {
  const from = Math.floor(Math.max(0, first) / size) + 1;
  const to = Math.floor(Math.max(0, last) / size) + 1;
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
};

function useThrottled<T>(first: T, ms: number): [T, (next: T) => void] {
  const [value, setValue] = useState(first);
  const pending = useRef<{ next: T; timer?: number }>({ next: first });
  useEffect(() => () => window.clearTimeout(pending.current.timer), []);
  const set = useCallback(
    (next: T) => {
      const p = pending.current;
      if (JSON.stringify(p.next) === JSON.stringify(next)) return;
      p.next = next;
      window.clearTimeout(p.timer);
      p.timer = window.setTimeout(() => setValue(p.next), ms);
    },
    [ms],
  );
  return [value, set];
}

const pageKey = (page: EntityPage, search: string, n: number) => ["list", page.path, { search: withPage(search, n), max: PAGE, follow: page.follow }];

/** One page of the rows. */
export const pageQuery = (page: EntityPage, search: string, n: number) => ({
  queryKey: pageKey(page, search, n),
  queryFn: ({ signal }: { signal: AbortSignal }) => load(page, page.path, { search: withPage(search, n), max: PAGE, follow: page.follow }, signal),
  staleTime: 3000,
  gcTime: 60_000,
});

/** Where the Manager does not count: as many as are there, and a page more while the last was full. */
function atLeast(client: QueryClient, page: EntityPage, search: string, wanted: number[]): number | undefined {
  let found: number | undefined;
  for (const n of wanted) {
    const rows = client.getQueryData<Entity[]>(pageKey(page, search, n));
    if (rows) found = Math.max(found ?? 0, (n - 1) * PAGE + rows.length + (rows.length === PAGE ? PAGE : 0));
  }
  return found;
}

/** What changes all the time of the rows on the screen, by id. */
function useLive(page: EntityPage, search: string, range: [number, number], held: (i: number) => Entity | undefined): Map<string, Entity> {
  // first the rows; of those that are all down there is nothing to tell
  const isLively = (n: number) => Array.from({ length: LIVE_PAGE }, (_, i) => held((n - 1) * LIVE_PAGE + i)).some((e) => e && e.status !== "down");
  const found = useQueries({
    queries: (page.liveFollow ? pagesFor(range[0], range[1], LIVE_PAGE).filter(isLively) : []).map((n) => ({
      queryKey: ["live", page.path, search, n],
      queryFn: ({ signal }: { signal: AbortSignal }) => load(page, page.path, { search: withPage(search, n), max: LIVE_PAGE, follow: page.liveFollow }, signal),
      staleTime: 3000,
      gcTime: 15_000,
      refetchInterval: LIVE_MS,
    })),
    combine: (results) => results.map((r) => r.data),
  });
  return useMemo(() => new Map(found.flatMap((rows) => rows ?? []).map((row) => [row.id, row])), [found]);
}

/** Rows with what is known about them from elsewhere; the same object as long as nothing of it changes. */
function useJoined(page: EntityPage, live: Map<string, Entity>, held: (Entity | undefined)[]) {
  const { named, stamp } = useNames(page.type, page.lookups ?? []);
  const states = useStates(page.type, held);
  const cache = useMemo(() => new WeakMap<Entity, { live?: Entity; row: Entity }>(), [stamp, states, page.path]);
  const words = useMemo(() => (page.liveFollow ?? "").split(",").filter(Boolean), [page.liveFollow]);
  return useCallback(
    (e: Entity | undefined): Entity | undefined => {
      if (!e) return undefined;
      const more = live.get(e.id);
      const known = cache.get(e);
      if (known && known.live === more) return known.row;
      const row = named(e);
      for (const word of more ? words : []) row[word] = more![word];
      if (row.status === undefined && states.has(e.id)) row.status = states.get(e.id);
      cache.set(e, { live: more, row });
      return row;
    },
    [cache, named, live, words, states],
  );
}

/** Rows of a collection by a search of the language; sorting is part of the search. */
export function useWindowRows(page: EntityPage, search: string, counted: string): Rows {
  const client = useQueryClient();
  const interval = useRefresh();
  const [range, setRange] = useThrottled<[number, number]>([0, 40], 60);
  const wanted = pagesFor(range[0], range[1], PAGE);
  const pages = useQueries({ queries: wanted.map((n) => ({ ...pageQuery(page, search, n), refetchInterval: interval })) });
  const total = useQuery({
    queryKey: ["count", page.path, counted],
    queryFn: () => count(page.path, counted),
    refetchInterval: interval,
    retry: false,
    enabled: !pages.some((p) => p.error),
  });
  const held = new Map(wanted.map((n, i) => [n, pages[i]?.data]));
  const join = useJoined(page, useLive(page, search, range, (i) => held.get(Math.floor(i / PAGE) + 1)?.[i % PAGE]), [...held.values()].flatMap((rows) => rows ?? []));
  const known = total.data ?? atLeast(client, page, search, wanted);
  const rowAt = (i: number): Entity | undefined => {
    const n = Math.floor(i / PAGE) + 1;
    const rows = held.get(n) ?? client.getQueryData<Entity[]>(pageKey(page, search, n));
    return join(rows?.[i % PAGE]);
  };
  const slice = async (first: number, last: number) => {
    const got = await Promise.all(pagesFor(first, last, PAGE).map((n) => client.fetchQuery(pageQuery(page, search, n))));
    const start = Math.floor(first / PAGE) * PAGE;
    return got.flat().slice(first - start, last - start + 1).map((e) => join(e)!);
  };
  const all = async (limit: number) => {
    const rows: Entity[] = [];
    for (let n = 1; rows.length < limit; n++) {
      const more = await load(page, page.path, { search: withPage(search, n), max: BULK, follow: page.follow });
      rows.push(...more);
      if (more.length < BULK) break;
    }
    return rows.slice(0, limit).map((e) => join(e)!);
  };
  const refresh = () => {
    void client.invalidateQueries({ queryKey: ["list", page.path] });
    void client.invalidateQueries({ queryKey: ["count", page.path] });
    void client.invalidateQueries({ queryKey: ["live", page.path] });
  };
  const failed = pages.find((p) => p.error && !p.data);
  return {
    count: known,
    at: rowAt,
    onRange: (first, last) => setRange([Math.max(0, first - 10), last + 10]),
    slice,
    all,
    error: failed?.error ?? null,
    refresh,
    isBusy: pages.some((p) => p.isFetching),
  };
}

/** The same from the end: of what the Manager gives the oldest first, people want to see the newest. */
export function backwards(rows: Rows): Rows {
  const last = (rows.count ?? 0) - 1;
  return {
    ...rows,
    at: (i) => (last < 0 ? undefined : rows.at(last - i)),
    onRange: (from, to) => rows.onRange(Math.max(0, last - to), Math.max(0, last - from)),
    slice: async (from, to) => (await rows.slice(Math.max(0, last - to), last - from)).reverse(),
    all: async (limit) => (last < 0 ? [] : (await rows.slice(Math.max(0, last - limit + 1), last)).reverse()),
  };
}

export interface Whole {
  /** only rows in which a shown column has this text */
  text: string;
  /** path of the column */
  sort?: { field: string; desc: boolean };
  /** which rows belong here */
  filter?: (e: Entity) => boolean;
}

function compare(a: unknown, b: unknown, textA: string, textB: string): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  return textA.localeCompare(textB, undefined, { numeric: true });
}

function arranged(rows: Entity[], type: string, columns: Column[], { text, sort, filter }: Whole): Entity[] {
  const wanted = text.trim().toLowerCase();
  const found = rows.filter((e) => (!filter || filter(e)) && (!wanted || columns.some((c) => textOf(e, type, c).toLowerCase().includes(wanted))));
  const column = sort && columns.find((c) => c.path === sort.field);
  if (!column) return found;
  const keyed = found.map((e) => ({ e, v: valueOf(e, column), s: textOf(e, type, column) }));
  keyed.sort((a, b) => compare(a.v, b.v, a.s, b.s) * (sort.desc ? -1 : 1));
  return keyed.map((k) => k.e);
}

/** Rows of a collection that has to be loaded as a whole. */
export function useWholeRows(page: EntityPage, path: string, columns: Column[], how: Whole): Rows {
  const client = useQueryClient();
  const query = { max: WHOLE, follow: [page.follow, page.liveFollow].filter(Boolean).join(",") || undefined };
  const key = ["list", path, query];
  const { data, error, isFetching } = useQuery({ queryKey: key, queryFn: ({ signal }) => load(page, path, query, signal), refetchInterval: useRefresh() });
  const { named, stamp } = useNames(page.type, page.lookups ?? []);
  const inherited = useInherited(path, page.follow);
  const systemwide = useSystemwide(page.type);
  const states = useStates(page.type, data ?? []);
  const joined = useMemo(
    () =>
      data && [...data, ...inherited].map((e) => {
        const row = named(e);
        if (row.status === undefined && states.has(e.id)) row.status = states.get(e.id);
        if (systemwide) row.is_systemwide = systemwide.has(e.id);
        return row;
      }),
    [data, stamp, inherited, systemwide, states],
  );
  const { text, sort, filter } = how;
  const rows = useMemo(
    () => joined && arranged(joined, page.type, columns, { text, sort, filter }),
    [joined, page.type, columns, text, sort?.field, sort?.desc, filter],
  );
  return {
    count: rows?.length,
    at: (i) => rows?.[i],
    onRange: () => {},
    slice: async (first, last) => rows?.slice(first, last + 1) ?? [],
    all: async (limit) => rows?.slice(0, limit) ?? [],
    error: data ? null : error,
    refresh: () => void client.invalidateQueries({ queryKey: ["list", path] }),
    isBusy: isFetching,
  };
}

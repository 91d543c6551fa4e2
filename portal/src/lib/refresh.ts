// SPDX-License-Identifier: Apache-2.0
// Which of the page's queries a change touches, and asking them again: soon, but never more often than the Manager answers with ease.
import type { Query, QueryClient } from "@tanstack/react-query";
import { type Entity, get, type ListQuery } from "./api";
import type { Change } from "./live";
import { operation, serviceAt } from "./schema";

/** At most once in this time for a kind. */
const PAUSE_MS = 1000;
/** What comes in one piece belongs together; the first change after quiet waits for no more. */
const GATHER_MS = 0;
/** Of lists that are longer, single rows are asked for instead of all. */
const LONG = 300;
const FEW = 12;
const RIGHTS = ["permission", "role", "group", "user"];

const types = new Map<string, string | undefined>();

/** The type that a path gives: "vms" and "vms/ID" give vm. */
function typeAt(path: string): string | undefined {
  if (!types.has(path)) {
    if (types.size > 5000) types.clear();
    const service = serviceAt(path);
    types.set(path, (operation(service, "list") ?? operation(service, "get"))?.result);
  }
  return types.get(path);
}

interface Touched {
  type: string;
  ids: Set<string>;
  ops: Set<Change["op"]>;
}

/** Are objects of the type part of what the query asked for ("disk" of attachments with their disks)? */
const follows = (params: unknown, type: string) => {
  const follow = (params as ListQuery | undefined)?.follow;
  return typeof follow === "string" && follow.split(/[,.]/).some((word) => word === type || word === `${type}s`);
};

/** Does the change of some of a type touch the query? What lies below a changed object counts as changed too. */
function touches({ queryKey, state }: Query, { type, ids }: Touched): boolean {
  const [kind, path, params] = queryKey as [string, string, unknown];
  if (kind === "jobs") return type === "job" || type === "step";
  if (kind === "allowed") return RIGHTS.includes(type);
  if (kind === "me") return type === "user" || type === "permission";
  if ((kind !== "list" && kind !== "one" && kind !== "count") || typeof path !== "string") return false;
  const below = path.split("/").some((word) => ids.has(word));
  if (kind === "one") return below || (ids.has("*") && typeAt(path) === type);
  return below || typeAt(path) === type || (follows(params, type) && Array.isArray(state.data) && state.data.length <= LONG);
}

/** A long list in which some rows have changed and none came or went. */
const canPatch = (q: Query, { type, ids, ops }: Touched) =>
  q.queryKey[0] === "list" && typeAt(q.queryKey[1] as string) === type && Array.isArray(q.state.data) && q.state.data.length > LONG && !ops.has("a") && !ids.has("*") && ids.size <= FEW;

async function patch(client: QueryClient, q: Query, { type, ids, ops }: Touched): Promise<void> {
  const [, path, params] = q.queryKey as [string, string, ListQuery | undefined];
  const rows = q.state.data as Entity[];
  const shown = rows.filter((row) => ids.has(row.id)).map((row) => row.id);
  const follow = params?.follow ? `?follow=${encodeURIComponent(params.follow)}` : "";
  const fresh = new Map(await Promise.all(shown.map(async (id) => [id, await get(type, `${path}/${id}${follow}`).catch(() => undefined)] as const)));
  const isGone = (row: Entity) => fresh.has(row.id) && fresh.get(row.id) === undefined && ops.has("r");
  client.setQueryData(q.queryKey, (old: Entity[] | undefined) => old?.filter((row) => !isGone(row)).map((row) => fresh.get(row.id) ?? row));
}

/**
 * Ask again for what is touched. What is on its way for the first time may have been read before the change, and would count as fresh
 * when it comes: it is looked at again then.
 */
async function askAgain(client: QueryClient, isTouched: (q: Query) => boolean): Promise<void> {
  const early = client.getQueryCache().findAll({ predicate: (q) => q.state.fetchStatus === "fetching" && (q.state.data === undefined || !q.isActive()) && isTouched(q) });
  for (const q of early) {
    const again = () => client.invalidateQueries({ queryKey: q.queryKey, exact: true });
    void q.promise?.then(again, again);
  }
  await client.invalidateQueries({ predicate: isTouched });
}

/** What keeps the queries of a client up to date. */
export function refresher(client: QueryClient) {
  const waiting = new Map<string, Touched>();
  const busy = new Map<string, number>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  const plan = (ms: number) => {
    if (!isStopped) timer ??= setTimeout(flush, ms);
  };

  async function ask(touched: Touched) {
    const began = performance.now();
    busy.set(touched.type, Infinity);
    const patched = client.getQueryCache().findAll({ predicate: (q) => q.isActive() && canPatch(q, touched) });
    const keys = new Set(patched.map((q) => q.queryHash));
    await Promise.allSettled([
      ...patched.map((q) => patch(client, q, touched)),
      askAgain(client, (q) => !keys.has(q.queryHash) && touches(q, touched)),
    ]);
    const took = performance.now() - began;
    busy.set(touched.type, performance.now() + Math.max(PAUSE_MS - took, 2 * took));
    if (waiting.has(touched.type)) plan(GATHER_MS);
  }

  function flush() {
    timer = undefined;
    const now = performance.now();
    let next = Infinity;
    for (const [type, touched] of [...waiting]) {
      const until = busy.get(type) ?? 0;
      if (until > now) {
        next = Math.min(next, until);
        continue;
      }
      waiting.delete(type);
      void ask(touched);
    }
    if (next !== Infinity) plan(next - now);
  }

  function note({ type, id, op }: Change) {
    let touched = waiting.get(type);
    if (!touched) waiting.set(type, (touched = { type, ids: new Set(), ops: new Set() }));
    touched.ids.add(id);
    touched.ops.add(op);
  }

  return {
    changes(changes: Change[]) {
      changes.forEach(note);
      plan(GATHER_MS);
    },
    /** A new event is put into the lists of all events at once. */
    event(e: Entity) {
      for (const q of client.getQueryCache().findAll({ queryKey: ["list", "events"] })) {
        const { search, max } = (q.queryKey[2] ?? {}) as ListQuery;
        if (search || !Array.isArray(q.state.data)) continue;
        client.setQueryData(q.queryKey, (old: Entity[] | undefined) => (old?.some((o) => o.id === e.id) ? old : [e, ...(old ?? [])].slice(0, max)));
      }
      note({ type: "event", id: e.id, op: "a" });
      plan(GATHER_MS);
    },
    all() {
      waiting.clear();
      void askAgain(client, () => true);
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

// SPDX-License-Identifier: Apache-2.0
// Talking to the Manager: JSON over the same REST API that everybody else uses.
import { t } from "../text";
import { hasType, type Member, typeOf } from "./schema";
import { Fault, isAdmin, send } from "./session";

export { actAsUser, changePassword, Fault, forget, isAdmin, isLoggedIn, login, logout, send, whenLoggedOut } from "./session";

export const BASE = "/ovirt-engine/api";

/** An entity as the portals hold it: numbers, booleans and dates are what they are; lists are arrays. */
export type Entity = { id: string; name?: string; href?: string; [member: string]: unknown };

/** Who shows a request, and in which words others find what belongs together. */
export interface CallOptions {
  /** Correlation-Id: the same for all requests of one bulk */
  correlation?: string;
  signal?: AbortSignal;
}

interface Ask extends CallOptions {
  body?: unknown;
  ifMatch?: string;
}

async function answerTo(method: string, path: string, { body, ifMatch, correlation, signal }: Ask = {}): Promise<{ doc: unknown; etag?: string }> {
  const headers = new Headers({ Accept: "application/json", Filter: String(!isAdmin()) });
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (correlation) headers.set("Correlation-Id", correlation);
  if (ifMatch) headers.set("If-Match", ifMatch);
  const answer = await send(`${BASE}/${path}`, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw faultOf(answer.status, answer.statusText, text);
  return { doc: text ? JSON.parse(text) : {}, etag: answer.headers.get("ETag") ?? undefined };
}

const ask = async (method: string, path: string, more: Ask = {}): Promise<unknown> => (await answerTo(method, path, more)).doc;

/** A page beside the API, below /ovirt-engine/hostler. */
export async function beside<T>(page: string, params: Record<string, string> = {}): Promise<T> {
  const query = new URLSearchParams(params);
  const answer = await send(`/ovirt-engine/hostler/${page}${query.size ? `?${query}` : ""}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw faultOf(answer.status, answer.statusText, await answer.text());
  return (await answer.json()) as T;
}

function faultOf(status: number, statusText: string, text: string): Fault {
  if (status === 507) return new Fault(status, statusText, t("frame.noRoom"));
  try {
    const got = JSON.parse(text) as { reason?: string; detail?: string; fault?: { reason?: string; detail?: string } };
    const fault = got.fault ?? got;
    return new Fault(status, fault.reason ?? statusText, (fault.detail ?? "").replace(/^\[|\]$/g, ""));
  } catch {
    return new Fault(status, statusText, status === 404 ? "" : text.slice(0, 200));
  }
}

// ---- documents

function valueFrom(m: Member, v: unknown): unknown {
  if (v === null || v === undefined) return undefined;
  switch (m.kind) {
    case "b":
      return v === true || v === "true";
    case "i":
    case "d":
      return Number(v);
    case "t":
      return new Date(typeof v === "number" ? v : String(v));
    case "o":
    case "r":
      return typeof v === "object" ? entityFrom(m.type, v as Record<string, unknown>) : v;
    default:
      return v;
  }
}

/** From the wire to an entity. */
export function entityFrom(type: string, wire: Record<string, unknown>): Entity {
  if (!hasType(type)) return wire as Entity;
  const out: Entity = { ...(wire as Entity) };
  for (const m of typeOf(type).members) {
    const v = wire[m.name];
    if (v === undefined) continue;
    if (!m.isList) {
      out[m.name] = valueFrom(m, v);
      continue;
    }
    const items = Array.isArray(v) ? v : Object.values(v as Record<string, unknown>).find(Array.isArray);
    out[m.name] = ((items as unknown[]) ?? []).map((item) => valueFrom(m, item));
  }
  return out;
}

/** From an entity, or a part of one, to the wire. */
export function wireFrom(type: string, e: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const m of typeOf(type).members) {
    const v = e[m.name];
    if (v === undefined) continue;
    const one = (x: unknown) => (x instanceof Date ? x.getTime() : (m.kind === "o" || m.kind === "r") && x ? wireFrom(m.type, x as Entity) : x);
    out[m.name] = m.isList ? { [m.item]: (v as unknown[]).map(one) } : one(v);
  }
  return out;
}

export interface ListQuery {
  search?: string;
  max?: number;
  follow?: string;
  [param: string]: string | number | boolean | undefined;
}

export async function list(type: string, path: string, q: ListQuery = {}, options: CallOptions = {}): Promise<Entity[]> {
  const params = new URLSearchParams(Object.entries(q).flatMap(([k, v]) => (v === undefined || v === "" ? [] : [[k, String(v)]])));
  if (q.search && q.case_sensitive === undefined) params.set("case_sensitive", "false");
  const got = (await ask("GET", params.size ? `${path}?${params}` : path, options)) as Record<string, unknown>;
  const items = Object.values(got).find(Array.isArray) as Record<string, unknown>[] | undefined;
  return (items ?? []).map((wire) => entityFrom(type, wire));
}

const ETAG = "@etag";

/** What an entity that get() gave looked like to the Manager; for update(). */
export const etagOf = (e: Entity): string | undefined => e[ETAG] as string | undefined;

export async function get(type: string, path: string, options: CallOptions = {}): Promise<Entity> {
  const { doc, etag } = await answerTo("GET", path, options);
  const e = entityFrom(type, doc as Record<string, unknown>);
  if (etag) e[ETAG] = etag;
  return e;
}

export async function add(type: string, path: string, e: Record<string, unknown>, options: CallOptions = {}): Promise<Entity> {
  return entityFrom(type, (await ask("POST", path, { ...options, body: wireFrom(type, e) })) as Record<string, unknown>);
}

/** etag: refused with status 412 when the entity is not any more what it was (etagOf). */
export async function update(type: string, path: string, e: Record<string, unknown>, etag?: string, options: CallOptions = {}): Promise<Entity> {
  return entityFrom(type, (await ask("PUT", path, { ...options, body: wireFrom(type, e), ifMatch: etag })) as Record<string, unknown>);
}

export const remove = (path: string, options: CallOptions = {}) => ask("DELETE", path, options);

export async function act(path: string, action: string, inputs: Record<string, unknown> = {}, options: CallOptions = {}): Promise<Entity> {
  return entityFrom("action", (await ask("POST", `${path}/${action}`, { ...options, body: inputs })) as Record<string, unknown>);
}

/** A new Correlation-Id for requests that belong together. */
export const newCorrelation = () => crypto.randomUUID();

/** Which operations this Manager has. */
export const operations = async (): Promise<Set<string>> => new Set(await beside<string[]>("operations"));

/** How many of a collection a search finds; capitals count as little as in lists. */
export const count = async (collection: string, search: string): Promise<number> =>
  (await beside<{ count: number }>("search/count", { collection, search, case_sensitive: "false" })).count;

/** What the user may do with the object at the path and with the collections below it ("vm.start"); of all objects: "". */
export const allowed = async (path: string): Promise<Set<string>> => new Set(await beside<string[]>("allowed", { path }));

/** The logged in user. */
export interface Me {
  id: string;
  user_name: string;
  name?: string;
  last_name?: string;
  domain?: string;
  is_admin: boolean;
  /** ms since 1970 */
  password_expires?: number;
  can_change_password?: boolean;
  session_expires?: number;
}

export const me = () => beside<Me>("me");

// SPDX-License-Identifier: Apache-2.0
// Talking to the Manager: JSON over the same REST API that everybody else uses.
import { hasType, type Member, typeOf } from "./schema";

export const BASE = "/ovirt-engine/api";

/** An entity as the portals hold it: numbers, booleans and dates are what they are; lists are arrays. */
export type Entity = { id: string; name?: string; href?: string; [member: string]: unknown };

export class Fault extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    readonly detail: string,
  ) {
    super(detail || reason);
  }
}

let token = sessionStorage.getItem("hostler-token");
let onLost: () => void = () => {};

export const isLoggedIn = () => token !== null;
export const whenLoggedOut = (fn: () => void) => (onLost = fn);

export function forget() {
  token = null;
  sessionStorage.removeItem("hostler-token");
  onLost();
}

export async function login(user: string, password: string, profile: string): Promise<void> {
  const form = new URLSearchParams({ grant_type: "password", scope: "ovirt-app-api", username: `${user}@${profile}`, password });
  const answer = await fetch("/ovirt-engine/sso/oauth/token", { method: "POST", body: form, headers: { Accept: "application/json" } });
  const got = (await answer.json()) as { access_token?: string; error?: string };
  if (!got.access_token) throw new Fault(answer.status, "access_denied", got.error ?? answer.statusText);
  token = got.access_token;
  sessionStorage.setItem("hostler-token", token);
}

export async function logout(): Promise<void> {
  const form = new URLSearchParams({ token: token ?? "" });
  forget();
  await fetch("/ovirt-engine/services/sso-logout", { method: "POST", body: form });
}

/** A request below /ovirt-engine that carries the token. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${token}`);
  const answer = await fetch(path, { ...init, headers });
  if (answer.status === 401) forget();
  return answer;
}

async function ask(method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await send(`${BASE}/${path}`, {
    method,
    headers: { Accept: "application/json", "Content-Type": "application/json", Filter: isAdmin() ? "false" : "true" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  if (answer.ok) return text ? JSON.parse(text) : {};
  throw faultOf(answer.status, answer.statusText, text);
}

function faultOf(status: number, statusText: string, text: string): Fault {
  try {
    const got = JSON.parse(text) as { reason?: string; detail?: string; fault?: { reason?: string; detail?: string } };
    const fault = got.fault ?? got;
    return new Fault(status, fault.reason ?? statusText, (fault.detail ?? "").replace(/^\[|\]$/g, ""));
  } catch {
    return new Fault(status, statusText, status === 404 ? "" : text.slice(0, 200));
  }
}

let admin = true;
export const isAdmin = () => admin;
export const actAsUser = () => (admin = false);

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
}

export async function list(type: string, path: string, q: ListQuery = {}): Promise<Entity[]> {
  const params = new URLSearchParams(Object.entries(q).flatMap(([k, v]) => (v === undefined || v === "" ? [] : [[k, String(v)]])));
  if (q.search) params.set("case_sensitive", "false");
  const got = (await ask("GET", params.size ? `${path}?${params}` : path)) as Record<string, unknown>;
  const items = Object.values(got).find(Array.isArray) as Record<string, unknown>[] | undefined;
  return (items ?? []).map((wire) => entityFrom(type, wire));
}

export async function get(type: string, path: string): Promise<Entity> {
  return entityFrom(type, (await ask("GET", path)) as Record<string, unknown>);
}

export async function add(type: string, path: string, e: Record<string, unknown>): Promise<Entity> {
  return entityFrom(type, (await ask("POST", path, wireFrom(type, e))) as Record<string, unknown>);
}

export async function update(type: string, path: string, e: Record<string, unknown>): Promise<Entity> {
  return entityFrom(type, (await ask("PUT", path, wireFrom(type, e))) as Record<string, unknown>);
}

export const remove = (path: string) => ask("DELETE", path);

export async function act(path: string, action: string, inputs: Record<string, unknown> = {}): Promise<Entity> {
  return entityFrom("action", (await ask("POST", `${path}/${action}`, inputs)) as Record<string, unknown>);
}

/** Which operations this Manager has. */
export async function operations(): Promise<Set<string>> {
  const answer = await send("/ovirt-engine/hostler/operations");
  if (!answer.ok) throw faultOf(answer.status, answer.statusText, await answer.text());
  return new Set((await answer.json()) as string[]);
}

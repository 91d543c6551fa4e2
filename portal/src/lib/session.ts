// SPDX-License-Identifier: Apache-2.0
// Who is logged in, and whether the Manager can be reached. The token stays in this window (sessionStorage) and goes into one header.
import { store } from "./store";

/** "expired": somebody was logged in; what is on the screen stays there below the login dialog. */
export type SessionState = "out" | "in" | "expired";

const TOKEN = "hostler-token";
const USER = "hostler-user";
const ADMIN = "hostler-admin";
const HOME = "/ovirt-engine";
const PING_MS = 1500;
/** No cookies, and no window of the browser that asks for a password when the answer is 401. */
const PLAIN: RequestInit = { credentials: "omit" };

/** A fault as the Manager says it; status 0: it could not be reached. */
export class Fault extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    readonly detail: string,
  ) {
    super(detail || reason);
  }
}

let token = sessionStorage.getItem(TOKEN);
let admin = sessionStorage.getItem(ADMIN) !== "false";
const lost = new Set<() => void>();

export const sessionState = store<SessionState>(token ? "in" : "out");
/** true while the Manager does not answer. */
export const isAway = store(false);

export const isLoggedIn = () => token !== null;
/** Name of who logged in last in this window, as "name@profile". */
export const sessionUser = () => sessionStorage.getItem(USER) ?? "";
/** Lists show everything that there is to administrators, and what they may see to others. */
export const isAdmin = () => admin && !isUser;
export function setAdmin(is: boolean) {
  admin = is;
  sessionStorage.setItem(ADMIN, String(is));
}
let isUser = false;
/** From now on, what the user has a permission on is all there is to see; the VM Portal is like that for administrators, too. */
export const actAsUser = () => {
  isUser = true;
};
export const bearer = (): Record<string, string> => (token ? { Authorization: `Bearer ${token}` } : {});

/** Calls fn when the user has logged out. */
export function whenLoggedOut(fn: () => void): () => void {
  lost.add(fn);
  return () => lost.delete(fn);
}

let place: number | undefined;
const placed = new Set<(said: number) => void>();

/** Where an event stream has to begin to tell all that was not in the answers so far; undefined: there is no answer yet. */
export const firstPlace = () => place;

/** Calls fn with the place of each answer that comes. */
export function onPlace(fn: (said: number) => void): () => void {
  placed.add(fn);
  return () => placed.delete(fn);
}

function notePlace(answer: Response) {
  const said = Number(answer.headers.get("Hostler-Event") ?? NaN);
  if (Number.isNaN(said)) return;
  place = Math.min(place ?? said, said);
  for (const fn of placed) fn(said);
}

/** Drops the session in this window. */
export function forget() {
  token = null;
  place = undefined;
  for (const key of [TOKEN, USER, ADMIN]) sessionStorage.removeItem(key);
  admin = true;
  sessionState.set("out");
  for (const fn of lost) fn();
}

function post(path: string, fields: Record<string, string>): Promise<Response> {
  return fetch(HOME + path, { ...PLAIN, method: "POST", body: new URLSearchParams(fields), headers: { Accept: "application/json" } });
}

/** The fields of the answer; a refusal is thrown in the Manager's words. */
async function postForm(path: string, fields: Record<string, string>): Promise<{ access_token?: string }> {
  let answer: Response;
  try {
    answer = await post(path, fields);
  } catch {
    throw new Fault(0, "unreachable", "");
  }
  const got = (await answer.json().catch(() => ({}))) as { access_token?: string; error?: string; error_code?: string };
  if (!answer.ok) throw new Fault(answer.status, got.error_code ?? "", got.error ?? answer.statusText);
  return got;
}

/** Whether lists show everything to this user; the page goes on when it cannot be told. */
async function learnRights(): Promise<void> {
  const answer = await fetch(`${HOME}/hostler/me`, { ...PLAIN, headers: { Accept: "application/json", ...bearer() } }).catch(() => undefined);
  const got = answer?.ok ? ((await answer.json().catch(() => ({}))) as { is_admin?: boolean }) : {};
  setAdmin(got.is_admin ?? true);
}

/** Logs in; user is "name" or "name@profile". */
export async function login(user: string, password: string, profile = "internal"): Promise<void> {
  const name = user.includes("@") ? user : `${user}@${profile}`;
  const got = await postForm("/sso/oauth/token", { grant_type: "password", scope: "ovirt-app-api", username: name, password });
  if (!got.access_token) throw new Fault(400, "access_denied", "");
  const isOther = sessionState.get() === "expired" && name !== sessionUser();
  token = got.access_token;
  sessionStorage.setItem(TOKEN, token);
  sessionStorage.setItem(USER, name);
  await learnRights();
  if (isOther) {
    // what another one had on the screen, and what was to be sent for him, is not for this one
    window.location.reload();
    return;
  }
  sessionState.set("in");
}

/** Another password for one's own account; works also when the old one is out of date. */
export async function changePassword(user: string, password: string, newPassword: string): Promise<void> {
  await postForm("/hostler/password", { user, password, new_password: newPassword });
}

/** Ends the session, on the Manager too. */
export async function logout(): Promise<void> {
  const ended = token ?? "";
  forget();
  await post("/services/sso-logout", { token: ended }).catch(() => undefined);
}

/** Resolves when the condition is true. */
function until(s: { get(): unknown; subscribe(fn: () => void): () => void }, is: () => boolean): Promise<void> {
  if (is()) return Promise.resolve();
  return new Promise((resolve) => {
    const end = s.subscribe(() => {
      if (is()) {
        end();
        resolve();
      }
    });
  });
}

let pinging: ReturnType<typeof setTimeout> | undefined;

/** The Manager did not answer: look until it does. */
export function lostContact() {
  isAway.set(true);
  pinging ??= setTimeout(async () => {
    pinging = undefined;
    try {
      const answer = await fetch(`${HOME}/sso/status`, { ...PLAIN, signal: AbortSignal.timeout(5000) });
      if (answer.ok) return isAway.set(false);
    } catch {
      // still away
    }
    lostContact();
  }, PING_MS);
}

const isGone = (status: number) => status === 502 || status === 503 || status === 504;

/** One try; undefined: the Manager could not be reached. */
async function attempt(path: string, init: RequestInit): Promise<Response | undefined> {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(bearer())) headers.set(name, value);
  try {
    const answer = await fetch(path, { ...PLAIN, ...init, headers });
    return isGone(answer.status) && init.method !== undefined && init.method !== "GET" ? answer : isGone(answer.status) ? undefined : answer;
  } catch (error) {
    if (init.signal?.aborted) throw error;
    return undefined;
  }
}

/**
 * A request below /ovirt-engine that carries the token. When the session is over it waits for the next login and goes on; what only
 * reads waits for the Manager to come back, what changes something is not repeated.
 */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const used = token;
    const answer = await attempt(path, init);
    if (!answer) {
      lostContact();
      if (init.method !== undefined && init.method !== "GET") throw new Fault(0, "unreachable", "");
      await until(isAway, () => !isAway.get());
      continue;
    }
    notePlace(answer);
    if (answer.status !== 401 || sessionState.get() === "out") return answer;
    if (used === token) sessionState.set("expired");
    await until(sessionState, () => sessionState.get() !== "expired");
    if (sessionState.get() === "out") return answer;
  }
}

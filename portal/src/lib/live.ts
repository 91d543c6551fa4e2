// SPDX-License-Identifier: Apache-2.0
// What happens at the Manager, as it happens: one event stream for the page.
import type { QueryClient } from "@tanstack/react-query";
import { BASE, type Entity, entityFrom } from "./api";
import { refresher } from "./refresh";
import { firstPlace, onPlace, send } from "./session";
import { store } from "./store";

export interface Change {
  /** the API's name of the type: "vm" */
  type: string;
  /** "*": many of the type */
  id: string;
  /** added, updated, removed */
  op: "a" | "u" | "r";
}

/** "live": changes come by themselves; otherwise pages ask from time to time. */
export const live = store<"off" | "connecting" | "live">("off");

const eventListeners = new Set<(e: Entity) => void>();
const changeListeners = new Set<(changes: Change[] | "all") => void>();
const SILENCE_MS = 45_000; // the Manager says something every 15 s
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const FRAME_MAX = 4_000_000;
const ANSWER_MS = 1000; // for an answer that says where to begin
const LATE_MS = 200;

/** Until the page has an answer that says where the stream has to begin, or for so long. */
function firstAnswer(ms: number): Promise<void> {
  if (firstPlace() !== undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      end();
      resolve();
    };
    const end = onPlace(done);
    const timer = setTimeout(done, ms);
  });
}

/** Calls fn for each event of the Manager (type event), until what is given back is called. */
export function onEvent(fn: (e: Entity) => void): () => void {
  eventListeners.add(fn);
  return () => eventListeners.delete(fn);
}

/** Calls fn with what has changed; "all": everything may have. */
export function onChange(fn: (changes: Change[] | "all") => void): () => void {
  changeListeners.add(fn);
  return () => changeListeners.delete(fn);
}

export const isLive = () => live.get() === "live";

interface Message {
  event: string;
  id?: string;
  data: string;
}

/** One frame of a text/event-stream; undefined: a comment. */
function parse(frame: string): Message | undefined {
  const message: Message = { event: "message", data: "" };
  const data: string[] = [];
  for (const line of frame.split("\n")) {
    const [, field, value] = /^(\w+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === "data") data.push(value ?? "");
    else if (field === "event") message.event = value ?? "";
    else if (field === "id") message.id = value;
  }
  message.data = data.join("\n");
  return data.length || message.event !== "message" ? message : undefined;
}

/** Frames of the answer as they come. */
async function* frames(body: ReadableStream<Uint8Array>, onBytes: () => void): AsyncGenerator<Message> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes();
    rest += decoder.decode(value, { stream: true }).replaceAll("\r", "");
    const parts = rest.split("\n\n");
    rest = parts.pop() ?? "";
    if (rest.length > FRAME_MAX) throw new Error("frame too long");
    for (const part of parts) {
      const message = parse(part);
      if (message) yield message;
    }
  }
}

const isChange = (c: unknown): c is [string, string, Change["op"]] => Array.isArray(c) && c.length >= 3 && c.every((x) => typeof x === "string");

/** The stream of one page: reads until it is told to end, comes back after each loss. */
class Stream {
  private readonly end = new AbortController();
  private lastId?: string;
  private wasLive = false;
  private wait = FIRST_WAIT_MS;
  private readonly refresh;
  /** what was answered before this place may lack what nobody tells of any more */
  private start?: number;
  private late?: ReturnType<typeof setTimeout>;
  private readonly unplace;

  constructor(client: QueryClient) {
    this.refresh = refresher(client);
    this.unplace = onPlace((said) => {
      if (this.start !== undefined && said < this.start) this.late ??= setTimeout(() => this.tooLate(), LATE_MS);
    });
    void this.run();
  }

  private tooLate() {
    this.late = undefined;
    this.all();
  }

  stop() {
    this.end.abort();
    this.unplace();
    clearTimeout(this.late);
    this.refresh.stop();
    live.set("off");
  }

  private async run() {
    while (!this.end.signal.aborted) {
      live.set("connecting");
      try {
        await this.read();
      } catch {
        // lost; below it is tried again
      }
      if (this.end.signal.aborted) return;
      if (live.get() === "live") live.set("connecting");
      await new Promise((resolve) => setTimeout(resolve, this.wait * (0.75 + Math.random() / 2)));
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
    }
  }

  private async read() {
    const lost = new AbortController();
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (this.lastId === undefined) {
      await firstAnswer(ANSWER_MS);
      this.lastId = firstPlace()?.toString(); // what happened between the first answer and the stream is told as well
    }
    if (this.lastId !== undefined) headers["Last-Event-ID"] = this.lastId;
    const answer = await send(`${BASE}/events?topics=events,changes`, { headers, signal: AbortSignal.any([this.end.signal, lost.signal]) });
    if (!answer.ok || !answer.body || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      lost.abort();
      this.wait = LONGEST_WAIT_MS;
      return;
    }
    let watch: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => lost.abort(), SILENCE_MS);
    };
    alive();
    try {
      for await (const message of frames(answer.body, alive)) this.take(message);
    } finally {
      clearTimeout(watch);
      lost.abort();
    }
  }

  private take({ event, id, data }: Message) {
    if (id !== undefined) this.lastId = id;
    if (event === "hello") this.hello();
    else if (event === "reset") this.all();
    else if (event === "event") this.event(JSON.parse(data) as Record<string, unknown>);
    else if (event === "changes") this.changes(JSON.parse(data) as unknown);
  }

  private hello() {
    this.wait = FIRST_WAIT_MS;
    const isFirst = !this.wasLive;
    this.wasLive = true;
    live.set("live");
    this.start ??= Number(this.lastId);
    if (!isFirst || (firstPlace() ?? this.start) < this.start) this.all(); // what changed meanwhile is not told again
  }

  private all() {
    this.refresh.all();
    for (const fn of changeListeners) fn("all");
  }

  private event(wire: Record<string, unknown>) {
    const e = entityFrom("event", wire);
    this.refresh.event(e);
    for (const fn of eventListeners) fn(e);
  }

  private changes(data: unknown) {
    const changes = (Array.isArray(data) ? data : []).filter(isChange).map(([type, id, op]) => ({ type, id, op }));
    if (!changes.length) return;
    this.refresh.changes(changes);
    for (const fn of changeListeners) fn(changes);
  }
}

/** Keeps the stream open and the queries of the client up to date, until what is given back is called. */
export function startLive(client: QueryClient): () => void {
  const stream = new Stream(client);
  return () => stream.stop();
}

// SPDX-License-Identifier: Apache-2.0
// Values as people read them, in the numbers and dates of their country.
import { locale } from "../text";
import { abbreviations, phrases } from "../text/en/lists";
import type { Entity } from "./api";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

interface Formats {
  whole: Intl.NumberFormat;
  tenth: Intl.NumberFormat;
  dateTime: Intl.DateTimeFormat;
  relative: Intl.RelativeTimeFormat;
}

const made = new Map<string | undefined, Formats>();

/** The formats of the locale that is chosen now. */
function formats(): Formats {
  const code = locale();
  let f = made.get(code);
  if (!f) {
    f = {
      whole: new Intl.NumberFormat(code, { maximumFractionDigits: 0 }),
      tenth: new Intl.NumberFormat(code, { maximumFractionDigits: 1 }),
      dateTime: new Intl.DateTimeFormat(code, { dateStyle: "medium", timeStyle: "medium" }),
      relative: new Intl.RelativeTimeFormat(code, { numeric: "auto", style: "long" }),
    };
    made.set(code, f);
  }
  return f;
}

export const number = (n: number): string => formats().tenth.format(n);

export function bytes(n: number): string {
  let i = 0;
  while (Math.abs(n) >= 1024 && i < UNITS.length - 1) {
    n /= 1024;
    i++;
  }
  return `${(i && n < 100 ? formats().tenth : formats().whole).format(n)} ${UNITS[i]}`;
}

/** "2 GiB", "512M", "10737418240" to bytes; undefined: not understood. */
export function parseBytes(text: string): number | undefined {
  const m = /^\s*(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?b)?\s*$/i.exec(text);
  if (!m) return undefined;
  return Math.round(Number(m[1]) * 1024 ** " kmgtp".indexOf(m[2].toLowerCase() || " "));
}

export const percent = (n: number): string => `${formats().whole.format(n)} %`;

export const date = (d: Date): string => (Number.isNaN(d.getTime()) ? "" : formats().dateTime.format(d));

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60]];

/** "3 minutes ago"; "now" within a minute. */
export function ago(d: Date, now = Date.now()): string {
  const seconds = (d.getTime() - now) / 1000;
  for (const [unit, size] of STEPS) if (Math.abs(seconds) >= size) return formats().relative.format(Math.trunc(seconds / size), unit);
  return formats().relative.format(0, "second");
}

/** Seconds as "2 d 3 h", "4 min 10 s". */
export function duration(seconds: number): string {
  const parts: [string, number][] = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
  const out: string[] = [];
  for (const [unit, size] of parts) {
    const n = Math.floor(seconds / size);
    if (!n && !out.length && unit !== "s") continue;
    if (n) out.push(`${n} ${unit}`);
    seconds -= n * size;
    if (out.length === 2) break;
  }
  return out.join(" ") || "0 s";
}

/** "powering_up" -> "Powering up", "cpu_shares" -> "CPU shares" */
export function words(name: string): string {
  if (phrases[name]) return phrases[name];
  const text = name.split(/[_-]/).map((w) => abbreviations[w] ?? w).join(" ");
  return /^[a-z]+[A-Z]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1); // "vNIC profiles" stays
}

/** What a form calls a member: its own name, with as much of the way to it as tells it apart. */
export function fieldLabel(path: string): string {
  const last = path.split(".").slice(-2);
  const vague = ["type", "enabled", "name", "max", "priority", "id", "value"].includes(last[last.length - 1]);
  return words((vague ? last : last.slice(-1)).join("_").replace("policy_max", "maximum").replace("availability_enabled", "availability"));
}

/** "server:/export" of a storage connection. */
const storedAt = (x: Entity | undefined) => (typeof x?.path === "string" ? [x.address, x.path].filter(Boolean).join(":") : "");

export const nameOf = (e: unknown): string => {
  const x = e as Entity | undefined;
  return x?.name || (x?.alias as string) || (x?.user_name as string) || (x?.description as string) || storedAt(x) || x?.id || "";
};

/** A member by a path with dots. */
export function at(e: Entity, path: string): unknown {
  return path.split(".").reduce<unknown>((v, key) => (v as Record<string, unknown> | undefined)?.[key], e);
}

const AMOUNTS = new Set(["memory", "guaranteed", "provisioned_size", "actual_size", "total_size", "initial_size", "available", "used", "committed",
  "max_scheduling_memory", "disk_size", "block_size", "ballooned"]);

/** Is the number at the path an amount of bytes? Judged by its name, as the API has no units. */
export function isBytes(path: string): boolean {
  const way = path.split(".");
  const last = way[way.length - 1];
  return AMOUNTS.has(last) || (last === "max" && way[way.length - 2] === "memory_policy");
}

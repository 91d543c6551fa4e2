// SPDX-License-Identifier: Apache-2.0
// Values of members, in cells of tables and in details; and as plain text for files and tooltips.
import { Fragment, type ReactNode } from "react";
import type { Entity } from "../lib/api";
import { useNow } from "../lib/clock";
import { type As, type Column, pageOfType } from "../lib/entities";
import { ago, at, bytes, date, duration, nameOf, number, percent, words } from "../lib/format";
import { memberAt } from "../lib/schema";
import { usageOf } from "../lib/usage";
import { t } from "../text";
import { Flags, flagWords } from "./flags";
import { linkTo } from "./router";
import { Status } from "./StatusIcon";

export { Status, StatusIcon } from "./StatusIcon";
export { Flags } from "./flags";

/** A reference as a link to its page, if it has one. */
export function Link({ to, type }: { to: Entity; type: string }) {
  const page = pageOfType(type);
  const text = nameOf(to);
  return page && to.id ? <a href={linkTo(`${page.path}/${encodeURIComponent(to.id)}`)}>{text}</a> : <>{text}</>;
}

/** "3 minutes ago", with the full time behind it. */
export function Ago({ when }: { when: Date }) {
  const now = useNow(30_000);
  return (
    <time dateTime={when.toISOString()} title={date(when)}>
      {ago(when, now)}
    </time>
  );
}

function Uptime({ since }: { since: Date }) {
  const now = useNow(30_000);
  return <span title={date(since)}>{duration(Math.max(0, (now - since.getTime()) / 1000))}</span>;
}

const level = (n: number) => (n >= 90 ? "h-full" : n >= 75 ? "h-tight" : "h-easy");

/** A small bar with its number. */
export function Meter({ value }: { value: number }) {
  return (
    <span className="h-gauge">
      <span className="h-gauge-bar" aria-hidden="true">
        <span className={level(value)} style={{ width: `${Math.max(2, Math.min(100, value))}%` }} />
      </span>
      <span className="h-gauge-number">{percent(value)}</span>
    </span>
  );
}

function Progress({ value }: { value: number }) {
  return (
    <span className="h-gauge">
      <span className="h-gauge-bar" role="progressbar" aria-label={t("lists.col.progress")} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(value)}>
        <span className="h-easy" style={{ width: `${Math.max(2, Math.min(100, value))}%` }} />
      </span>
      <span className="h-gauge-number">{percent(value)}</span>
    </span>
  );
}

const USAGES: Record<string, "memory" | "cpu" | "network"> = { "usage.memory": "memory", "usage.cpu": "cpu", "usage.network": "network" };

/** What a column holds of an entity. */
export function valueOf(e: Entity, column: Column): unknown {
  const usage = USAGES[column.path];
  if (usage) return usageOf(e)[usage];
  return column.value ? column.value(e) : at(e, column.path);
}

const version = (v: unknown) => {
  const { major, minor, full_version } = v as { major?: number; minor?: number; full_version?: string };
  return full_version ?? [major, minor].filter((n) => n !== undefined).join(".");
};

const speed = (bits: number) => {
  const units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];
  let i = 0;
  while (bits >= 1000 && i < units.length - 1) {
    bits /= 1000;
    i++;
  }
  return `${number(bits)} ${units[i]}`;
};

function numberText(v: number, as?: As): string {
  switch (as) {
    case "bytes": return bytes(v);
    case "percent": case "meter": case "progress": return percent(v);
    case "speed": return speed(v);
    case "code": return String(v);
    default: return number(v);
  }
}

/** A structure in a few words: what it is called, or its plain members. */
function structText(v: Record<string, unknown>): string {
  const name = nameOf(v);
  if (name) return name;
  if ("major" in v) return version(v);
  const plain = Object.entries(v).filter(([k, x]) => k !== "href" && x !== undefined && x !== null && typeof x !== "object");
  return plain.map(([k, x]) => `${words(k)}: ${textOfValue(x)}`).join(", ");
}

/** Any value as text. */
export function textOfValue(v: unknown, as?: As): string {
  if (v === undefined || v === null || v === "") return "";
  if (v instanceof Date) return date(v);
  if (typeof v === "boolean") return t(v ? "lists.yes" : "lists.no");
  if (typeof v === "number") return numberText(v, as);
  if (Array.isArray(v)) return v.map((x) => textOfValue(x, as === "links" && typeof x === "string" ? "words" : as)).filter(Boolean).join(", ");
  if (as === "version" && typeof v === "object") return version(v);
  if (typeof v === "object") return structText(v as Record<string, unknown>);
  return as === "status" || as === "words" ? words(String(v)) : String(v);
}

/** What a cell says, as text. */
export const textOf = (e: Entity, type: string, column: Column): string =>
  column.as === "flags" ? flagWords(type, e) : textOfValue(valueOf(e, column), column.as);

/** The type that a column's references have. */
const typeAt = (e: Entity, type: string, column: Column): string =>
  column.path === "who" ? (e.group && !e.user ? "group" : "user") : column.path === "object" ? objectType(e) : (column.type ?? memberAt(type, column.path)?.type ?? "");

const objectType = (e: Entity) => ["vm", "host", "template", "disk", "storage_domain", "cluster", "data_center", "vm_pool"].find((k) => (e[k] as Entity | undefined)?.id) ?? "";

function Links({ to, type }: { to: unknown[]; type: string }) {
  return (
    <>
      {to.map((x, i) => (
        <Fragment key={i}>
          {i > 0 && ", "}
          {typeof x === "object" && x !== null ? <Link to={x as Entity} type={type} /> : words(String(x))}
        </Fragment>
      ))}
    </>
  );
}

/** The content of a cell. */
export function Cell({ e, type, column }: { e: Entity; type: string; column: Column }): ReactNode {
  if (column.as === "flags") return <Flags type={type} e={e} />;
  const v = valueOf(e, column);
  if (v === undefined || v === null || v === "") return <></>;
  if (column.as === "link" && typeof v === "object") return <Link to={v as Entity} type={typeAt(e, type, column)} />;
  if (column.as === "links" && Array.isArray(v)) return <Links to={v} type={typeAt(e, type, column)} />;
  return <Value v={v} as={column.as} />;
}

/** A value as people read it. */
export function Value({ v, as }: { v: unknown; as?: As }) {
  if (v === undefined || v === null) return <></>;
  if (v instanceof Date) return as === "ago" ? <Ago when={v} /> : as === "uptime" ? <Uptime since={v} /> : <>{date(v)}</>;
  if (as === "status") return <Status value={String(v)} />;
  if (as === "meter" && typeof v === "number") return <Meter value={v} />;
  if (as === "progress" && typeof v === "number") return <Progress value={v} />;
  if (as === "code") return <span className="h-code">{textOfValue(v, as)}</span>;
  return <>{textOfValue(v, as)}</>;
}

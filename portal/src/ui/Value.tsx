// SPDX-License-Identifier: Apache-2.0
import { Label } from "@patternfly/react-core";
import type { Entity } from "../lib/api";
import { type Column, mood, pageOfType } from "../lib/entities";
import { at, bytes, date, nameOf, words } from "../lib/format";
import { hasType, typeOf } from "../lib/schema";
import { linkTo } from "./router";

export function Status({ value }: { value: string }) {
  return (
    <Label color={mood(value)} isCompact>
      {words(value)}
    </Label>
  );
}

/** A reference as a link to its page, if it has one. */
export function Link({ to, type }: { to: Entity; type: string }) {
  const page = pageOfType(type);
  return page ? <a href={linkTo(`${page.path}/${to.id}`)}>{nameOf(to)}</a> : <>{nameOf(to)}</>;
}

const typeOfMember = (type: string, path: string) =>
  path.split(".").reduce<string>((t, key) => (hasType(t) && typeOf(t).members.find((m) => m.name === key)?.type) || "", type);

export function Cell({ e, type, column }: { e: Entity; type: string; column: Column }) {
  const v = at(e, column.path);
  if (v === undefined || v === "") return <></>;
  if (column.as === "link") return <Link to={v as Entity} type={typeOfMember(type, column.path)} />;
  return <Value v={v} as={column.as} />;
}

export function Value({ v, as }: { v: unknown; as?: Column["as"] }) {
  if (v instanceof Date) return <>{date(v)}</>;
  if (typeof v === "boolean") return <>{v ? "Yes" : "No"}</>;
  if (as === "bytes") return <>{bytes(v as number)}</>;
  if (as === "percent") return <>{`${v as number} %`}</>;
  if (as === "status") return <Status value={String(v)} />;
  if (Array.isArray(v)) return <>{v.map((x) => (typeof x === "object" ? nameOf(x) : String(x))).join(", ")}</>;
  if (typeof v === "object") return <>{nameOf(v)}</>;
  return <>{String(v)}</>;
}

// SPDX-License-Identifier: Apache-2.0
// A call of the API as a command of `hostler`: TYPE [PART] VERB [NAME]... [--flags], as docs/cli.md says.
import { hasType, type Operation, typeOf } from "../lib/schema";
import { quote } from "./curl";
import { memberOf, type Method, type Walk } from "./walk";

type Struct = Record<string, unknown>;

/** Flags that are the command's own: members of such a name go by --set. */
const TAKEN = new Set(["output", "columns", "no-headers", "sort", "page", "links", "from-file", "wait", "timeout", "yes", "dry-run", "help", "set"]);

/** Members that stand behind `create` without a flag. */
const NAMES: Record<string, string> = { disk_attachment: "disk", snapshot: "description", user: "user_name" };
const UNNAMED = new Set(["permission", "cdrom"]);

const dashed = (name: string) => name.replaceAll("_", "-");

/** "storage_domains" -> "storage-domain", "qoss" -> "qos", "policies" -> "policy" */
export function singular(label: string): string {
  const word = dashed(label);
  return word.endsWith("ies") ? `${word.slice(0, -3)}y` : word.endsWith("s") ? word.slice(0, -1) : word;
}

const verbOf = (op: Operation) => {
  if (op.kind !== "action") return { list: "list", get: "show", add: "create", update: "update", remove: "remove" }[op.kind];
  return op.name.replaceAll("_", "") === op.path ? dashed(op.name) : (op.path ?? op.name);
};

function flag(path: string, text: string): string {
  if (TAKEN.has(dashed(path))) return `--set ${quote(`${path}=${text}`)}`;
  return `--${dashed(path)}${text.startsWith("-") ? "=" : " "}${quote(text)}`; // what begins with a dash would be taken for another flag
}

/** A reference as a name or an id; undefined: it holds more than that. */
function reference(v: Struct, names: Record<string, string>): string | undefined {
  const keys = Object.keys(v).filter((k) => k !== "href" && v[k] !== undefined);
  if (keys.length !== 1) return undefined;
  const id = String(v.id);
  const name = keys[0] === "name" ? String(v.name) : keys[0] === "id" ? names[id] : undefined;
  if (name !== undefined) return /^\{|=|^[0-9a-f-]{36}$/.test(name) ? `name=${name}` : name;
  return keys[0] !== "id" ? undefined : /^[0-9a-f-]{36}$/.test(id) ? id : `id=${id}`;
}

const isPlain = (v: unknown) => typeof v !== "object" || v === null;

function listFlags(path: string, v: Struct, names: Record<string, string>): string[] {
  const items = Object.values(v).flatMap((x) => (Array.isArray(x) ? (x as unknown[]) : [x]));
  if (!items.length) return [`--${dashed(path)}=`];
  return items.map((x) => flag(path, isPlain(x) ? String(x) : (reference(x as Struct, names) ?? JSON.stringify(x))));
}

/** Flags for the members of a document. */
function flags(type: string, body: Struct, path: string, names: Record<string, string>): string[] {
  return Object.entries(body).flatMap(([name, v]) => {
    const way = path ? `${path}.${name}` : name;
    const m = memberOf(type, name);
    if (v === undefined || v === null || name === "href") return [];
    if (typeof v === "boolean") return v ? [TAKEN.has(dashed(way)) ? `--set ${way}=true` : `--${dashed(way)}`] : [`--${dashed(way)}=false`];
    if (isPlain(v)) return [v === "" ? `--${dashed(way)}=` : flag(way, String(v))];
    if (m?.isList) return listFlags(way, v as Struct, names);
    const inner = m?.type ?? (hasType(name) ? name : "");
    const isReference = m?.kind === "r" || (hasType(inner) && typeOf(inner).members[0]?.name === "id");
    const short = isReference ? reference(v as Struct, names) : undefined;
    return short === undefined ? flags(inner, v as Struct, way, names) : [flag(way, short)];
  });
}

/** What stands behind `create`: the name of the new one. */
function nameOfNew(type: string, body: Struct, names: Record<string, string>): { member: string; text: string } | undefined {
  const member = UNNAMED.has(type) ? "" : (NAMES[type] ?? "name");
  const v = body[member];
  const text = isPlain(v) ? v : reference(v as Struct, names);
  return typeof text === "string" && text && !text.startsWith("-") ? { member, text } : undefined;
}

export interface Call {
  method: Method;
  body?: Struct;
  search?: string;
  query?: Record<string, string>;
  names: Record<string, string>;
}

/** The command; undefined where the command line has none, and `hostler api` has to do. */
export function commandOf({ levels, operation: op, type }: Walk, call: Call): string | undefined {
  if (!op || !levels.length) return undefined;
  const { names } = call;
  const words = ["hostler", ...levels.map((l) => singular(l.label)), verbOf(op)];
  words.push(...levels.flatMap((l) => (l.id === undefined ? [] : [quote(names[l.id] ?? l.id)])));
  let body = call.body ?? {};
  if (op.kind === "add") {
    const fresh = nameOfNew(type, body, names);
    if (fresh) {
      words.push(quote(fresh.text));
      body = Object.fromEntries(Object.entries(body).filter(([k]) => k !== fresh.member));
    }
  }
  const more = [
    ...(call.search ? [`--search ${quote(call.search)}`] : []),
    ...Object.entries(call.query ?? {}).map(([k, v]) => (v === "true" ? `--${dashed(k)}` : v === "false" ? `--${dashed(k)}=false` : `--${k === "follow" ? "links" : dashed(k)} ${quote(v)}`)),
    ...flags(type, body, "", names),
  ];
  const line = words.join(" ");
  return more.length > 3 || line.length + more.join(" ").length > 120 ? [line, ...more].join(" \\\n  ") : [line, ...more].join(" ");
}

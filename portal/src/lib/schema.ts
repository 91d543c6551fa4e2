// SPDX-License-Identifier: Apache-2.0
// The API's own description, as the portals walk it.
import { ENUMS_TEXT, ROOT, SERVICES_TEXT, TYPES_TEXT } from "../gen/schema";

/** s text, b boolean, i integer, d decimal, t date, e enumeration, o structure, r reference */
export type Kind = "s" | "b" | "i" | "d" | "t" | "e" | "o" | "r";

export interface Member {
  name: string;
  kind: Kind;
  /** of enumerations, structures and references */
  type: string;
  isList: boolean;
  isReadonly: boolean;
  isCreateOnly: boolean;
  isSecret: boolean;
  /** name of one element of a list */
  item: string;
  /** what the Manager checks: of numbers their range, of texts their length, and what they look like */
  rule?: Rule;
}

export interface Rule {
  min?: number;
  max?: number;
  pattern?: string;
  /** what the pattern means, in words: "letters, digits and '-'" */
  hint?: string;
}

export interface Type {
  name: string;
  element: string;
  collection: string;
  /** "vms/{vm}/nics/{id}" */
  path?: string;
  members: Member[];
}

export interface Operation {
  name: string;
  kind: "list" | "get" | "add" | "update" | "remove" | "action";
  /** "vm.start": how the Manager calls it */
  id: string;
  /** word in the path of an action */
  path?: string;
  inputs: { name: string; type: string }[];
  /** parameters of the URL: "force", "detach_only", "max", "search" ... */
  queries: { name: string; type: string }[];
  /** what has to be given: "vm.name", "vm.cluster.id|vm.cluster.name" */
  requires: string[];
  /** ways to call it that require different things; any one of them will do */
  signatures: { name: string; requires: string[] }[];
  result?: string;
}

export interface Service {
  name: string;
  /** named parts below it ("nics"), and the service of one member if it is a collection */
  parts: { word: string; service: string; label: string }[];
  one?: string;
  operations: Operation[];
}

type RawMember = [string, Kind, string, string, (string | 0)?, Rule?];
type RawOp = [string, Operation["kind"], string, string?, [string, string][]?, { q?: [string, string][]; r?: string[]; s?: [string, string[]][] }?];

const rawTypes = JSON.parse(TYPES_TEXT) as Record<string, { e: string; c: string; p?: string; m: RawMember[] }>;
const rawServices = JSON.parse(SERVICES_TEXT) as Record<string, { l: [string, number, string, string?][]; o: RawOp[] }>;
/** name of the service at the top */
export const ROOT_SERVICE = ROOT;
export const ENUMS = JSON.parse(ENUMS_TEXT) as Record<string, string[]>;

const types = new Map<string, Type>();
const services = new Map<string, Service>();

export function typeOf(name: string): Type {
  let t = types.get(name);
  if (!t) {
    const raw = rawTypes[name];
    if (!raw) throw new Error(`no type ${name}`);
    t = {
      name,
      element: raw.e,
      collection: raw.c,
      path: raw.p,
      members: raw.m.map(([member, kind, type, flags, item, rule]) => ({
        name: member,
        kind,
        type,
        isList: flags.includes("l"),
        isReadonly: flags.includes("r"),
        isCreateOnly: flags.includes("c"),
        isSecret: flags.includes("p"),
        item: item || member,
        rule,
      })),
    };
    types.set(name, t);
  }
  return t;
}

export const hasType = (name: string) => name in rawTypes;

export function serviceOf(name: string): Service {
  let s = services.get(name);
  if (!s) {
    const raw = rawServices[name];
    if (!raw) throw new Error(`no service ${name}`);
    s = {
      name,
      parts: raw.l.filter(([, isParam]) => !isParam).map(([word, , service, label]) => ({ word, service, label: label ?? word })),
      one: raw.l.find(([, isParam]) => isParam)?.[2],
      operations: raw.o.map(([op, kind, id, third, inputs, more]) => ({
        name: op,
        kind,
        id,
        path: kind === "action" ? third : undefined,
        result: kind === "action" ? undefined : third || undefined,
        inputs: (inputs ?? []).map(([input, type]) => ({ name: input, type })),
        queries: (more?.q ?? []).map(([input, type]) => ({ name: input, type })),
        requires: more?.r ?? [],
        signatures: (more?.s ?? []).map(([way, requires]) => ({ name: way, requires })),
      })),
    };
    services.set(name, s);
  }
  return s;
}

export const hasService = (name: string) => name in rawServices;

/** The service at the words of a path ("vms", "ID", "nics"); undefined where there is none. */
export function serviceAt(path: string): Service | undefined {
  let s: Service | undefined = serviceOf(ROOT);
  for (const word of path.split("/").filter(Boolean)) {
    const next: string | undefined = s.parts.find((p) => p.word === word)?.service ?? s.one;
    if (!next || !hasService(next)) return undefined;
    s = serviceOf(next);
  }
  return s;
}

export const operation = (s: Service | undefined, kind: Operation["kind"]) => s?.operations.find((o) => o.kind === kind);

/** The member at a path with dots ("cpu.topology.cores") of a type. */
export function memberAt(type: string, path: string): Member | undefined {
  let found: Member | undefined;
  for (const word of path.split(".")) {
    if (!hasType(type)) return undefined;
    found = typeOf(type).members.find((m) => m.name === word);
    if (!found) return undefined;
    type = found.type;
  }
  return found;
}

/**
 * Whether an operation cannot do without a member (a path below its document: "cluster", "provisioned_size"). Where there are several ways to
 * call it, what the first asks for counts.
 */
export function isRequired(op: Operation | undefined, path: string): boolean {
  const requires = op?.requires.length ? op.requires : (op?.signatures[0]?.requires ?? []);
  return requires.some((one) => one.split("|").some((way) => (way.slice(way.indexOf(".") + 1) + ".").startsWith(path + ".")));
}

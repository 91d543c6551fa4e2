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
  result?: string;
}

export interface Service {
  name: string;
  /** named parts below it ("nics"), and the service of one member if it is a collection */
  parts: { word: string; service: string; label: string }[];
  one?: string;
  operations: Operation[];
}

type RawMember = [string, Kind, string, string, string?];
type RawOp = [string, Operation["kind"], string, string?, [string, string][]?];

const rawTypes = JSON.parse(TYPES_TEXT) as Record<string, { e: string; c: string; p?: string; m: RawMember[] }>;
const rawServices = JSON.parse(SERVICES_TEXT) as Record<string, { l: [string, number, string, string?][]; o: RawOp[] }>;
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
      members: raw.m.map(([member, kind, type, flags, item]) => ({
        name: member,
        kind,
        type,
        isList: flags.includes("l"),
        isReadonly: flags.includes("r"),
        isCreateOnly: flags.includes("c"),
        isSecret: flags.includes("p"),
        item: item ?? member,
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
      operations: raw.o.map(([op, kind, id, third, inputs]) => ({
        name: op,
        kind,
        id,
        path: kind === "action" ? third : undefined,
        result: kind === "action" ? undefined : third,
        inputs: (inputs ?? []).map(([input, type]) => ({ name: input, type })),
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

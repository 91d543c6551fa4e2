// SPDX-License-Identifier: Apache-2.0
// What the schema cannot know: which members matter most to people, and how entities are related on the screen.
import { t, type TextKey } from "../text";
import { isBytes, words } from "./format";
import { adminPages } from "./pages/admin";
import { computePages } from "./pages/compute";
import { networkPages } from "./pages/network";
import { partPages } from "./pages/parts";
import { storagePages } from "./pages/storage";
import type { Column, EntityPage } from "./pages/types";
import { hasService, hasType, type Member, operation, ROOT_SERVICE, serviceOf, typeOf } from "./schema";

export type { As, Column, EntityPage, PartTab, Related, Section } from "./pages/types";

const pages = () => [...computePages(), ...networkPages(), ...storagePages(), ...adminPages()];

export const PAGES: EntityPage[] = pages();
let parts = partPages();

/** Makes all anew in the language that is spoken now; once, before anything is shown. */
export function relabel(): void {
  PAGES.splice(0, PAGES.length, ...pages());
  parts = partPages();
  composed.clear();
}

/** The name of a group for people. */
export const groupLabel = (group: EntityPage["group"]): string => t(`lists.group.${group.toLowerCase()}` as TextKey);

const composed = new Map<string, EntityPage | undefined>();

/** The page of a collection: of those that no row above describes, what the schema says about it. */
export function pageOf(path: string): EntityPage | undefined {
  const row = PAGES.find((p) => p.path === path);
  if (row) return row;
  if (!composed.has(path)) composed.set(path, compose(path));
  return composed.get(path);
}

/** Collections without a row that the Manager is known to list. */
let listed = new Set<string>();

/** The page on which entities of a type live; undefined where nobody can look at them. */
export function pageOfType(type: string): EntityPage | undefined {
  const row = PAGES.find((p) => p.type === type);
  const [word, one, more] = (hasType(type) ? (typeOf(type).path ?? "") : "").split("/");
  return row ?? (one && !more && listed.has(word) ? pageOf(word) : undefined);
}

function compose(path: string): EntityPage | undefined {
  const part = serviceOf(ROOT_SERVICE).parts.find((p) => p.word === path);
  const op = part && hasService(part.service) ? operation(serviceOf(part.service), "list") : undefined;
  if (!part || !op?.result || !hasType(op.result)) return undefined;
  return { ...partPage(op.result, path), many: words(part.label), group: "More" };
}

/** Collections that this Manager lists and that no row of PAGES describes; for "More" in the sidebar. */
export function morePages(operations: Set<string>): EntityPage[] {
  const found = serviceOf(ROOT_SERVICE).parts.flatMap(({ word, service }) => {
    const op = hasService(service) ? operation(serviceOf(service), "list") : undefined;
    const page = op && operations.has(op.id) && !PAGES.some((p) => p.path === word) ? pageOf(word) : undefined;
    return page ? [page] : [];
  });
  listed = new Set(found.map((p) => p.path));
  return found;
}

/** A page for entities of a type that are listed at a path: what is said about the type, or else what the schema gives. */
export function partPage(type: string, path: string): EntityPage {
  const page = PAGES.find((p) => p.type === type);
  const said = parts[type];
  return {
    path, type, group: "More", search: "",
    one: page?.one ?? words(type),
    many: page?.many ?? words(typeOf(type).collection),
    columns: said?.columns ?? page?.columns.map((c) => ({ ...c, sort: undefined })) ?? columnsOf(type),
    follow: said ? said.follow : page?.follow,
    liveFollow: said ? undefined : page?.liveFollow,
    lookups: said?.lookups ?? page?.lookups,
    fields: said?.fields ?? page?.fields ?? fieldsOf(type),
    actions: said?.actions ?? page?.actions,
    sections: page?.sections,
    nameMember: said?.nameMember ?? page?.nameMember ?? (typeOf(type).members.some((m) => m.name === "alias") ? "alias" : undefined),
  };
}

const FIRST = ["status", "severity", "name", "alias", "user_name", "description", "type"];

/** Columns of what nobody has described: its plain members and references, the telling ones first. */
function columnsOf(type: string): Column[] {
  const plain = typeOf(type).members.filter((m) => "sbidter".includes(m.kind) && !m.isList && !m.isSecret && !["id", "comment", "href"].includes(m.name));
  const order = (m: Member) => (FIRST.includes(m.name) ? FIRST.indexOf(m.name) : m.kind === "r" ? 50 : 20);
  const sorted = [...plain].sort((a, b) => order(a) - order(b));
  const columns = sorted.map((m, i): Column => ({ path: m.name, label: words(m.name), as: looks(m), width: m.name === "description" ? 260 : m.kind === "b" ? 110 : 160, isHidden: i >= 8 }));
  return [...columns, { path: "id", label: words("id"), as: "code", width: 300, isHidden: columns.length > 0 }];
}

/** How a member is best shown. */
export function looks(m: Member): Column["as"] {
  if (m.name === "status" || m.name === "severity") return "status";
  if (m.kind === "t") return "date";
  if (m.kind === "r") return m.isList ? "links" : "link";
  if (m.kind === "e") return "words";
  if (m.kind === "i" && isBytes(m.name)) return "bytes";
  return m.kind === "i" || m.kind === "d" ? "count" : undefined;
}

const fieldsOf = (type: string) =>
  typeOf(type).members.filter((m) => !m.isReadonly && !m.isList && "sbie".includes(m.kind) && m.name !== "id").map((m) => m.name).slice(0, 16);

export type Mood = "green" | "blue" | "red" | "orange" | "grey";

const MOODS: Record<Mood, string[]> = {
  green: ["up", "ok", "active", "operational", "finished", "normal", "enabled", "data_up"],
  red: ["error", "non_responsive", "non_operational", "install_failed", "failed", "illegal", "not_responding", "problematic", "alert", "failure"],
  orange: ["warning", "paused", "in_preview", "unknown", "aborted", "inactive", "suspended", "contend", "image_illegal"],
  grey: ["down", "maintenance", "unattached", "uninitialized", "unassigned", "detached", "disabled", "pending_approval"],
  blue: [],
};

/** How a status looks: good, busy, bad or none of them. */
export const mood = (status: string): Mood => (Object.keys(MOODS) as Mood[]).find((m) => MOODS[m].includes(status)) ?? "blue";

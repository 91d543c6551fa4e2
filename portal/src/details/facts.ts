// SPDX-License-Identifier: Apache-2.0
// The members of an entity that have a value, structures unfolded, in groups.
import { type As, type EntityPage, looks, pageOfType } from "../lib/entities";
import { isBytes, nameOf, words } from "../lib/format";
import { hasType, type Member, typeOf } from "../lib/schema";
import { t } from "../text";

export interface Fact {
  path: string;
  label: string;
  member: Member;
  value: unknown;
  as?: As;
}

export interface Group {
  title: string;
  facts: Fact[];
}

type Struct = Record<string, unknown>;

const MOST_DEEP = 4;
/** A structure with so many members is a group of its own. */
const OWN_GROUP = 4;
/** Shown elsewhere, or of no use to people. */
const ELSEWHERE = new Set(["name", "href", "status_detail", "large_icon", "small_icon", "statistics", "reported_devices", "nics", "disk_attachments", "gluster_service", "gluster_tuned_profile",
  "trusted_service", "virt_service", "steps"]);

const isNothing = (v: unknown) => v === undefined || v === null || v === "" || (Array.isArray(v) && !v.length);

/** "Cores" -> "cores", "CPU" stays. */
const small = (text: string) => (/^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text);

function asOf(member: Member, path: string): As | undefined {
  if (path === "id" || path.endsWith(".id") || path.endsWith("uuid")) return "code";
  if (member.kind === "i" && isBytes(path)) return "bytes";
  if (member.kind === "e") return path === "status" || path === "external_status" ? "status" : "words";
  if (member.name.endsWith("_progress") || member.name.endsWith("_pct") || member.name.endsWith("percent_complete")) return "percent";
  return member.kind === "i" && ["port", "id", "tls_port", "index", "custom_id"].includes(member.name) ? "code" : member.name === "status" ? "words" : looks(member);
}

const isVersion = (v: unknown) => typeof v === "object" && v !== null && "major" in v;

function unfold(type: string, struct: Struct, path: string, label: string, depth: number): Fact[] {
  return typeOf(type).members.flatMap((m) => {
    const way = path ? `${path}.${m.name}` : m.name;
    return ELSEWHERE.has(way) || m.isSecret ? [] : factsOf(m, struct[m.name], way, label, depth);
  });
}

/** The facts that a member holds: itself, or those of its structure. */
function factsOf(m: Member, value: unknown, path: string, above: string, depth: number): Fact[] {
  if (isNothing(value)) return [];
  if (m.kind === "r" && !m.isList && !nameOf({ ...(value as Struct), id: undefined }) && !pageOfType(m.type)) return []; // an id of what cannot be looked at
  const label = above ? `${above} · ${small(words(m.name))}` : words(m.name);
  const isStruct = m.kind === "o" && !m.isList && hasType(m.type) && typeof value === "object";
  if (isVersion(value)) return [{ path, label, member: m, value, as: "version" }];
  if (isStruct && depth < MOST_DEEP) return unfold(m.type, value as Struct, path, label, depth + 1);
  return [{ path, label, member: m, value, as: asOf(m, path) }];
}

/** Where a structure holds one thing only, that is called as the structure. */
function relabelled(facts: Fact[]): Fact[] {
  const heads = facts.map((f) => f.label.split(" · ")[0]);
  return facts.map((f, i) => {
    const parts = f.label.split(" · ");
    const isOnly = heads.filter((h) => h === heads[i]).length === 1 && parts.length === 2;
    if (isOnly && ["enabled", "type", "value", "name", "mode", "status"].includes(f.path.split(".").pop() ?? "")) return { ...f, label: parts[0] };
    return parts.length > 3 ? { ...f, label: [parts[0], ...parts.slice(-2)].join(" · ") } : f;
  });
}

/** "High availability · enabled" in the group of that name is "Enabled". */
function within(title: string, facts: Fact[]): Fact[] {
  return facts.map((f) => {
    const rest = f.label.startsWith(`${title} `) ? f.label.slice(title.length).replace(/^ (· )?/, "") : "";
    return rest ? { ...f, label: cap(rest) } : f;
  });
}

/** All facts of an entity: in the groups of its page, then structures of their own, then the rest. */
export function groupsOf(page: EntityPage, e: Struct): Group[] {
  const left = new Map(unfold(page.type, e, "", "", 0).map((f) => [f.path, f]));
  const take = (path: string) => {
    const found = [...left.values()].filter((f) => f.path === path || f.path.startsWith(`${path}.`));
    found.forEach((f) => left.delete(f.path));
    return found;
  };
  const sections = page.sections ?? [{ title: t("lists.section.general"), paths: plainPaths(page.type) }];
  const groups = sections.map(({ title, paths }) => ({ title, facts: within(title, relabelled(paths.flatMap(take))) }));
  const heads = [...new Set([...left.keys()].filter((p) => p.includes(".")).map((p) => p.split(".")[0]))];
  for (const head of heads) {
    if ([...left.keys()].filter((p) => p.startsWith(`${head}.`)).length < OWN_GROUP) continue;
    const facts = take(head).map((f) => ({ ...f, label: cap(f.label.split(" · ").slice(1).join(" · ")) }));
    groups.push({ title: words(head), facts });
  }
  groups.push({ title: t("lists.section.more"), facts: relabelled([...left.values()]) });
  return groups.filter((g) => g.facts.length);
}

const cap = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** Of a page without groups: first what it is, then what it refers to; lists and structures come behind. */
function plainPaths(type: string): string[] {
  const members = typeOf(type).members.filter((m) => m.kind !== "o" && !(m.kind === "r" && m.isList) && m.name !== "id");
  return [...members.map((m) => m.name), "id"];
}

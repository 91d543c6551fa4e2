// SPDX-License-Identifier: Apache-2.0
// Which parts of a change of a running VM are kept for its next start.
import { type Entity, update } from "../../lib/api";

/** A member that changes, and why it has to wait. */
export interface Part {
  member: string;
  reason?: string;
}

/** What is kept for the next start: all that has to wait, and what was chosen to. */
export interface Kept {
  /** members that were chosen */
  chosen: string[];
  /** those and the ones that have to; empty when none was chosen */
  members: string[];
  /** nothing is left that applies now */
  isAll: boolean;
}

export const NONE_KEPT: Kept = { chosen: [], members: [], isAll: false };

/** Of what was chosen, what still changes; what has to wait goes along with it. */
export function keptOf(chosen: string[], now: Part[], waiting: Part[]): Kept {
  const still = now.filter((p) => chosen.includes(p.member)).map((p) => p.member);
  return still.length ? { chosen: still, members: [...still, ...waiting.map((p) => p.member)], isAll: still.length === now.length } : NONE_KEPT;
}

export const sameKept = (a: Kept, b: Kept) => a.members.join() === b.members.join() && a.isAll === b.isAll;

/** Changes what is at the path: first what is kept for the next start, then the rest. */
export async function updateKept(type: string, path: string, body: Record<string, unknown>, kept: Kept, etag?: string): Promise<Entity> {
  if (!kept.members.length) return update(type, path, body, etag);
  const made = await update(type, `${path}?next_run=true`, kept.isAll ? body : partOf(body, kept.members, true), etag);
  return kept.isAll ? made : update(type, path, partOf(body, kept.members, false));
}

/** The parts of a document that are these members, or all others. */
export function partOf(body: Record<string, unknown>, members: string[], isThese: boolean, above = ""): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, v] of Object.entries(body)) {
    const path = above ? `${above}.${key}` : key;
    const isOne = members.some((m) => path === m || path.startsWith(`${m}.`));
    if (isOne) {
      if (isThese) out[key] = v;
    } else if (v && typeof v === "object" && !Array.isArray(v)) {
      const below = partOf(v as Record<string, unknown>, members, isThese, path);
      if (Object.keys(below).length) out[key] = below;
    } else if (!isThese) out[key] = v;
  }
  return out;
}

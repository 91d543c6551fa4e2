// SPDX-License-Identifier: Apache-2.0
// What the Manager says of a search that it does not understand, in as many words as one reads.
import { t } from "../text";

const ALLOWED = "; allowed here: ";
const MOST_NAMED = 8;

/** How many letters differ. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}

/** The names that were most likely meant. */
function likely(meant: string, names: string[]): string[] {
  const word = meant.toLowerCase();
  const near = word.length > 40 ? [] : names.map((name) => ({ name, far: name.toLowerCase().startsWith(word) ? 0 : distance(word, name.toLowerCase()) }));
  return near.filter(({ far }) => word.length > 1 && far <= Math.max(1, Math.floor(word.length / 3))).sort((a, b) => a.far - b.far).slice(0, 3).map(({ name }) => name);
}

/** "there is no such field; allowed here: name, ..." shortened; meant: the words that are wrong. */
export function shortReason(message: string, meant?: string): string {
  const [what, rest] = message.split(ALLOWED);
  if (!rest) return message;
  const names = rest.split(", ");
  const wrong = meant ?? /\('(.*)'\)/.exec(what)?.[1] ?? "";
  const close = likely(wrong.trim(), names);
  if (close.length) return t("lists.search.meant", { what, names: close.join(", ") });
  if (names.length <= MOST_NAMED + 2) return t("lists.search.allowed", { what, names: rest });
  return t("lists.search.allowed.more", { what, names: names.slice(0, MOST_NAMED).join(", "), n: names.length - MOST_NAMED });
}

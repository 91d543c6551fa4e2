// SPDX-License-Identifier: Apache-2.0
// How wide the columns of a table are in the room that there is: all of them are seen if that can be, and none wastes what others need.
import type { Column } from "../lib/entities";
import { isNumber } from "./TableRow";

/** What a kind of value needs to be read, in pixels. */
const LEAST: Partial<Record<NonNullable<Column["as"]>, number>> = {
  status: 112, link: 84, links: 84, bytes: 80, meter: 92, progress: 100, count: 56, percent: 64, flags: 64, ago: 112, date: 178, uptime: 76, speed: 84, words: 76, code: 160,
};
const LEAST_TEXT = 90;
const LEAST_NAME = 120;
const LETTER_PX = 7.6;
const BESIDE_PX = 38;
/** Numbers stand a bit away from what comes next. */
const END_PX = 12;

/** Takes more room than it asks for: a text that may be long. */
const isText = (c: Column) => c.as === undefined || c.as === "text" || c.as === "link" || c.as === "links" || c.as === "code";

const leastOf = (c: Column, wide: number, isName: boolean) =>
  Math.min(wide, Math.max(isName ? LEAST_NAME : (LEAST[c.as ?? "text"] ?? LEAST_TEXT), Math.ceil(c.label.length * LETTER_PX) + BESIDE_PX + (isNumber(c) ? END_PX : 0)));

/** Less by so much, taken from what each can give. */
function less(widths: number[], give: number[], much: number): number[] {
  const all = give.reduce((a, b) => a + b, 0);
  const part = all > 0 ? Math.max(0, Math.min(1, much / all)) : 0;
  return widths.map((w, i) => Math.floor(w - give[i] * part));
}

/**
 * The widths of columns in a room. wide: what each would like; those that are fixed get it. Too much is taken from all that can give, down to what
 * they need, and from the name last; what is left goes to texts.
 */
export function fitted(columns: Column[], wide: number[], isFixed: boolean[], nameMember: string, room: number): number[] {
  const spare = room - wide.reduce((a, b) => a + b, 0);
  if (spare < 0) {
    const isName = columns.map((c) => c.path === nameMember);
    const others = less(wide, columns.map((c, i) => (isFixed[i] || isName[i] ? 0 : wide[i] - leastOf(c, wide[i], false))), -spare);
    const over = others.reduce((a, b) => a + b, 0) - room;
    return less(others, columns.map((c, i) => (!isFixed[i] && isName[i] ? wide[i] - leastOf(c, wide[i], true) : 0)), over);
  }
  const take = columns.map((c, i) => (!isFixed[i] && isText(c) ? wide[i] : 0));
  const all = take.reduce((a, b) => a + b, 0);
  return all > 0 ? wide.map((w, i) => Math.floor(w + (spare * take[i]) / all)) : wide;
}

// SPDX-License-Identifier: Apache-2.0
// What is shown of a document: not its secrets.

const SECRET = /password|secret|license_key/i;

/** The document with secrets left out. */
export function shownBody(body: Record<string, unknown>): Record<string, unknown> {
  const clean = (v: unknown): unknown =>
    Array.isArray(v) ? v.map(clean) : v && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, SECRET.test(k) && typeof x === "string" ? "********" : clean(x)])) : v;
  return clean(body) as Record<string, unknown>;
}

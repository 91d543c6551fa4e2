// SPDX-License-Identifier: Apache-2.0
import { hasType, typeOf } from "../lib/schema";
import { type Method, memberOf } from "./walk";

export type Format = "json" | "xml";

/** As the shell takes it as one word. */
export const quote = (text: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (v: unknown) => String(v).replace(/[&<>"]/g, (c) => ENTITIES[c]);

/** A document as XML; id and href of entities are attributes. */
export function xmlOf(type: string, element: string, body: Record<string, unknown>, indent = ""): string {
  const attributes: string[] = [];
  const inside: string[] = [];
  for (const [name, v] of Object.entries(body)) {
    if (v === undefined || v === null) continue;
    if ((name === "id" || name === "href") && typeof v !== "object") attributes.push(` ${name}="${escaped(v)}"`);
    else inside.push(...xmlMember(type, name, v, `${indent}  `));
  }
  const open = `${indent}<${element}${attributes.join("")}`;
  return inside.length ? `${open}>\n${inside.join("\n")}\n${indent}</${element}>` : `${open}/>`;
}

function xmlMember(type: string, name: string, v: unknown, indent: string): string[] {
  const m = memberOf(type, name);
  const inner = m?.type ?? (hasType(name) ? name : "");
  if (Array.isArray(v)) return v.flatMap((x) => xmlMember(type, name, x, indent));
  if (typeof v !== "object" || v === null) return [`${indent}<${name}>${escaped(v)}</${name}>`];
  if (!m?.isList) return [xmlOf(inner, name, v as Record<string, unknown>, indent)];
  const items = Object.entries(v as Record<string, unknown>).flatMap(([item, list]) =>
    (Array.isArray(list) ? list : [list]).map((x) =>
      typeof x === "object" && x ? xmlOf(inner, item, x as Record<string, unknown>, `${indent}  `) : `${indent}  <${item}>${escaped(x)}</${item}>`));
  return items.length ? [`${indent}<${name}>\n${items.join("\n")}\n${indent}</${name}>`] : [`${indent}<${name}/>`];
}

/** The document in one of the API's two formats. */
export function documentOf(type: string, body: Record<string, unknown>, format: Format): string {
  if (format === "json") return JSON.stringify(body, null, 2);
  return xmlOf(type, hasType(type) ? typeOf(type).element : type || "action", body);
}

export function curlOf(method: Method, url: string, document: string | undefined, format: Format): string {
  const kind = `application/${format}`;
  const lines = [
    `curl --cacert ca.pem${method === "GET" ? "" : ` -X ${method}`} -H "Authorization: Bearer $TOKEN" -H 'Accept: ${kind}'`,
    ...(document === undefined ? [] : [`-H 'Content-Type: ${kind}'`]),
    quote(url),
    ...(document === undefined ? [] : [`-d ${quote(document)}`]),
  ];
  return lines.join(" \\\n  ");
}

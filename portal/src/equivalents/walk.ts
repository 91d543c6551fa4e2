// SPDX-License-Identifier: Apache-2.0
// A path of the API, taken apart by the API's own description.
import { hasService, hasType, operation, type Operation, ROOT_SERVICE, type Service, serviceOf, typeOf } from "../lib/schema";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

export interface Walk {
  /** collections and the ids of their items, in the order of the path */
  levels: { label: string; word: string; id?: string }[];
  operation?: Operation;
  /** of the document: "vm", "action" */
  type: string;
}

const KINDS: Record<Method, Operation["kind"]> = { GET: "list", POST: "add", PUT: "update", DELETE: "remove" };

/** Where a path leads, and what the method does there. */
export function walk(method: Method, path: string): Walk {
  const levels: Walk["levels"] = [];
  let service: Service | undefined = serviceOf(ROOT_SERVICE);
  let op: Operation | undefined;
  for (const raw of path.split("/").filter(Boolean)) {
    const word = decodeURIComponent(raw);
    const part: Service["parts"][number] | undefined = service?.parts.find((p) => p.word === word);
    const last: Walk["levels"][number] | undefined = levels[levels.length - 1];
    if (part) {
      levels.push({ label: part.label, word });
      service = hasService(part.service) ? serviceOf(part.service) : undefined;
    } else if (service?.operations.some((o) => o.kind === "action" && o.path === word)) {
      op = service.operations.find((o) => o.kind === "action" && o.path === word);
      break;
    } else if (last && last.id === undefined) {
      last.id = word;
      service = service?.one && hasService(service.one) ? serviceOf(service.one) : undefined;
    }
  }
  op ??= operation(service, KINDS[method]) ?? (method === "GET" ? operation(service, "get") : undefined);
  return { levels, operation: op, type: op?.kind === "action" ? "action" : documentType(op, service) };
}

/** The type of what is sent: what adding gives back, or what is updated. */
function documentType(op: Operation | undefined, service: Service | undefined): string {
  const found = op?.result ?? operation(service, "get")?.result ?? "";
  return hasType(found) ? found : "";
}

/** The member of a type by its name on the wire. */
export const memberOf = (type: string, name: string) => (hasType(type) ? typeOf(type).members.find((m) => m.name === name) : undefined);

/** In place of what nobody should read over one's shoulder. */
export const SECRET = "********";

/** The document without what is secret in it. */
export function masked(type: string, body: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(body).map(([name, v]) => {
      const m = memberOf(type, name);
      const isSecret = m?.isSecret || /password|^secret$/.test(name);
      if (isSecret && typeof v === "string" && v) return [name, SECRET];
      return [name, maskedValue(m?.type ?? "", m?.isList ?? false, v)];
    }),
  );
}

function maskedValue(type: string, isList: boolean, v: unknown): unknown {
  if (Array.isArray(v)) return v.map((x) => maskedValue(type, false, x));
  if (typeof v !== "object" || v === null) return v;
  if (isList) return Object.fromEntries(Object.entries(v).map(([item, x]) => [item, maskedValue(type, false, x)]));
  return masked(type, v as Record<string, unknown>);
}

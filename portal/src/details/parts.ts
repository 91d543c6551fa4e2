// SPDX-License-Identifier: Apache-2.0
// Which tabs the details of an entity have.
import type { ExtraTab } from "../pages/tabs";
import { TABS } from "../pages/tabs";
import { type EntityPage, pageOf, type Related } from "../lib/entities";
import { words } from "../lib/format";
import { hasService, hasType, operation, serviceAt, serviceOf } from "../lib/schema";
import { t } from "../text";

export interface DetailTab {
  word: string;
  label: string;
  /** of a part */
  type?: string;
  related?: Related;
  extra?: ExtraTab;
}

/** Parts below an entity that this Manager lists. */
function listedParts(path: string, has: Set<string>): Map<string, DetailTab> {
  const found = new Map<string, DetailTab>();
  for (const { word, service, label } of serviceAt(path)?.parts ?? []) {
    const op = hasService(service) ? operation(serviceOf(service), "list") : undefined;
    if (op?.result && hasType(op.result) && has.has(op.id)) found.set(word, { word, label: words(label), type: op.result });
  }
  return found;
}

function canList(page: string, has: Set<string>): boolean {
  const op = pageOf(page) && operation(serviceAt(page), "list");
  return op !== undefined && has.has(op.id);
}

/** General, then as the page says, then what else there is; tabs of their own where they want to stand. */
export function tabsOf(page: EntityPage, id: string, has: Set<string> | undefined): DetailTab[] {
  const out: DetailTab[] = [{ word: "", label: t("lists.tab.general") }];
  if (!has) return out;
  const parts = listedParts(`${page.path}/${id}`, has);
  for (const tab of page.tabs ?? []) {
    const part = parts.get(tab.word);
    if ("page" in tab) {
      if (canList(tab.page, has)) out.push({ word: tab.word, label: tab.label, related: tab });
    } else if (part) out.push({ ...part, label: tab.label ?? part.label });
    parts.delete(tab.word);
  }
  out.push(...[...parts.values()].filter((p) => !page.without?.includes(p.word)));
  for (const extra of TABS.filter((x) => x.type === page.type)) {
    const at = out.findIndex((x) => x.word === (extra.after ?? ""));
    out.splice(at < 0 ? 1 : at + 1, 0, { word: extra.word, label: extra.label, extra });
  }
  return out;
}

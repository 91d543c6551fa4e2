// SPDX-License-Identifier: Apache-2.0
// What can be done: by what the Manager has, what the user may, and the state of what is selected.
import type { Entity } from "../lib/api";
import type { EntityPage } from "../lib/entities";
import { words } from "../lib/format";
import { operation, serviceAt, serviceOf } from "../lib/schema";
import { t } from "../text";
import { useAction, useOperations, useRemove } from "../ui/queries";
import { openDialog } from "./index";

export interface Command {
  id: string;
  label: string;
  isDanger?: boolean;
  isDisabled: boolean;
  /** why it is disabled */
  why?: string;
  run: () => void;
  /** heading in a menu */
  group?: string;
  /** one of the most used: a button where there is room */
  isButton?: boolean;
}

/** Everything that can be done with the selected, or with the collection when nothing is selected; in the order of menus. */
export function useCommands(page: EntityPage, path: string, items: Entity[]): Command[] {
  const { data: has } = useOperations();
  const act = useAction(path);
  const remove = useRemove(path);
  const many = serviceAt(path);
  const one = many?.one ? serviceOf(many.one) : undefined;
  const can = (id?: string) => id !== undefined && (has?.has(id) ?? false);
  const out: Command[] = [];
  if (can(operation(many, "add")?.id)) out.push({ id: "new", label: t("dialogs.new"), isDisabled: false, isButton: true, run: () => openDialog(page.type, "new", path, [], page) });
  if (can(operation(one, "update")?.id))
    out.push({ id: "edit", label: t("dialogs.edit"), isDisabled: items.length !== 1, isButton: true, run: () => openDialog(page.type, "edit", path, items, page) });
  for (const o of one?.operations ?? [])
    if (o.kind === "action" && can(o.id))
      out.push({ id: o.name, label: words(o.name), isDisabled: !items.length, isButton: page.actions?.includes(o.name),
        run: () => act.mutate({ items, action: o.path!, inputs: {} }) });
  if (can(operation(one, "remove")?.id))
    out.push({ id: "remove", label: t("dialogs.remove"), isDanger: true, isDisabled: !items.length, run: () => remove.mutate(items) });
  return out;
}

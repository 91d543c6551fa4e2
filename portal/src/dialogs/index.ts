// SPDX-License-Identifier: Apache-2.0
// Which dialog does what to which type. Dialogs are loaded when they are asked for.
import { type ComponentType, createElement, lazy, type LazyExoticComponent, Suspense } from "react";
import type { Entity } from "../lib/api";
import { type EntityPage, pageOfType } from "../lib/entities";
import "./dialogs.css";
import { showDialog } from "./store";

export { closeDialogs, DialogHost, showDialog } from "./store";

/** What every dialog is given. */
export interface DialogProps {
  page: EntityPage;
  /** the collection: "vms", "vms/ID/nics" */
  path: string;
  /** the selected; empty for something new */
  items: Entity[];
  onClose: () => void;
}

export type Dialog = LazyExoticComponent<ComponentType<DialogProps>>;

const FORM: Dialog = lazy(() => import("./FormDialog"));

/** By "type.what"; "*.what" is for all types without one of their own. */
const DIALOGS: Record<string, Dialog> = {
  "*.new": FORM,
  "*.edit": FORM,
};

/** The dialog for something new ("new"), for changing one ("edit"), or for an action or another command by its name. */
export const dialogFor = (type: string, what: string): Dialog | undefined => DIALOGS[`${type}.${what}`] ?? DIALOGS[`*.${what}`];

/** Opens it; false when there is none. */
export function openDialog(type: string, what: string, path: string, items: Entity[] = [], page = pageOfType(type)): boolean {
  const dialog = dialogFor(type, what);
  if (!dialog || !page) return false;
  showDialog((onClose) => createElement(Suspense, { fallback: null }, createElement(dialog, { page, path, items, onClose })));
  return true;
}

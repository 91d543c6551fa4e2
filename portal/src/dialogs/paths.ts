// SPDX-License-Identifier: Apache-2.0
// Paths of the API, as dialogs need them.

import type { Entity } from "../lib/api";
import { nameOf } from "../lib/format";

/** What people know one by: its name, or that of what it stands for (an attachment's disk, a permission's role). */
export function titleOf(e: Entity): string {
  const own = nameOf(e);
  if (own && own !== e.id) return own;
  const meant = e.disk ?? e.role ?? e.file;
  const other = meant ? nameOf(meant) : "";
  const whom = (e.user ?? e.group) as Entity | undefined;
  return other && whom ? `${other} (${nameOf(whom)})` : other || own;
}

/** What a part belongs to: "vms/ID/nics" -> "vms/ID". */
export const ownerOf = (path: string) => path.split("/").slice(0, -1).join("/");

/** The id in "vms/ID/nics". */
export const ownerId = (path: string) => path.split("/")[1] ?? "";

/** The vm that a dialog is about: the selected itself, or what the part belongs to. */
export const vmPathOf = (path: string, id?: string) => (path === "vms" && id ? `vms/${id}` : path.split("/").slice(0, 2).join("/"));

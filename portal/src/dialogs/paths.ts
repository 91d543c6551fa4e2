// SPDX-License-Identifier: Apache-2.0
// Paths of the API, as dialogs need them.

/** What a part belongs to: "vms/ID/nics" -> "vms/ID". */
export const ownerOf = (path: string) => path.split("/").slice(0, -1).join("/");

/** The id in "vms/ID/nics". */
export const ownerId = (path: string) => path.split("/")[1] ?? "";

/** The vm that a dialog is about: the selected itself, or what the part belongs to. */
export const vmPathOf = (path: string, id?: string) => (path === "vms" && id ? `vms/${id}` : path.split("/").slice(0, 2).join("/"));

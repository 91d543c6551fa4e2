// SPDX-License-Identifier: Apache-2.0
// Columns that many have.
import { t, type TextKey } from "../../text";
import { words } from "../format";
import type { Column } from "./types";

/** A column of a member; it is called after the member, or after the part of the catalogue that label names. */
export const col = (path: string, more: Partial<Column> & { text?: TextKey } = {}): Column => {
  const { text, ...rest } = more;
  return { path, label: text ? t(text) : words(path.split(".").pop() ?? path), ...rest };
};

export const nameColumn = () => col("name", { sort: "name", width: 220 });
export const statusColumn = () => col("status", { sort: "status", as: "status", width: 150 });
export const descriptionColumn = () => col("description", { sort: "description", width: 260 });
export const commentColumn = () => col("comment", { sort: "comment", width: 160 });
export const idColumn = () => col("id", { width: 300, as: "code", isHidden: true });
export const plain = (c: Column): Column => ({ ...c, sort: undefined });
export const hidden = (c: Column): Column => ({ ...c, isHidden: true });
export const link = (path: string, sort?: string, more: Partial<Column> = {}): Column => col(path, { sort, as: "link", width: 150, ...more });

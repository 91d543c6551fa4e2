// SPDX-License-Identifier: Apache-2.0
// Rows as a file for spreadsheets.
import type { Entity } from "../lib/api";
import type { Column } from "../lib/entities";
import { textOf, valueOf } from "../ui/Value";

/** A cell; what a spreadsheet would run as a formula is marked as text. */
export function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\n\r;]/.test(safe) || safe !== safe.trim() ? `"${safe.replace(/"/g, '""')}"` : safe;
}

function cell(e: Entity, type: string, column: Column): string {
  const v = valueOf(e, column);
  if (typeof v === "number") return csvCell(String(column.as === "meter" || column.as === "progress" ? Math.round(v) : v));
  if (v instanceof Date) return csvCell(v.toISOString());
  return csvCell(textOf(e, type, column));
}

export function csvOf(rows: Entity[], type: string, columns: Column[]): string {
  const lines = [columns.map((c) => csvCell(c.label)), ...rows.map((e) => columns.map((c) => cell(e, type, c)))];
  return lines.map((line) => line.join(",")).join("\r\n") + "\r\n";
}

/** Offers a text as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

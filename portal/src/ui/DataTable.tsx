// SPDX-License-Identifier: Apache-2.0
// A table that stays fluid with ten thousand rows: only those on the screen are there.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import type { Entity } from "../lib/api";
import type { Column } from "../lib/entities";
import { Cell } from "./Value";

interface Props {
  type: string;
  rows: Entity[];
  columns: Column[];
  /** where the first column's text leads */
  href?: (e: Entity) => string;
  selected?: Set<string>;
  onSelect?: (ids: Set<string>) => void;
  sort?: { field: string; desc: boolean };
  onSort?: (field: string) => void;
  label: string;
}

const ROW_PX = 40;

export function DataTable({ type, rows, columns, href, selected, onSelect, sort, onSort, label }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => ROW_PX, overscan: 12 });
  const shown = virtual.getVirtualItems();
  const before = shown.length ? shown[0].start : 0;
  const after = shown.length ? virtual.getTotalSize() - shown[shown.length - 1].end : 0;
  const nameColumn = columns.findIndex((c) => ["name", "alias", "description", "user_name"].includes(c.path));

  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    onSelect?.(next);
  };
  return (
    <div ref={box} className="h-table" role="region" aria-label={label} tabIndex={0}>
      <table className="pf-v6-c-table pf-m-compact" aria-rowcount={rows.length}>
        <thead className="pf-v6-c-table__thead h-head">
          <tr className="pf-v6-c-table__tr">
            {onSelect && (
              <th className="pf-v6-c-table__th">
                <input
                  type="checkbox"
                  aria-label="Select all"
                  checked={rows.length > 0 && selected?.size === rows.length}
                  onChange={(e) => onSelect(new Set(e.target.checked ? rows.map((r) => r.id) : []))}
                />
              </th>
            )}
            {columns.map((c) => (
              <th key={c.path} className="pf-v6-c-table__th" aria-sort={sort?.field === c.sort && c.sort ? (sort?.desc ? "descending" : "ascending") : undefined}>
                {c.sort && onSort ? (
                  <button type="button" className="h-sort" onClick={() => onSort(c.sort!)}>
                    {c.label}
                    {sort?.field === c.sort && (sort?.desc ? " ▾" : " ▴")}
                  </button>
                ) : (
                  c.label
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="pf-v6-c-table__tbody">
          {before > 0 && <tr aria-hidden style={{ height: before }} />}
          {shown.map(({ index }) => {
            const e = rows[index];
            return (
              <tr key={e.id} className={`pf-v6-c-table__tr h-row${selected?.has(e.id) ? " pf-m-selected" : ""}`} aria-rowindex={index + 2}>
                {onSelect && (
                  <td className="pf-v6-c-table__td">
                    <input type="checkbox" aria-label={`Select ${e.name ?? e.id}`} checked={selected?.has(e.id) ?? false} onChange={() => toggle(e.id)} />
                  </td>
                )}
                {columns.map((c, i) => (
                  <td key={c.path} className="pf-v6-c-table__td h-cell">
                    {href && i === nameColumn ? (
                      <a href={href(e)}>
                        <Cell e={e} type={type} column={c} />
                      </a>
                    ) : (
                      <Cell e={e} type={type} column={c} />
                    )}
                  </td>
                ))}
              </tr>
            );
          })}
          {after > 0 && <tr aria-hidden style={{ height: after }} />}
        </tbody>
      </table>
    </div>
  );
}

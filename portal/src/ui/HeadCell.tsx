// SPDX-License-Identifier: Apache-2.0
import { useRef } from "react";
import type { Column } from "../lib/entities";
import { isNumber } from "./TableRow";

interface Props {
  column: Column;
  width: number;
  /** what it is sorted by; undefined: it cannot be */
  field?: string;
  sort?: { field: string; desc: boolean };
  onSort?: (field: string) => void;
  onWidth?: (path: string, width: number) => void;
}

const LEAST_PX = 50;

/** The line between two headings, which is dragged. */
function Handle({ column, width, onWidth }: { column: Column; width: number; onWidth: (path: string, width: number) => void }) {
  const start = useRef<{ x: number; width: number } | undefined>(undefined);
  const onMove = (e: React.PointerEvent) => {
    if (start.current) onWidth(column.path, Math.max(LEAST_PX, start.current.width + e.clientX - start.current.x));
  };
  return (
    <span
      className="h-handle"
      aria-hidden="true"
      onPointerDown={(e) => {
        start.current = { x: e.clientX, width };
        e.currentTarget.setPointerCapture(e.pointerId);
        e.preventDefault();
      }}
      onPointerMove={onMove}
      onPointerUp={() => (start.current = undefined)}
      onPointerCancel={() => (start.current = undefined)}
    />
  );
}

/** A heading; a button where rows can be sorted by it. */
export function HeadCell({ column, width, field, sort, onSort, onWidth }: Props) {
  const isSorted = field !== undefined && sort?.field === field;
  return (
    <th scope="col" className={isNumber(column) ? "h-number" : undefined} aria-sort={isSorted ? (sort.desc ? "descending" : "ascending") : undefined}>
      {field !== undefined && onSort ? (
        <button type="button" className="h-sort" onClick={() => onSort(field)}>
          <span className="h-cut">{column.label}</span>
          <span className="h-arrow" aria-hidden="true">{isSorted ? (sort.desc ? "▼" : "▲") : ""}</span>
        </button>
      ) : (
        <span className="h-cut">{column.label}</span>
      )}
      {onWidth && <Handle column={column} width={width} onWidth={onWidth} />}
    </th>
  );
}

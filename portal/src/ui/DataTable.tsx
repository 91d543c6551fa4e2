// SPDX-License-Identifier: Apache-2.0
// A table that stays fluid with a hundred thousand rows: only those on the screen are there. It is a grid to the keyboard: arrows go from row
// to row, Space selects, Enter opens.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Entity } from "../lib/api";
import type { Column } from "../lib/entities";
import { nameOf } from "../lib/format";
import { t } from "../text";
import { fitted } from "./fit";
import { HeadCell } from "./HeadCell";
import { Row } from "./TableRow";
import { useRowWindow } from "./useRowWindow";

/** What the table needs to know of its rows. */
export interface TableRows {
  /** undefined: not known yet */
  count: number | undefined;
  at: (i: number) => Entity | undefined;
  onRange?: (first: number, last: number) => void;
  slice: (first: number, last: number) => Promise<Entity[]>;
}

export interface Place {
  x: number;
  y: number;
}

interface Props {
  type: string;
  rows: TableRows;
  columns: Column[];
  width: (c: Column) => number;
  /** somebody has said how wide it is */
  isWidthSet?: (c: Column) => boolean;
  onWidths?: (widths: Record<string, number>) => void;
  label: string;
  /** where the name leads */
  href?: (e: Entity) => string;
  /** opened by the name when there is no page to lead to */
  onOpen?: (e: Entity) => void;
  nameMember: string;
  selected?: Map<string, Entity>;
  onSelect?: (selected: Map<string, Entity>) => void;
  onSelectAll?: (isOn: boolean) => void;
  sort?: { field: string; desc: boolean };
  /** what a column is sorted by; undefined: it cannot be */
  sortField?: (c: Column) => string | undefined;
  onSort?: (field: string) => void;
  /** opens the menu for what is given */
  onMenu?: (items: Entity[], at: Place, button?: HTMLElement) => void;
  isBusy?: boolean;
}

const ROW_PX = 36;
const CHECK_PX = 40;
const MENU_PX = 44;
const SKELETON_ROWS = 12;
const MOST_AT_ONCE = 1000;

/** The row in which something happened: its number. */
function rowOf(target: EventTarget | null): number | undefined {
  const row = target instanceof Element ? target.closest<HTMLElement>("tr[data-index]") : null;
  return row ? Number(row.dataset.index) : undefined;
}

const isControl = (target: EventTarget | null) => target instanceof Element && target.closest("a, button, input") !== null;

let resting: number | undefined;

/** Texts that are cut off are shown whole as a tooltip, once the mouse rests on them: to measure while one scrolls would be felt. */
function showWhole(e: React.MouseEvent) {
  const cell = e.target instanceof Element ? e.target.closest<HTMLElement>("td.h-cell") : null;
  window.clearTimeout(resting);
  if (!cell || cell.title) return;
  resting = window.setTimeout(() => {
    if (cell.isConnected && !cell.querySelector("[title]") && cell.scrollWidth > cell.clientWidth) cell.title = cell.innerText;
  }, 200);
}

/** Keeps the focus in the table when the row that had it is scrolled away. */
function useKeptFocus(box: React.RefObject<HTMLDivElement | null>, first: number, last: number) {
  const had = useRef(false);
  useEffect(() => {
    if (had.current && document.activeElement === document.body) box.current?.focus({ preventScroll: true });
    had.current = box.current?.contains(document.activeElement) ?? false;
  }, [box, first, last]);
}

export function DataTable(props: Props) {
  const { type, rows, columns, width, label, selected, onSelect, onMenu, href, onOpen, sort, sortField, onSort } = props;
  const box = useRef<HTMLDivElement>(null);
  const count = rows.count ?? SKELETON_ROWS;
  const { first, last, width: boxWidth, scrollTo } = useRowWindow(box, count, ROW_PX, ROW_PX);
  const [active, setActive] = useState(0);
  const anchor = useRef(0);
  const wanted = useRef<number>(undefined); // the row that gets the focus as soon as it is there
  const shown = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  const { onRange } = rows;
  useEffect(() => onRange?.(first, last), [onRange, first, last]);
  useKeptFocus(box, first, last);
  useEffect(() => {
    const row = wanted.current === undefined ? null : box.current?.querySelector<HTMLElement>(`tr[data-index="${wanted.current}"]`);
    if (!row) return;
    wanted.current = undefined;
    row.focus({ preventScroll: true });
  });
  const current = Math.min(active, Math.max(0, count - 1));
  const stop = current >= first && current <= last ? current : first; // there is always one row that Tab reaches
  const before = first * ROW_PX;
  const after = Math.max(0, count - 1 - last) * ROW_PX;

  const focusRow = (i: number) => {
    const to = Math.max(0, Math.min(count - 1, i));
    setActive(to);
    scrollTo(to);
    wanted.current = to;
    return to;
  };
  const selectRange = async (to: number) => {
    const from = anchor.current;
    const [low, high] = from < to ? [from, to] : [to, from];
    const found = await rows.slice(low, Math.min(high, low + MOST_AT_ONCE - 1));
    onSelect?.(new Map(found.map((e) => [e.id, e])));
  };
  const toggle = (i: number) => {
    const e = rows.at(i);
    if (!e || !selected) return;
    const next = new Map(selected);
    if (!next.delete(e.id)) next.set(e.id, e);
    anchor.current = i;
    onSelect?.(next);
  };
  const only = (i: number) => {
    const e = rows.at(i);
    anchor.current = i;
    if (e) onSelect?.(new Map([[e.id, e]]));
  };

  const onClick = (ev: React.MouseEvent) => {
    const i = rowOf(ev.target);
    if (i === undefined) return;
    setActive(i);
    const target = ev.target as Element;
    const e = rows.at(i);
    const kebab = target.closest<HTMLElement>(".h-kebab");
    if (kebab && e) {
      const { left, bottom } = kebab.getBoundingClientRect();
      onMenu?.([e], { x: left, y: bottom }, kebab);
    } else if (target.closest(".h-open") && e) onOpen?.(e);
    else if (!onSelect || target.closest("a, button")) return;
    else if (ev.shiftKey) void selectRange(i);
    else if (ev.ctrlKey || ev.metaKey || target.closest(".h-check")) toggle(i);
    else if (!window.getSelection()?.toString()) only(i);
  };
  const menuFor = (i: number, at: Place) => {
    const e = rows.at(i);
    if (!e || !onMenu) return false;
    if (selected?.has(e.id)) onMenu([...selected.values()], at, box.current?.querySelector<HTMLElement>(`tr[data-index="${i}"]`) ?? undefined);
    else {
      only(i);
      onMenu([e], at, box.current?.querySelector<HTMLElement>(`tr[data-index="${i}"]`) ?? undefined);
    }
    return true;
  };
  const onContextMenu = (ev: React.MouseEvent) => {
    const i = rowOf(ev.target);
    if (i === undefined || (ev.target as Element).closest("a")) return; // links keep the browser's own
    if (menuFor(i, { x: ev.clientX, y: ev.clientY })) ev.preventDefault();
  };
  const onKeyDown = (ev: React.KeyboardEvent) => {
    if (isControl(ev.target) && !["ArrowUp", "ArrowDown", "Escape"].includes(ev.key)) return;
    if ((ev.target as Element).closest("thead")) return;
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? ROW_PX) / ROW_PX) - 2);
    const steps: Record<string, number> = { ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + page, PageUp: current - page, Home: 0, End: count - 1 };
    if (ev.key in steps) {
      if (ev.shiftKey && !selected?.size) anchor.current = current;
      const to = focusRow(steps[ev.key]);
      if (ev.shiftKey && onSelect) void selectRange(to);
    } else if (ev.key === " ") toggle(current);
    else if (ev.key === "Enter") openRow(current);
    else if ((ev.ctrlKey || ev.metaKey) && ev.key === "a" && props.onSelectAll) props.onSelectAll(true);
    else if (ev.key === "Escape" && selected?.size) onSelect?.(new Map());
    else if (ev.key === "ContextMenu" || (ev.shiftKey && ev.key === "F10")) {
      const row = box.current?.querySelector(`tr[data-index="${current}"]`)?.getBoundingClientRect();
      menuFor(current, { x: (row?.left ?? 0) + 48, y: row?.bottom ?? 0 });
    } else return;
    ev.preventDefault();
  };
  const openRow = (i: number) => {
    const e = rows.at(i);
    if (e && href) window.location.hash = href(e);
    else if (e) onOpen?.(e);
  };

  const beside = (onSelect ? CHECK_PX : 0) + (onMenu ? MENU_PX : 0);
  const wide = columns.map(width).join();
  const set = columns.map((c) => props.isWidthSet?.(c) ?? false).join();
  const widths = useMemo(() => {
    const wished = wide.split(",").map(Number);
    return boxWidth ? fitted(columns, wished, set.split(",").map((s) => s === "true"), props.nameMember, boxWidth - beside) : wished;
  }, [columns, wide, set, boxWidth, beside, props.nameMember]);
  const { onWidths } = props;
  // who drags one line finds all others where they were
  const onWidth = onWidths && ((path: string, to: number) => onWidths({ ...Object.fromEntries(columns.map((c, i) => [c.path, widths[i]])), [path]: to }));
  const total = widths.reduce((sum, w) => sum + w, 0) + beside;
  const isAll = count > 0 && selected !== undefined && selected.size >= (rows.count ?? 1);
  const attend = useCallback((el: HTMLInputElement | null) => {
    if (el) el.indeterminate = (selected?.size ?? 0) > 0 && !isAll;
  }, [selected, isAll]);
  return (
    <div ref={box} className="h-table" tabIndex={-1} onKeyDown={onKeyDown} onFocus={(ev) => rowOf(ev.target) !== undefined && setActive(rowOf(ev.target)!)}>
      <table className="h-grid" role="grid" aria-label={label} aria-rowcount={(rows.count ?? -2) + 1} aria-multiselectable={onSelect !== undefined} aria-busy={props.isBusy && rows.count === undefined}
        style={{ minWidth: total }}>
        <colgroup>
          {onSelect && <col style={{ width: CHECK_PX }} />}
          {columns.map((c, i) => <col key={c.path} style={i === columns.length - 1 ? undefined : { width: widths[i] }} />)}
          {onMenu && <col style={{ width: MENU_PX }} />}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {onSelect && (
              <th scope="col" className="h-check">
                <input ref={attend} type="checkbox" aria-label={t("lists.select.all")} checked={isAll} onChange={(e) => props.onSelectAll?.(e.target.checked)} />
              </th>
            )}
            {columns.map((c, i) => (
              <HeadCell key={c.path} column={c} width={widths[i]} field={sortField?.(c)} sort={sort} onSort={onSort} onWidth={onWidth} />
            ))}
            {onMenu && <th scope="col" className="h-menu"><span className="h-unseen">{t("lists.menu")}</span></th>}
          </tr>
        </thead>
        <tbody onClick={onClick} onContextMenu={onContextMenu} onMouseOver={showWhole}>
          {before > 0 && <tr aria-hidden="true" style={{ height: before }} />}
          {shown.map((index) => {
            const e = rows.at(index);
            return (
              <Row key={index} e={e} index={index} type={type} columns={columns} nameMember={props.nameMember} href={href} canOpen={onOpen !== undefined}
                isSelected={selected && e ? selected.has(e.id) : undefined} canSelect={onSelect !== undefined} hasMenu={onMenu !== undefined} isStop={index === stop} />
            );
          })}
          {after > 0 && <tr aria-hidden="true" style={{ height: after }} />}
        </tbody>
      </table>
    </div>
  );
}

/** Rows that are all there. */
export function fixedRows(entities: Entity[]): TableRows {
  return { count: entities.length, at: (i) => entities[i], slice: async (first, last) => entities.slice(first, last + 1) };
}

/** What a row is called when nothing else tells it. */
export const rowName = (e: Entity): string => nameOf(e);

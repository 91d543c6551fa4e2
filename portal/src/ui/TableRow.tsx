// SPDX-License-Identifier: Apache-2.0
import Kebab from "@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon";
import { memo } from "react";
import type { Entity } from "../lib/api";
import type { Column } from "../lib/entities";
import { nameOf } from "../lib/format";
import { t } from "../text";
import { Cell } from "./Value";

interface Props {
  /** undefined: on its way */
  e: Entity | undefined;
  index: number;
  type: string;
  columns: Column[];
  nameMember: string;
  href?: (e: Entity) => string;
  canOpen: boolean;
  canSelect: boolean;
  isSelected?: boolean;
  hasMenu: boolean;
  /** the one row that Tab reaches */
  isStop: boolean;
}

const NUMBERS = new Set(["bytes", "count", "percent", "speed"]);

export const isNumber = (c: Column): boolean => NUMBERS.has(c.as ?? "");

function Content({ e, type, column, isName, tab, href, canOpen }: { e: Entity; type: string; column: Column; isName: boolean; tab: number; href?: (e: Entity) => string; canOpen: boolean }) {
  const cell = <Cell e={e} type={type} column={column} />;
  if (isName && href) return <a href={href(e)} tabIndex={tab} className="h-name">{nameOf(e) && e[column.path] ? cell : e.id}</a>;
  if (isName && canOpen) return <button type="button" className="h-open" tabIndex={tab}>{cell}</button>;
  return cell;
}

/** One row; drawn anew only when something of it changes. Clicks are the table's. */
export const Row = memo(function Row({ e, index, type, columns, nameMember, href, canOpen, canSelect, isSelected, hasMenu, isStop }: Props) {
  const tab = isStop ? 0 : -1;
  const name = e ? nameOf(e) : "";
  return (
    <tr data-index={index} aria-rowindex={index + 2} aria-selected={canSelect ? (isSelected ?? false) : undefined} tabIndex={tab} className={isSelected ? "h-row h-selected" : "h-row"}>
      {canSelect && (
        <td className="h-check">
          {e && <input type="checkbox" tabIndex={tab} aria-label={t("lists.select.one", { name })} checked={isSelected ?? false} readOnly />}
        </td>
      )}
      {columns.map((c) => (
        <td key={c.path} className={isNumber(c) ? "h-cell h-number" : "h-cell"}>
          {e ? <Content e={e} type={type} column={c} isName={c.path === nameMember} tab={tab} href={href} canOpen={canOpen} /> : <span className="h-skeleton" />}
        </td>
      ))}
      {hasMenu && (
        <td className="h-menu">
          {e && (
            <button type="button" className="h-kebab" tabIndex={tab} aria-haspopup="menu" aria-label={t("lists.actions", { name })}>
              <Kebab />
            </button>
          )}
        </td>
      )}
    </tr>
  );
});

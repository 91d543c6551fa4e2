// SPDX-License-Identifier: Apache-2.0
// The parts of a VM as a table with actions.
import { Alert, Button, EmptyState, EmptyStateBody, MenuToggle, Spinner } from "@patternfly/react-core";
import EllipsisVIcon from "@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon";
import { ActionsColumn, type CustomActionsToggleProps, Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { createElement, type ReactNode } from "react";
import { showDialog } from "../dialogs/store";
import type { Entity } from "../lib/api";
import { nameOf } from "../lib/format";
import { t } from "../text";
import { FieldDialog } from "./fields";

export interface PartColumn {
  label: string;
  cell: (e: Entity) => ReactNode;
}

export interface PartAction {
  label: string;
  isDanger?: boolean;
  isDisabled?: boolean;
  run: () => void;
}

interface Props {
  label: string;
  rows: Entity[] | undefined;
  error?: Error | null;
  columns: PartColumn[];
  actions?: (e: Entity) => PartAction[];
  /** what a row is called */
  named?: (e: Entity) => string;
  empty: string;
  /** above the table */
  onAdd?: () => void;
  addLabel?: string;
  children?: ReactNode;
}

/** The button that opens a row's menu, with the row's name. */
const toggleOf = (label: string) =>
  function RowToggle({ onToggle, isOpen, isDisabled, toggleRef }: CustomActionsToggleProps) {
    return (
      <MenuToggle ref={toggleRef} variant="plain" aria-label={label} onClick={onToggle} isExpanded={isOpen} isDisabled={isDisabled}>
        <EllipsisVIcon />
      </MenuToggle>
    );
  };

export function PartTable({ label, rows, error, columns, actions, named = nameOf, empty, onAdd, addLabel, children }: Props) {
  if (error && !rows) return <Alert variant="danger" isInline title={error.message || t("vmPortal.unreachable")} />;
  if (!rows) return <Spinner aria-label={t("vmPortal.loading")} />;
  return (
    <>
      <div className="v-part-head">
        {onAdd && (
          <Button variant="secondary" onClick={onAdd}>
            {addLabel}
          </Button>
        )}
        {children}
      </div>
      {!rows.length ? (
        <EmptyState variant="sm">
          <EmptyStateBody>{empty}</EmptyStateBody>
        </EmptyState>
      ) : (
        <Table variant="compact" aria-label={label}>
          <Thead>
            <Tr>
              {columns.map((c) => (
                <Th key={c.label} modifier="nowrap">{c.label}</Th>
              ))}
              {actions && <Th screenReaderText={t("vmPortal.column.actions")} />}
            </Tr>
          </Thead>
          <Tbody>
            {rows.map((e) => {
              const offered = actions?.(e) ?? [];
              return (
                <Tr key={e.id}>
                  {columns.map((c) => (
                    <Td key={c.label} dataLabel={c.label}>
                      {c.cell(e)}
                    </Td>
                  ))}
                  {actions && (
                    <Td isActionCell>
                      {offered.length > 0 && (
                        <ActionsColumn actionsToggle={toggleOf(t("vmPortal.moreOf", { name: named(e) }))} items={offered.map((a) => ({ title: a.label, onClick: a.run, isAriaDisabled: a.isDisabled, isDanger: a.isDanger }))} />
                      )}
                    </Td>
                  )}
                </Tr>
              );
            })}
          </Tbody>
        </Table>
      )}
    </>
  );
}

/** Asks before something is done that cannot be undone; what is refused is said in the same place. */
export const sure = (title: string, description: string, button: string, onYes: () => Promise<unknown>, isDanger = true) =>
  showDialog((onClose) => createElement(FieldDialog, { title, description, button, fields: [], onSave: onYes, onClose, isDanger }));

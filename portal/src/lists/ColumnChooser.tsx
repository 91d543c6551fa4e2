// SPDX-License-Identifier: Apache-2.0
import { Button, Checkbox, Modal, ModalBody, ModalFooter, ModalHeader } from "@patternfly/react-core";
import Down from "@patternfly/react-icons/dist/esm/icons/arrow-down-icon";
import Up from "@patternfly/react-icons/dist/esm/icons/arrow-up-icon";
import { useState } from "react";
import { t } from "../text";
import type { Columns } from "./settings";

/** Chooses the columns of a list and their order. */
export function ColumnChooser({ columns, onClose }: { columns: Columns; onClose: () => void }) {
  const [order, setOrder] = useState(() => {
    const shown = columns.shown.map((c) => c.path);
    return [...shown, ...columns.all.map((c) => c.path).filter((p) => !shown.includes(p))];
  });
  const [on, setOn] = useState(() => new Set(columns.shown.map((c) => c.path)));
  const move = (i: number, by: number) => {
    const next = [...order];
    const [moved] = next.splice(i, 1);
    next.splice(i + by, 0, moved);
    setOrder(next);
  };
  const save = () => {
    columns.setShown(order.filter((p) => on.has(p)));
    onClose();
  };
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-label={t("lists.columns")}>
      <ModalHeader title={t("lists.columns")} description={t("lists.columns.hint")} />
      <ModalBody>
        <ul className="h-columns">
          {order.map((path, i) => {
            const name = columns.all.find((c) => c.path === path)?.label ?? path;
            return (
              <li key={path}>
                <Checkbox
                  id={`column-${path}`}
                  label={name}
                  isChecked={on.has(path)}
                  isDisabled={on.size === 1 && on.has(path)}
                  onChange={(_e, isOn) => {
                    const next = new Set(on);
                    if (isOn) next.add(path);
                    else next.delete(path);
                    setOn(next);
                  }}
                />
                <span>
                  <Button variant="plain" size="sm" icon={<Up />} aria-label={t("lists.columns.up", { name })} isDisabled={i === 0} onClick={() => move(i, -1)} />
                  <Button variant="plain" size="sm" icon={<Down />} aria-label={t("lists.columns.down", { name })} isDisabled={i === order.length - 1} onClick={() => move(i, 1)} />
                </span>
              </li>
            );
          })}
        </ul>
      </ModalBody>
      <ModalFooter>
        <Button onClick={save}>{t("lists.save")}</Button>
        <Button variant="secondary" onClick={() => (columns.reset(), onClose())}>{t("lists.columns.reset")}</Button>
        <Button variant="link" onClick={onClose}>{t("lists.cancel")}</Button>
      </ModalFooter>
    </Modal>
  );
}

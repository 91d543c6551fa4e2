// SPDX-License-Identifier: Apache-2.0
// Somebody else was faster: what they changed, what was typed here, and whose word counts.
import { Button, Modal, ModalBody, ModalFooter, ModalHeader } from "@patternfly/react-core";
import type { Entity } from "../../lib/api";
import { bytes } from "../../lib/format";
import { t } from "../../text";
import { atPath, isSame, labelOf, lookOf, shown } from "./model";
import type { FormState } from "./useForm";

interface Props {
  form: FormState;
  theirs: Entity;
  onMine: () => void;
  onTheirs: () => void;
  onClose: () => void;
}

export function Conflict({ form, theirs, onMine, onTheirs, onClose }: Props) {
  const all = form.spec.sections.flatMap((s) => s.fields).filter((f) => !f.isLocal);
  const rows = all.flatMap((f) => {
    const was = atPath(form.entity, f.path);
    const now = atPath(theirs, f.path);
    if (isSame(was, now)) return [];
    const say = (v: unknown) => shown(v, lookOf(form.spec.type, f) === "bytes" ? bytes : String);
    const mine = form.changed.includes(f) ? form.values[f.path] : undefined;
    return [{ f, was: say(was), now: say(now), mine: form.changed.includes(f) ? say(mine) : "" }];
  });
  return (
    <Modal isOpen variant="medium" onClose={onClose} aria-label={t("dialogs.conflict.title")}>
      <ModalHeader title={t("dialogs.conflict.title")} titleIconVariant="warning" description={rows.length ? t("dialogs.conflict.text") : t("dialogs.conflict.other")} />
      <ModalBody>
        {rows.length > 0 && (
          <table className="h-differences">
            <thead>
              <tr>
                <th scope="col">{t("dialogs.conflict.field")}</th>
                <th scope="col">{t("dialogs.conflict.was")}</th>
                <th scope="col">{t("dialogs.conflict.theirs")}</th>
                <th scope="col">{t("dialogs.conflict.mine")}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((r) => (
                <tr key={r.f.path}>
                  <th scope="row">{labelOf(r.f)}</th>
                  <td>{r.was}</td>
                  <td>{r.now}</td>
                  <td>{r.mine}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </ModalBody>
      <ModalFooter>
        <Button onClick={onMine}>{t("dialogs.conflict.keep")}</Button>
        <Button variant="secondary" onClick={onTheirs}>{t("dialogs.conflict.take")}</Button>
        <Button variant="link" onClick={onClose}>{t("dialogs.conflict.back")}</Button>
      </ModalFooter>
    </Modal>
  );
}

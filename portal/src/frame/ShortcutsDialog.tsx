// SPDX-License-Identifier: Apache-2.0
import { Button, Modal, ModalBody, ModalFooter, ModalHeader } from "@patternfly/react-core";
import { t } from "../text";
import { isPage, titleOf } from "./pages";
import { JUMPS, KEYS } from "./shortcuts";

const Keys = ({ keys }: { keys: string }) => (
  <>
    {keys.split(" ").map((k) => (
      <kbd key={k}>{k}</kbd>
    ))}
  </>
);

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const table = (title: string, rows: [string, string][]) => (
    <section>
      <h2>{title}</h2>
      <dl>
        {rows.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <Keys keys={keys} />
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
  return (
    <Modal isOpen variant="medium" onClose={onClose} aria-labelledby="shortcuts-title">
      <ModalHeader title={t("frame.shortcuts")} labelId="shortcuts-title" />
      <ModalBody className="h-shortcuts">
        {table(t("frame.keysEverywhere"), KEYS.map(([keys, what]) => [keys, t(what)]))}
        {table(t("frame.keysPages"), JUMPS.filter(([, path]) => isPage(path)).map(([key, path]) => [`g ${key}`, titleOf(path)]))}
      </ModalBody>
      <ModalFooter>
        <Button onClick={onClose}>{t("frame.close")}</Button>
      </ModalFooter>
    </Modal>
  );
}

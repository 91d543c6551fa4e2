// SPDX-License-Identifier: Apache-2.0
// Holds no focus: what comes after it takes it. Stands where a dialog will be, until what it needs has arrived.
import { Bullseye, Modal, ModalBody, ModalHeader, Spinner } from "@patternfly/react-core";
import { t } from "../text";

export function Loading({ onClose }: { onClose: () => void }) {
  return (
    <Modal isOpen disableFocusTrap variant="small" onClose={onClose} aria-label={t("dialogs.loading")}>
      <ModalHeader title={t("dialogs.loading")} />
      <ModalBody>
        <Bullseye>
          <Spinner aria-label={t("dialogs.loading")} />
        </Bullseye>
      </ModalBody>
    </Modal>
  );
}

// SPDX-License-Identifier: Apache-2.0
import { Modal, ModalBody, ModalHeader, Spinner } from "@patternfly/react-core";
import { useEffect, useState } from "react";
import { t } from "../text";

/** The licence of the SPICE client, which is a program of others. */
export function Licence({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  useEffect(() => void import("./licences").then((m) => setText(m.SPICE_LICENCE)), []);
  return (
    <Modal isOpen variant="medium" onClose={onClose} aria-labelledby="licence-title">
      <ModalHeader title={t("consoles.spiceLicence")} labelId="licence-title" description={t("consoles.spiceSource")} />
      <ModalBody tabIndex={0}>{text ? <pre className="h-console-licence">{text}</pre> : <Spinner aria-label={t("consoles.loading")} />}</ModalBody>
    </Modal>
  );
}

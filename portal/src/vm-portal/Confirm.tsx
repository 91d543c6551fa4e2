// SPDX-License-Identifier: Apache-2.0
import { Button, Checkbox, Modal, ModalBody, ModalFooter, ModalHeader } from "@patternfly/react-core";
import { useState } from "react";
import type { Entity } from "../lib/api";
import { t } from "../text";
import type { Verb } from "./verbs";

interface Props {
  verb: Verb["id"];
  label: string;
  vm: Entity;
  isDanger?: boolean;
  onYes: (options: Record<string, boolean>) => void;
  onClose: () => void;
}

/** Asks once more, and says what will happen. */
export function Confirm({ verb, label, vm, isDanger, onYes, onClose }: Props) {
  const [isKept, setKept] = useState(false);
  const name = vm.name ?? vm.id;
  const what = t(`vmPortal.confirm.${verb as "stop" | "suspend" | "shutdown" | "reboot" | "reset" | "remove"}`, { name });
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby="confirm-title" aria-describedby="confirm-body">
      <ModalHeader title={t("vmPortal.confirmTitle", { what: label, name })} labelId="confirm-title" titleIconVariant={isDanger ? "warning" : undefined} />
      <ModalBody id="confirm-body">
        <p>{what}</p>
        {verb === "remove" && <Checkbox id="keep-disks" className="v-gap" label={t("vmPortal.keepDisks")} isChecked={isKept} onChange={(_e, v) => setKept(v)} />}
      </ModalBody>
      <ModalFooter>
        <Button variant={isDanger ? "danger" : "primary"} onClick={() => (onYes({ keep: isKept }), onClose())}>
          {label}
        </Button>
        <Button variant="link" onClick={onClose}>
          {t("vmPortal.cancel")}
        </Button>
      </ModalFooter>
    </Modal>
  );
}

// SPDX-License-Identifier: Apache-2.0
import { Button, Modal, ModalBody, ModalHeader } from "@patternfly/react-core";
import { forget, sessionUser } from "../lib/session";
import { t } from "../text";
import { LoginForm } from "./LoginForm";

/** Over the page when the session has ended: what is below stays as it is, and goes on afterwards. */
export function LoginDialog() {
  return (
    <Modal isOpen variant="small" aria-labelledby="session-over" elementToFocus="#login-password" className="h-over-all">
      <ModalHeader title={t("frame.sessionOver")} labelId="session-over" description={t("frame.sessionOverBody")} />
      <ModalBody>
        <LoginForm
          user={sessionUser()}
          secondary={
            <Button variant="link" onClick={forget}>
              {t("frame.asSomebodyElse")}
            </Button>
          }
        />
      </ModalBody>
    </Modal>
  );
}

// SPDX-License-Identifier: Apache-2.0
import { Alert, AlertActionCloseButton, AlertGroup } from "@patternfly/react-core";
import { useStore } from "../lib/store";
import { t } from "../text";
import { closeNotice, notices } from "./notify";

/** The messages of notify(), in the corner of the page. */
export function Toasts() {
  const shown = useStore(notices);
  if (!shown.length) return null;
  return (
    <AlertGroup isToast isLiveRegion aria-label={t("frame.messages")}>
      {shown.map(({ key, variant, title, body, link }) => (
        <Alert
          key={key}
          variant={variant}
          title={title}
          truncateTitle={3}
          actionClose={<AlertActionCloseButton title={t("frame.closeMessage", { title })} onClose={() => closeNotice(key)} />}
          actionLinks={
            link && (
              <a href={link.to} onClick={() => closeNotice(key)}>
                {link.text}
              </a>
            )
          }
        >
          {body && <div className="h-lines">{body}</div>}
        </Alert>
      ))}
    </AlertGroup>
  );
}

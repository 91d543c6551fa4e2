// SPDX-License-Identifier: Apache-2.0
import { Banner, Spinner } from "@patternfly/react-core";
import { isAway } from "../lib/session";
import { useStore } from "../lib/store";
import { t } from "../text";

/** Above the page while the Manager does not answer. */
export function AwayBanner() {
  const away = useStore(isAway);
  return (
    <div role="status" aria-live="polite">
      {away && (
        <Banner status="warning" screenReaderText={t("frame.warning")} className="h-away">
          <Spinner size="sm" aria-hidden /> {t("frame.away")}
        </Banner>
      )}
    </div>
  );
}

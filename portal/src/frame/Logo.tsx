// SPDX-License-Identifier: Apache-2.0
import { t } from "../text";

/** The mark: stacked hosts with one machine running, and the name. */
export function Logo({ suffix }: { suffix?: string }) {
  return (
    <span className="h-logo">
      <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true" focusable="false">
        <rect x="2" y="2" width="28" height="28" rx="8" className="h-logo-ground" />
        <path d="M9.5 8v16M22.5 8v16M9.5 16h13" className="h-logo-lines" />
        <circle cx="16" cy="16" r="3.4" className="h-logo-core" />
      </svg>
      <span className="h-logo-name">
        {t("frame.product")}
        {suffix && <small>{suffix}</small>}
      </span>
    </span>
  );
}

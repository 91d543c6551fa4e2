// SPDX-License-Identifier: Apache-2.0
import { notify } from "../frame/notify";
import { t } from "../text";

/** Puts a text on the clipboard and says so. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify({ variant: "info", title: t("frame.copied") });
  } catch {
    notify({ variant: "danger", title: t("frame.notCopied") });
  }
}

// SPDX-License-Identifier: Apache-2.0
// A host that has enrolled is let in.
import { act, type Entity, wireFrom } from "../lib/api";
import { nameOf } from "../lib/format";
import { t } from "../text";
import type { DialogProps } from "./index";
import RunDialog from "./RunDialog";
import { clusters } from "./sources";

export default function Approve({ items, onClose }: DialogProps) {
  return (
    <RunDialog title={t("dialogs.do.host.approve")} items={items} text={t("dialogs.ask.host.approve", { n: items.length })} submit={t("dialogs.do.host.approve")} done={t("dialogs.done", { what: t("dialogs.do.host.approve"), name: items.map(nameOf).join(", ") })} onClose={onClose}
      fields={[{ path: "cluster", as: "reference", isRequired: true, pick: "first", from: clusters, default: (items[0].cluster as Entity | undefined)?.name ? items[0].cluster : undefined }]}
      call={(e, body, _v, o) => act(`hosts/${e.id}`, "approve", wireFrom("action", body), o)} equivalents={(e, body) => ({ method: "POST", path: `hosts/${e.id}/approve`, body: wireFrom("action", body), names: { [e.id]: nameOf(e) } })} />
  );
}

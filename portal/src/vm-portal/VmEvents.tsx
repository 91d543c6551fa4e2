// SPDX-License-Identifier: Apache-2.0
// What has happened to the VM, the latest first.
import { Label, Switch } from "@patternfly/react-core";
import { useState } from "react";
import { mood } from "../lib/entities";
import { date, words } from "../lib/format";
import { t } from "../text";
import { useList } from "../ui/queries";
import { PartTable } from "./PartTable";
import type { PartProps } from "./VmDetails";

/** What somebody should look at. */
export const LOUD = "severity = warning or severity = error or severity = alert";

export default function VmEvents({ vm }: PartProps) {
  const [isLoud, setLoud] = useState(false);
  const name = String(vm.name ?? "").replace(/["\\]/g, "");
  const { data, error } = useList("event", "events", { search: `vm.name = "${name}"${isLoud ? ` ${LOUD}` : ""} sortby time desc`, max: 200 });
  return (
    <PartTable
      label={t("vmPortal.tab.events")}
      rows={data?.filter((e) => (e.vm as { id?: string } | undefined)?.id === vm.id)}
      error={error}
      empty={t(isLoud ? "vmPortal.event.noneLoud" : "vmPortal.event.none")}
      columns={[
        { label: t("vmPortal.event.severity"), cell: (e) => <Label isCompact color={mood(String(e.severity))}>{words(String(e.severity ?? ""))}</Label> },
        { label: t("vmPortal.event.time"), cell: (e) => (e.time instanceof Date ? date(e.time) : "") },
        { label: t("vmPortal.event.message"), cell: (e) => String(e.description ?? "") },
      ]}
    >
      <Switch id="events-loud" label={t("vmPortal.event.loud")} isChecked={isLoud} onChange={(_e, on) => setLoud(on)} />
    </PartTable>
  );
}

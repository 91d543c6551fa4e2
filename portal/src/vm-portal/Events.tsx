// SPDX-License-Identifier: Apache-2.0
// What has happened to all VMs of the user, the latest first; what is serious, unless all is wanted.
import { Label, PageSection, Switch } from "@patternfly/react-core";
import { useState } from "react";
import type { Entity } from "../lib/api";
import { mood } from "../lib/entities";
import { date, nameOf, words } from "../lib/format";
import { t } from "../text";
import { useList } from "../ui/queries";
import { linkTo } from "../ui/router";
import { PartTable } from "./PartTable";
import { LOUD } from "./VmEvents";

const About = ({ vm }: { vm?: Entity }) => (vm?.id && vm.name ? <a href={linkTo(`vms/${vm.id}/events`)}>{nameOf(vm)}</a> : null);

export default function Events() {
  const [isLoud, setLoud] = useState(true);
  const { data, error } = useList("event", "events", { search: `${isLoud ? `${LOUD} ` : ""}sortby time desc`, max: 200, follow: "vm" });
  return (
    <PageSection isFilled aria-label={t("vmPortal.events")} className="v-page">
      <div className="v-head">
        <h1>{t("vmPortal.events")}</h1>
      </div>
      <PartTable
        label={t("vmPortal.events")}
        rows={data}
        error={error}
        empty={t(isLoud ? "vmPortal.event.noneLoud" : "vmPortal.event.none")}
        columns={[
          { label: t("vmPortal.event.severity"), cell: (e) => <Label isCompact color={mood(String(e.severity))}>{words(String(e.severity ?? ""))}</Label> },
          { label: t("vmPortal.event.time"), cell: (e) => (e.time instanceof Date ? date(e.time) : "") },
          { label: t("vmPortal.event.vm"), cell: (e) => <About vm={e.vm as Entity | undefined} /> },
          { label: t("vmPortal.event.message"), cell: (e) => String(e.description ?? "") },
        ]}
      >
        <Switch id="events-loud" label={t("vmPortal.event.loud")} isChecked={isLoud} onChange={(_e, on) => setLoud(on)} />
      </PartTable>
    </PageSection>
  );
}

// SPDX-License-Identifier: Apache-2.0
// One VM: what it is, what can be done with it, and its parts in tabs.
import { Alert, Breadcrumb, BreadcrumbItem, Button, EmptyState, EmptyStateBody, PageSection, Spinner, Tab, Tabs, TabTitleText } from "@patternfly/react-core";
import SearchIcon from "@patternfly/react-icons/dist/esm/icons/search-icon";
import { lazy, Suspense, useEffect } from "react";
import { Waiting } from "../frame/Portal";
import { Fault, type Entity } from "../lib/api";
import { whyPaused } from "../lib/pauses";
import { t } from "../text";
import { useAllowed, useEntity } from "../ui/queries";
import { go, linkTo } from "../ui/router";
import { cloneDialog, editDialog, templateDialog } from "./editing";
import { Overview } from "./Overview";
import { VerbButtons } from "./VerbMenu";
import { useVerbs } from "./verbs";
import { OsSign } from "./VmPicture";
import { VmStatus } from "./VmStatus";

/** What each tab is given. */
export interface PartProps {
  vm: Entity;
  may: Set<string>;
}

const PARTS = {
  snapshots: { needs: "snapshots.list", view: lazy(() => import("./Snapshots")) },
  nics: { needs: "vm_nics.list", view: lazy(() => import("./Nics")) },
  disks: { needs: "disk_attachments.list", view: lazy(() => import("./Disks")) },
  utilization: { needs: "statistics.list", view: lazy(() => import("./Utilization")) },
  permissions: { needs: "assigned_permissions.list", view: lazy(() => import("./Permissions")) },
  events: { needs: "", view: lazy(() => import("./VmEvents")) },
} as const;
type Word = keyof typeof PARTS;

function Head({ vm, may }: PartProps) {
  const verbs = useVerbs(vm, may);
  const name = vm.name ?? vm.id;
  return (
    <>
      <Breadcrumb>
        <BreadcrumbItem to={linkTo("")}>{t("vmPortal.vms")}</BreadcrumbItem>
        <BreadcrumbItem isActive>{name}</BreadcrumbItem>
      </Breadcrumb>
      <div className="v-head">
        <h1 className="v-title">
          <OsSign vm={vm} className="v-small-sign" />
          <span className="v-name">{name}</span>
          <VmStatus vm={vm} />
        </h1>
        <VerbButtons verbs={verbs} name={name} count={4}>
          {may.has("vm.update") && (
            <Button variant="secondary" onClick={() => editDialog(vm)}>
              {t("vmPortal.edit")}
            </Button>
          )}
          {may.has("vm.clone") && (
            <Button variant="secondary" onClick={() => cloneDialog(vm)}>
              {t("vmPortal.clone")}
            </Button>
          )}
          {may.has("templates.add") && vm.status === "down" && (
            <Button variant="secondary" onClick={() => templateDialog(vm)}>
              {t("vmPortal.makeTemplate")}
            </Button>
          )}
        </VerbButtons>
      </div>
      {Boolean(vm.next_run_configuration_exists) && <Alert variant="info" isInline component="p" className="v-notice" title={t("vmPortal.nextRun")}>{t("vmPortal.nextRunBody")}</Alert>}
      {vm.status === "paused" && whyPaused(vm.status_detail) && <Alert variant="warning" isInline component="p" className="v-notice" title={t("vmPortal.pausedBecause", { why: whyPaused(vm.status_detail) })} />}
    </>
  );
}

export default function VmDetails({ id, tab }: { id: string; tab: string }) {
  const path = `vms/${id}`;
  const { data: vm, error } = useEntity("vm", path);
  const { data: onVm } = useAllowed(path, vm !== undefined);
  const { data: everywhere } = useAllowed("templates", vm !== undefined);
  const name = vm?.name ?? "";
  useEffect(() => {
    if (name) document.title = t("vmPortal.titleOf", { name });
  }, [name]);
  if (!vm)
    return (
      <PageSection isFilled aria-label={t("vmPortal.vm")}>
        {!error ? (
          <Spinner aria-label={t("vmPortal.loading")} />
        ) : error instanceof Fault && error.status === 404 ? (
          <EmptyState titleText={t("vmPortal.gone")} icon={SearchIcon} headingLevel="h1">
            <EmptyStateBody>
              <a href={linkTo("")}>{t("vmPortal.backToList")}</a>
            </EmptyStateBody>
          </EmptyState>
        ) : (
          <Alert variant="danger" isInline title={error.message} />
        )}
      </PageSection>
    );
  const may = new Set(onVm);
  if (everywhere?.has("templates.add") && may.has("vm.update")) may.add("templates.add");
  const words = (Object.keys(PARTS) as Word[]).filter((w) => !PARTS[w].needs || may.has(PARTS[w].needs));
  const Part = words.includes(tab as Word) ? PARTS[tab as Word].view : undefined;
  return (
    <PageSection isFilled aria-label={name} className="v-page">
      <Head vm={vm} may={may} />
      <Tabs activeKey={Part ? tab : ""} onSelect={(_e, key) => go(linkTo(key ? `${path}/${key}` : path))} aria-label={t("vmPortal.parts")} className="v-tabs">
        {["" as const, ...words].map((w) => (
          <Tab key={w} eventKey={w} title={<TabTitleText>{t(`vmPortal.tab.${w || "overview"}`)}</TabTitleText>} aria-label={t(`vmPortal.tab.${w || "overview"}`)}>
            {(Part ? tab : "") === w && (
              <div className="v-tab">
                <Suspense fallback={<Waiting />}>{Part ? <Part vm={vm} may={may} /> : <Overview vm={vm} may={may} />}</Suspense>
              </div>
            )}
          </Tab>
        ))}
      </Tabs>
    </PageSection>
  );
}

// SPDX-License-Identifier: Apache-2.0
// The start page: how everything is, at a glance.
import { Alert, Button, Content, PageSection, Spinner, Tooltip } from "@patternfly/react-core";
import Code from "@patternfly/react-icons/dist/esm/icons/code-icon";
import SyncIcon from "@patternfly/react-icons/dist/esm/icons/sync-alt-icon";
import { lazy, Suspense, useState } from "react";
import { useNow } from "../lib/clock";
import { live } from "../lib/live";
import { useStore } from "../lib/store";
import { locale, t } from "../text";
import { Alerts } from "./Alerts";
import { type Dashboard, useDashboard } from "./data";
import "./dashboard.css";
import { FirstSteps } from "./FirstSteps";
import { Inventory } from "./Inventory";
import { Survival } from "./Survival";
import { TopConsumers } from "./TopConsumers";
import { ClusterHeat, StorageHeat, Utilization } from "./Utilization";

const Equivalents = lazy(() => import("../ui/Equivalents").then((m) => ({ default: m.Equivalents })));

const totalOf = (d: Dashboard, collection: string) => d.inventory.find((c) => c.collection === collection)?.total ?? 0;

interface HeadProps {
  time?: number;
  isBusy: boolean;
  onRefresh: () => void;
  isOpen: boolean;
  onEquivalents: () => void;
}

function Head({ time, isBusy, onRefresh, isOpen, onEquivalents }: HeadProps) {
  const isLive = useStore(live) === "live";
  useNow(60_000);
  return (
    <header className="h-dash-head">
      <Content component="h1">{t("dashboard.title")}</Content>
      {time !== undefined && (
        <span className="h-dash-when">
          {isLive && <i className="h-dash-live" aria-hidden="true" />}
          {t("dashboard.updated", { when: new Intl.DateTimeFormat(locale(), { timeStyle: "medium" }).format(time) })}
          {isLive && <span className="pf-v6-screen-reader">. {t("dashboard.live")}</span>}
        </span>
      )}
      <Tooltip content={t("lists.equivalents")}>
        <Button variant="plain" icon={<Code />} onClick={onEquivalents} aria-expanded={isOpen} aria-label={t("lists.equivalents")} />
      </Tooltip>
      <Tooltip content={t("dashboard.refresh")}>
        <Button variant="plain" icon={<SyncIcon className={isBusy ? "h-dash-turning" : ""} />} onClick={onRefresh} aria-label={t("dashboard.refresh")} />
      </Tooltip>
    </header>
  );
}

/** Of no use to those who see none of it. */
function Infrastructure({ d }: { d: Dashboard }) {
  return (
    <>
      <Utilization d={d} />
      <div className="h-dash-two">
        <div>
          {d.survival && <Survival clusters={d.survival.clusters} />}
          <ClusterHeat d={d} />
        </div>
        <div>
          <Alerts alerts={d.alerts} />
          <StorageHeat d={d} />
        </div>
      </div>
    </>
  );
}

function Body({ d }: { d: Dashboard }) {
  const hasHosts = totalOf(d, "hosts") > 0;
  const isBegun = hasHosts && totalOf(d, "storagedomains") > 0 && totalOf(d, "vms") > 0;
  const isEmpty = d.complete && !hasHosts && totalOf(d, "vms") === 0;
  return (
    <>
      {!d.complete && <p className="h-dash-note">{t("dashboard.partly")}</p>}
      {!isEmpty && <Inventory cards={d.inventory} />}
      {d.complete && !isBegun && <FirstSteps d={d} />}
      {isEmpty ? (
        <Alerts alerts={d.alerts} />
      ) : (
        <>
          {(d.complete || hasHosts) && <Infrastructure d={d} />}
          <TopConsumers top={d.top} />
        </>
      )}
    </>
  );
}

export default function DashboardPage() {
  const { data, error, isFetching, refetch } = useDashboard();
  const [isOpen, setOpen] = useState(false);
  return (
    <PageSection isFilled aria-label={t("dashboard.title")}>
      <div className="h-dash">
        <Head time={data?.time} isBusy={isFetching} onRefresh={() => void refetch()} isOpen={isOpen} onEquivalents={() => setOpen(!isOpen)} />
        {isOpen && (
          <div className="h-panel">
            <Suspense>
              <Equivalents method="GET" path="/ovirt-engine/hostler/dashboard" />
            </Suspense>
          </div>
        )}
        {error && !data && <Alert variant="danger" isInline title={error.message} />}
        {data ? <Body d={data} /> : !error && <Spinner aria-label={t("dashboard.loading")} />}
      </div>
    </PageSection>
  );
}

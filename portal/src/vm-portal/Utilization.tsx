// SPDX-License-Identifier: Apache-2.0
// How busy the VM is and was.
import { Card, CardBody, CardTitle, Progress } from "@patternfly/react-core";
import { Suspense } from "react";
import { Waiting } from "../frame/Portal";
import type { Entity } from "../lib/api";
import { bytes } from "../lib/format";
import { TABS } from "../pages/tabs";
import { t } from "../text";
import { useList } from "../ui/queries";
import type { PartProps } from "./VmDetails";

const STEP_S = 30;

const valuesOf = (all: Entity[] | undefined, name: string): number[] => {
  const values = all?.find((s) => s.name === name)?.values as { datum?: number; detail?: string }[] | undefined;
  return (values ?? []).map((v) => Number(v.datum ?? 0));
};

/** A line from the oldest to the newest of percents. */
function Line({ label, values }: { label: string; values: number[] }) {
  const points = [...values].reverse();
  const step = 100 / Math.max(1, points.length - 1);
  const line = points.map((v, i) => `${(i * step).toFixed(2)},${(40 - Math.min(100, v) * 0.4).toFixed(2)}`).join(" ");
  const now = values[0] ?? 0;
  const minutes = Math.round((values.length * STEP_S) / 60);
  return (
    <Card isCompact>
      <CardTitle component="h2">{label}</CardTitle>
      <CardBody>
        <p className="v-big">{`${Math.round(now)} %`}</p>
        {points.length > 1 && (
          <svg viewBox="0 0 100 40" preserveAspectRatio="none" className="v-line-chart" role="img" aria-label={t("vmPortal.use.line", { label, now: Math.round(now), max: Math.round(Math.max(...values)), minutes })}>
            <polygon points={`0,40 ${line} 100,40`} />
            <polyline points={line} />
          </svg>
        )}
        <p className="v-quiet">{t("vmPortal.use.last", { n: minutes })}</p>
      </CardBody>
    </Card>
  );
}

interface FileSystem {
  path: string;
  total: string;
  used: string;
}

/** File systems as the guest's agent tells them. */
function fileSystems(all: Entity[] | undefined): FileSystem[] {
  const value = (all?.find((s) => s.name === "disks.usage")?.values as { detail?: string }[] | undefined)?.[0]?.detail;
  try {
    const got: unknown = value ? JSON.parse(value) : [];
    return Array.isArray(got) ? (got as FileSystem[]).filter((f) => Number(f.total) > 0) : [];
  } catch {
    return [];
  }
}

function Simple({ vm }: { vm: Entity }) {
  const { data } = useList("statistic", `vms/${vm.id}/statistics`);
  const systems = fileSystems(data);
  if (!data) return <Waiting />;
  return (
    <div className="v-charts">
      <Line label={t("vmPortal.use.cpu")} values={valuesOf(data, "cpu.usage.history")} />
      <Line label={t("vmPortal.use.memory")} values={valuesOf(data, "memory.usage.history")} />
      <Line label={t("vmPortal.use.network")} values={valuesOf(data, "network.usage.history")} />
      {systems.length > 0 && (
        <Card isCompact>
          <CardTitle component="h2">{t("vmPortal.use.files")}</CardTitle>
          <CardBody>
            {systems.map((f) => (
              <Progress key={f.path} title={f.path} size="sm" value={(100 * Number(f.used)) / Number(f.total)} label={t("vmPortal.use.of", { used: bytes(Number(f.used)), total: bytes(Number(f.total)) })} />
            ))}
          </CardBody>
        </Card>
      )}
    </div>
  );
}

export default function Utilization({ vm }: PartProps) {
  const Full = TABS.find((tab) => tab.type === "vm" && tab.word === "utilization")?.component;
  return Full ? (
    <Suspense fallback={<Waiting />}>
      <Full entity={vm} />
    </Suspense>
  ) : (
    <Simple vm={vm} />
  );
}

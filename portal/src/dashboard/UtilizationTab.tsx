// SPDX-License-Identifier: Apache-2.0
// How busy one host or virtual machine is and was, as charts.
import { Alert, Spinner, ToggleGroup, ToggleGroupItem } from "@patternfly/react-core";
import { useState } from "react";
import type { Entity } from "../lib/api";
import { useNow } from "../lib/clock";
import { bytes, number, percent } from "../lib/format";
import { t } from "../text";
import { FileSystems } from "./FileSystems";
import { LineChart, type Series, type Unit } from "../ui/Chart";
import "./dashboard.css";
import { type History, joined, LENGTH, type Now, type Point, pointsOf, type Range, useHistory, useNowLine } from "./history";

interface Chart {
  title: string;
  unit: Unit;
  /** what the values are a part of */
  note?: string;
  lines: { name: string; label: string; live?: (s: Map<string, number>) => number | undefined }[];
}

const cpuNow = (s: Map<string, number>) => s.get("cpu.current.total") ?? (s.has("cpu.current.idle") ? 100 - (s.get("cpu.current.idle") ?? 0) : undefined);

function memoryNow(s: Map<string, number>) {
  const all = s.get("memory.installed") ?? s.get("memory.total");
  return all ? (100 * (s.get("memory.used") ?? 0)) / all : undefined;
}

const topology = (e: Entity) => (e.cpu as Record<string, Record<string, number>> | undefined)?.topology;

function processors(e: Entity): string | undefined {
  const of = topology(e);
  const n = of ? (of.sockets ?? 1) * (of.cores ?? 1) * (of.threads ?? 1) : 0;
  return n ? t("dashboard.processors", { n }) : undefined;
}

function chartsOf(type: "vm" | "host", e: Entity): Chart[] {
  const memory = typeof e.memory === "number" ? bytes(e.memory) : undefined;
  const both = (first: [string, string], second: [string, string]) => [first, second].map(([name, label]) => ({ name, label }));
  return [
    { title: t("dashboard.cpu"), unit: "percent", note: processors(e), lines: [{ name: "cpu", label: t("dashboard.cpu"), live: cpuNow }] },
    { title: t("dashboard.memory"), unit: "percent", note: memory, lines: [{ name: "memory", label: t("dashboard.memory"), live: memoryNow }] },
    { title: t("dashboard.network"), unit: "rate", lines: both(["rx", t("dashboard.rx")], ["tx", t("dashboard.tx")]) },
    type === "vm"
      ? { title: t("dashboard.disk"), unit: "rate", lines: both(["read", t("dashboard.read")], ["write", t("dashboard.write")]) }
      : { title: t("dashboard.swap"), unit: "bytes", lines: [{ name: "swap", label: t("dashboard.swapUsed") }] },
  ];
}

interface Span {
  range: Range;
  from: number;
  to: number;
}

function seriesOf(chart: Chart, history: History, now: Now[], { range, from, to }: Span): Series[] {
  const lines = range === "24h" ? history.day : history.hour;
  return chart.lines.map(({ name, label, live }) => {
    // all lines of a chart at the same times, lest they are drawn as dots between each other's
    const past: Point[] = pointsOf(lines[name] && { ...lines[name], end: lines[chart.lines[0].name].end }, from);
    const points = range === "10m" && live ? joined(past, now, live) : past;
    return { label, points: points.filter(([time]) => time >= from && time <= to) };
  });
}

/** "12 % · 4 processors": what is so now. */
function Heading({ chart, series }: { chart: Chart; series: Series[] }) {
  const last = series[0].points.findLast(([, v]) => v !== null)?.[1];
  return (
    <h2>
      {chart.title}
      {chart.note && (
        <span className="h-dash-hint">
          {chart.unit === "percent" && typeof last === "number" ? t("dashboard.ofMemory", { used: last < 10 ? `${number(last)} %` : percent(last), total: chart.note }) : chart.note}
        </span>
      )}
    </h2>
  );
}

function spanOf(range: Range, history: History, now: number): Span {
  const end = (range === "24h" ? history.day : history.hour).cpu?.end ?? 0;
  // clocks may differ; and of what does not run the past is shown
  const hour = history.hour.cpu?.end || end;
  const to = !hour || Math.abs(now - hour) < 120_000 ? now : hour;
  return { range, from: to - LENGTH[range], to };
}

const RANGES: Range[] = ["10m", "1h", "24h"];
const DOWN = ["down", "suspended", "image_locked", "maintenance"];

function UtilizationOf({ entity, type, path }: { entity: Entity; type: "vm" | "host"; path: string }) {
  const [range, setRange] = useState<Range>("1h");
  const { data, error } = useHistory(path);
  const isDown = DOWN.includes(String(entity.status));
  const seen = useNowLine(path, range === "10m" && !isDown);
  const now = useNow(5000);
  if (error && !data) return <Alert variant="danger" isInline title={error.message} />;
  if (!data) return <Spinner aria-label={t("dashboard.loading")} />;
  const span = spanOf(range, data, now);
  const hasNothing = !data.hour.cpu?.values.length;
  return (
    <div className="h-util">
      <div className="h-util-head">
        <ToggleGroup isCompact aria-label={t("dashboard.range")}>
          {RANGES.map((r) => (
            <ToggleGroupItem key={r} text={t(`dashboard.range.${r}`)} buttonId={`range-${r}`} isSelected={range === r} onChange={() => setRange(r)} />
          ))}
        </ToggleGroup>
        {(hasNothing || isDown) && <span className="h-dash-hint">{t(hasNothing ? "dashboard.noHistory" : "dashboard.notRunning")}</span>}
      </div>
      <div className="h-util-charts">
        {chartsOf(type, entity).map((chart) => {
          const series = seriesOf(chart, data, seen, span);
          const tellsNothing = type === "vm" && chart.lines[0].name === "memory" && series[0].points.length > 0 && series[0].points.every(([, v]) => !v);
          return (
            <section key={chart.title} className="h-dash-card" aria-label={chart.title}>
              <Heading chart={chart} series={series} />
              <LineChart title={chart.title} series={series} unit={chart.unit} from={span.from} to={span.to} height={190} />
              {tellsNothing && <p className="h-dash-hint">{t("dashboard.noAgent")}</p>}
            </section>
          );
        })}
        {type === "vm" && !isDown && <FileSystems path={path} />}
      </div>
    </div>
  );
}

export const VmUtilization = ({ entity }: { entity: Entity }) => <UtilizationOf entity={entity} type="vm" path={`vms/${entity.id}`} />;
export const HostUtilization = ({ entity }: { entity: Entity }) => <UtilizationOf entity={entity} type="host" path={`hosts/${entity.id}`} />;

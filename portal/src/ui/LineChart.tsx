// SPDX-License-Identifier: Apache-2.0
// Lines over time, drawn by uPlot, which comes when it is needed. The legend says the values under the cursor, or the last ones.
import { useEffect, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import { bytes, number, percent } from "../lib/format";
import { locale, t } from "../text";

/** percent; bytes; bytes a second */
export type Unit = "percent" | "bytes" | "rate";

export interface Series {
  label: string;
  /** time in ms, value; null: nothing was known */
  points: [number, number | null][];
}

interface Props {
  series: Series[];
  unit: Unit;
  /** top of the axis; without it as high as the values */
  max?: number;
  height?: number;
  title: string;
  /** first and last time of the axis, in ms */
  from?: number;
  to?: number;
}

export function inUnit(v: number, unit: Unit): string {
  if (unit === "percent") return v < 10 ? `${number(v)} %` : percent(v);
  return unit === "rate" ? `${bytes(v)}/s` : bytes(v);
}

/** All lines over the times of all of them, as uPlot wants it: seconds first. */
function columns(series: Series[]): uPlot.AlignedData {
  const times = [...new Set(series.flatMap((s) => s.points.map((p) => p[0])))].sort((a, b) => a - b);
  const lines = series.map((s) => {
    const at = new Map(s.points);
    return times.map((time) => at.get(time) ?? null);
  });
  return [times.map((time) => time / 1000), ...lines];
}

/** Marks at whole numbers of the unit: binary ones for bytes. */
function splits(max: number, unit: Unit): number[] {
  const top = unit === "percent" ? max : Math.max(max, 1024);
  const base = unit === "percent" ? 10 : 2;
  let step = unit === "percent" ? 25 : base ** Math.ceil(Math.log2(top / 4));
  if (unit === "percent" && max < 100) step = max / 4;
  const out: number[] = [];
  for (let v = 0; v <= top * 1.001; v += step) out.push(v);
  return out;
}

const highest = (data: uPlot.AlignedData) => data.slice(1).reduce((most, line) => (line as (number | null)[]).reduce<number>((m, v) => Math.max(m, v ?? 0), most), 0);

const topOf = (data: uPlot.AlignedData, unit: Unit, max?: number) => max ?? (unit === "percent" ? 100 : Math.max(2 ** Math.ceil(Math.log2(Math.max(highest(data), 1) * 1.05)), 1024));

interface Wanted {
  data: uPlot.AlignedData;
  props: Props;
}

function options(box: HTMLElement, wanted: { current: Wanted }, onIndex: (i: number | null) => void): uPlot.Options {
  const style = getComputedStyle(box);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const text = colour("--pf-t--global--text--color--subtle") || "#666";
  const grid = { stroke: colour("--h-grid"), width: 1 };
  const { series, unit, height = 180 } = wanted.current.props;
  const clock = new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit" });
  return {
    width: Math.max(box.clientWidth, 120),
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    padding: [8, 28, 0, 0],
    scales: {
      x: { time: true, range: (_u, min, max) => [(wanted.current.props.from ?? min * 1000) / 1000, (wanted.current.props.to ?? max * 1000) / 1000] },
      y: { range: () => [0, topOf(wanted.current.data, unit, wanted.current.props.max)] },
    },
    axes: [
      { stroke: text, grid: { show: false }, ticks: { show: false }, size: 28, font: "12px system-ui", space: 70, values: (_u, at) => at.map((s) => clock.format(s * 1000)) },
      { stroke: text, grid, ticks: { show: false }, size: unit === "percent" ? 48 : 76, font: "12px system-ui", values: (_u, at) => at.map((v) => inUnit(v, unit)), splits: () => splits(topOf(wanted.current.data, unit, wanted.current.props.max), unit) },
    ],
    series: [{}, ...series.map((s, i) => ({ label: s.label, stroke: colour(`--h-line-${i + 1}`), fill: series.length === 1 ? `color-mix(in srgb, ${colour("--h-line-1")} 14%, transparent)` : undefined, width: 1.6, spanGaps: false, points: { show: wanted.current.data[0].length < 3 } }))],
    hooks: { setCursor: [(u) => onIndex(u.cursor.idx ?? null)] },
  };
}

/** Keeps the drawing in step with data, size and theme. */
function usePlot(box: React.RefObject<HTMLDivElement | null>, wanted: Wanted, onIndex: (i: number | null) => void) {
  const now = useRef(wanted);
  const plot = useRef<uPlot | null>(null);
  now.current = wanted;
  const shape = `${wanted.props.unit} ${wanted.props.height} ${wanted.props.series.map((s) => s.label).join()}`;
  useEffect(() => {
    let isGone = false;
    let make = () => {};
    void import("./plot").then(({ Plot }) => {
      make = () => {
        plot.current?.destroy();
        plot.current = box.current && !isGone ? new Plot(options(box.current, now, onIndex), now.current.data, box.current) : null;
      };
      make();
    });
    const sizes = new ResizeObserver(() => box.current && plot.current?.setSize({ width: Math.max(box.current.clientWidth, 120), height: plot.current.height }));
    const theme = new MutationObserver(() => make());
    if (box.current) sizes.observe(box.current);
    theme.observe(document.documentElement, { attributeFilter: ["class"] });
    return () => {
      isGone = true;
      sizes.disconnect();
      theme.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [box, shape, onIndex]);
  useEffect(() => plot.current?.setData(wanted.data), [wanted.data]);
}

/** "Received: now 2 KiB/s, lowest 0 B/s, highest 3 MiB/s" */
function inWords(s: Series, unit: Unit): string {
  const known = s.points.map((p) => p[1]).filter((v): v is number => v !== null);
  if (!known.length) return `${s.label}: ${t("dashboard.unknown")}`;
  const [least, most] = known.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  return t("dashboard.lineSays", { label: s.label, now: inUnit(known[known.length - 1], unit), least: inUnit(least, unit), most: inUnit(most, unit) });
}

export function LineChart(props: Props) {
  const { series, unit, height = 180, title } = props;
  const box = useRef<HTMLDivElement>(null);
  const [index, setIndex] = useState<number | null>(null);
  const data = useMemo(() => columns(series), [series]);
  usePlot(box, { data, props }, setIndex);
  const at = index ?? data[0].length - 1;
  const time = data[0][at];
  return (
    <figure className="h-chart">
      <div className="h-chart-plot" ref={box} role="img" aria-label={t("dashboard.chart", { title, lines: series.map((s) => inWords(s, unit)).join(". ") })} style={{ height }} />
      <figcaption className="h-chart-legend">
        {series.map((s, i) => {
          const v = data[i + 1][at];
          return (
            <span key={s.label}>
              <i className={`h-chart-key h-line-${i + 1}`} aria-hidden="true" />
              {s.label} <b>{typeof v === "number" ? inUnit(v, unit) : "–"}</b>
            </span>
          );
        })}
        {index !== null && time !== undefined && <time>{new Intl.DateTimeFormat(locale(), { timeStyle: "medium" }).format(time * 1000)}</time>}
      </figcaption>
    </figure>
  );
}

// SPDX-License-Identifier: Apache-2.0
// Charts: each has its numbers as text, too.
import { useId } from "react";
import { percent } from "../lib/format";
import { t } from "../text";
import "./chart.css";
import { type Level, LEVELS, levelOf } from "./scale";

export { LineChart, type Series, type Unit } from "./LineChart";

const RADIUS = 42;
const AROUND = 2 * Math.PI * RADIUS;

/** How much of something is taken. label says it all in words. */
export function Donut({ value, total, label, caption }: { value: number; total: number; label: string; caption?: string }) {
  const share = total > 0 ? Math.min(Math.max(value / total, 0), 1) : 0;
  return (
    <svg className="h-donut" viewBox="0 0 100 100" role="img" aria-label={label}>
      <circle className="h-donut-track" cx="50" cy="50" r={RADIUS} />
      {share > 0 && (
        <circle className={`h-donut-value h-stroke-${levelOf(share * 100)}`} cx="50" cy="50" r={RADIUS} transform="rotate(-90 50 50)" strokeDasharray={`${share * AROUND} ${AROUND}`} />
      )}
      <text className="h-donut-number" x="50" y={caption ? 54 : 58}>
        {total > 0 ? percent(share * 100) : "–"}
      </text>
      {caption && (
        <text className="h-donut-label" x="50" y="69">
          {caption}
        </text>
      )}
    </svg>
  );
}

const WIDTH = 100;

/** Runs of values that are known, as points of a polygon. */
function runs(values: (number | null)[], max: number, height: number): [number, number][][] {
  const all: [number, number][][] = [];
  let run: [number, number][] = [];
  values.forEach((v, i) => {
    if (v === null) {
      if (run.length) all.push(run);
      run = [];
      return;
    }
    run.push([values.length > 1 ? (i * WIDTH) / (values.length - 1) : WIDTH, height - (Math.min(v, max) / max) * (height - 2) - 1]);
  });
  return run.length ? [...all, run] : all;
}

/** A small line without axes. label says it in words; without one it is ornament beside a number. */
export function Spark({ values, max = 100, height = 48, label }: { values: (number | null)[]; max?: number; height?: number; label?: string }) {
  const known = runs(values, max, height);
  return (
    <svg className="h-spark" viewBox={`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none" height={height} role={label ? "img" : undefined} aria-label={label} aria-hidden={!label}>
      <line className="h-spark-base" x1="0" x2={WIDTH} y1={height} y2={height} />
      {known.map((run) => {
        const line = run.map((p) => p.map((x) => x.toFixed(2)).join(",")).join(" ");
        const [first, last] = [run[0][0], run[run.length - 1][0]];
        return (
          <g key={first}>
            <polygon className="h-spark-area" points={`${first.toFixed(2)},${height} ${line} ${last.toFixed(2)},${height}`} />
            <polyline className="h-spark-line" points={run.length > 1 ? line : `${line} ${first + 0.5},${run[0][1].toFixed(2)}`} />
          </g>
        );
      })}
    </svg>
  );
}

export interface HeatTile {
  id: string;
  name: string;
  /** null: not known */
  percent: number | null;
  href?: string;
}

const MANY = 24;

/** Tiles by how full they are, the fullest first. */
export function HeatMap({ tiles, label }: { tiles: HeatTile[]; label: string }) {
  const sorted = [...tiles].sort((a, b) => (b.percent ?? -1) - (a.percent ?? -1) || a.name.localeCompare(b.name));
  return (
    <ul className={`h-heat ${tiles.length > MANY ? "h-heat-many" : ""}`} aria-label={label}>
      {sorted.map((tile) => {
        const value = tile.percent === null ? t("dashboard.unknown") : percent(tile.percent);
        const level = tile.percent === null ? "unknown" : levelOf(tile.percent);
        const inside = (
          <>
            <span className="h-heat-name">{tile.name}</span>
            <span className="h-heat-value">{tile.percent === null ? "–" : value}</span>
          </>
        );
        return (
          <li key={tile.id} title={t("dashboard.tile", { name: tile.name, value })}>
            {tile.href ? (
              <a href={tile.href} className={`h-level-${level}`}>
                {inside}
              </a>
            ) : (
              <span className={`h-heat-still h-level-${level}`}>{inside}</span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** What the colours mean. */
export function Scale() {
  const id = useId();
  return (
    <ul className="h-scale" aria-label={t("dashboard.scale")} id={id}>
      {LEVELS.map((level: Level) => (
        <li key={level}>
          <i className={`h-level-${level}`} aria-hidden="true" />
          {t(`dashboard.scale.${level}`)}
        </li>
      ))}
    </ul>
  );
}

/** A bar in percent. isPlain: without judging; beyond 100, where more was promised than there is, a mark shows what there is. */
export function Meter({ value, label, isPlain }: { value: number; label: string; isPlain?: boolean }) {
  return (
    <div className="h-meter" role="img" aria-label={label}>
      <i className={isPlain ? "h-meter-plain" : `h-level-${levelOf(value)}`} style={{ width: `${Math.min(value, 100)}%` }} />
      {value > 100 && <s style={{ insetInlineStart: `${10_000 / value}%` }} />}
    </div>
  );
}

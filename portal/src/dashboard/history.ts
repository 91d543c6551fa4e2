// SPDX-License-Identifier: Apache-2.0
// How a host or a virtual machine was: GET hostler/history, and what statistics say while one looks on.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type Entity, list } from "../lib/api";
import { statisticsOf } from "../lib/usage";
import { ask, type Line } from "./data";

export type Range = "10m" | "1h" | "24h";

const MINUTE = 60_000;
export const LENGTH: Record<Range, number> = { "10m": 10 * MINUTE, "1h": 60 * MINUTE, "24h": 24 * 60 * MINUTE };

type Lines = Record<string, Line>;

export interface History {
  hour: Lines;
  day: Lines;
}

export type Point = [number, number | null];

const LIVE_MS = 5000;
const MOST_LIVE = 400;

/** path: "vms/ID" */
export const useHistory = (path: string) =>
  useQuery({ queryKey: ["history", path], queryFn: () => ask<History>(`history?path=${encodeURIComponent(path)}`), refetchInterval: 15_000, placeholderData: (old) => old });

/** Times and values of a line that fall into the range. */
export function pointsOf(line: Line | undefined, from: number): Point[] {
  if (!line) return [];
  const first = line.end - (line.values.length - 1) * line.step;
  return line.values.map((v, i): Point => [first + i * line.step, v]).filter(([time]) => time >= from);
}

export interface Now {
  time: number;
  statistics: Map<string, number>;
}

/** What the statistics say, every few seconds, since the page was opened. */
export function useNowLine(path: string, isWanted: boolean): Now[] {
  const [seen, setSeen] = useState<Now[]>([]);
  const { data, dataUpdatedAt } = useQuery({
    queryKey: ["list", `${path}/statistics`, {}],
    queryFn: ({ signal }) => list("statistic", `${path}/statistics`, {}, { signal }),
    refetchInterval: LIVE_MS,
    enabled: isWanted,
  });
  useEffect(() => {
    if (isWanted && data) setSeen((old) => [...old, { time: dataUpdatedAt, statistics: statisticsOf({ statistics: data } as unknown as Entity) }].slice(-MOST_LIVE));
  }, [data, dataUpdatedAt, isWanted]);
  return seen;
}

/** The line of the past, and after it what was seen since. */
export function joined(past: Point[], now: Now[], read: (s: Map<string, number>) => number | undefined): Point[] {
  const seen = now.map(({ time, statistics }): Point => [time, read(statistics) ?? null]);
  return seen.length ? [...past.filter(([time]) => time < seen[0][0]), ...seen] : past;
}

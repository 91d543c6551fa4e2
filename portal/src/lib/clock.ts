// SPDX-License-Identifier: Apache-2.0
// Times as people read them at a glance.
import { useEffect, useState } from "react";
import { locale, t } from "../text";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The time, again every so many ms. */
export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** "14 s", "3 min 20 s", "2 h 5 min", "3 d 4 h" */
export function elapsed(ms: number): string {
  const whole = Math.max(0, ms);
  const unit = (n: number, name: string) => new Intl.NumberFormat(locale(), { style: "unit", unit: name, unitDisplay: "short" }).format(n);
  if (whole < MINUTE) return unit(Math.floor(whole / 1000), "second");
  if (whole < HOUR) return `${unit(Math.floor(whole / MINUTE), "minute")} ${unit(Math.floor((whole % MINUTE) / 1000), "second")}`;
  if (whole < DAY) return `${unit(Math.floor(whole / HOUR), "hour")} ${unit(Math.floor((whole % HOUR) / MINUTE), "minute")}`;
  return `${unit(Math.floor(whole / DAY), "day")} ${unit(Math.floor((whole % DAY) / HOUR), "hour")}`;
}

/** "just now", "5 minutes ago", and the date when it is longer ago than a day. */
export function ago(when: number, now: number): string {
  const gone = now - when;
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  if (gone < 5000) return t("frame.justNow");
  if (gone < MINUTE) return format.format(-Math.floor(gone / 1000), "second");
  if (gone < HOUR) return format.format(-Math.floor(gone / MINUTE), "minute");
  if (gone < DAY) return format.format(-Math.floor(gone / HOUR), "hour");
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(when);
}

export const fullTime = (when: number): string => new Intl.DateTimeFormat(locale(), { dateStyle: "long", timeStyle: "medium" }).format(when);

// SPDX-License-Identifier: Apache-2.0
// Which columns somebody wants to see, in which order and how wide; kept in this browser.
import { useCallback, useMemo, useState } from "react";
import type { Column } from "../lib/entities";

interface Kept {
  /** paths of the shown columns; undefined: as it was at first */
  shown?: string[];
  widths: Record<string, number>;
}

const key = (name: string) => `hostler-columns:${name}`;

function read(name: string): Kept {
  try {
    const kept = JSON.parse(localStorage.getItem(key(name)) ?? "{}") as Partial<Kept>;
    const shown = Array.isArray(kept.shown) ? kept.shown.filter((p) => typeof p === "string") : undefined;
    return { shown, widths: typeof kept.widths === "object" && kept.widths ? kept.widths : {} };
  } catch {
    return { widths: {} };
  }
}

export interface Columns {
  /** in their order */
  shown: Column[];
  all: Column[];
  width: (c: Column) => number;
  /** somebody has said how wide it is */
  isWidthSet: (c: Column) => boolean;
  setWidths: (widths: Record<string, number>) => void;
  setWidth: (path: string, width: number) => void;
  setShown: (paths: string[]) => void;
  reset: () => void;
}

export const LEAST_PX = 50;
const MOST_PX = 1200;
const USUAL_PX = 130;
/** About what a letter of a heading takes, and what is beside it. */
const LETTER_PX = 7.6;
const BESIDE_PX = 38;

/** Wide enough for its heading, too. */
const usual = (c: Column) => Math.max(c.width ?? USUAL_PX, Math.min(220, Math.ceil(c.label.length * LETTER_PX) + BESIDE_PX));

const rounded = (widths: Record<string, number>) => Object.fromEntries(Object.entries(widths).map(([path, w]) => [path, Math.round(w)]));

/** The columns of a list by its name. */
export function useColumns(name: string, all: Column[]): Columns {
  const [kept, setKept] = useState<{ name: string; value: Kept }>(() => ({ name, value: read(name) }));
  const value = kept.name === name ? kept.value : read(name);
  const keep = useCallback(
    (next: Kept) => {
      setKept({ name, value: next });
      localStorage.setItem(key(name), JSON.stringify(next));
    },
    [name],
  );
  const order = value.shown?.join("\n");
  const shown = useMemo(() => {
    const chosen = order?.split("\n").flatMap((path) => all.find((c) => c.path === path) ?? []);
    return chosen?.length ? chosen : all.filter((c) => !c.isHidden);
  }, [all, order]);
  return {
    shown,
    all,
    width: (c) => Math.max(LEAST_PX, Math.min(MOST_PX, Number(value.widths[c.path]) || usual(c))),
    isWidthSet: (c) => Number(value.widths[c.path]) > 0,
    setWidths: (widths) => keep({ ...value, widths: { ...value.widths, ...rounded(widths) } }),
    setWidth: (path, width) => keep({ ...value, widths: { ...value.widths, [path]: Math.round(width) } }),
    setShown: (paths) => keep({ ...value, shown: paths }),
    reset: () => keep({ widths: {} }),
  };
}

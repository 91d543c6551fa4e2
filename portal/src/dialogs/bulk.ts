// SPDX-License-Identifier: Apache-2.0
// The same for several: a few at a time, under one correlation id, until somebody says stop.
import { type CallOptions, type Entity, newCorrelation } from "../lib/api";

export type Outcome = { state: "waiting" | "busy" | "done" | "left" } | { state: "failed"; why: string };

export interface Bulk {
  items: Entity[];
  outcomes: Outcome[];
  isOver: boolean;
  /** of all its requests */
  correlation: string;
  stop: () => void;
}

export type Call = (item: Entity, options: CallOptions) => Promise<unknown>;

/** How many requests are under way at a time. */
const AT_ONCE = 4;

/** Runs it; onChange is told of every step. Ends when all have an outcome. */
export async function runBulk(items: Entity[], call: Call, onChange: (b: Bulk) => void = () => {}): Promise<Bulk> {
  const outcomes: Outcome[] = items.map(() => ({ state: "waiting" }));
  const options = { correlation: newCorrelation() };
  let next = 0;
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    outcomes.forEach((o, i) => o.state === "waiting" && (outcomes[i] = { state: "left" }));
    tell(false);
  };
  const tell = (isOver: boolean) => onChange({ items, outcomes: [...outcomes], isOver, correlation: options.correlation, stop });
  const work = async () => {
    while (next < items.length && !isStopped) {
      const i = next++;
      outcomes[i] = { state: "busy" };
      tell(false);
      try {
        await call(items[i], options);
        outcomes[i] = { state: "done" };
      } catch (e) {
        outcomes[i] = { state: "failed", why: (e as Error).message };
      }
      tell(false);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  tell(true);
  return { items, outcomes, isOver: true, correlation: options.correlation, stop };
}

export const failedOf = (b: Bulk) => b.items.filter((_e, i) => b.outcomes[i].state === "failed");

// SPDX-License-Identifier: Apache-2.0
// What statistics and reports say about a host or a virtual machine right now.
import type { Entity } from "./api";

export interface Usage {
  /** in percent */
  memory?: number;
  cpu?: number;
  network?: number;
}

const clamp = (n: number) => Math.max(0, Math.min(100, n));

/** The newest value of each statistic, by name. */
export function statisticsOf(e: Entity): Map<string, number> {
  const found = new Map<string, number>();
  for (const s of (e.statistics as Entity[] | undefined) ?? []) {
    const value = ((s.values as { datum?: number }[] | undefined) ?? [])[0]?.datum;
    if (s.name && value !== undefined) found.set(s.name, value);
  }
  return found;
}

const known = new WeakMap<Entity, Usage>();

/** How busy it is; kept, as several columns ask for it. */
export function usageOf(e: Entity): Usage {
  let usage = known.get(e);
  if (!usage) known.set(e, (usage = measured(e)));
  return usage;
}

function measured(e: Entity): Usage {
  const s = statisticsOf(e);
  if (e.status === "down" || s.get("boot.time") === 0) return {}; // what is not running, or has not reported yet, uses nothing
  const total = s.get("memory.installed") ?? s.get("memory.total");
  const used = s.get("memory.used");
  const idle = s.get("cpu.current.idle");
  const cpu = s.get("cpu.current.total") ?? (idle === undefined ? undefined : 100 - idle);
  const network = s.get("network.current.total");
  return {
    memory: total && used !== undefined ? clamp((used / total) * 100) : undefined,
    cpu: cpu === undefined ? undefined : clamp(cpu),
    network: network === undefined ? undefined : clamp(network),
  };
}

/** Addresses that the guest reports, those that others reach first. */
export function addressesOf(e: Entity): string[] | undefined {
  const found = ((e.reported_devices as Entity[] | undefined) ?? []).flatMap((d) => ((d.ips as { address?: string }[] | undefined) ?? []).map((ip) => ip.address ?? ""));
  const useful = found.filter((a) => a && !a.startsWith("fe80:") && !a.startsWith("127.") && a !== "::1");
  return useful.length ? [...new Set(useful)] : undefined;
}

// SPDX-License-Identifier: Apache-2.0
// What GET hostler/dashboard says, and when it is asked again.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Fault } from "../lib/api";
import { onChange, onEvent } from "../lib/live";
import { send } from "../lib/session";

export type State = "up" | "down" | "warning" | "error" | "alert";

export interface Card {
  collection: string;
  total: number;
  parts: { state: State; count: number; search: string }[];
}

/** Values at equal steps, the last one at end; null: nothing was known. */
export interface Line {
  step: number;
  end: number;
  values: (number | null)[];
}

export interface Share {
  used: number;
  total: number;
  percent: number | null;
  committed: number | null;
  allocated: number | null;
  line: Line | null;
}

export interface Cluster {
  id: string;
  name: string;
  hosts: number;
  hosts_up: number;
  vms: number;
  running: number;
  cpu: number | null;
  memory: number | null;
}

export interface Domain {
  id: string;
  name: string;
  used: number;
  total: number;
  provisioned: number;
  percent: number | null;
}

export interface Consumer {
  id: string;
  name: string;
  percent: number;
  trend: (number | null)[];
}

export interface AlertEvent {
  id: string;
  severity: "warning" | "error" | "alert";
  time: number;
  text: string;
  vm?: string;
  host?: string;
  storage_domain?: string;
  cluster?: string;
  data_center?: string;
}

export type Limit = "memory" | "physical_memory" | "processors" | "pinned" | "network" | "hardware" | "hosts";

export interface Answer {
  vms: number;
  survives: number;
  /** false: proven for so many, perhaps more */
  exact: boolean;
  failure: {
    hosts: { id: string; name: string }[];
    n_hosts: number;
    to_move: number;
    n_homeless: number;
    homeless: { id: string; name: string }[];
    limit: Limit;
  } | null;
}

export interface HostBlock {
  id: string;
  name: string;
  up: boolean;
  status: string;
  capacity: number | null;
  promised: number;
  promised_ha: number;
  vms: number;
}

export interface ClusterSurvival {
  id: string;
  name: string;
  n_hosts: number;
  hosts_up: number;
  ha: Answer;
  all: Answer;
  hosts: HostBlock[];
}

export interface Dashboard {
  time: number;
  /** false: only what the asker may see */
  complete: boolean;
  inventory: Card[];
  utilization: { cpu: Share; memory: Share; storage: Share };
  clusters: Cluster[];
  domains: Domain[];
  top: {
    cpu: { hosts: Consumer[]; vms: Consumer[] };
    memory: { hosts: Consumer[]; vms: Consumer[] };
    storage: { domains: Consumer[] };
  };
  alerts: AlertEvent[];
  survival: { time: number; clusters: ClusterSurvival[] } | null;
}

export async function ask<T>(path: string): Promise<T> {
  const answer = await send(`/ovirt-engine/hostler/${path}`);
  if (!answer.ok) {
    const said = (await answer.json().catch(() => ({}))) as { reason?: string; detail?: string };
    throw new Fault(answer.status, said.reason ?? answer.statusText, said.detail ?? "");
  }
  return (await answer.json()) as T;
}

const POLL_MS = 15_000;
const CALM_MS = 2500; // at most so often because of changes

/** The dashboard; asked for again when something changes, and from time to time for what changes all the time. */
export function useDashboard() {
  const client = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void client.invalidateQueries({ queryKey: ["dashboard"] });
      }, CALM_MS);
    };
    const ends = [onChange(soon), onEvent(soon)];
    return () => {
      clearTimeout(timer);
      for (const end of ends) end();
    };
  }, [client]);
  return useQuery({ queryKey: ["dashboard"], queryFn: () => ask<Dashboard>("dashboard"), refetchInterval: POLL_MS, placeholderData: (old) => old });
}

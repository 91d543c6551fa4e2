// SPDX-License-Identifier: Apache-2.0
// Values as people read them.
import type { Entity } from "./api";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(n: number): string {
  let i = 0;
  while (n >= 1024 && i < UNITS.length - 1) {
    n /= 1024;
    i++;
  }
  return `${i && n < 10 ? n.toFixed(1).replace(/\.0$/, "") : Math.round(n)} ${UNITS[i]}`;
}

/** "2 GiB", "512M", "10737418240" to bytes; undefined: not understood. */
export function parseBytes(text: string): number | undefined {
  const m = /^\s*(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?b)?\s*$/i.exec(text);
  if (!m) return undefined;
  return Math.round(Number(m[1]) * 1024 ** " kmgtp".indexOf(m[2].toLowerCase() || " "));
}

export const date = (d: Date) => d.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

const ABBREVIATIONS: Record<string, string> = { cpu: "CPU", io: "I/O", id: "ID", bios: "BIOS", vm: "VM", vms: "VMs", nic: "NIC", nics: "NICs", mac: "MAC", os: "OS",
  usb: "USB", ksm: "KSM", spm: "SPM", vnic: "vNIC", vlan: "VLAN", mtu: "MTU", fqdn: "FQDN", cdroms: "CD-ROMs", qos: "QoS", numa: "NUMA", sso: "SSO", ssh: "SSH" };

/** "powering_up" -> "Powering up", "cpu_shares" -> "CPU shares" */
export function words(name: string): string {
  const text = name.split("_").map((w) => ABBREVIATIONS[w] ?? w).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What a form calls a member: its own name, with as much of the way to it as tells it apart. */
export function fieldLabel(path: string): string {
  const last = path.split(".").slice(-2);
  const vague = ["type", "enabled", "name", "max", "priority", "id", "value"].includes(last[last.length - 1]);
  return words((vague ? last : last.slice(-1)).join("_").replace("policy_max", "maximum").replace("availability_enabled", "availability"));
}

export const nameOf = (e: unknown): string => {
  const x = e as Entity | undefined;
  return x?.name ?? (x?.alias as string) ?? (x?.description as string) ?? x?.id ?? "";
};

/** A member by a path with dots. */
export function at(e: Entity, path: string): unknown {
  return path.split(".").reduce<unknown>((v, key) => (v as Record<string, unknown> | undefined)?.[key], e);
}

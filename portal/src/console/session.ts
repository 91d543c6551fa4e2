// SPDX-License-Identifier: Apache-2.0
// Which consoles a VM has, and what is needed to connect to them.
import { act, Fault, send, type Entity } from "../lib/api";

export type Protocol = "vnc" | "spice" | "serial";

const CONSOLE_ID = { vnc: "766e63", spice: "7370696365" } as const;
const PAGES = "/ovirt-engine/hostler";

/** Status words of a VM whose console can be reached. */
const WITH_CONSOLE = new Set(["up", "powering_up", "powering_down", "reboot_in_progress", "paused", "migrating", "wait_for_launch", "saving_state", "restoring_state"]);
export const hasConsole = (vm: Entity) => WITH_CONSOLE.has(String(vm.status));

/** Protocols of a VM: its graphics consoles, and the serial port that every VM has. */
export const protocolsOf = (consoles: Entity[]): Protocol[] => [
  ...(["vnc", "spice"] as const).filter((p) => consoles.some((c) => c.protocol === p)),
  "serial",
];

/** Opens the console in a window of its own, the same one for the same VM. */
export function openConsole(vm: { id: string }, protocol?: Protocol): void {
  const link = `${location.pathname}#/console/${encodeURIComponent(vm.id)}${protocol ? `?protocol=${protocol}` : ""}`;
  const opened = window.open(link, `console-${vm.id}`, "popup,width=1100,height=860");
  if (opened) opened.focus();
  else location.hash = link.slice(link.indexOf("#"));
}

const socketOf = (path: string) => `wss://${location.host}${PAGES}${path}`;

/** A new password and a ticket: address and password of one connection to the VM's screen. */
export async function graphicsWay(vmId: string, protocol: "vnc" | "spice"): Promise<{ url: string; password: string }> {
  const path = `vms/${vmId}/graphicsconsoles/${CONSOLE_ID[protocol]}`;
  const set = await act(path, "ticket", { ticket: { expiry: 120 } });
  const proxy = await act(path, "proxyticket");
  const ticket = (proxy.proxy_ticket as { value: string }).value;
  return { url: socketOf(`/console/${encodeURIComponent(ticket)}`), password: (set.ticket as { value: string }).value };
}

async function pageOf(path: string, method: "GET" | "POST"): Promise<Response> {
  const answer = await send(`${PAGES}${path}`, { method });
  if (answer.ok) return answer;
  const why = (await answer.json().catch(() => ({}))) as { reason?: string; detail?: string };
  throw new Fault(answer.status, why.reason ?? answer.statusText, why.detail ?? "");
}

/** Address of one connection to the VM's serial console. */
export async function serialWay(vmId: string, isForced: boolean): Promise<string> {
  const { ticket } = (await (await pageOf(`/vms/${vmId}/serialticket`, "POST")).json()) as { ticket: string };
  const query = new URLSearchParams({ ticket, ...(isForced ? { force: "true" } : {}) });
  return socketOf(`/vms/${vmId}/serial?${query}`);
}

/** Hang up on everybody who is connected through the Manager. */
export const hangUp = (vmId: string) => pageOf(`/vms/${vmId}/disconnect`, "POST");

/** The VM's screen as a picture, without connecting to it. */
export const pictureOf = async (vmId: string): Promise<Blob> => (await pageOf(`/vms/${vmId}/screenshot`, "GET")).blob();

/** Lets the browser save something under a name. */
export function save(content: Blob, name: string): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(content);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}

const fileName = (name: string) => name.replace(/[^\w.-]+/g, "_").slice(0, 60) || "console";

/** The file that Remote Viewer opens; its password is good for two minutes. */
export async function saveViewerFile(vm: Entity, protocol: "vnc" | "spice"): Promise<void> {
  const got = await act(`vms/${vm.id}/graphicsconsoles/${CONSOLE_ID[protocol]}`, "remoteviewerconnectionfile");
  save(new Blob([String(got.remote_viewer_connection_file ?? "")], { type: "application/x-virt-viewer" }), `${fileName(vm.name ?? vm.id)}.vv`);
}

export const savePicture = (vm: Entity, picture: Blob) =>
  save(picture, `${fileName(vm.name ?? vm.id)}-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}.png`);

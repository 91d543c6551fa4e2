// SPDX-License-Identifier: Apache-2.0
// Makes a VM with its cards and disks, one after the other.
import { act, add, get, list, newCorrelation, update } from "../lib/api";
import { parseBytes } from "../lib/format";
import { t } from "../text";
import { diskOf } from "./Disks";
import { initializationOf } from "./editing";
import type { Values } from "./fields";

export interface Plan {
  values: Values;
  nics: Values[];
  disks: Values[];
}

export interface Progress {
  label: string;
  state: "waiting" | "busy" | "done" | "failed";
  why?: string;
}

const POLL_MS = 1000;
const POLLS = 600;

/** The new VM cannot be changed while the disks of its template are being copied. */
async function untilFree(id: string): Promise<void> {
  for (let i = 0; i < POLLS; i++) {
    if ((await get("vm", `vms/${id}`)).status === "down") return;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
  throw new Error(t("vmPortal.wizard.tooLong"));
}

const vmOf = (v: Values) => ({
  name: v.name.trim(), description: v.description, cluster: { id: v.cluster }, template: { id: v.template }, type: v.type, os: { type: v.os, ...(v.cd ? { boot: { devices: ["hd", "cdrom"] } } : {}) }, memory: parseBytes(v.memory),
  memory_policy: { guaranteed: parseBytes(v.memory), max: (parseBytes(v.memory) ?? 0) * 4 }, cpu: { topology: { sockets: Number(v.cpus), cores: 1, threads: 1 } }, initialization: initializationOf(v),
});

/** The id of the VM ("": there is none), and whether all went well; how it goes is told all the time. */
export async function make({ values, nics, disks }: Plan, tell: (p: Progress[]) => void): Promise<{ id: string; isWell: boolean }> {
  const correlation = newCorrelation();
  let id = "";
  const work: { label: string; run: () => Promise<unknown> }[] = [
    { label: t("vmPortal.wizard.make", { name: values.name }), run: async () => (id = (await add("vm", "vms", vmOf(values), { correlation })).id) },
    { label: t("vmPortal.wizard.wait"), run: () => untilFree(id) },
    ...nics.map((n) => ({
      label: t("vmPortal.wizard.nic", { name: n.name }),
      run: () => add("nic", `vms/${id}/nics`, { name: n.name.trim(), interface: "virtio", ...(n.profile ? { vnic_profile: { id: n.profile } } : {}) }, { correlation }),
    })),
    ...disks.map((d) => ({
      label: t("vmPortal.wizard.disk", { name: d.name }),
      run: () => add("disk_attachment", `vms/${id}/diskattachments`, { bootable: d.bootable === "true", interface: d.interface || "virtio_scsi", active: true, disk: diskOf(d) }, { correlation }),
    })),
    ...(values.cd ? [{ label: t("vmPortal.wizard.cd"), run: () => insertCd(id, values.cd) }] : []),
    ...(values.start === "true" ? [...(disks.length ? [{ label: t("vmPortal.wizard.waitDisks"), run: () => disksFree(id) }] : []), { label: t("vmPortal.wizard.start"), run: () => act(`vms/${id}`, "start", {}, { correlation }) }] : []),
  ];
  const progress: Progress[] = work.map(({ label }) => ({ label, state: "waiting" }));
  const set = (i: number, p: Partial<Progress>) => {
    progress[i] = { ...progress[i], ...p };
    tell([...progress]);
  };
  let isWell = true;
  for (const [i, { run }] of work.entries()) {
    set(i, { state: "busy" });
    try {
      await run();
      set(i, { state: "done" });
    } catch (e) {
      set(i, { state: "failed", why: (e as Error).message || t("vmPortal.unreachable") });
      isWell = false;
      if (i < 2) break;
    }
  }
  return { id, isWell };
}

/** Every VM has a drive; what it was made from may have a disc in it. */
async function insertCd(id: string, image: string): Promise<unknown> {
  const [drive] = await list("cdrom", `vms/${id}/cdroms`);
  return drive ? update("cdrom", `vms/${id}/cdroms/${drive.id}`, { file: { id: image } }) : add("cdrom", `vms/${id}/cdroms`, { file: { id: image } });
}

/** Until no disk of the VM is being made any more. */
async function disksFree(id: string): Promise<void> {
  for (let i = 0; i < POLLS; i++) {
    const { disk_attachments: all } = (await get("vm", `vms/${id}?follow=disk_attachments.disk`)) as { disk_attachments?: { disk?: { status?: string } }[] };
    if (!(all ?? []).some((a) => a.disk?.status === "locked")) return;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

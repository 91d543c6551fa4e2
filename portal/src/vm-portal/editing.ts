// SPDX-License-Identifier: Apache-2.0
// Dialogs that change a VM as a whole.
import { createElement, type ReactNode } from "react";
import { DryRun } from "../dialogs/form/DryRun";
import { type Kept, updateKept } from "../dialogs/form/kept";
import { showDialog } from "../dialogs/store";
import { notify } from "../frame/notify";
import { act, add, etagOf, list, remove, update, wireFrom, type Entity } from "../lib/api";
import { bytes, nameOf, parseBytes } from "../lib/format";
import { t } from "../text";
import { FieldDialog, type Field, type Later, type Values } from "./fields";
import { osOf } from "./VmPicture";

/** Names that the Manager takes for VMs and templates. */
export const NAME: [RegExp, string] = [/^[\p{L}\p{N}_.\-]{1,255}$/u, t("vmPortal.form.name")];

/** And for disks, which may have blanks. */
export const NAMES: [RegExp, string] = [/^[\p{L}\p{N}_.\- ]{1,255}$/u, t("vmPortal.form.names")];

interface Ask {
  title: string;
  description?: string;
  button: string;
  fields: Field[] | ((v: Values) => Field[]);
  initial?: Values;
  below?: (v: Values, later: Later) => ReactNode;
  onSave: (v: Values, kept: Kept) => Promise<unknown>;
}

/** A form in a dialog. */
export const ask = (what: Ask) => showDialog((onClose) => createElement(FieldDialog, { ...what, onClose }));

/** Choices of the operating systems. */
async function systems(): Promise<{ value: string; label: string }[]> {
  const all = await list("operating_system_info", "operatingsystems");
  return all.map((o) => ({ value: String(o.name), label: String(o.description ?? o.name) })).sort((a, b) => a.label.localeCompare(b.label));
}

export const BOOT = ["hd", "cdrom", "network"] as const;
export const bootChoices = (first?: string) => BOOT.filter((d) => d !== first).map((d) => ({ value: d as string, label: t(`vmPortal.boot.${d}`) }));

export const cloudFields = (v: Values): Field[] =>
  v.cloud !== "true"
    ? []
    : [
        { name: "host_name", label: t("vmPortal.cloud.hostName") },
        { name: "user_name", label: t("vmPortal.cloud.user") },
        { name: "root_password", label: t("vmPortal.cloud.password"), kind: "password" },
        { name: "authorized_ssh_keys", label: t("vmPortal.cloud.keys"), kind: "area" },
        { name: "custom_script", label: t("vmPortal.cloud.script"), kind: "area", hint: t("vmPortal.cloud.scriptHint") },
      ];

const CLOUD = ["host_name", "user_name", "root_password", "authorized_ssh_keys", "custom_script"];

/** What cloud-init is given; undefined: nothing has been said. */
export function initializationOf(v: Values): Record<string, unknown> | undefined {
  const said = Object.fromEntries(CLOUD.filter((k) => v[k]?.trim()).map((k) => [k, v[k]]));
  return v.cloud === "true" && Object.keys(said).length ? said : undefined;
}

const GRAPHICS = ["vnc", "spice"] as const;

/** Consoles of a VM as one word: "vnc", "spice", "vnc spice", "" for a VM without a screen. */
async function graphicsOf(vm: Entity): Promise<string> {
  const had = (await list("graphics_console", `vms/${vm.id}/graphicsconsoles`)).map((c) => c.protocol);
  return GRAPHICS.filter((p) => had.includes(p)).join(" ");
}

/** A new console comes before the old one goes: in between the VM would have no screen. */
async function changeGraphics(vm: Entity, wanted: string): Promise<void> {
  const path = `vms/${vm.id}/graphicsconsoles`;
  const had = await list("graphics_console", path);
  const isWanted = (p: unknown) => wanted.split(" ").includes(String(p));
  for (const p of GRAPHICS) if (isWanted(p) && !had.some((c) => c.protocol === p)) await add("graphics_console", path, { protocol: p });
  for (const c of had) if (!isWanted(c.protocol)) await remove(`${path}/${c.id}`);
}

const graphicsChoices = (["vnc", "spice", "vnc spice", ""] as const).map((value) => ({ value: value as string, label: t(`vmPortal.graphics.${value === "vnc spice" ? "both" : value || "none"}`) }));

const topologyOf = (vm: Entity) => (vm.cpu as { topology?: { sockets?: number; cores?: number; threads?: number } } | undefined)?.topology;

function editFields(choices: { value: string; label: string }[], hasGraphics: boolean) {
  return (v: Values): Field[] => [
    { name: "name", label: t("vmPortal.field.name"), isRequired: true, pattern: NAME },
    { name: "description", label: t("vmPortal.field.description"), kind: "area" },
    { name: "os", label: t("vmPortal.field.os"), kind: "choice", choices },
    { name: "memory", label: t("vmPortal.field.memory"), kind: "size", isRequired: true },
    { name: "cpus", label: t("vmPortal.field.cpus"), kind: "number", min: 1, max: 710, isRequired: true },
    { name: "first", label: t("vmPortal.field.bootFirst"), kind: "choice", choices: bootChoices() },
    { name: "second", label: t("vmPortal.field.bootSecond"), kind: "choice", choices: [{ value: "", label: t("vmPortal.boot.none") }, ...bootChoices(v.first)] },
    ...(hasGraphics ? [{ name: "graphics", label: t("vmPortal.field.graphics"), kind: "choice" as const, choices: graphicsChoices }] : []),
    { name: "menu", label: t("vmPortal.field.bootMenu"), kind: "switch" },
    { name: "cloud", label: t("vmPortal.field.cloud"), kind: "switch" },
    ...cloudFields(v),
    { name: "locked", label: t("vmPortal.field.protected"), kind: "switch" },
  ];
}

function initialOf(vm: Entity): Values {
  const topology = topologyOf(vm) ?? {};
  const cpus = (topology.sockets ?? 1) * (topology.cores ?? 1) * (topology.threads ?? 1);
  const devices = (vm.os as { boot?: { devices?: string[] } } | undefined)?.boot?.devices ?? [];
  const cloud = (vm.initialization ?? {}) as Record<string, string>;
  return {
    name: vm.name ?? "", description: String(vm.description ?? ""), os: osOf(vm), memory: bytes(Number(vm.memory ?? 0)), cpus: String(cpus), first: devices[0] ?? "hd", second: devices[1] ?? "",
    menu: String((vm.bios as { boot_menu?: { enabled?: boolean } } | undefined)?.boot_menu?.enabled ?? false), cloud: String(Boolean(vm.initialization)), locked: String(vm.delete_protected ?? false),
    ...Object.fromEntries(CLOUD.map((k) => [k, cloud[k] ?? ""])),
  };
}

/** What has been changed, as the Manager wants it. */
function changeOf(vm: Entity, initial: Values, v: Values): Record<string, unknown> {
  const is = (name: string) => v[name] !== initial[name];
  const change: Record<string, unknown> = {};
  if (is("name")) change.name = v.name.trim();
  if (is("description")) change.description = v.description;
  if (is("memory")) {
    const memory = parseBytes(v.memory) ?? 0;
    const policy = vm.memory_policy as { max?: number; guaranteed?: number } | undefined;
    const fitting = { ...(policy?.max && policy.max < memory ? { max: memory * 4 } : {}), ...(policy?.guaranteed && policy.guaranteed > memory ? { guaranteed: memory } : {}) };
    change.memory = memory;
    if (Object.keys(fitting).length) change.memory_policy = fitting;
  }
  if (is("cpus")) change.cpu = { topology: { sockets: Number(v.cpus), cores: 1, threads: 1 } };
  const boots = is("first") || is("second") ? { boot: { devices: [v.first, v.second === v.first ? "" : v.second].filter(Boolean) } } : undefined;
  if (is("os") || boots) change.os = { ...(is("os") ? { type: v.os } : {}), ...boots };
  if (is("menu")) change.bios = { boot_menu: { enabled: v.menu === "true" } };
  if (["cloud", ...CLOUD].some(is)) change.initialization = initializationOf(v) ?? {};
  if (is("locked")) change.delete_protected = v.locked === "true";
  return change;
}

/** Only what has been changed goes to the Manager, which says what must wait for the next start. */
export function editDialog(vm: Entity): void {
  const initial = initialOf(vm);
  const change = (v: Values) => changeOf(vm, initial, v);
  const tell = (v: Values, later: Later) => {
    const body = change(v);
    return Object.keys(body).length ? createElement(DryRun, { path: `vms/${vm.id}`, body: wireFrom("vm", body), fields: [], ...later }) : null;
  };
  const save = async (v: Values, kept: Kept) => {
    const body = change(v);
    if (Object.keys(body).length) await updateKept("vm", `vms/${vm.id}`, body, kept, etagOf(vm));
    if (v.graphics !== initial.graphics) await changeGraphics(vm, v.graphics);
  };
  // consoles come and go only while the VM is down
  const graphics = vm.status === "down" ? graphicsOf(vm).catch(() => undefined) : Promise.resolve(undefined);
  void Promise.all([systems().catch(() => []), graphics])
    .then(([choices, had]) => {
      if (had !== undefined) initial.graphics = had;
      ask({
        title: t("vmPortal.editOf", { name: nameOf(vm) }),
        description: vm.status === "down" ? undefined : t("vmPortal.editRunning"),
        button: t("vmPortal.save"),
        fields: editFields(choices.length ? choices : [{ value: osOf(vm), label: osOf(vm) }], had !== undefined),
        initial,
        below: vm.status === "down" ? undefined : tell,
        onSave: save,
      });
    });
}

export function templateDialog(vm: Entity): void {
  ask({
    title: t("vmPortal.templateOf", { name: nameOf(vm) }),
    description: t("vmPortal.templateHint"),
    button: t("vmPortal.makeTemplate"),
    fields: [
      { name: "name", label: t("vmPortal.field.name"), isRequired: true, pattern: NAME },
      { name: "description", label: t("vmPortal.field.description"), kind: "area" },
    ],
    initial: { name: `${vm.name}-template` },
    onSave: (v) =>
      add("template", "templates", { name: v.name.trim(), description: v.description, vm: { id: vm.id } }).then(() =>
        notify({ variant: "success", title: t("vmPortal.templateStarted", { name: v.name }), link: { to: "#/templates", text: t("vmPortal.templates") } }),
      ),
  });
}

export function cloneDialog(vm: Entity): void {
  ask({
    title: t("vmPortal.cloneOf", { name: nameOf(vm) }),
    button: t("vmPortal.clone"),
    fields: [{ name: "name", label: t("vmPortal.field.name"), isRequired: true, pattern: NAME }],
    initial: { name: `${vm.name}-copy` },
    onSave: (v) => act(`vms/${vm.id}`, "clone", { vm: { name: v.name.trim() } }).then(() => notify({ variant: "success", title: t("vmPortal.cloneStarted", { name: v.name }) })),
  });
}

/** ISO images that the user may see. */
export const isoImages = async () => (await list("disk", "disks", { max: 500 })).filter((d) => d.content_type === "iso");

export function cdDialog(vm: Entity, cd: Entity): void {
  const isOn = vm.status === "up";
  void isoImages()
    .catch(() => [] as Entity[])
    .then((images) =>
      ask({
        title: t("vmPortal.cdOf", { name: nameOf(vm) }),
        description: t(images.length ? (isOn ? "vmPortal.cd.now" : "vmPortal.cd.next") : "vmPortal.cd.none"),
        button: t("vmPortal.save"),
        fields: [{ name: "file", label: t("vmPortal.fact.cd"), kind: "choice", choices: [{ value: "", label: t("vmPortal.cd.empty") }, ...images.map((d) => ({ value: d.id, label: nameOf(d) }))] }],
        initial: { file: (cd.file as Entity | undefined)?.id ?? "" },
        onSave: (v) => update("cdrom", `vms/${vm.id}/cdroms/${cd.id}${isOn ? "?current=true" : ""}`, { file: { id: v.file } }),
      }),
    );
}

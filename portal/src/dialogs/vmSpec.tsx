// SPDX-License-Identifier: Apache-2.0
// The form of virtual machines, and of what is like one: templates, instance types.
import { FormGroup, FormSelect, FormSelectOption, TextInput } from "@patternfly/react-core";
import type { Entity } from "../lib/api";
import { t } from "../text";
import { atPath, type Field, type FormPart, putPath, type Section, type Spec, type Values } from "./form/model";
import { Rows } from "./form/inputs";
import { chosen, clusters, cpuProfiles, domains, hosts, instanceTypes, operatingSystems, templates } from "./sources";

const BLANK = "00000000-0000-0000-0000-000000000000";
const GIB = 2 ** 30;

const choice = (pairs: [string, string][]) => pairs.map(([value, label]) => ({ value, label }));

const isWindows = (v: Values) => String(v["os.type"] ?? "").startsWith("windows");

/** The cards' addresses for the first start, set by cloud-init. */
function Cards({ values, set }: FormPart) {
  type Card = { name?: string; boot_protocol?: string; on_boot?: boolean; ip?: { address?: string; netmask?: string; gateway?: string } };
  const rows = (values["initialization.nic_configurations"] as Card[] | undefined) ?? [];
  const label = t("dialogs.init.cards");
  return (
    <FormGroup label={label} role="group">
      <Rows<Card> label={label} rows={rows} empty={{ name: "", boot_protocol: "dhcp", on_boot: true }} onChange={(v) => set("initialization.nic_configurations", v)} draw={(row, put, i) => (
        <div className="h-two">
          <TextInput aria-label={`${t("dialogs.init.card.name")} ${i + 1}`} placeholder="eth0" value={row.name ?? ""} onChange={(_e, v) => put({ ...row, on_boot: true, boot_protocol: row.boot_protocol ?? "dhcp", name: v })} />
          <FormSelect aria-label={`${t("dialogs.init.card.protocol")} ${i + 1}`} value={row.boot_protocol ?? "dhcp"} onChange={(_e, v) => put({ ...row, boot_protocol: v })}>
            {(["dhcp", "static", "none"] as const).map((p) => <FormSelectOption key={p} value={p} label={t(`dialogs.init.card.${p}`)} />)}
          </FormSelect>
          {row.boot_protocol === "static" &&
            (["address", "netmask", "gateway"] as const).map((what) => (
              <TextInput key={what} aria-label={`${t(`dialogs.init.card.${what}`)} ${i + 1}`} placeholder={t(`dialogs.init.card.${what}`)} value={row.ip?.[what] ?? ""} onChange={(_e, v) => put({ ...row, ip: { ...row.ip, [what]: v } })} />
            ))}
        </div>
      )} />
    </FormGroup>
  );
}

const general = (type: string): Section => ({
  id: "general", label: t("dialogs.general"), fields: [
    { path: "name", isRequired: true }, { path: "description" }, { path: "comment" },
    ...(type === "instance_type" ? [] : [{ path: "cluster", pick: "first", isRequired: type === "vm", from: clusters, locked: (_v, e) => (e && type === "vm" && e.status !== "down" ? t("dialogs.locked.running") : undefined) } satisfies Field]),
    ...(type === "vm" ? [
      { path: "template", isRequired: true, pick: "first", from: templates, when: (_v, e) => !e } satisfies Field,
      { path: "#clone", isLocal: true, as: "radio", default: "thin", label: t("dialogs.vm.provisioning"), when: (v, e) => !e && chosen(v, "template") !== undefined && chosen(v, "template") !== BLANK,
        options: [{ value: "thin", label: t("dialogs.vm.thin"), hint: t("dialogs.vm.thin.hint") }, { value: "clone", label: t("dialogs.vm.clone"), hint: t("dialogs.vm.clone.hint") }] } satisfies Field,
      { path: "instance_type", from: instanceTypes } satisfies Field] : []),
    { path: "os.type", label: t("dialogs.os"), choices: operatingSystems, isRequired: true, default: "other" },
    { path: "type", label: t("dialogs.vm.for"), options: choice([["server", t("dialogs.vm.server")], ["desktop", t("dialogs.vm.desktop")], ["high_performance", t("dialogs.vm.fast")]]), isRequired: true, default: "server" },
    ...(type === "instance_type" ? [] : [
      { path: "stateless", hint: t("dialogs.vm.stateless.hint") }, { path: "start_paused", hint: t("dialogs.vm.paused.hint") }, { path: "delete_protected", hint: t("dialogs.vm.protected.hint") }]),
  ],
});

const system: Section = {
  id: "system", label: t("dialogs.vm.system"), fields: [
    { path: "memory", isRequired: true, default: GIB },
    { path: "memory_policy.max", label: t("dialogs.vm.memory.max"), hint: t("dialogs.vm.memory.max.hint"), check: (v, values) => (typeof v === "number" && v < Number(values.memory) ? t("dialogs.vm.memory.max.small") : undefined) },
    { path: "memory_policy.guaranteed", label: t("dialogs.vm.memory.guaranteed"), hint: t("dialogs.vm.memory.guaranteed.hint"), check: (v, values) => (typeof v === "number" && v > Number(values.memory) ? t("dialogs.vm.memory.guaranteed.big") : undefined) },
    { path: "cpu.topology.sockets", label: t("dialogs.vm.sockets"), default: 1, isRequired: true }, { path: "cpu.topology.cores", label: t("dialogs.vm.cores"), default: 1, isRequired: true },
    { path: "cpu.topology.threads", label: t("dialogs.vm.threads"), default: 1, isRequired: true },
    { path: "bios.type", label: t("dialogs.vm.firmware"), options: choice([["cluster_default", t("dialogs.vm.firmware.cluster")], ["q35_sea_bios", "Q35, BIOS"], ["q35_ovmf", "Q35, UEFI"], ["q35_secure_boot", "Q35, UEFI, secure boot"], ["i440fx_sea_bios", "i440FX, BIOS"]]), none: t("dialogs.vm.firmware.cluster") },
    { path: "custom_emulated_machine", label: t("dialogs.vm.machine"), none: t("dialogs.vm.firmware.cluster") }, { path: "custom_cpu_model", label: t("dialogs.vm.cpu") },
    { path: "time_zone.name", label: t("dialogs.vm.clock"), hint: t("dialogs.vm.clock.hint") },
    { path: "serial_number.policy", label: t("dialogs.vm.serial") }, { path: "serial_number.value", label: t("dialogs.vm.serial.value"), when: (v) => v["serial_number.policy"] === "custom" },
    { path: "tpm_enabled", label: t("dialogs.vm.tpm") },
  ],
};

const linux = (v: Values) => !isWindows(v);
const init = (path: string) => `initialization.${path}`;

const initial: Section = {
  id: "initial", label: t("dialogs.init"), fields: [
    { path: init("host_name"), label: t("dialogs.init.host") },
    { path: init("timezone"), label: t("dialogs.init.timezone"), hint: t("dialogs.init.timezone.hint") },
    { path: init("user_name"), label: t("dialogs.init.user") }, { path: init("root_password"), label: t("dialogs.init.password"), as: "secret" },
    { path: init("authorized_ssh_keys"), label: t("dialogs.init.keys"), as: "area", rows: 3, when: linux }, { path: init("regenerate_ssh_keys"), label: t("dialogs.init.regenerate"), when: linux },
    { path: init("dns_servers"), label: t("dialogs.init.dns"), hint: t("dialogs.init.blanks"), when: linux }, { path: init("dns_search"), label: t("dialogs.init.search"), hint: t("dialogs.init.blanks"), when: linux },
    { path: init("nic_configurations"), label: t("dialogs.init.cards"), draw: Cards, when: linux },
    { path: init("domain"), label: t("dialogs.init.domain"), when: isWindows }, { path: init("active_directory_ou"), label: t("dialogs.init.ou"), when: isWindows }, { path: init("org_name"), label: t("dialogs.init.org"), when: isWindows },
    { path: init("windows_license_key"), label: t("dialogs.init.licence"), when: isWindows },
    { path: init("input_locale"), label: t("dialogs.init.input"), when: isWindows }, { path: init("ui_language"), label: t("dialogs.init.ui"), when: isWindows },
    { path: init("system_locale"), label: t("dialogs.init.system"), when: isWindows }, { path: init("user_locale"), label: t("dialogs.init.locale"), when: isWindows },
    { path: init("custom_script"), label: t("dialogs.init.script"), as: "area", rows: 6, hint: t("dialogs.init.script.hint") },
  ],
};

const consoleTab: Section = {
  id: "console", label: t("dialogs.console"), fields: [
    { path: "display.type", label: t("dialogs.console.graphics"), options: choice([["vnc", "VNC"], ["spice", "SPICE"]]) }, { path: "display.video_type", label: t("dialogs.console.video") },
    { path: "display.monitors", label: t("dialogs.console.monitors"), options: choice([["1", "1"], ["2", "2"], ["4", "4"]]) },
    { path: "display.keyboard_layout", label: t("dialogs.console.keyboard"), hint: t("dialogs.console.keyboard.hint") },
    { path: "display.disconnect_action", label: t("dialogs.console.disconnect"), options: choice([["NONE", t("dialogs.console.nothing")], ["LOCK_SCREEN", t("dialogs.console.lock")], ["LOGOUT", t("dialogs.console.logout")], ["SHUTDOWN", t("dialogs.console.shutdown")], ["REBOOT", t("dialogs.console.reboot")]]) },
    { path: "console.enabled", label: t("dialogs.console.serial"), hint: t("dialogs.console.serial.hint") },
    { path: "soundcard_enabled", label: t("dialogs.console.sound") }, { path: "usb.enabled", label: t("dialogs.console.usb") }, { path: "display.smartcard_enabled", label: t("dialogs.console.smartcard") },
    { path: "display.copy_paste_enabled", label: t("dialogs.console.copy") }, { path: "display.file_transfer_enabled", label: t("dialogs.console.files") },
  ],
};

const hostTab: Section = {
  id: "host", label: t("dialogs.vm.host"), fields: [
    { path: "placement_policy.hosts", label: t("dialogs.vm.hosts"), as: "references", from: (v) => ({ ...hosts(), keep: (e) => !chosen(v, "cluster") || (e.cluster as Entity | undefined)?.id === chosen(v, "cluster") }), hint: t("dialogs.vm.hosts.hint") },
    { path: "placement_policy.affinity", label: t("dialogs.vm.migration"), options: choice([["migratable", t("dialogs.vm.migration.any")], ["user_migratable", t("dialogs.vm.migration.manual")], ["pinned", t("dialogs.vm.migration.never")]]) },
    { path: "cpu.mode", label: t("dialogs.vm.cpu.mode"), options: choice([["host_passthrough", t("dialogs.vm.cpu.passthrough")], ["host_model", t("dialogs.vm.cpu.model")], ["custom", t("dialogs.vm.cpu.custom")]]) },
    { path: "migration_downtime", label: t("dialogs.vm.downtime"), unit: "ms", min: -1, hint: t("dialogs.vm.downtime.hint") },
    { path: "migration.auto_converge" }, { path: "migration.compressed" }, { path: "migration.encrypted" }, { path: "numa_tune_mode", label: t("dialogs.vm.numa") },
  ],
};

const availability: Section = {
  id: "ha", label: t("dialogs.vm.ha"), fields: [
    { path: "high_availability.enabled", label: t("dialogs.vm.ha.enabled"), hint: t("dialogs.vm.ha.hint") },
    { path: "high_availability.priority", label: t("dialogs.vm.ha.priority"), options: choice([["1", t("dialogs.low")], ["50", t("dialogs.medium")], ["100", t("dialogs.high")]]), when: (v) => v["high_availability.enabled"] === true },
    { path: "lease.storage_domain", label: t("dialogs.vm.lease"), as: "reference", from: () => domains(), when: (v) => v["high_availability.enabled"] === true },
    { path: "storage_error_resume_behaviour", label: t("dialogs.vm.resume"), options: choice([["auto_resume", t("dialogs.vm.resume.auto")], ["leave_paused", t("dialogs.vm.resume.leave")], ["kill", t("dialogs.vm.resume.kill")]]) },
  ],
};

const resources: Section = {
  id: "resources", label: t("dialogs.vm.resources"), fields: [
    { path: "cpu_profile", from: (v) => cpuProfiles(chosen(v, "cluster")) },
    { path: "cpu_shares", label: t("dialogs.vm.shares"), options: choice([["0", t("dialogs.off")], ["512", t("dialogs.low")], ["1024", t("dialogs.medium")], ["2048", t("dialogs.high")]]) },
    { path: "cpu_pinning_policy", label: t("dialogs.vm.pinning") },
    { path: "memory_policy.ballooning", label: t("dialogs.vm.balloon") },
    { path: "io.threads", label: t("dialogs.vm.io"), min: 0, max: 32 }, { path: "multi_queues_enabled", label: t("dialogs.vm.queues") },
    { path: "virtio_scsi.enabled", label: t("dialogs.vm.scsi") }, { path: "virtio_scsi_multi_queues_enabled", label: t("dialogs.vm.scsi.queues"), when: (v) => v["virtio_scsi.enabled"] === true },
  ],
};

const DEVICES = choice([["hd", t("dialogs.boot.hd")], ["cdrom", t("dialogs.boot.cdrom")], ["network", t("dialogs.boot.network")]]);

const boot: Section = {
  id: "boot", label: t("dialogs.boot"), fields: [
    { path: "#boot1", isLocal: true, label: t("dialogs.boot.first"), options: DEVICES, isRequired: true, default: "hd" },
    { path: "#boot2", isLocal: true, label: t("dialogs.boot.second"), options: (v) => DEVICES.filter((d) => d.value !== v["#boot1"]), none: t("dialogs.none") },
    { path: "bios.boot_menu.enabled", label: t("dialogs.boot.menu") },
    { path: "os.kernel", label: t("dialogs.boot.kernel"), hint: t("dialogs.boot.kernel.hint") }, { path: "os.initrd", label: t("dialogs.boot.initrd"), when: (v) => !!v["os.kernel"] },
    { path: "os.cmdline", label: t("dialogs.boot.cmdline"), when: (v) => !!v["os.kernel"] },
  ],
};

const rng: Section = {
  id: "rng", label: t("dialogs.rng"), fields: [
    { path: "rng_device.source", label: t("dialogs.rng.source"), none: t("dialogs.none"), options: choice([["urandom", "/dev/urandom"], ["hwrng", "/dev/hwrng"]]) },
    { path: "rng_device.rate.bytes", label: t("dialogs.rng.bytes"), min: 1, when: (v) => !!v["rng_device.source"] },
    { path: "rng_device.rate.period", label: t("dialogs.rng.period"), unit: "ms", min: 1, when: (v) => !!v["rng_device.source"] },
  ],
};

const custom: Section = { id: "custom", label: t("dialogs.custom"), fields: [{ path: "custom_properties", label: t("dialogs.custom"), as: "properties", hint: t("dialogs.custom.hint") }] };

/** Taken over from the template that is chosen, where nothing was typed. */
const INHERITED = ["memory", "memory_policy.max", "memory_policy.guaranteed", "cpu.topology.sockets", "cpu.topology.cores", "cpu.topology.threads", "os.type", "type", "bios.type", "display.type", "display.monitors",
  "console.enabled", "high_availability.enabled", "high_availability.priority", "memory_policy.ballooning", "virtio_scsi.enabled", "usb.enabled", "soundcard_enabled", "stateless", "start_paused",
  "delete_protected", "time_zone.name", "rng_device.source", "placement_policy.affinity", "io.threads", "multi_queues_enabled", "display.copy_paste_enabled", "display.file_transfer_enabled"];

/** Of a template only what something new takes over by itself. */
function inheritable(template: Entity): Entity {
  const out: Entity = { id: template.id };
  for (const p of INHERITED) if (atPath(template, p) !== undefined) putPath(out, p, atPath(template, p));
  return out;
}

function follow(path: string, value: unknown, values: Values, touched: ReadonlySet<string>): Values | undefined {
  if ((path === "template" || path === "instance_type") && value) {
    const from = value as Entity;
    return Object.fromEntries(INHERITED.filter((p) => !touched.has(p) && atPath(from, p) !== undefined).map((p) => [p, atPath(from, p)]));
  }
  if (path !== "memory" || typeof value !== "number" || Number.isNaN(value)) return undefined;
  const out: Values = {};
  const max = values["memory_policy.max"];
  if (!touched.has("memory_policy.max") && (typeof max !== "number" || max < value || max > 4 * value)) out["memory_policy.max"] = 4 * value;
  if (!touched.has("memory_policy.guaranteed")) out["memory_policy.guaranteed"] = value;
  return out;
}

const bootDevices = (e: Entity | undefined) => (atPath(e, "os.boot.devices") as string[] | undefined) ?? [];

function finish(body: Record<string, unknown>, values: Values, entity?: Entity): Record<string, unknown> {
  const wanted = [values["#boot1"], values["#boot2"]].filter(Boolean) as string[];
  const had = entity ? bootDevices(entity) : ["hd"];
  return wanted.join() === had.join() ? body : { ...body, os: { ...(body.os as object | undefined), boot: { devices: wanted } } };
}

/** The form of "vm", "template" or "instance_type". */
export const vmSpec = (type: "vm" | "template" | "instance_type"): Spec => ({
  type,
  sections: [general(type), system, ...(type === "instance_type" ? [] : [initial]), consoleTab, hostTab, availability, resources, boot, rng, ...(type === "instance_type" ? [] : [custom])],
  begin: (e) => (e ? { "#boot1": bootDevices(e)[0] ?? "hd", "#boot2": bootDevices(e)[1] ?? "" } : {}),
  inherited: (values) => (values.template ? inheritable(values.template as Entity) : undefined),
  follow,
  finish,
});

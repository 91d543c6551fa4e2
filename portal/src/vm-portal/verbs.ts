// SPDX-License-Identifier: Apache-2.0
// What can be done with a VM now: by its status, and by what the user may do.
import { useQueryClient } from "@tanstack/react-query";
import { createElement } from "react";
import { hasConsole, openConsole, saveViewerFile, type Protocol } from "../console";
import { showDialog } from "../dialogs/store";
import { notify } from "../frame/notify";
import { act, list, remove, type Entity } from "../lib/api";
import { t } from "../text";
import { Confirm } from "./Confirm";
import { consoleChoice } from "./preferences";

export interface Verb {
  id: "start" | "console" | "suspend" | "shutdown" | "stop" | "reboot" | "reset" | "remove";
  label: string;
  isDanger?: boolean;
  run: () => void;
}

const status = (vm: Entity) => String(vm.status ?? "");
const RUNNING = new Set(["up", "powering_up", "reboot_in_progress", "paused", "powering_down", "wait_for_launch", "migrating"]);
const STARTABLE = new Set(["down", "suspended", "paused"]);

interface Row {
  id: Verb["id"];
  operation: string;
  is: (vm: Entity) => boolean;
  /** asks first */
  isHard?: boolean;
  isDanger?: boolean;
}

const ROWS: Row[] = [
  { id: "start", operation: "vm.start", is: (vm) => STARTABLE.has(status(vm)) },
  { id: "console", operation: "vm.ticket", is: hasConsole },
  { id: "suspend", operation: "vm.suspend", is: (vm) => status(vm) === "up", isHard: true },
  { id: "shutdown", operation: "vm.shutdown", is: (vm) => RUNNING.has(status(vm)) && status(vm) !== "paused" && status(vm) !== "wait_for_launch", isHard: true },
  { id: "stop", operation: "vm.stop", is: (vm) => RUNNING.has(status(vm)) || status(vm) === "suspended" || status(vm) === "not_responding", isHard: true, isDanger: true },
  { id: "reboot", operation: "vm.reboot", is: (vm) => status(vm) === "up" || status(vm) === "powering_up", isHard: true },
  { id: "reset", operation: "vm.reset", is: (vm) => RUNNING.has(status(vm)) && status(vm) !== "wait_for_launch", isHard: true, isDanger: true },
  { id: "remove", operation: "vm.remove", is: (vm) => status(vm) === "down" && !vm.delete_protected, isHard: true, isDanger: true },
];

/** Opens the console the way the user likes it, or by the protocol that is asked for. */
export async function showConsole(vm: Entity, how: Protocol | "vnc-file" | "spice-file" = consoleChoice.get()): Promise<void> {
  if (!how.endsWith("-file")) return openConsole(vm, how as Protocol);
  const has = (await list("graphics_console", `vms/${vm.id}/graphicsconsoles`)).map((c) => c.protocol as "vnc" | "spice");
  const wanted = how.slice(0, -"-file".length) as "vnc" | "spice";
  if (has.length) await saveViewerFile(vm, has.includes(wanted) ? wanted : has[0]);
  else openConsole(vm, "serial");
}

/** Tells what went wrong, in the words of the Manager. */
export const complain = (vm: { name?: string }, what: string) => (e: unknown) =>
  notify({ variant: "danger", title: t("vmPortal.failed", { what, name: vm.name ?? "" }), body: e instanceof Error && e.message ? e.message : t("vmPortal.unreachable") });

/** Everything that can be done with the VM, the most likely first. may: undefined as long as it is not known. */
export function useVerbs(vm: Entity, may: Set<string> | undefined): Verb[] {
  const client = useQueryClient();
  const run = (row: Row, label: string, options: Record<string, boolean>) => {
    const done = () => void client.invalidateQueries();
    if (row.id === "remove") {
      const path = `vms/${vm.id}${options.keep ? "?detach_only=true" : ""}`;
      return void remove(path).then(() => location.hash.includes(vm.id) && (location.hash = "#/")).catch(complain(vm, label)).finally(done);
    }
    void act(`vms/${vm.id}`, row.id).catch(complain(vm, label)).finally(done);
  };
  return ROWS.filter((row) => may?.has(row.operation) && row.is(vm)).map((row) => {
    const label = t(row.id === "start" && status(vm) !== "down" ? "vmPortal.verb.resume" : `vmPortal.verb.${row.id}`);
    const ask = () => showDialog((onClose) => createElement(Confirm, { verb: row.id, label, vm, isDanger: row.isDanger, onClose, onYes: (options) => run(row, label, options) }));
    return {
      id: row.id,
      label,
      isDanger: row.isDanger,
      run: row.id === "console" ? () => void showConsole(vm).catch(complain(vm, label)) : row.isHard ? ask : () => run(row, label, {}),
    };
  });
}

// SPDX-License-Identifier: Apache-2.0
// What can be done: by what the Manager has, what the user may, and the state of what is selected.
import { useQueries } from "@tanstack/react-query";
import { createElement, Suspense, lazy } from "react";
import { openConsole, saveViewerFile } from "../console/session";
import { notify } from "../frame/notify";
import { act, allowed, type Entity, list, wireFrom } from "../lib/api";
import type { EntityPage } from "../lib/entities";
import { words } from "../lib/format";
import { hasService, operation, type Operation, ROOT_SERVICE, type Service, serviceAt, serviceOf } from "../lib/schema";
import { titleOf } from "./paths";
import { t, type TextKey } from "../text";
import { useChange, useOperations } from "../ui/queries";
import { failedOf, runBulk } from "./bulk";
import { dialogFor, openDialog, showDialog } from "./index";
import { HIDDEN, type Rule, rulesOf } from "./rules";

const RunDialog = lazy(() => import("./RunDialog"));

export interface Command {
  id: string;
  label: string;
  isDanger?: boolean;
  isDisabled: boolean;
  /** why it is disabled */
  why?: string;
  run: () => void;
  /** heading in a menu */
  group?: string;
  /** one of the most used: a button where there is room */
  isButton?: boolean;
}

/** So many are asked for what the user may; of larger selections the first ones speak for all. */
const ASKED = 20;

const opsOf = (s: Service | undefined) => (s?.operations ?? []).map((o) => o.id);

/** The operations that an answer about a place speaks of: its own, and those of what is directly below. */
function spokenOf(path: string): Set<string> {
  const s = path ? serviceAt(path) : serviceOf(ROOT_SERVICE);
  return new Set([...opsOf(s), ...(s?.parts ?? []).flatMap((p) => (hasService(p.service) ? opsOf(serviceOf(p.service)) : []))]);
}

/** What the user may do: asked about the selected where it is theirs, else about the collection, else about everything. Until an answer is there, yes. */
function useMay(path: string, items: Entity[]): (op: string) => boolean {
  const ones = items.slice(0, ASKED).map((e) => `${path}/${e.id}`);
  const places = ["", path, ...ones];
  const answers = useQueries({ queries: places.map((p) => ({ queryKey: ["allowed", p], queryFn: () => allowed(p), staleTime: 30_000, retry: false })) });
  const ofOne = ones.length ? spokenOf(ones[0]) : new Set<string>();
  const ofAll = spokenOf(path);
  return (op) => {
    const asked = ofOne.has(op) ? answers.slice(2) : ofAll.has(op) ? [answers[1]] : [answers[0]];
    const whole = !ofOne.has(op) && !ofAll.has(op) ? spokenOf("") : undefined;
    return (whole && !whole.has(op)) || asked.every((a) => !a.data || a.data.has(op));
  };
}

/** What keeps one from it. */
function whyNot(rule: Rule, e: Entity): string | undefined {
  const status = (e.snapshot_status ?? e.status) as string | undefined;
  if (rule.states && status !== undefined && !rule.states.includes(status)) return t("dialogs.why.state", { status: words(status).toLowerCase() });
  return rule.why?.(e);
}

function fallback(page: EntityPage, path: string): Rule[] {
  const many = serviceAt(path);
  const add = operation(many, "add");
  const one = many?.one ? serviceOf(many.one) : undefined;
  const update = operation(one, "update");
  const remove = operation(one, "remove");
  const rule = (id: string, op: Operation, scope: Rule["scope"], more: Partial<Rule>): Rule => ({ id, op: op.id, scope, label: t(`dialogs.do.${id as "new"}`), group: "", ...more });
  return [
    ...(add && page.fields.length ? [rule("new", add, "new", { isButton: true, dialog: "new" })] : []),
    ...(update && page.fields.length ? [rule("edit", update, "one", { isButton: true, dialog: "edit" })] : []),
    ...(remove ? [rule("remove", remove, "many", { isDanger: true, dialog: "remove" })] : []),
  ];
}

/** Rules of the type, and of its actions that no rule speaks of. */
function allRules(page: EntityPage, path: string): Rule[] {
  const many = serviceAt(path);
  const here = many && rulesOf(many.name);
  const rules = here ?? rulesOf(page.type) ?? fallback(page, path);
  const one = many?.one ? serviceOf(many.one) : undefined;
  const known = new Set(rules.map((r) => r.op));
  if (here) return here;
  const rest = (one?.operations ?? []).filter((o) => o.kind === "action" && !known.has(o.id) && !HIDDEN.has(o.name));
  return [...rules, ...rest.map((o): Rule => ({ id: o.name, op: o.id, label: words(o.name), scope: "many", group: t("dialogs.group.other"), ask: true }))];
}

/** In places other than its own collection the same type has other operations: "cluster_network.remove" for "network.remove". */
function placed(rule: Rule, path: string): Rule {
  const many = serviceAt(path);
  if (many && rulesOf(many.name)) return rule;
  const one = many?.one ? serviceOf(many.one) : undefined;
  const kind = rule.id === "new" ? "add" : rule.id === "edit" ? "update" : rule.id === "remove" ? "remove" : undefined;
  const op = kind && operation(kind === "add" ? many : one, kind);
  return kind ? { ...rule, op: op?.id ?? "-" } : rule;
}

const textOr = (key: string, other: string, args: Record<string, string | number>) => {
  const got = t(key as TextKey, args);
  return got === key ? other : got;
};

/** The file for Remote Viewer: of SPICE where there is such a screen, since it can do more. */
async function viewerFile(vm: Entity): Promise<void> {
  const screens = (await list("graphics_console", `vms/${vm.id}/graphicsconsoles`)).map((s) => s.protocol);
  if (!screens.length) throw new Error(t("dialogs.viewer.none"));
  await saveViewerFile(vm, screens.includes("spice") ? "spice" : "vnc");
}

/** Everything that can be done with the selected, or with the collection when nothing is selected; in the order of menus. */
export function useCommands(page: EntityPage, path: string, items: Entity[]): Command[] {
  const { data: has } = useOperations();
  const may = useMay(path, items);
  const change = useChange((fn: () => Promise<unknown>) => fn());
  const isPart = path.split("/").length > 1;

  const runNow = (rule: Rule, word: string, targets: Entity[]) => {
    const names = targets.map(titleOf).slice(0, 3).join(", ") + (targets.length > 3 ? " …" : "");
    change.mutate(async () => {
      const over = await runBulk(targets, (e, options) => act(`${path}/${e.id}`, word, rule.inputs ?? {}, options));
      const failed = failedOf(over).length;
      if (failed === 1 && targets.length === 1) {
        const why = over.outcomes[0].state === "failed" ? over.outcomes[0].why : "";
        notify({ variant: "danger", title: t("dialogs.failed", { what: rule.label, name: names }), body: why });
      } else if (failed) {
        const { Outcomes } = await import("./Outcomes");
        showDialog((onClose) => createElement(Outcomes, { title: rule.label, bulk: over, onClose }));
      } else notify({ variant: "success", title: t("dialogs.done", { what: rule.label, name: names }), about: over.correlation, isForAll: targets.length > 1 });
    });
  };

  const askFirst = (rule: Rule, word: string, targets: Entity[], left: { item: Entity; why: string }[]) =>
    showDialog((onClose) =>
      createElement(Suspense, { fallback: null }, createElement(RunDialog, {
        title: rule.label, items: targets, left, submit: rule.label, isDanger: rule.isDanger, fields: rule.fields, onClose, warning: rule.warn?.(targets),
        text: textOr(`dialogs.ask.${page.type}.${rule.id}`, t("dialogs.ask", { what: rule.label, n: targets.length }), { n: targets.length }),
        done: t("dialogs.done", { what: rule.label, name: targets.map(titleOf).slice(0, 3).join(", ") }),
        call: (e, body, _values, options) => act(`${path}/${e.id}`, word, wireFrom("action", { ...rule.inputs, ...body }), options),
        equivalents: (e, body) => ({ method: "POST" as const, path: `${path}/${e.id}/${word}`, body: wireFrom("action", { ...rule.inputs, ...body }), names: { [e.id]: titleOf(e) } }),
      })),
    );

  const runIt = (rule: Rule, targets: Entity[], left: { item: Entity; why: string }[]) => {
    if (rule.command === "console") return openConsole(targets[0]);
    if (rule.command === "viewer") return void viewerFile(targets[0]).catch((e: Error) => notify({ variant: "danger", title: t("dialogs.failed", { what: rule.label, name: titleOf(targets[0]) }), body: e.message }));
    if (rule.dialog && dialogFor(page.type, rule.dialog)) return void openDialog(page.type, rule.dialog, path, rule.scope === "new" ? [] : targets, page);
    const many = serviceAt(path);
    const word = (many?.one ? serviceOf(many.one) : undefined)?.operations.find((o) => o.id === rule.op)?.path;
    if (!word) return undefined;
    return rule.ask || rule.fields ? askFirst(rule, word, targets, left) : runNow(rule, word, targets);
  };

  return allRules(page, path).flatMap((raw): Command[] => {
    const rule = isPart ? placed(raw, path) : raw;
    if (!has?.has(rule.op)) return [];
    if (isPart && (rule.dialog === "permission" || rule.dialog === "tags") && !rulesOf(serviceAt(path)?.name ?? "")) return [];
    if (rule.dialog && !dialogFor(page.type, rule.dialog)) return [];
    const isNew = rule.scope === "new";
    const refused = items.map((item) => ({ item, why: whyNot(rule, item) }));
    const fit = isNew ? [] : refused.filter((r) => r.why === undefined).map((r) => r.item);
    const left = refused.flatMap((r) => (r.why === undefined ? [] : [{ item: r.item, why: r.why }]));
    let why: string | undefined;
    if (!may(rule.op)) why = t("dialogs.why.permit");
    else if (!isNew && !items.length) why = t("dialogs.why.nothing");
    else if (rule.scope === "one" && items.length > 1) why = t("dialogs.why.one");
    else if (!isNew && !fit.length) why = items.length === 1 ? left[0].why : t("dialogs.why.none", { n: items.length });
    return [{
      id: rule.id, label: rule.label, isDanger: rule.isDanger, group: rule.group || undefined, isButton: rule.isButton ?? (!rulesOf(page.type) && page.actions?.includes(rule.id)),
      isDisabled: why !== undefined, why, run: () => runIt(rule, fit, left),
    }];
  });
}

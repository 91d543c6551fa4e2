// SPDX-License-Identifier: Apache-2.0
import { Alert, Button, Label } from "@patternfly/react-core";
import { act, add, remove, type Entity } from "../lib/api";
import { date, nameOf, words } from "../lib/format";
import { t } from "../text";
import { useList } from "../ui/queries";
import { ask } from "./editing";
import { type PartAction, PartTable, sure } from "./PartTable";
import type { PartProps } from "./VmDetails";

const kind = (s: Entity) => String(s.snapshot_type ?? "regular");

function create(vm: Entity) {
  const isOn = vm.status === "up" || vm.status === "paused";
  ask({
    title: t("vmPortal.snapshot.newOf", { name: nameOf(vm) }),
    button: t("vmPortal.snapshot.create"),
    fields: [
      { name: "description", label: t("vmPortal.field.description"), isRequired: true },
      ...(isOn ? [{ name: "memory", label: t("vmPortal.snapshot.memory"), kind: "switch" as const, hint: t("vmPortal.snapshot.memoryHint") }] : []),
    ],
    initial: { memory: String(isOn) },
    onSave: (v) => add("snapshot", `vms/${vm.id}/snapshots`, { description: v.description.trim(), persist_memorystate: isOn && v.memory === "true" }),
  });
}

/** What can be done with one: the VM must be down to look at it or go back to it. */
function actionsOf(vm: Entity, may: Set<string>, isPreviewing: boolean) {
  return (s: Entity): PartAction[] => {
    if (kind(s) !== "regular") return [];
    const name = nameOf(s);
    const isFree = vm.status === "down" && !isPreviewing && s.snapshot_status === "ok";
    const out: PartAction[] = [];
    const path = `vms/${vm.id}/snapshots`;
    if (may.has("vm.preview_snapshot"))
      out.push({
        label: t("vmPortal.snapshot.preview"),
        isDisabled: !isFree,
        run: () =>
          sure(t("vmPortal.snapshot.previewOf", { name }), t("vmPortal.snapshot.previewHint"), t("vmPortal.snapshot.preview"),
            () => act(`vms/${vm.id}`, "previewsnapshot", { snapshot: { id: s.id }, restore_memory: Boolean(s.persist_memorystate) }), false),
      });
    if (may.has("snapshot.restore") || may.has("vm.preview_snapshot"))
      out.push({
        label: t("vmPortal.snapshot.restore"),
        isDisabled: !isFree,
        run: () =>
          sure(t("vmPortal.snapshot.restoreOf", { name }), t("vmPortal.snapshot.restoreHint"), t("vmPortal.snapshot.restore"),
            () => act(`${path}/${s.id}`, "restore", { restore_memory: Boolean(s.persist_memorystate) })),
      });
    if (may.has("snapshot.remove") || may.has("snapshots.add"))
      out.push({
        label: t("vmPortal.remove"),
        isDanger: true,
        isDisabled: isPreviewing || s.snapshot_status !== "ok",
        run: () => sure(t("vmPortal.snapshot.removeOf", { name }), t("vmPortal.snapshot.removeHint"), t("vmPortal.remove"), () => remove(`${path}/${s.id}`)),
      });
    return out;
  };
}

function Previewing({ vm, may }: PartProps) {
  const end = (action: "commitsnapshot" | "undosnapshot", word: "commit" | "undo") => () =>
    sure(t(`vmPortal.snapshot.${word}`), t(`vmPortal.snapshot.${word}Hint`), t(`vmPortal.snapshot.${word}`), () => act(`vms/${vm.id}`, action), word === "commit");
  return (
    <Alert
      variant="info"
      isInline
      component="p"
      className="v-notice"
      title={t("vmPortal.snapshot.previewing")}
      actionLinks={
        <>
          {may.has("vm.commit_snapshot") && <Button variant="link" isInline onClick={end("commitsnapshot", "commit")}>{t("vmPortal.snapshot.commit")}</Button>}
          {may.has("vm.undo_snapshot") && <Button variant="link" isInline onClick={end("undosnapshot", "undo")}>{t("vmPortal.snapshot.undo")}</Button>}
        </>
      }
    >
      {t("vmPortal.snapshot.previewingBody")}
    </Alert>
  );
}

export default function Snapshots({ vm, may }: PartProps) {
  const { data, error } = useList("snapshot", `vms/${vm.id}/snapshots`);
  const isPreviewing = (data ?? []).some((s) => ["preview", "in_preview"].includes(kind(s)) || s.snapshot_status === "in_preview");
  const newest = (data ?? []).filter((s) => kind(s) !== "active").sort((a, b) => Number(b.date ?? 0) - Number(a.date ?? 0));
  return (
    <>
      {isPreviewing && <Previewing vm={vm} may={may} />}
      <PartTable
        label={t("vmPortal.tab.snapshots")}
        rows={data && newest}
        error={error}
        empty={t("vmPortal.snapshot.none")}
        onAdd={may.has("snapshots.add") && !isPreviewing ? () => create(vm) : undefined}
        addLabel={t("vmPortal.snapshot.create")}
        columns={[
          { label: t("vmPortal.field.description"), cell: (s) => (kind(s) === "preview" ? <Label isCompact color="blue">{t("vmPortal.snapshot.before")}</Label> : nameOf(s)) },
          { label: t("vmPortal.snapshot.date"), cell: (s) => (s.date instanceof Date ? date(s.date) : "") },
          { label: t("vmPortal.column.status"), cell: (s) => words(String(s.snapshot_status ?? "")) },
          { label: t("vmPortal.snapshot.hasMemory"), cell: (s) => (s.persist_memorystate ? t("vmPortal.yes") : t("vmPortal.no")) },
        ]}
        actions={actionsOf(vm, may, isPreviewing)}
      />
    </>
  );
}

// SPDX-License-Identifier: Apache-2.0
// What is still missing until virtual machines can run, each with a button that opens the right dialog.
import { Button, Modal, ModalBody, ModalFooter, ModalHeader, Spinner } from "@patternfly/react-core";
import type { Entity } from "../lib/api";
import { nameOf } from "../lib/format";
import { t } from "../text";
import { useEntity, useList } from "../ui/queries";
import type { Outcome } from "./bulk";
import type { DialogProps } from "./index";
import { openDialog } from "./index";
import { Sign } from "./Outcomes";

interface Task {
  title: string;
  text: string;
  isDone: boolean;
  action?: { label: string; run: () => void };
}

const waiting = (isDone: boolean): Outcome => ({ state: isDone ? "done" : "waiting" });

function useTasks(center: Entity | undefined): Task[] | undefined {
  const id = center?.id ?? "";
  const clusters = useList("cluster", `datacenters/${id}/clusters`, {}, center !== undefined);
  const all = useList("cluster", "clusters", {}, center !== undefined);
  const hosts = useList("host", "hosts", { follow: "cluster" }, center !== undefined);
  const domains = useList("storage_domain", `datacenters/${id}/storagedomains`, {}, center !== undefined);
  const every = useList("storage_domain", "storagedomains", {}, center !== undefined);
  const vms = useList("vm", "vms", { max: 1 }, center !== undefined);
  if (!center || !hosts.data || (!clusters.data && !all.data)) return undefined;
  const mine = clusters.data ?? all.data!.filter((c) => (c.data_center as Entity | undefined)?.id === id);
  const inside = hosts.data.filter((h) => mine.some((c) => c.id === (h.cluster as Entity | undefined)?.id));
  const up = inside.filter((h) => h.status === "up");
  const waits = hosts.data.filter((h) => h.status === "pending_approval");
  const active = (domains.data ?? []).filter((d) => d.type === "data" && d.status === "active");
  const unattached = (every.data ?? []).filter((d) => d.status === "unattached");
  const names = (list: Entity[]) => list.map(nameOf).slice(0, 5).join(", ");
  return [
    { title: t("dialogs.guide.cluster"), isDone: mine.length > 0, text: mine.length ? names(mine) : t("dialogs.guide.cluster.text"), action: { label: t("dialogs.guide.cluster.add"), run: () => openDialog("cluster", "new", `datacenters/${id}/clusters`) } },
    {
      title: t("dialogs.guide.host"), isDone: up.length > 0, text: up.length ? names(up) : waits.length ? t("dialogs.guide.host.waits", { n: waits.length }) : inside.length ? t("dialogs.guide.host.down", { names: names(inside) }) : t("dialogs.guide.host.text"),
      action: mine.length ? (waits.length && !up.length ? { label: t("dialogs.guide.host.approve"), run: () => openDialog("host", "approve", "hosts", waits.slice(0, 1).map((h) => ({ ...h, cluster: mine[0] }))) } : { label: t("dialogs.guide.host.add"), run: () => openDialog("host", "new", "hosts") }) : undefined,
    },
    {
      title: t("dialogs.guide.storage"), isDone: active.length > 0, text: active.length ? names(active) : t("dialogs.guide.storage.text"),
      action: up.length ? (unattached.length && !active.length ? { label: t("dialogs.guide.storage.attach"), run: () => openDialog("storage_domain", "attach_here", `datacenters/${id}/storagedomains`) } : { label: t("dialogs.guide.storage.add"), run: () => openDialog("storage_domain", "new", `datacenters/${id}/storagedomains`) }) : undefined,
    },
    { title: t("dialogs.guide.vm"), isDone: (vms.data ?? []).length > 0, text: t("dialogs.guide.vm.text"), action: up.length && active.length ? { label: t("dialogs.guide.vm.add"), run: () => openDialog("vm", "new", "vms") } : undefined },
  ];
}

export default function Guide({ page, items, onClose }: DialogProps) {
  const centerId = page.type === "cluster" ? (items[0].data_center as Entity | undefined)?.id : items[0].id;
  const center = useEntity("data_center", `datacenters/${centerId ?? ""}`, centerId !== undefined);
  const tasks = useTasks(center.data);
  const next = tasks?.find((x) => !x.isDone && x.action);
  return (
    <Modal isOpen variant="medium" onClose={onClose} aria-label={t("dialogs.guide.title", { name: nameOf(items[0]) })} className="h-dialog">
      <ModalHeader title={t("dialogs.guide.title", { name: nameOf(items[0]) })} description={tasks && (tasks.slice(0, 3).every((x) => x.isDone) ? t("dialogs.guide.done") : t("dialogs.guide.text"))} />
      <ModalBody>
        {!tasks && <Spinner aria-label={t("dialogs.loading")} />}
        <ol className="h-guide">
          {tasks?.map((x) => (
            <li key={x.title} className="h-part h-guide-task">
              <Sign outcome={waiting(x.isDone)} />
              <div className="h-guide-text">
                <strong>{x.title}</strong>
                <div>{x.text}</div>
              </div>
              {x.action && <Button variant={x === next ? "primary" : "secondary"} onClick={x.action.run}>{x.action.label}</Button>}
            </li>
          ))}
        </ol>
      </ModalBody>
      <ModalFooter>
        <Button variant="link" onClick={onClose}>{t("dialogs.close")}</Button>
      </ModalFooter>
    </Modal>
  );
}

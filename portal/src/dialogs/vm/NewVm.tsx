// SPDX-License-Identifier: Apache-2.0
// A new machine with its disks, network cards and disc: several calls that look like one.
import { useMemo, useState } from "react";
import { flushSync } from "react-dom";
import { add, type CallOptions, type Entity, get, newCorrelation, wireFrom } from "../../lib/api";
import { nameOf } from "../../lib/format";
import { notify } from "../../frame/notify";
import { t } from "../../text";
import { useChange } from "../../ui/queries";
import { FormModal } from "../form/FormModal";
import { faultFields, type Spec } from "../form/model";
import { operationOf, useForm } from "../form/useForm";
import type { DialogProps } from "../index";
import { shownBody } from "../secrets";
import { discs } from "../sources";
import { type Step, Steps, until } from "../steps";
import { vmSpec } from "../vmSpec";
import { Cards, checkCards, checkDisks, Disks, emptyCard, type NewCard, type NewDisk } from "./devices";

const BLANK = "00000000-0000-0000-0000-000000000000";

/** The form, with disks and cards in front. */
function newSpec(template?: Entity): Spec {
  const spec = vmSpec("vm");
  const [general, ...rest] = spec.sections;
  const fields = general.fields.map((f) => (f.path === "template" && template ? { ...f, default: template } : f));
  const begun = template ? (spec.follow?.("template", template, {}, new Set()) ?? {}) : {};
  return {
    ...spec,
    sections: [
      { ...general, fields },
      { id: "disks", label: t("dialogs.vm.disks"), fields: [{ path: "#disks", isLocal: true, draw: Disks, check: checkDisks, default: [] }] },
      { id: "nics", label: t("dialogs.vm.nics"), fields: [{ path: "#nics", isLocal: true, draw: Cards, check: checkCards, default: template ? [] : [emptyCard(1)] }] },
      ...rest.map((s) => (s.id === "boot" ? { ...s, fields: [...s.fields, { path: "#cd", isLocal: true, as: "reference" as const, label: t("dialogs.cd"), from: discs }] } : s)),
    ],
    follow: (path, value, values, touched) => {
      if (path === "template" && value && !touched.has("#nics")) return { ...spec.follow?.(path, value, values, touched), "#nics": (value as Entity).id === BLANK ? [emptyCard(1)] : [] };
      if (path !== "cluster") return spec.follow?.(path, value, values, touched);
      const center = (e: unknown) => ((e as Entity | undefined)?.data_center as Entity | undefined)?.id;
      const moved = { "#disks": (values["#disks"] as NewDisk[]).map((d) => ({ ...d, domain: undefined })), "#nics": (values["#nics"] as NewCard[]).map((c) => ({ ...c, profile: undefined })) };
      return center(value) ? moved : undefined;
    },
    begin: (e) => ({ ...spec.begin?.(e), ...begun }),
  };
}

const diskBody = (vm: string, d: NewDisk, n: number) =>
  d.kind === "attach"
    ? { disk: { id: d.disk!.id }, interface: d.interface, bootable: d.bootable, active: true }
    : {
        disk: { alias: d.alias || `${vm}_disk${n}`, provisioned_size: d.size, format: d.format, sparse: d.format === "cow", storage_domains: [{ id: d.domain!.id }] },
        interface: d.interface, bootable: d.bootable, active: true,
      };

const cardBody = (c: NewCard) => ({ name: c.name.trim(), interface: c.interface, ...(c.profile ? { vnic_profile: { id: c.profile.id } } : {}) });

/** What comes after the machine itself. */
function afterwards(vm: string, made: () => Entity, disks: NewDisk[], cards: NewCard[], cd?: Entity): Step[] {
  const isFree = (options: CallOptions) => until(async () => (await get("vm", `vms/${made().id}`)).status !== "image_locked", options.signal);
  return [
    ...cards.map((c): Step => ({ label: t("dialogs.vm.step.nic", { name: c.name }), run: (o) => isFree(o).then(() => add("nic", `vms/${made().id}/nics`, cardBody(c), o)) })),
    ...disks.map((d, i): Step => ({
      label: d.kind === "attach" ? t("dialogs.vm.step.attach", { name: nameOf(d.disk) }) : t("dialogs.vm.step.disk", { name: d.alias || `${vm}_disk${i + 1}` }),
      run: (o) => isFree(o).then(() => add("disk_attachment", `vms/${made().id}/diskattachments`, diskBody(nameOf(made()), d, i + 1), o)),
    })),
    ...(cd ? [{ label: t("dialogs.vm.step.cd", { name: nameOf(cd) }), run: (o: CallOptions) => isFree(o).then(() => add("cdrom", `vms/${made().id}/cdroms`, { file: { id: cd.id } }, o)) }] : []),
  ];
}

export default function NewVm({ page, path, items, onClose }: DialogProps) {
  const template = page.type === "template" ? items[0] : undefined;
  const spec = useMemo(() => newSpec(template), [template]);
  const collection = page.type === "vm" && path !== "vms" && !path.includes("/") ? path : "vms";
  const form = useForm(spec, undefined, operationOf("vms", false));
  const [fault, setFault] = useState<string>();
  const [steps, setSteps] = useState<{ made: Entity; steps: Step[] }>();
  const isClone = form.values["#clone"] === "clone";
  const target = isClone ? `${collection}?clone=true` : collection;
  const [about] = useState(newCorrelation);
  const save = useChange(() => add("vm", target, form.body, { correlation: about }));
  const submit = () => {
    setFault(undefined);
    save.mutate(undefined, {
      onSuccess: (answer) => {
        const made = answer as Entity;
        const rest = afterwards(nameOf(made), () => made, form.values["#disks"] as NewDisk[], form.values["#nics"] as NewCard[], form.values["#cd"] as Entity | undefined);
        if (rest.length) return flushSync(() => setSteps({ made, steps: [{ label: t("dialogs.vm.step.vm", { name: nameOf(made) }), run: async () => {} }, ...rest] }));
        notify({ variant: "success", title: t("dialogs.created", { what: t("dialogs.vm.one"), name: nameOf(made) }), about });
        return onClose();
      },
      onError: (e) => {
        const found = faultFields("vm", e, form.fields);
        form.setFaults(found.at);
        setFault(found.rest || t("dialogs.refused.fields"));
      },
    });
  };
  if (steps) return <Steps title={t("dialogs.vm.making", { name: nameOf(steps.made) })} steps={steps.steps} done={t("dialogs.created", { what: t("dialogs.vm.one"), name: nameOf(steps.made) })} onClose={onClose} />;
  return (
    <FormModal title={t("dialogs.new.title", { what: t("dialogs.vm.one.lower") })} form={form} submit={t("dialogs.create")} fault={fault} isBusy={save.isPending}
      equivalents={{ method: "POST", path: "vms", query: isClone ? { clone: "true" } : undefined, body: shownBody(wireFrom("vm", form.body)) }} onSubmit={submit} onClose={onClose} />
  );
}

// SPDX-License-Identifier: Apache-2.0
// Disks and network cards of a machine that is about to be made.
import { Button, Checkbox, FormGroup, FormHelperText, FormSelect, FormSelectOption, HelperText, HelperTextItem, TextInput } from "@patternfly/react-core";
import { PlusCircleIcon } from "@patternfly/react-icons/dist/esm/icons/plus-circle-icon";
import { TrashIcon } from "@patternfly/react-icons/dist/esm/icons/trash-icon";
import type { Entity } from "../../lib/api";
import { words } from "../../lib/format";
import { ENUMS } from "../../lib/schema";
import { t } from "../../text";
import type { FormPart } from "../form/model";
import { Size } from "../form/inputs";
import { Reference } from "../form/Reference";
import { domains, floatingDisks, profiles } from "../sources";

export interface NewDisk {
  key: number;
  kind: "new" | "attach";
  alias: string;
  size?: number;
  domain?: Entity;
  disk?: Entity;
  format: "cow" | "raw";
  interface: string;
  bootable: boolean;
}

export interface NewCard {
  key: number;
  name: string;
  profile?: Entity;
  interface: string;
}

let keys = 0;
const GIB = 2 ** 30;

export const emptyDisk = (isFirst: boolean, kind: NewDisk["kind"] = "new"): NewDisk => ({ key: ++keys, kind, alias: "", size: 10 * GIB, format: "cow", interface: "virtio", bootable: isFirst });
export const emptyCard = (n: number): NewCard => ({ key: ++keys, name: `nic${n}`, interface: "virtio" });

const INTERFACES = ["virtio", "virtio_scsi", "sata", "ide"];

const centerOf = (cluster: unknown) => ((cluster as Entity | undefined)?.data_center as Entity | undefined)?.id;

interface PartProps<T> {
  n: number;
  value: T;
  set: (v: T) => void;
  remove: () => void;
}

function DiskPart({ n, value, set, remove, center }: PartProps<NewDisk> & { center?: string }) {
  const id = `disk-${value.key}`;
  const title = value.kind === "new" ? t("dialogs.vm.disk.new", { n }) : t("dialogs.vm.disk.attach", { n });
  return (
    <div className="h-part" role="group" aria-label={title}>
      <div className="h-part-head">
        <strong>{title}</strong>
        <Button variant="plain" icon={<TrashIcon />} aria-label={t("dialogs.take-out", { what: title })} onClick={remove} />
      </div>
      <div className="h-two">
        {value.kind === "new" ? (
          <>
            <FormGroup label={t("dialogs.disk.size")} fieldId={`${id}-size`} isRequired>
              <Size id={`${id}-size`} label={t("dialogs.disk.size")} value={value.size} isInvalid={!value.size || value.size <= 0} isDisabled={false} onChange={(size) => set({ ...value, size })} />
            </FormGroup>
            <FormGroup label={t("dialogs.domain")} fieldId={`${id}-domain`} isRequired>
              <Reference id={`${id}-domain`} label={t("dialogs.domain")} from={domains(center)} value={value.domain} isInvalid={false} canClear={false} pick="first" onChange={(domain) => set({ ...value, domain })} />
            </FormGroup>
            <FormGroup label={t("dialogs.disk.allocation")} fieldId={`${id}-format`}>
              <FormSelect id={`${id}-format`} value={value.format} onChange={(_e, v) => set({ ...value, format: v as NewDisk["format"] })}>
                <FormSelectOption value="cow" label={t("dialogs.disk.thin")} />
                <FormSelectOption value="raw" label={t("dialogs.disk.full")} />
              </FormSelect>
            </FormGroup>
            <FormGroup label={t("dialogs.disk.alias")} fieldId={`${id}-alias`}>
              <TextInput id={`${id}-alias`} value={value.alias} placeholder={t("dialogs.disk.alias.auto")} onChange={(_e, alias) => set({ ...value, alias })} />
            </FormGroup>
          </>
        ) : (
          <FormGroup label={t("dialogs.disk")} fieldId={`${id}-disk`} isRequired>
            <Reference id={`${id}-disk`} label={t("dialogs.disk")} from={floatingDisks()} value={value.disk} isInvalid={false} canClear={false} onChange={(disk) => set({ ...value, disk })} />
          </FormGroup>
        )}
        <FormGroup label={t("dialogs.disk.interface")} fieldId={`${id}-interface`}>
          <FormSelect id={`${id}-interface`} value={value.interface} onChange={(_e, v) => set({ ...value, interface: v })}>
            {INTERFACES.map((i) => <FormSelectOption key={i} value={i} label={words(i)} />)}
          </FormSelect>
        </FormGroup>
      </div>
      <Checkbox id={`${id}-boot`} label={t("dialogs.disk.bootable")} isChecked={value.bootable} onChange={(_e, bootable) => set({ ...value, bootable })} />
    </div>
  );
}

/** The list of disks in the form of a new machine. */
export function Disks({ values, errors, set }: FormPart) {
  const disks = (values["#disks"] as NewDisk[] | undefined) ?? [];
  const put = (next: NewDisk[]) => set("#disks", next);
  const change = (i: number, v: NewDisk) => put(disks.map((d, j) => (j === i ? v : v.bootable && d.bootable ? { ...d, bootable: false } : d)));
  return (
    <div className="h-form-fields">
      {disks.map((d, i) => (
        <DiskPart key={d.key} n={i + 1} value={d} center={centerOf(values.cluster)} set={(v) => change(i, v)} remove={() => put(disks.filter((x) => x !== d))} />
      ))}
      {!disks.length && <p>{t("dialogs.vm.disks.none")}</p>}
      <div className="h-buttons">
        <Button variant="secondary" icon={<PlusCircleIcon />} onClick={() => put([...disks, emptyDisk(!disks.some((d) => d.bootable))])}>{t("dialogs.vm.disks.add")}</Button>
        <Button variant="secondary" icon={<PlusCircleIcon />} onClick={() => put([...disks, emptyDisk(!disks.some((d) => d.bootable), "attach")])}>{t("dialogs.vm.disks.attach")}</Button>
      </div>
      {errors["#disks"] && <FormHelperText><HelperText><HelperTextItem variant="error">{errors["#disks"]}</HelperTextItem></HelperText></FormHelperText>}
    </div>
  );
}

/** The list of network cards in the form of a new machine. */
export function Cards({ values, errors, set }: FormPart) {
  const cards = (values["#nics"] as NewCard[] | undefined) ?? [];
  const put = (next: NewCard[]) => set("#nics", next);
  const change = (i: number, v: NewCard) => put(cards.map((c, j) => (j === i ? v : c)));
  return (
    <div className="h-form-fields">
      {cards.map((c, i) => {
        const id = `nic-${c.key}`;
        return (
          <div key={c.key} className="h-part" role="group" aria-label={t("dialogs.vm.nic", { n: i + 1 })}>
            <div className="h-part-head">
              <strong>{t("dialogs.vm.nic", { n: i + 1 })}</strong>
              <Button variant="plain" icon={<TrashIcon />} aria-label={t("dialogs.take-out", { what: t("dialogs.vm.nic", { n: i + 1 }) })} onClick={() => put(cards.filter((x) => x !== c))} />
            </div>
            <div className="h-two">
              <FormGroup label={t("dialogs.name")} fieldId={`${id}-name`} isRequired>
                <TextInput id={`${id}-name`} value={c.name} validated={c.name ? "default" : "error"} onChange={(_e, name) => change(i, { ...c, name })} />
              </FormGroup>
              <FormGroup label={t("dialogs.profile")} fieldId={`${id}-profile`}>
                <Reference id={`${id}-profile`} label={t("dialogs.profile")} from={profiles(centerOf(values.cluster))} value={c.profile} isInvalid={false} canClear pick="first" onChange={(profile) => change(i, { ...c, profile })} />
              </FormGroup>
              <FormGroup label={t("dialogs.nic.type")} fieldId={`${id}-type`}>
                <FormSelect id={`${id}-type`} value={c.interface} onChange={(_e, v) => change(i, { ...c, interface: v })}>
                  {ENUMS.nic_interface.filter((x) => x !== "spapr_vlan" && x !== "rtl8139_virtio").map((x) => <FormSelectOption key={x} value={x} label={words(x)} />)}
                </FormSelect>
              </FormGroup>
            </div>
          </div>
        );
      })}
      {!cards.length && <p>{t("dialogs.vm.nics.none")}</p>}
      <div className="h-buttons">
        <Button variant="secondary" icon={<PlusCircleIcon />} onClick={() => put([...cards, emptyCard(cards.length + 1)])}>{t("dialogs.vm.nics.add")}</Button>
      </div>
      {errors["#nics"] && <FormHelperText><HelperText><HelperTextItem variant="error">{errors["#nics"]}</HelperTextItem></HelperText></FormHelperText>}
    </div>
  );
}

/** What is wrong with the disks. */
export function checkDisks(v: unknown): string | undefined {
  for (const d of (v as NewDisk[] | undefined) ?? []) {
    if (d.kind === "new" && !(d.size && d.size > 0)) return t("dialogs.check.required", { what: t("dialogs.disk.size") });
    if (d.kind === "new" && !d.domain) return t("dialogs.vm.disk.no-domain");
    if (d.kind === "attach" && !d.disk) return t("dialogs.vm.disk.no-disk");
  }
  return undefined;
}

/** What is wrong with the cards. */
export function checkCards(v: unknown): string | undefined {
  const names = ((v as NewCard[] | undefined) ?? []).map((c) => c.name.trim());
  if (names.some((n) => !n)) return t("dialogs.check.required", { what: t("dialogs.name") });
  return new Set(names).size < names.length ? t("dialogs.vm.nics.same") : undefined;
}

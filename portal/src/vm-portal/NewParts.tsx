// SPDX-License-Identifier: Apache-2.0
// Network cards and disks of a VM that does not exist yet.
import { Alert, Button, Card, CardBody, Form } from "@patternfly/react-core";
import TrashIcon from "@patternfly/react-icons/dist/esm/icons/trash-icon";
import { useQuery } from "@tanstack/react-query";
import type { Entity } from "../lib/api";
import { bytes, nameOf } from "../lib/format";
import { t } from "../text";
import { domainChoices, interfaceChoices } from "./Disks";
import { type Field, Fields, type Values } from "./fields";
import { profileChoices } from "./Nics";

interface RowsProps {
  rows: Values[];
  fields: (row: Values, i: number) => Field[];
  onChange: (rows: Values[]) => void;
  /** undefined as long as it is not known what there is to choose from */
  onAdd?: () => void;
  addLabel: string;
  prefix: string;
  fromTemplate: string[];
  none: string;
}

function Rows({ rows, fields, onChange, onAdd, addLabel, prefix, fromTemplate, none }: RowsProps) {
  return (
    <div className="v-rows">
      {fromTemplate.length > 0 && <Alert variant="info" isInline isPlain title={t("vmPortal.wizard.fromTemplate", { names: fromTemplate.join(", ") })} />}
      {!rows.length && !fromTemplate.length && <p className="v-quiet">{none}</p>}
      {rows.map((row, i) => (
        <Card key={i} isCompact className="v-row">
          <CardBody>
            <Form onSubmit={(e) => e.preventDefault()} className="v-row-form">
              <Fields fields={fields(row, i)} values={row} prefix={`${prefix}-${i}`} onChange={(next) => onChange(rows.map((r, j) => (j === i ? next : r)))} />
            </Form>
            <Button variant="plain" icon={<TrashIcon />} aria-label={t("vmPortal.wizard.takeOut", { name: row.name })} onClick={() => onChange(rows.filter((_, j) => j !== i))} />
          </CardBody>
        </Card>
      ))}
      <div>
        <Button variant="secondary" isDisabled={!onAdd} onClick={onAdd}>
          {addLabel}
        </Button>
      </div>
    </div>
  );
}

interface NicsProps {
  rows: Values[];
  onChange: (rows: Values[]) => void;
  fromTemplate: Entity[];
}

export function NicRows({ rows, onChange, fromTemplate, cluster }: NicsProps & { cluster: string }) {
  const { data: profiles } = useQuery({ queryKey: ["list", "vnicprofiles", "choices", cluster], queryFn: () => profileChoices(cluster) });
  const fields = (): Field[] => [
    { name: "name", label: t("vmPortal.field.name"), isRequired: true },
    { name: "profile", label: t("vmPortal.nic.profile"), kind: "choice", choices: profiles ?? [] },
  ];
  return (
    <Rows
      rows={rows}
      fields={fields}
      onChange={onChange}
      onAdd={profiles && (() => onChange([...rows, { name: `nic${fromTemplate.length + rows.length + 1}`, profile: profiles[1]?.value ?? "" }]))}
      addLabel={t("vmPortal.nic.add")}
      prefix="nic"
      fromTemplate={fromTemplate.map(nameOf)}
      none={t("vmPortal.wizard.noNics")}
    />
  );
}

/** A disk of the template; who may use a template need not see its disks. */
function brought(a: Entity): string {
  const { name, provisioned_size: size } = (a.disk ?? {}) as Entity;
  return name ? `${name} (${bytes(Number(size ?? 0))})` : t("vmPortal.wizard.aDisk");
}

export function DiskRows({ rows, onChange, fromTemplate, vmName }: NicsProps & { vmName: string }) {
  const { data: domains } = useQuery({ queryKey: ["list", "storagedomains", "choices"], queryFn: domainChoices });
  const fields = (): Field[] => [
    { name: "name", label: t("vmPortal.field.name"), isRequired: true },
    { name: "size", label: t("vmPortal.disk.size"), kind: "size", isRequired: true },
    { name: "domain", label: t("vmPortal.disk.where"), kind: "choice", choices: domains ?? [], isRequired: true },
    { name: "interface", label: t("vmPortal.disk.interface"), kind: "choice", choices: interfaceChoices },
    { name: "thin", label: t("vmPortal.disk.thin"), kind: "switch" },
    { name: "bootable", label: t("vmPortal.disk.bootable"), kind: "switch" },
  ];
  const total = fromTemplate.length + rows.length;
  return (
    <>
      {domains?.length === 0 && <Alert variant="warning" isInline title={t("vmPortal.disk.noDomain")} />}
      <Rows
        rows={rows}
        fields={fields}
        onChange={onChange}
        onAdd={domains && (() => onChange([...rows, { name: `${vmName || "vm"}_disk${total + 1}`, size: "10 GiB", domain: domains[0]?.value ?? "", interface: "virtio_scsi", thin: "true", bootable: String(total === 0) }]))}
        addLabel={t("vmPortal.disk.add")}
        prefix="disk"
        fromTemplate={fromTemplate.map(brought)}
        none={t("vmPortal.wizard.noDisks")}
      />
    </>
  );
}

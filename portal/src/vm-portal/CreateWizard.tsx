// SPDX-License-Identifier: Apache-2.0
// A new VM in four steps. What is made is one thing after the other; what fails is said, and what was made stays.
import { Alert, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, Form, PageSection, ProgressStep, ProgressStepper, Wizard, WizardStep } from "@patternfly/react-core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { list, type Entity } from "../lib/api";
import { bytes, nameOf } from "../lib/format";
import { t } from "../text";
import { useAllowed, useList, useMe } from "../ui/queries";
import { go, linkTo, usePlace } from "../ui/router";
import { make, type Plan, type Progress } from "./create";
import { cloudFields, isoImages, NAME } from "./editing";
import { Fields, type Field, isRight, type Values } from "./fields";
import { DiskRows, NicRows } from "./NewParts";
import { ownKeys } from "./SshKeys";
import { processors } from "./Overview";
import { BLANK } from "./Templates";
import { useOperatingSystems } from "./useVms";

const memoryOf = (template?: Entity) => (template?.memory && template.id !== BLANK ? bytes(Number(template.memory)) : "2 GiB");

interface Offer {
  clusters: Entity[];
  templates: Entity[];
  systems: Map<string, string>;
  discs: Entity[];
}

function basicFields({ clusters, templates, systems, discs }: Offer, values: Values): Field[] {
  const os = [...systems].map(([value, label]) => ({ value, label })).sort((a, b) => a.label.localeCompare(b.label));
  return [
    { name: "name", label: t("vmPortal.field.name"), isRequired: true, pattern: NAME },
    { name: "description", label: t("vmPortal.field.description"), kind: "area" },
    { name: "cluster", label: t("vmPortal.fact.cluster"), kind: "choice", isRequired: true, choices: clusters.map((c) => ({ value: c.id, label: nameOf(c), hint: c.description ? String(c.description) : undefined })) },
    {
      name: "template", label: t("vmPortal.fact.template"), kind: "choice", isRequired: true,
      choices: templates.map((x) => ({ value: x.id, label: x.id === BLANK ? t("vmPortal.template.blank") : nameOf(x), hint: x.id === BLANK ? undefined : String(x.description ?? "") || undefined })),
    },
    { name: "os", label: t("vmPortal.fact.os"), kind: "choice", choices: os },
    { name: "type", label: t("vmPortal.fact.type"), kind: "choice", choices: (["desktop", "server", "high_performance"] as const).map((v) => ({ value: v, label: t(`vmPortal.type.${v}`) })) },
    { name: "memory", label: t("vmPortal.field.memory"), kind: "size", isRequired: true, hint: t("vmPortal.form.sizeHint") },
    { name: "cpus", label: t("vmPortal.field.cpus"), kind: "number", min: 1, max: 710, isRequired: true },
    ...(discs.length ? [{ name: "cd", label: t("vmPortal.fact.cd"), kind: "choice" as const, hint: t("vmPortal.cd.boots"), choices: [{ value: "", label: t("vmPortal.cd.empty") }, ...discs.map((d) => ({ value: d.id, label: nameOf(d) }))] }] : []),
    { name: "cloud", label: t("vmPortal.field.cloud"), kind: "switch", hint: t("vmPortal.cloud.hint") },
    ...cloudFields(values),
    { name: "start", label: t("vmPortal.field.start"), kind: "switch" },
  ];
}

/** What a template brings along. */
function useTemplateParts(id: string) {
  return useQuery({
    queryKey: ["list", `templates/${id}`, "parts"],
    enabled: id !== "" && id !== BLANK,
    queryFn: async () => ({
      nics: await list("nic", `templates/${id}/nics`).catch(() => [] as Entity[]),
      disks: await list("disk_attachment", `templates/${id}/diskattachments`, { follow: "disk" }).catch(() => [] as Entity[]),
    }),
  }).data;
}

function Review({ plan, clusters, templates, systems, discs }: Offer & { plan: Plan }) {
  const { values: v, nics, disks } = plan;
  const facts: [string, string][] = [
    [t("vmPortal.field.name"), v.name], [t("vmPortal.field.description"), v.description], [t("vmPortal.fact.cluster"), nameOf(clusters.find((c) => c.id === v.cluster))],
    [t("vmPortal.fact.template"), v.template === BLANK ? t("vmPortal.template.blank") : nameOf(templates.find((x) => x.id === v.template))], [t("vmPortal.fact.os"), systems.get(v.os) ?? v.os],
    [t("vmPortal.field.memory"), v.memory], [t("vmPortal.field.cpus"), v.cpus], [t("vmPortal.tab.nics"), nics.map((n) => n.name).join(", ") || t("vmPortal.wizard.nothingNew")],
    [t("vmPortal.fact.cd"), v.cd ? nameOf(discs.find((d) => d.id === v.cd)) : ""],
    [t("vmPortal.tab.disks"), disks.map((d) => `${d.name} (${d.size})`).join(", ") || t("vmPortal.wizard.nothingNew")],
  ];
  return (
    <DescriptionList isHorizontal isCompact horizontalTermWidthModifier={{ default: "18ch" }} aria-label={t("vmPortal.wizard.review")}>
      {facts.filter(([, value]) => value).map(([label, value]) => (
        <DescriptionListGroup key={label}>
          <DescriptionListTerm>{label}</DescriptionListTerm>
          <DescriptionListDescription>{value}</DescriptionListDescription>
        </DescriptionListGroup>
      ))}
    </DescriptionList>
  );
}

const Steps = ({ progress }: { progress: Progress[] }) => (
  <ProgressStepper isVertical aria-label={t("vmPortal.wizard.progress")}>
    {progress.map((p) => (
      <ProgressStep key={p.label} id={p.label} titleId={p.label} variant={p.state === "done" ? "success" : p.state === "failed" ? "danger" : p.state === "busy" ? "info" : "pending"} isCurrent={p.state === "busy"}
        aria-label={`${p.label}: ${t(`vmPortal.wizard.${p.state}`)}`} description={p.why}>
        {p.label}
      </ProgressStep>
    ))}
  </ProgressStepper>
);

/** Values to begin with, once it is known what there is. */
function useStart(clusters: Entity[] | undefined, templates: Entity[] | undefined, set: (fn: (old: Values) => Values) => void) {
  const { query } = usePlace();
  const asked = query.get("template");
  useEffect(() => {
    if (!clusters || !templates) return;
    const template = templates.find((x) => x.id === asked) ?? templates.find((x) => x.id === BLANK) ?? templates[0];
    set((old) => ({ ...old, cluster: old.cluster || (clusters[0]?.id ?? ""), template: old.template || (template?.id ?? ""), memory: old.memory || memoryOf(template) }));
  }, [clusters, templates, asked, set]);
}

export default function CreateWizard() {
  const client = useQueryClient();
  const { data: may } = useAllowed("vms");
  const { data: clusters } = useList("cluster", "clusters", { max: 500 });
  const { data: templates } = useList("template", "templates", { max: 500 });
  const { data: discs } = useQuery({ queryKey: ["list", "disks", "iso"], queryFn: isoImages });
  const systems = useOperatingSystems();
  const me = useMe();
  const [values, setValues] = useState<Values>({ os: "other_linux", type: "server", cpus: "1", cloud: "false", start: "false" });
  const [nics, setNics] = useState<Values[]>([]);
  const [disks, setDisks] = useState<Values[]>([]);
  const [progress, setProgress] = useState<Progress[]>([]);
  useStart(clusters, templates, setValues);
  const parts = useTemplateParts(values.template ?? "");
  const ready = (templates ?? []).filter((x) => x.id === BLANK || x.status === "ok");
  const offer: Offer = { clusters: clusters ?? [], templates: ready, systems, discs: discs ?? [] };
  const fields = basicFields(offer, values);
  const isBasic = isRight(fields, values);
  const isWhole = isBasic && nics.every((n) => n.name) && disks.every((d) => d.name && d.size && d.domain);
  const change = (next: Values) => {
    const template = next.template !== values.template ? templates?.find((x) => x.id === next.template) : undefined;
    const os = (template?.os as { type?: string } | undefined)?.type;
    if (next.cloud === "true" && values.cloud !== "true" && !next.authorized_ssh_keys && me)
      void ownKeys(me.id).then((keys) => keys && setValues((now) => (now.authorized_ssh_keys ? now : { ...now, authorized_ssh_keys: keys }))).catch(() => {});
    setValues(template ? { ...next, memory: memoryOf(template), cpus: String(processors(template)), os: os && template.id !== BLANK ? os : next.os, type: template.id !== BLANK && template.type ? String(template.type) : next.type } : next);
  };
  const [made, setMade] = useState("");
  const [isBusy, setBusy] = useState(false);
  const create = () => {
    setBusy(true);
    void make({ values, nics, disks }, setProgress).then(({ id, isWell }) => {
      void client.invalidateQueries();
      setBusy(false);
      if (isWell) go(linkTo(`vms/${id}`));
      else setMade(id);
    });
  };
  useEffect(() => {
    // on small screens this button shows the step, which is the better name for it
    document.querySelector(".pf-v6-c-wizard__toggle")?.removeAttribute("aria-label");
  });
  if (may && !may.has("vms.add"))
    return (
      <PageSection isFilled aria-label={t("vmPortal.create")}>
        <Alert variant="warning" isInline title={t("vmPortal.wizard.denied")} />
      </PageSection>
    );
  return (
    <PageSection isFilled aria-label={t("vmPortal.create")} className="v-page v-whole">
      <div className="v-head">
        <h1>{t("vmPortal.create")}</h1>
      </div>
      {clusters?.length === 0 && <Alert variant="warning" isInline title={t("vmPortal.wizard.noCluster")}>{t("vmPortal.wizard.noClusterBody")}</Alert>}
      <Wizard className="v-wizard" onClose={() => go(linkTo(""))} onSave={create} navAriaLabel={t("vmPortal.wizard.steps")} isVisitRequired={false}>
        <WizardStep id="basic" name={t("vmPortal.wizard.basic")} footer={{ isNextDisabled: !isBasic, ...WORDS }}>
          <Form className="v-form" onSubmit={(e) => e.preventDefault()}>
            <Fields fields={fields} values={values} onChange={change} prefix="new" />
          </Form>
        </WizardStep>
        <WizardStep id="nics" name={t("vmPortal.wizard.nics")} isDisabled={!isBasic} footer={WORDS}>
          <NicRows cluster={values.cluster ?? ""} rows={nics} onChange={setNics} fromTemplate={parts?.nics ?? []} />
        </WizardStep>
        <WizardStep id="disks" name={t("vmPortal.wizard.disks")} isDisabled={!isBasic} footer={{ isNextDisabled: !isWhole, ...WORDS }}>
          <DiskRows rows={disks} onChange={setDisks} vmName={values.name ?? ""} fromTemplate={parts?.disks ?? []} />
        </WizardStep>
        <WizardStep id="review" name={t("vmPortal.wizard.review")} isDisabled={!isWhole} footer={{ ...WORDS, nextButtonText: t("vmPortal.create"), isNextDisabled: !isWhole || isBusy || made !== "", isBackDisabled: isBusy || made !== "" }}>
          {made && (
            <Alert variant="warning" isInline component="p" title={t("vmPortal.wizard.partly")} actionLinks={<a href={linkTo(`vms/${made}`)}>{t("vmPortal.wizard.open", { name: values.name })}</a>} />
          )}
          {progress.length > 0 ? <Steps progress={progress} /> : <Review plan={{ values, nics, disks }} {...offer} />}
        </WizardStep>
      </Wizard>
    </PageSection>
  );
}

const WORDS = { nextButtonText: t("vmPortal.wizard.next"), backButtonText: t("vmPortal.wizard.back"), cancelButtonText: t("vmPortal.cancel") };

// SPDX-License-Identifier: Apache-2.0
// One entity: what the schema says it has, and a tab for each part that the Manager can list.
import { Alert, Breadcrumb, BreadcrumbItem, Content, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, PageSection, Spinner, Tab, Tabs, TabTitleText } from "@patternfly/react-core";
import type { Entity } from "../lib/api";
import type { Column, EntityPage } from "../lib/entities";
import { pageOfType } from "../lib/entities";
import { nameOf, words } from "../lib/format";
import { hasService, hasType, type Member, operation, serviceAt, serviceOf, typeOf } from "../lib/schema";
import { Actions } from "../ui/Actions";
import { DataTable } from "../ui/DataTable";
import { useEntity, useList, useOperations } from "../ui/queries";
import { go, linkTo } from "../ui/router";
import { Status, Value } from "../ui/Value";

interface Fact {
  label: string;
  m: Member;
  v: unknown;
}

/** Members with a value, structures unfolded. */
function facts(type: string, e: Record<string, unknown>, prefix = ""): Fact[] {
  return typeOf(type).members.flatMap((m) => {
    const v = e[m.name];
    const label = prefix ? `${prefix} · ${words(m.name).toLowerCase()}` : words(m.name);
    if (v === undefined || v === "" || m.name === "name" || (Array.isArray(v) && !v.length)) return [];
    if (m.kind === "o" && !m.isList && hasType(m.type)) return facts(m.type, v as Record<string, unknown>, label);
    return [{ label, m, v }];
  });
}

const BYTES = new Set(["memory", "max", "guaranteed", "provisioned_size", "actual_size", "total_size", "initial_size", "available", "used", "committed"]);

function General({ page, entity }: { page: EntityPage; entity: Entity }) {
  return (
    <DescriptionList columnModifier={{ default: "1Col", lg: "2Col", xl: "3Col" }} isCompact>
      {facts(page.type, entity).map(({ label, m, v }) => (
        <DescriptionListGroup key={label}>
          <DescriptionListTerm>{label}</DescriptionListTerm>
          <DescriptionListDescription>
            {m.kind === "r" && !m.isList && pageOfType(m.type) ? (
              <a href={linkTo(`${pageOfType(m.type)!.path}/${(v as Entity).id}`)}>{nameOf(v)}</a>
            ) : (
              <Value v={v} as={m.name === "status" ? "status" : m.kind === "i" && BYTES.has(m.name) ? "bytes" : undefined} />
            )}
          </DescriptionListDescription>
        </DescriptionListGroup>
      ))}
    </DescriptionList>
  );
}

/** Columns of a part that has no page of its own: its plain members. */
function columnsOf(type: string): Column[] {
  const plain = typeOf(type).members.filter((m) => "sbite".includes(m.kind) && !m.isList && !["id", "comment"].includes(m.name));
  const order = (m: Member) => (["name", "alias", "status", "description"].indexOf(m.name) + 5) % 5 || 9;
  return [...plain].sort((a, b) => order(a) - order(b)).slice(0, 8).map((m) => ({
    path: m.name,
    label: words(m.name),
    as: m.name === "status" ? "status" : m.kind === "t" ? "date" : BYTES.has(m.name) ? "bytes" : undefined,
  }));
}

function Part({ path, type, label }: { path: string; type: string; label: string }) {
  const page = pageOfType(type);
  const known = page ?? { path, type, one: words(type), many: label, group: "Compute" as const, columns: columnsOf(type), fields: fieldsOf(type), search: "" };
  const { data, error, isLoading } = useList(type, path);
  if (error) return <Alert variant="danger" isInline title={error.message} />;
  if (isLoading) return <Spinner aria-label="Loading" />;
  return (
    <>
      <Actions page={known} path={path} items={[]} />
      <DataTable type={type} rows={data ?? []} columns={known.columns} label={label} href={page && ((e) => linkTo(`${page.path}/${e.id}`))} />
    </>
  );
}

const fieldsOf = (type: string) =>
  typeOf(type).members.filter((m) => !m.isReadonly && !m.isList && "sbie".includes(m.kind) && m.name !== "id").map((m) => m.name).slice(0, 16);

export function DetailPage({ page, id, tab }: { page: EntityPage; id: string; tab: string }) {
  const path = `${page.path}/${id}`;
  const { data: entity, error } = useEntity(page.type, path);
  const { data: has } = useOperations();
  const parts = (serviceAt(path)?.parts ?? []).flatMap(({ word, service, label }) => {
    const op = hasService(service) ? operation(serviceOf(service), "list") : undefined;
    return op?.result && hasType(op.result) && has?.has(op.id) ? [{ word, label, type: op.result }] : [];
  });
  if (error) return <PageSection><Alert variant="danger" isInline title={error.message || `${page.one} ${id} does not exist.`} /></PageSection>;
  if (!entity) return <PageSection><Spinner aria-label="Loading" /></PageSection>;
  return (
    <PageSection isFilled className="h-fill" aria-label={nameOf(entity)}>
      <Breadcrumb>
        <BreadcrumbItem to={linkTo(page.path)}>{page.many}</BreadcrumbItem>
        <BreadcrumbItem isActive>{nameOf(entity)}</BreadcrumbItem>
      </Breadcrumb>
      <Content component="h1">
        {nameOf(entity)} {typeof entity.status === "string" && <Status value={entity.status} />}
      </Content>
      <Actions page={page} path={page.path} items={[entity]} />
      <Tabs activeKey={tab} onSelect={(_e, key) => go(linkTo(key ? `${path}/${key}` : path))} aria-label="Parts">
        {[{ word: "", label: "General" }, ...parts].map(({ word, label }) => (
          <Tab key={word} eventKey={word} title={<TabTitleText>{words(label)}</TabTitleText>} />
        ))}
      </Tabs>
      {tab ? (
        parts.filter((p) => p.word === tab).map((p) => <Part key={p.word} path={`${path}/${p.word}`} type={p.type} label={words(p.label)} />)
      ) : (
        <General page={page} entity={entity} />
      )}
    </PageSection>
  );
}

// SPDX-License-Identifier: Apache-2.0
// One entity: what is known about it, what can be done with it, and a tab for each part that the Manager can list.
import { Alert, Breadcrumb, BreadcrumbItem, Button, Content, PageSection, Skeleton, Spinner, Tab, Tabs, TabTitleText } from "@patternfly/react-core";
import Code from "@patternfly/react-icons/dist/esm/icons/code-icon";
import { useQuery } from "@tanstack/react-query";
import { Suspense, useMemo, useState } from "react";
import { General } from "../details/General";
import { Notes } from "../details/Notes";
import { Part, RelatedList } from "../details/Part";
import { type DetailTab, tabsOf } from "../details/parts";
import { type Entity, Fault, get } from "../lib/api";
import type { EntityPage } from "../lib/entities";
import { nameOf } from "../lib/format";
import { Failed, Nothing } from "../lists/Empty";
import { useNames, useStates } from "../lists/names";
import { typeOf } from "../lib/schema";
import { t } from "../text";
import { Actions } from "../ui/Actions";
import { Equivalents } from "../ui/Equivalents";
import { useEntity, useOperations } from "../ui/queries";
import { go, linkTo } from "../ui/router";
import { Flags, Status } from "../ui/Value";

/** All that entities of a type refer to, one by one. */
const referencesOf = (type: string): string | undefined =>
  typeOf(type).members.filter((m) => m.kind === "r" && !m.isList).map((m) => m.name).join(",") || undefined;

/** With the names of what it refers to, once they have come. */
function useFollowed(page: EntityPage, path: string, entity: Entity | undefined): Entity | undefined {
  const { named } = useNames(page.type, page.lookups ?? []);
  const states = useStates(page.type, [entity]);
  const follow = useMemo(() => page.followOne ?? referencesOf(page.type), [page]);
  const { data } = useQuery({
    queryKey: ["one", path, { follow }],
    queryFn: ({ signal }) => get(page.type, `${path}?follow=${follow}`, { signal }),
    enabled: follow !== undefined && entity !== undefined,
    placeholderData: (old) => old,
    retry: false,
  });
  return useMemo(() => {
    if (!entity) return undefined;
    const out = named(entity);
    for (const word of follow?.split(",") ?? []) if (data?.[word] !== undefined && entity[word] !== undefined) out[word] = data[word];
    for (const word of follow?.split(",") ?? []) if (out[word] === undefined && Array.isArray(data?.[word])) out[word] = data[word];
    if (out.status === undefined && states.has(entity.id)) out.status = states.get(entity.id);
    return out;
  }, [entity, data, named, follow, states]);
}

function TabContent({ tab, page, entity }: { tab: DetailTab | undefined; page: EntityPage; entity: Entity }) {
  if (!tab) return <Nothing page={page} path={page.path} isPart />;
  if (tab.related) return <RelatedList key={tab.word} related={tab.related} entity={entity} />;
  if (tab.type) return <Part key={tab.word} path={`${page.path}/${entity.id}/${tab.word}`} type={tab.type} label={tab.label} />;
  if (!tab.extra) return <General page={page} entity={entity} />;
  const Extra = tab.extra.component;
  return (
    <Suspense fallback={<Spinner aria-label={t("lists.loading")} />}>
      <Extra entity={entity} />
    </Suspense>
  );
}

function Heading({ page, entity }: { page: EntityPage; entity: Entity }) {
  const status = entity.status ?? entity.external_status;
  return (
    <div className="h-title">
      <Content component="h1">{nameOf(entity)}</Content>
      {typeof status === "string" && <Status value={status} />}
      <Flags type={page.type} e={entity} />
    </div>
  );
}

/** While the first answer is on its way. */
function Loading() {
  return (
    <div aria-busy="true" aria-label={t("lists.loading")} role="status">
      <Skeleton width="30%" height="2rem" screenreaderText={t("lists.loading")} />
      <br />
      <Skeleton width="60%" />
      <br />
      <Skeleton width="45%" />
    </div>
  );
}

const isGone = (error: Error | null) => error instanceof Fault && error.status === 404;

function Crumbs({ page, name }: { page: EntityPage; name: string }) {
  return (
    <Breadcrumb>
      <BreadcrumbItem to={linkTo(page.path)}>{page.many}</BreadcrumbItem>
      <BreadcrumbItem isActive>{name}</BreadcrumbItem>
    </Breadcrumb>
  );
}

/** Where what is shown comes from. Lists of what belongs to the entity say so themselves. */
function sourceOf(path: string, tab: DetailTab | undefined): { path: string; query?: Record<string, string> } {
  if (tab?.extra?.source) return tab.extra.source(path);
  return { path: tab?.type ? `${path}/${tab.word}` : path };
}

export function DetailPage({ page, id, tab }: { page: EntityPage; id: string; tab: string }) {
  const path = `${page.path}/${encodeURIComponent(id)}`;
  const { data: entity, error, refetch } = useEntity(page.type, path);
  const { data: has } = useOperations();
  const [isOpen, setOpen] = useState(false);
  const full = useFollowed(page, path, entity);
  if (!entity || !full)
    return (
      <PageSection isFilled className="h-fill" aria-label={page.one}>
        <Crumbs page={page} name={error ? page.one : "…"} />
        {error ? <Failed error={error} missing={page.one} onAgain={() => void refetch()} /> : <Loading />}
      </PageSection>
    );
  const tabs = tabsOf(page, id, has);
  const name = nameOf(entity);
  const shown = tabs.find((x) => x.word === tab);
  return (
    <PageSection isFilled className="h-fill" aria-label={name}>
      <Crumbs page={page} name={name} />
      <div className="h-list-head">
        <Heading page={page} entity={full} />
        <div className="h-list-tools">
          <Button variant="plain" size="sm" icon={<Code />} aria-expanded={isOpen} aria-label={t("lists.equivalents")} title={t("lists.equivalents")} onClick={() => setOpen(!isOpen)} />
        </div>
      </div>
      {isGone(error) ? (
        <Alert variant="warning" isInline title={t("lists.gone", { name })} actionLinks={<a href={linkTo(page.path)}>{t("lists.back", { many: page.many })}</a>}>
          {t("lists.gone.body")}
        </Alert>
      ) : (
        <Actions page={page} path={page.path} items={[entity.status === full.status ? entity : { ...entity, status: full.status }]} isOne />
      )}
      {!isGone(error) && <Notes page={page} entity={full} />}
      {isOpen && (
        <div className="h-panel">
          <Equivalents method="GET" {...sourceOf(path, shown)} names={{ [id]: name }} />
        </div>
      )}
      <Tabs activeKey={tab} onSelect={(_e, key) => go(linkTo(key ? `${path}/${key}` : path))} aria-label={t("lists.tabs", { name })} isOverflowHorizontal={{ showTabCount: true }}>
        {tabs.map(({ word, label }) => (
          <Tab key={word} eventKey={word} title={<TabTitleText>{label}</TabTitleText>} aria-controls={`tab-${word || "general"}`} />
        ))}
      </Tabs>
      <div className="h-tab" role="tabpanel" id={`tab-${tab || "general"}`} aria-label={shown?.label ?? tab}>
        <TabContent tab={shown} page={page} entity={full} />
      </div>
    </PageSection>
  );
}

// SPDX-License-Identifier: Apache-2.0
import { Alert, Content, PageSection, Spinner, ToolbarItem } from "@patternfly/react-core";
import { useMemo, useState } from "react";
import type { EntityPage } from "../lib/entities";
import { Actions } from "../ui/Actions";
import { DataTable } from "../ui/DataTable";
import { useList } from "../ui/queries";
import { go, linkTo, usePlace } from "../ui/router";
import { Search } from "../ui/Search";

export function ListPage({ page }: { page: EntityPage }) {
  const { query } = usePlace();
  const [selected, setSelected] = useState(new Set<string>());
  const search = query.get("search") ?? "";
  const field = query.get("sort") ?? "";
  const desc = query.get("desc") !== null;
  const full = [search, field && `sortby ${field}${desc ? " desc" : ""}`].filter(Boolean).join(" ");
  const { data, error, isLoading } = useList(page.type, page.path, { search: full, follow: page.follow });
  const rows = useMemo(() => data ?? [], [data]);
  const chosen = useMemo(() => rows.filter((r) => selected.has(r.id)), [rows, selected]);
  const move = (changes: Record<string, string>) => {
    const next: Record<string, string> = { search, sort: field };
    if (desc) next.desc = "1";
    go(linkTo(page.path, { ...next, ...changes }));
  };
  return (
    <PageSection isFilled className="h-fill" aria-label={page.many}>
      <Content component="h1">
        {page.many} {data && <small>({rows.length})</small>}
      </Content>
      <Actions page={page} path={page.path} items={chosen}>
        {page.search && (
          <ToolbarItem>
            <Search collection={page.path} value={search} onSearch={(s) => move({ search: s })} />
          </ToolbarItem>
        )}
      </Actions>
      {error && <Alert variant="danger" isInline title={error.message} />}
      {isLoading ? (
        <Spinner aria-label="Loading" />
      ) : (
        <DataTable
          type={page.type}
          rows={rows}
          columns={page.columns}
          label={page.many}
          href={(e) => linkTo(`${page.path}/${e.id}`)}
          selected={selected}
          onSelect={setSelected}
          sort={{ field, desc }}
          onSort={(f) => move({ sort: f, desc: f === field && !desc ? "1" : "" })}
        />
      )}
    </PageSection>
  );
}

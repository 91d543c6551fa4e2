// SPDX-License-Identifier: Apache-2.0
// A list of entities with all around it: on a page of its own, or as a tab of another entity.
import type { QueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Entity } from "../lib/api";
import type { Column, EntityPage } from "../lib/entities";
import { Filters, useFilters } from "./Filters";
import { ListFrame } from "./ListFrame";
import { backwards, pageQuery, type Rows, useWholeRows, useWindowRows } from "./rows";
import { useColumns } from "./settings";

export interface ListState {
  search: string;
  sort?: { field: string; desc: boolean };
}

export interface ListProps {
  page: EntityPage;
  /** the collection: "vms", "vms/ID/nics" */
  path: string;
  state: ListState;
  onState: (next: ListState) => void;
  /** what is searched for besides, without being shown */
  base?: string;
  /** which rows belong here, where no search can say it */
  belongs?: (e: Entity) => boolean;
  heading?: React.ReactNode;
  /** part of another entity: what is chosen is kept under its own name */
  isPart?: boolean;
  /** columns that say nothing here */
  without?: string[];
  href?: (e: Entity) => string;
  onOpen?: (e: Entity) => void;
}

export interface FrameProps extends ListProps {
  rows: Rows;
  columns: ReturnType<typeof useColumns>;
  sortField: (c: Column) => string | undefined;
  /** what the rows are asked for by */
  full: string;
  filters?: React.ReactNode;
  isFiltered: boolean;
}

const isSorting = (search: string) => /\bsortby\b/i.test(search);
const joined = (...parts: (string | undefined)[]) => parts.filter(Boolean).join(" ");

function useShown({ page, path, isPart, without }: ListProps) {
  const words = path.split("/");
  const all = useMemo(() => page.columns.filter((c) => !without?.includes(c.path)), [page, without]);
  return useColumns(isPart ? `${words[0]}/${words[2] ?? words[1] ?? ""}/${page.type}` : page.path, all);
}

const withoutPage = (search: string) => search.replace(/\s*\bpage\s+\d+\s*$/i, "");

/** What the rows are asked for by: the search with its order. */
const ordered = (search: string, sort?: ListState["sort"]) =>
  isSorting(search) || !sort ? search : joined(search, `sortby ${sort.field}`, sort.desc ? "desc" : "asc");

/** The first rows of a list that will be drawn soon. */
export const prefetchRows = (client: QueryClient, page: EntityPage, search: string, sort?: ListState["sort"]) =>
  void client.prefetchQuery(pageQuery(page, ordered(withoutPage(search), sort), 1));

/** Of a collection that the search language can ask: only what is on the screen is loaded. */
function SearchedList(props: ListProps) {
  const { page, state, base } = props;
  const columns = useShown(props);
  const filters = useFilters(page);
  const search = withoutPage(state.search);
  const sort = state.sort ?? page.sort;
  const counted = joined(base, filters.search, search);
  const full = ordered(counted, isSorting(search) ? undefined : sort);
  const forwards = useWindowRows(page, full, counted);
  const rows = page.isNewestLast && !state.sort && !isSorting(search) ? backwards(forwards) : forwards;
  return (
    <ListFrame {...props} rows={rows} columns={columns} full={full} sortField={(c) => c.sort} isFiltered={search !== "" || filters.search !== ""}
      filters={<Filters page={page} filters={filters} columns={columns} />} />
  );
}

/** Of any other: all is loaded, and arranged here. */
function WholeList(props: ListProps) {
  const { page, path, state, belongs } = props;
  const columns = useShown(props);
  const rows = useWholeRows(page, path, columns.shown, { text: state.search, sort: state.sort ?? page.sort, filter: belongs });
  return (
    <ListFrame {...props} rows={rows} columns={columns} full="" sortField={(c) => (c.as === "flags" ? undefined : c.path)} isFiltered={state.search !== ""} />
  );
}

/** Can the Manager search here? */
export const isSearchable = (page: EntityPage, path: string): boolean => page.search !== "" && path === page.path;

export function EntityList(props: ListProps) {
  return isSearchable(props.page, props.path) && !props.belongs ? <SearchedList {...props} /> : <WholeList {...props} />;
}

// SPDX-License-Identifier: Apache-2.0
import { Content, PageSection } from "@patternfly/react-core";
import type { QueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { PartDetails } from "../details/Part";
import { linkOfBookmark } from "../frame/BookmarksMenu";
import { type Entity, isLoggedIn } from "../lib/api";
import { type EntityPage, pageOf } from "../lib/entities";
import { EntityList, isSearchable, type ListState, prefetchRows } from "../lists/EntityList";
import { go, linkTo, placeOf, usePlace } from "../ui/router";

/** Where each key changes what is found, "back" shall not go through all of them. */
function replace(link: string) {
  history.replaceState(history.state, "", link);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Asks for the first rows of the list that the address names, before anything of it is drawn. */
export function prefetchList(client: QueryClient) {
  const { path, query } = placeOf(window.location.hash);
  const page = path.length === 1 ? pageOf(path[0]) : undefined;
  if (!page || !isLoggedIn() || !isSearchable(page, page.path) || page.isNewestLast) return;
  const field = query.get("sort");
  prefetchRows(client, page, query.get("search") ?? "", field ? { field, desc: query.get("desc") !== null } : page.sort);
}

/** All entities of a kind. Search and order are in the address, so that they can be sent to somebody. */
export function ListPage({ page }: { page: EntityPage }) {
  const { query } = usePlace();
  const field = query.get("sort");
  const state: ListState = { search: query.get("search") ?? "", sort: field ? { field, desc: query.get("desc") !== null } : undefined };
  const detailsOf = useCallback((e: Entity) => linkTo(`${page.path}/${encodeURIComponent(e.id)}`), [page.path]);
  const onState = ({ search, sort }: ListState) => {
    const link = linkTo(page.path, { search, sort: sort?.field ?? "", desc: sort?.desc ? "1" : "" });
    if (isSearchable(page, page.path)) go(link);
    else replace(link);
  };
  const [open, setOpen] = useState<Entity>();
  const href = page.type === "event" ? undefined : page.type === "bookmark" ? (e: Entity) => linkOfBookmark(String(e.value)) ?? linkTo(`bookmarks/${e.id}`) : detailsOf;
  return (
    <PageSection isFilled className="h-fill" aria-label={page.many}>
      <EntityList page={page} path={page.path} state={state} onState={onState} heading={<Content component="h1">{page.many}</Content>}
        href={href} onOpen={href ? undefined : setOpen} />
      {open && <PartDetails page={page} entity={open} onClose={() => setOpen(undefined)} />}
    </PageSection>
  );
}

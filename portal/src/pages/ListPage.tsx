// SPDX-License-Identifier: Apache-2.0
import { Content, PageSection } from "@patternfly/react-core";
import { useCallback, useState } from "react";
import { PartDetails } from "../details/Part";
import { linkOfBookmark } from "../frame/BookmarksMenu";
import type { Entity } from "../lib/api";
import type { EntityPage } from "../lib/entities";
import { EntityList, isSearchable, type ListState } from "../lists/EntityList";
import { go, linkTo, usePlace } from "../ui/router";

/** Where each key changes what is found, "back" shall not go through all of them. */
function replace(link: string) {
  history.replaceState(history.state, "", link);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
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

// SPDX-License-Identifier: Apache-2.0
import { Divider, Dropdown, DropdownItem, DropdownList, MenuToggle } from "@patternfly/react-core";
import BookmarkIcon from "@patternfly/react-icons/dist/esm/icons/bookmark-icon";
import { useState } from "react";
import type { Entity } from "../lib/api";
import { PAGES } from "../lib/entities";
import { t } from "../text";
import { useList } from "../ui/queries";
import { linkTo } from "../ui/router";

/** "Vms: status = up": the list and the search in it; undefined: of nothing that has a page. */
export function linkOfBookmark(value: string): string | undefined {
  const [, word, search] = /^\s*([A-Za-z_ ]+?)\s*:(.*)$/s.exec(value) ?? [];
  const page = PAGES.find((p) => p.search && [p.search, p.path, p.type, p.one, p.many].some((name) => name.toLowerCase() === word?.toLowerCase()));
  return page && linkTo(page.path, { search: search.trim() });
}

export function BookmarksMenu() {
  const [isOpen, setOpen] = useState(false);
  const { data } = useList("bookmark", "bookmarks", {}, isOpen);
  const sorted = [...(data ?? [])].sort((a, b) => (a.name ?? "").localeCompare(b.name ?? ""));
  const item = (b: Entity) => {
    const to = linkOfBookmark(String(b.value ?? ""));
    return (
      <DropdownItem key={b.id} to={to} isDisabled={!to} description={String(b.value ?? "")}>
        {b.name}
      </DropdownItem>
    );
  };
  return (
    <Dropdown
      isOpen={isOpen}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      isScrollable
      popperProps={{ position: "right" }}
      toggle={(ref) => (
        <MenuToggle ref={ref} variant="plain" isExpanded={isOpen} aria-label={t("frame.bookmarks")} onClick={() => setOpen(!isOpen)} icon={<BookmarkIcon />} className="h-wide-only" />
      )}
    >
      <DropdownList>
        {sorted.map(item)}
        {!sorted.length && <DropdownItem isDisabled description={t("frame.noBookmarksHint")}>{data ? t("frame.noBookmarks") : t("frame.loading")}</DropdownItem>}
        <Divider component="li" />
        <DropdownItem to={linkTo("bookmarks")}>{t("frame.manageBookmarks")}</DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}

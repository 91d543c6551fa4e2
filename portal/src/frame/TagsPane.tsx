// SPDX-License-Identifier: Apache-2.0
// The tree of tags: filters lists by one or more, and is changed here.
import { Alert, Button, Checkbox, Dropdown, DropdownItem, DropdownList, MenuToggle, NotificationDrawer, NotificationDrawerBody, NotificationDrawerHeader, Spinner } from "@patternfly/react-core";
import EllipsisVIcon from "@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon";
import { useState } from "react";
import type { Entity } from "../lib/api";
import { pageOf, PAGES } from "../lib/entities";
import { t } from "../text";
import { useList, useOperations } from "../ui/queries";
import { go, linkTo, usePlace } from "../ui/router";
import { TagDialog, type TagTask } from "./TagDialog";

export const ROOT_TAG = "00000000-0000-0000-0000-000000000000";
const TAGGED = ["vms", "hosts", "templates", "users"];

const parentOf = (tag: Entity) => (tag.parent as Entity | undefined)?.id ?? ROOT_TAG;

/** The tag and all below it. */
export function withDescendants(tags: Entity[], id: string): Set<string> {
  const found = new Set([id]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const tag of tags) if (tag.id !== ROOT_TAG && found.has(parentOf(tag))) found.add(tag.id);
  }
  return found;
}

/** Names of the tags that a search of the kind `tag = "a" or tag = "b"` asks for; undefined: it asks for something else. */
export function tagsIn(search: string): string[] | undefined {
  const parts = search.trim() ? search.split(/\s+or\s+/i) : [];
  const names = parts.map((p) => /^\s*tag\s*=\s*(?:"([^"]*)"|(\S+))\s*$/i.exec(p)).map((m) => m?.[1] ?? m?.[2]);
  return names.every((n) => n !== undefined) ? (names as string[]) : undefined;
}

const searchFor = (names: string[]) => names.map((n) => `tag = "${n.replace(/["';]/g, "*")}"`).join(" or ");

interface NodeProps {
  tag: Entity;
  tags: Entity[];
  chosen: string[];
  onChoose: (name: string, is: boolean) => void;
  onTask?: (task: TagTask) => void;
}

function TagMenu({ tag, onTask }: { tag: Entity; onTask: (task: TagTask) => void }) {
  const [isOpen, setOpen] = useState(false);
  const item = (kind: TagTask["kind"]) => (
    <DropdownItem key={kind} isDanger={kind === "remove"} onClick={() => onTask({ kind, tag })}>
      {t(`frame.tag.${kind}`)}
    </DropdownItem>
  );
  return (
    <Dropdown
      isOpen={isOpen}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: "right" }}
      toggle={(ref) => <MenuToggle ref={ref} variant="plain" size="sm" isExpanded={isOpen} aria-label={t("frame.tagMenu", { name: tag.name ?? "" })} icon={<EllipsisVIcon />} onClick={() => setOpen(!isOpen)} />}
    >
      <DropdownList>{(["new", "edit", "remove"] as const).map(item)}</DropdownList>
    </Dropdown>
  );
}

function TagNode({ tag, tags, chosen, onChoose, onTask }: NodeProps) {
  const below = tags.filter((other) => other.id !== ROOT_TAG && parentOf(other) === tag.id).sort((a, b) => (a.name ?? "").localeCompare(b.name ?? ""));
  const name = tag.name ?? "";
  return (
    <li>
      <div className="h-tag">
        <Checkbox id={`tag-${tag.id}`} label={name} description={String(tag.description ?? "")} isChecked={chosen.includes(name)} onChange={(_e, is) => onChoose(name, is)} />
        {onTask && <TagMenu tag={tag} onTask={onTask} />}
      </div>
      {below.length > 0 && (
        <ul className="h-tags">
          {below.map((b) => (
            <TagNode key={b.id} tag={b} tags={tags} chosen={chosen} onChoose={onChoose} onTask={onTask} />
          ))}
        </ul>
      )}
    </li>
  );
}

export function TagsPane({ onClose }: { onClose: () => void }) {
  const { data, error, isLoading } = useList("tag", "tags");
  const { data: has } = useOperations();
  const { path, query } = usePlace();
  const [task, setTask] = useState<TagTask>();
  const page = TAGGED.includes(path[0] ?? "") ? path[0] : "vms";
  const chosen = (path[0] === page && !path[1] && tagsIn(query.get("search") ?? "")) || [];
  const tags = data ?? [];
  const top = tags.filter((tag) => tag.id !== ROOT_TAG && !tags.some((other) => other.id !== ROOT_TAG && other.id === parentOf(tag)));
  const choose = (name: string, is: boolean) => go(linkTo(page, { search: searchFor(is ? [...chosen, name] : chosen.filter((c) => c !== name)) }));
  const canChange = has?.has("tags.add") ?? false;
  return (
    <NotificationDrawer role="region" className="h-drawer" aria-label={t("frame.tags")}>
      <NotificationDrawerHeader title={t("frame.tags")} onClose={onClose} closeButtonAriaLabel={t("frame.closePane")} />
      <div className="h-pane-tools">
        {canChange && (
          <Button variant="link" onClick={() => setTask({ kind: "new" })}>
            {t("frame.tag.newTop")}
          </Button>
        )}
        <Button variant="link" isDisabled={!chosen.length} onClick={() => go(linkTo(page))}>
          {t("frame.tag.clear")}
        </Button>
      </div>
      <NotificationDrawerBody className="h-pane-body">
        <p className="h-hint">{t("frame.tag.hint", { page: pageOf(page)?.many ?? PAGES[0].many })}</p>
        {isLoading && <Spinner aria-label={t("frame.loading")} />}
        {error && <Alert variant="danger" isInline title={error.message} />}
        {data && !top.length && <p className="h-nothing">{t("frame.tag.none")}</p>}
        <ul className="h-tags" aria-label={t("frame.tags")}>
          {top.sort((a, b) => (a.name ?? "").localeCompare(b.name ?? "")).map((tag) => (
            <TagNode key={tag.id} tag={tag} tags={tags} chosen={chosen} onChoose={choose} onTask={canChange ? setTask : undefined} />
          ))}
        </ul>
      </NotificationDrawerBody>
      {task && <TagDialog task={task} tags={tags} onClose={() => setTask(undefined)} />}
    </NotificationDrawer>
  );
}

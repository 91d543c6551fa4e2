// SPDX-License-Identifier: Apache-2.0
// One field for everything: pages, objects by their name, and what the frame can do.
import { Modal } from "@patternfly/react-core";
import { useQueries } from "@tanstack/react-query";
import { type KeyboardEvent, useDeferredValue, useEffect, useRef, useState } from "react";
import { list } from "../lib/api";
import { logout } from "../lib/session";
import { type EntityPage, PAGES, pageOf } from "../lib/entities";
import { nameOf } from "../lib/format";
import { operation, serviceAt } from "../lib/schema";
import { THEMES, theme } from "../lib/settings";
import { ROUTES } from "../routes";
import { t } from "../text";
import { Status } from "../ui/Value";
import { useOperations } from "../ui/queries";
import { go, linkTo } from "../ui/router";
import { frameDialog, togglePane } from "./panes";
import { isThere, titleOf } from "./pages";

interface Choice {
  id: string;
  group: string;
  text: string;
  detail?: string;
  status?: string;
  run: () => void;
}

/** Kinds whose objects are found by name, and the field of the search that holds it. */
const KINDS: [path: string, field: string][] = [
  ["vms", "name"], ["hosts", "name"], ["clusters", "name"], ["datacenters", "name"], ["templates", "name"], ["storagedomains", "name"], ["disks", "alias"], ["networks", "name"], ["users", "usrname"],
];
const EACH = 5;

const plain = (text: string) => text.replace(/["';\\*]/g, "").trim();
const matches = (text: string, words: string[]) => words.every((w) => text.toLowerCase().includes(w));

function pages(words: string[], has: Set<string> | undefined): Choice[] {
  const paths = [...Object.keys(ROUTES).filter((p) => !ROUTES[p].isBare), ...PAGES.map((p) => p.path)];
  return [...new Set(paths)]
    .filter((path) => isThere(path, has))
    .map((path) => ({ id: `page-${path}`, group: t("frame.palettePages"), text: titleOf(path), run: () => go(linkTo(path)) }))
    .filter((c) => matches(c.text, words));
}

/** Something new of the kind that a page lists. */
async function addNew(page: EntityPage) {
  go(linkTo(page.path));
  (await import("../dialogs")).openDialog(page.type, "new", page.path, [], page);
}

function actions(words: string[], has: Set<string> | undefined): Choice[] {
  const isNew = (page: EntityPage) => has?.has(operation(serviceAt(page.path), "add")?.id ?? "");
  const all: [string, () => void][] = [
    ...(words.length ? PAGES.filter(isNew) : []).map((page): [string, () => void] => [t("frame.paletteNew", { what: page.one }), () => void addNew(page)]),
    [t("frame.tasks"), () => togglePane("tasks")],
    [t("frame.notifications"), () => togglePane("notifications")],
    [t("frame.tags"), () => togglePane("tags")],
    [t("frame.shortcuts"), () => frameDialog.set("shortcuts")],
    [t("frame.about"), () => frameDialog.set("about")],
    ...THEMES.map((which): [string, () => void] => [`${t("frame.theme")}: ${t(`frame.theme.${which}`)}`, () => theme.set(which)]),
    [t("frame.logout"), () => void logout()],
  ];
  return all.filter(([text]) => matches(text, words)).map(([text, run], i) => ({ id: `action-${i}`, group: t("frame.paletteActions"), text, run }));
}

function useObjects(text: string, has: Set<string> | undefined): { found: Choice[]; isBusy: boolean } {
  const name = plain(text);
  const kinds = KINDS.filter(([path]) => has && isThere(path, has));
  const answers = useQueries({
    queries: kinds.map(([path, field]) => ({
      queryKey: ["palette", path, name],
      queryFn: ({ signal }: { signal: AbortSignal }) => list(pageOf(path)!.type, path, { search: `${field} = "*${name}*"`, max: EACH }, { signal }),
      enabled: name.length > 1,
      staleTime: 10_000,
      retry: false,
    })),
  });
  const found = kinds.flatMap(([path], i) =>
    (answers[i].data ?? []).map((e) => ({
      id: `${path}-${e.id}`,
      group: pageOf(path)!.many,
      text: path === "users" ? String(e.user_name ?? nameOf(e)) : nameOf(e),
      detail: e.description && nameOf(e) !== e.description ? String(e.description) : undefined,
      status: typeof e.status === "string" ? e.status : undefined,
      run: () => go(linkTo(`${path}/${e.id}`)),
    })),
  );
  return { found: name.length > 1 ? found : [], isBusy: answers.some((a) => a.isFetching) };
}

function Option({ choice: { id, text, detail, status }, isCurrent, onPoint, onRun }: { choice: Choice; isCurrent: boolean; onPoint: () => void; onRun: () => void }) {
  return (
    <div id={`choice-${id}`} role="option" aria-selected={isCurrent} className="h-palette-choice" onMouseMove={onPoint} onClick={onRun}>
      <span>{text}</span>
      <small>{detail}</small>
      {status && <Status value={status} />}
    </div>
  );
}

/** Opens with Ctrl+K. */
export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const { data: has } = useOperations();
  const { found, isBusy } = useObjects(useDeferredValue(text), has);
  const all = [...pages(words, has), ...found, ...actions(words, has)];
  const current = Math.min(at, all.length - 1);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [current, text]);
  const run = (c: Choice | undefined) => {
    if (!c) return;
    onClose();
    c.run();
  };
  const onKey = (e: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step) {
      e.preventDefault();
      setAt((current + step + all.length) % Math.max(all.length, 1));
    } else if (e.key === "Enter") {
      e.preventDefault();
      run(all[current]);
    }
  };
  return (
    <Modal isOpen variant="medium" onClose={onClose} aria-label={t("frame.palette")} className="h-palette" position="top">
      <input
        className="h-palette-field"
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={all[current] && `choice-${all[current].id}`}
        aria-label={t("frame.palette")}
        aria-autocomplete="list"
        placeholder={t("frame.palettePlaceholder")}
        value={text}
        autoFocus
        autoComplete="off"
        spellCheck={false}
        maxLength={200}
        onChange={(e) => (setText(e.target.value), setAt(0))}
        onKeyDown={onKey}
      />
      <div id="palette-list" role="listbox" aria-label={t("frame.palette")} className="h-palette-list" ref={box} aria-busy={isBusy}>
        {[...new Set(all.map((c) => c.group))].map((group) => (
          <div key={group} role="group" aria-label={group}>
            <div className="h-palette-group" aria-hidden="true">
              {group}
            </div>
            {all.map((c, i) => c.group === group && <Option key={c.id} choice={c} isCurrent={i === current} onPoint={() => setAt(i)} onRun={() => run(c)} />)}
          </div>
        ))}
      </div>
      <div className="h-nothing" role="status">
        {!all.length && !isBusy ? t("frame.paletteNothing", { text }) : isBusy ? t("frame.searching") : ""}
      </div>
    </Modal>
  );
}

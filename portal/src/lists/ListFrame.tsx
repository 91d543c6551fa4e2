// SPDX-License-Identifier: Apache-2.0
// What is around the rows of a list: its search, what can be done, the table, its menu.
import { Alert, AlertActionCloseButton, Button, SearchInput } from "@patternfly/react-core";
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Entity } from "../lib/api";
import type { EntityPage } from "../lib/entities";
import { onChange } from "../lib/live";
import { hasService, serviceAt, serviceOf } from "../lib/schema";
import { t } from "../text";
import { Actions } from "../ui/Actions";
import { DataTable, type Place } from "../ui/DataTable";
import { Equivalents } from "../ui/Equivalents";
import { useOperations } from "../ui/queries";
import { Search } from "../ui/Search";
import { ColumnChooser } from "./ColumnChooser";
import { csvOf, download } from "./csv";
import { Failed, Nothing, NothingFound } from "./Empty";
import { type FrameProps, isSearchable } from "./EntityList";
import { ListTools } from "./ListTools";
import { RowMenu } from "./RowMenu";
import { SaveSearch } from "./SaveSearch";

const MOST_SELECTED = 1000;
const MOST_EXPORTED = 5000;

/** The selected as they are now, where they are on the screen. */
function fresh(selected: Map<string, Entity>, rows: FrameProps["rows"]): Entity[] {
  const found = new Map<string, Entity>();
  const n = Math.min(rows.count ?? 0, 2000);
  for (let i = 0; i < n && found.size < selected.size; i++) {
    const e = rows.at(i);
    if (e && selected.has(e.id)) found.set(e.id, e);
  }
  return [...selected.values()].map((e) => found.get(e.id) ?? e);
}

function useSelection({ page, rows, full }: FrameProps) {
  const [state, setState] = useState<{ of: string; map: Map<string, Entity> }>({ of: full, map: new Map() });
  const [note, setNote] = useState("");
  const selected = useMemo(() => (state.of === full ? state.map : new Map<string, Entity>()), [state, full]);
  const select = useCallback(
    (map: Map<string, Entity>) => {
      setState({ of: full, map });
      setNote("");
    },
    [full],
  );
  useEffect(
    () =>
      onChange((changes) => {
        const gone = changes === "all" ? [] : changes.filter((c) => c.type === page.type && c.op === "r").map((c) => c.id);
        setState((old) => (gone.some((id) => old.map.has(id)) ? { ...old, map: new Map([...old.map].filter(([id]) => !gone.includes(id))) } : old));
      }),
    [page.type],
  );
  const selectAll = async (isOn: boolean) => {
    if (!isOn) return select(new Map());
    const all = await rows.all(MOST_SELECTED);
    select(new Map(all.map((e) => [e.id, e])));
    if ((rows.count ?? 0) > all.length) setNote(t("lists.selected.limit", { n: all.length }));
  };
  return { selected, select, selectAll, note, setNote };
}

interface FieldProps {
  collection: string;
  isLanguage: boolean;
  value: string;
  onSearch: (search: string) => void;
  onBookmark: (search: string) => void;
}

function Field({ collection, isLanguage, value, onSearch, onBookmark }: FieldProps) {
  const [typed, setTyped] = useState(value);
  if (isLanguage) return <Search collection={collection} value={value} onType={setTyped} onSearch={onSearch} onBookmark={() => onBookmark(typed.trim() || value)} />;
  return (
    <SearchInput aria-label={t("lists.search")} placeholder={t("lists.search.hint.plain")} value={value} onChange={(_e, search) => onSearch(search)} onClear={() => onSearch("")} />
  );
}

/** The same array while the same things are in it. */
function useSame(items: Entity[]): Entity[] {
  const kept = useRef(items);
  if (items.length !== kept.current.length || items.some((e, i) => e !== kept.current[i])) kept.current = items;
  return kept.current;
}

/** Can anything be done with one of them? */
function useHasMenu(page: EntityPage, path: string): boolean {
  const { data: has } = useOperations();
  return useMemo(() => {
    const many = serviceAt(path);
    const one = many?.one && hasService(many.one) ? serviceOf(many.one) : undefined;
    return page.type !== "event" && (one?.operations ?? []).some((o) => ["action", "update", "remove"].includes(o.kind) && has?.has(o.id));
  }, [page.type, path, has]);
}

const ANY_CASE = { case_sensitive: "false" };

/** What the API needs besides to find what the portal finds; an order alone does not look at letters. */
const comparing = (search: string) => (search && !/^sortby\b/i.test(search) ? ANY_CASE : undefined);

// rows move without drawing anew what stands above them
const StillActions = memo(Actions);
const StillTools = memo(ListTools);
const StillField = memo(Field);

interface Menu {
  items: Entity[];
  at: Place;
  back?: HTMLElement;
}

export function ListFrame(props: FrameProps) {
  const { page, path, state, onState, rows, columns, heading, isPart } = props;
  const { selected, select, selectAll, note, setNote } = useSelection(props);
  const [open, setOpen] = useState<"columns" | "equivalents" | undefined>();
  const [bookmark, setBookmark] = useState<string>();
  const [menu, setMenu] = useState<Menu>();
  const closeMenu = useCallback(() => setMenu(undefined), []);
  const items = useSame(fresh(selected, rows));
  const sort = state.sort ?? page.sort;
  const onSort = (field: string) => onState({ ...state, sort: { field, desc: sort?.field === field && !sort.desc } });
  const exportRows = async () => {
    const chosen = selected.size ? items : await rows.all(MOST_EXPORTED);
    download(`${page.path.replaceAll("/", "-")}.csv`, csvOf(chosen, page.type, columns.shown));
    if (!selected.size && (rows.count ?? 0) > chosen.length) setNote(t("lists.export.limit", { n: chosen.length }));
  };
  const now = useRef({ exportRows, refresh: rows.refresh, state, onState });
  now.current = { exportRows, refresh: rows.refresh, state, onState };
  const tools = useMemo(
    () => ({
      onEquivalents: () => setOpen((is) => (is === "equivalents" ? undefined : "equivalents")),
      onColumns: () => setOpen("columns"),
      onExport: () => void now.current.exportRows(),
      onRefresh: () => now.current.refresh(),
      onSearch: (search: string) => now.current.onState({ ...now.current.state, search }),
    }),
    [],
  );
  const hasMenu = useHasMenu(page, path);
  const hasField = !isPart || isSearchable(page, path) || (rows.count ?? 0) > 8 || state.search !== "";
  const isEmpty = rows.count === 0 && !rows.error;
  return (
    <>
      <div className={isPart ? "h-list-head h-list-part" : "h-list-head"}>
        {heading}
        <span className="h-count" role="status">
          {selected.size > 0 ? (
            <>
              {t("lists.selected", { n: selected.size })}{" "}
              <Button variant="link" isInline size="sm" onClick={() => select(new Map())}>{t("lists.selected.clear")}</Button>
            </>
          ) : (
            rows.count !== undefined && t("lists.count", { n: rows.count })
          )}
        </span>
        {hasField && (
          <div className="h-search-item">
            <StillField collection={page.path} isLanguage={isSearchable(page, path) && !props.belongs} value={state.search} onSearch={tools.onSearch} onBookmark={setBookmark} />
          </div>
        )}
        {props.filters}
        <StillTools isOpen={open === "equivalents"} onEquivalents={tools.onEquivalents} onExport={tools.onExport} onColumns={tools.onColumns} onRefresh={tools.onRefresh}
          isBusy={rows.isBusy && rows.count === undefined} />
      </div>
      <StillActions page={page} path={path} items={items} />
      {open === "equivalents" && (
        <div className="h-panel">
          <Equivalents method="GET" path={path} search={props.full || undefined} query={comparing(props.full)} />
        </div>
      )}
      {note && <Alert variant="info" isInline isPlain title={note} actionClose={<AlertActionCloseButton onClose={() => setNote("")} />} />}
      {rows.error && rows.count === undefined ? (
        <Failed error={rows.error} onAgain={rows.refresh} missing={page.many} />
      ) : isEmpty && props.isFiltered ? (
        <NothingFound onClear={() => onState({ ...state, search: "" })} />
      ) : isEmpty ? (
        <Nothing page={page} path={path} isPart={isPart === true} />
      ) : (
        <DataTable type={page.type} rows={rows} columns={columns.shown} width={columns.width} isWidthSet={columns.isWidthSet} onWidths={columns.setWidths} label={page.many} nameMember={page.nameMember ?? "name"}
          href={props.href} onOpen={props.onOpen} selected={selected} onSelect={select} onSelectAll={(isOn) => void selectAll(isOn)} sort={sort} sortField={props.sortField} onSort={onSort}
          onMenu={hasMenu ? (chosen, at, back) => setMenu({ items: chosen, at, back }) : undefined} isBusy={rows.isBusy} />
      )}
      {menu && <RowMenu page={page} path={path} items={menu.items} at={menu.at} back={menu.back} onClose={closeMenu} />}
      {open === "columns" && <ColumnChooser columns={columns} onClose={() => setOpen(undefined)} />}
      {bookmark && <SaveSearch page={page} search={bookmark} onClose={() => setBookmark(undefined)} />}
    </>
  );
}

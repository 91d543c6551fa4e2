// SPDX-License-Identifier: Apache-2.0
// One's own VMs, as cards or as a table.
import {
  Alert, Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter, PageSection, SearchInput, Skeleton, Spinner, ToggleGroup, ToggleGroupItem, Toolbar, ToolbarContent,
  ToolbarGroup, ToolbarItem,
} from "@patternfly/react-core";
import ListIcon from "@patternfly/react-icons/dist/esm/icons/list-icon";
import SearchIcon from "@patternfly/react-icons/dist/esm/icons/search-icon";
import ThLargeIcon from "@patternfly/react-icons/dist/esm/icons/th-large-icon";
import VirtualMachineIcon from "@patternfly/react-icons/dist/esm/icons/virtual-machine-icon";
import { useEffect, useRef, useState } from "react";
import type { Entity } from "../lib/api";
import { useStore } from "../lib/store";
import { t } from "../text";
import { useAllowed } from "../ui/queries";
import { go, linkTo, usePlace } from "../ui/router";
import { Choice } from "./Choice";
import { view } from "./preferences";
import { useOperatingSystems, useVms, type Wanted } from "./useVms";
import { VmCard } from "./VmCard";
import { osOf, useVisible } from "./VmPicture";
import { VmTable } from "./VmTable";

const SORTS = ["name-asc", "name-desc", "status-asc", "os-asc", "uptime-desc"] as const;

/** What is wanted is all in the link, so that it can be kept and sent. */
function useWanted(): [Wanted, (change: Partial<Wanted>) => void] {
  const { query } = usePlace();
  const wanted = { text: query.get("text") ?? "", status: query.get("status") ?? "", os: query.get("os") ?? "", sort: query.get("sort") ?? "name-asc" };
  return [
    wanted,
    (change) => {
      const next = { ...wanted, ...change };
      go(linkTo("", { ...next, sort: next.sort === "name-asc" ? "" : next.sort }));
    },
  ];
}

/** What is typed is asked for when the fingers rest. */
function Typed({ value, onChange }: { value: string; onChange: (v: string) => void }) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(onChange);
  last.current = onChange;
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (v: string, afterMs: number) => {
    setText(v);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => last.current(v), afterMs);
  };
  return (
    <SearchInput aria-label={t("vmPortal.search")} placeholder={t("vmPortal.search")} value={text} onChange={(_e, v) => type(v.slice(0, 100), 300)} onClear={() => type("", 0)} />
  );
}

function Nothing({ isFiltered, canAdd, onClear }: { isFiltered: boolean; canAdd: boolean; onClear: () => void }) {
  if (isFiltered)
    return (
      <EmptyState titleText={t("vmPortal.none.filtered")} icon={SearchIcon} headingLevel="h2">
        <EmptyStateBody>{t("vmPortal.none.filteredBody")}</EmptyStateBody>
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button variant="link" onClick={onClear}>
              {t("vmPortal.clearFilters")}
            </Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      </EmptyState>
    );
  return (
    <EmptyState titleText={t("vmPortal.none")} icon={VirtualMachineIcon} headingLevel="h2">
      <EmptyStateBody>{t(canAdd ? "vmPortal.none.create" : "vmPortal.none.ask")}</EmptyStateBody>
      {canAdd && (
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button component="a" href={linkTo("new")}>
              {t("vmPortal.create")}
            </Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}

/** At the end of what is there; asks for more when it comes into sight. */
function More({ onMore, isBusy }: { onMore: () => void; isBusy: boolean }) {
  const end = useRef<HTMLDivElement>(null);
  const isNear = useVisible(end);
  useEffect(() => {
    if (isNear && !isBusy) onMore();
  }, [isNear, isBusy, onMore]);
  return (
    <div ref={end} className="v-more">
      {isBusy && <Spinner size="lg" aria-label={t("vmPortal.loading")} />}
    </div>
  );
}

const Skeletons = () => (
  <div className="v-cards" aria-busy="true" aria-label={t("vmPortal.loading")}>
    {Array.from({ length: 8 }, (_, i) => (
      <Skeleton key={i} height="17rem" screenreaderText={i === 0 ? t("vmPortal.loading") : undefined} />
    ))}
  </div>
);

export function VmList() {
  const [wanted, change] = useWanted();
  const look = useStore(view);
  const { data: may } = useAllowed("vms");
  const { data, error, isLoading, hasNextPage, isFetchingNextPage, fetchNextPage } = useVms(wanted);
  const systems = useOperatingSystems();
  const vms: Entity[] = data?.pages.flat() ?? [];
  const canAdd = may?.has("vms.add") ?? false;
  const isFiltered = Boolean(wanted.text || wanted.status || wanted.os);
  const seen = [...new Set([...vms.map(osOf), ...(wanted.os ? [wanted.os] : [])])].sort();
  return (
    <PageSection isFilled aria-label={t("vmPortal.vms")} className="v-page">
      <div className="v-head">
        <h1>{t("vmPortal.vms")}</h1>
        {canAdd && (
          <Button component="a" href={linkTo("new")}>
            {t("vmPortal.create")}
          </Button>
        )}
      </div>
      <Toolbar className="v-toolbar" inset={{ default: "insetNone" }}>
        <ToolbarContent>
          <ToolbarItem className="v-search">
            <Typed value={wanted.text} onChange={(text) => change({ text })} />
          </ToolbarItem>
          <ToolbarGroup variant="filter-group">
            <ToolbarItem>
              <Choice label={t("vmPortal.filter.status")} value={wanted.status} onChange={(status) => change({ status })}
                choices={["", "running", "down", "paused"].map((s) => ({ value: s, label: t(`vmPortal.filter.status.${(s || "any") as "any" | "running" | "down" | "paused"}`) }))} />
            </ToolbarItem>
            <ToolbarItem>
              <Choice label={t("vmPortal.filter.os")} value={wanted.os} onChange={(os) => change({ os })}
                choices={[{ value: "", label: t("vmPortal.filter.os.any") }, ...seen.map((os) => ({ value: os, label: systems.get(os) ?? os }))]} />
            </ToolbarItem>
            <ToolbarItem>
              <Choice label={t("vmPortal.sort")} value={wanted.sort} onChange={(sort) => change({ sort })} choices={SORTS.map((s) => ({ value: s, label: t(`vmPortal.sort.${s}`) }))} />
            </ToolbarItem>
          </ToolbarGroup>
          <ToolbarItem align={{ default: "alignEnd" }}>
            <ToggleGroup aria-label={t("vmPortal.look")}>
              <ToggleGroupItem icon={<ThLargeIcon />} aria-label={t("vmPortal.cards")} buttonId="look-cards" isSelected={look === "cards"} onChange={() => view.set("cards")} />
              <ToggleGroupItem icon={<ListIcon />} aria-label={t("vmPortal.table")} buttonId="look-table" isSelected={look === "table"} onChange={() => view.set("table")} />
            </ToggleGroup>
          </ToolbarItem>
        </ToolbarContent>
      </Toolbar>
      {error && <Alert variant="danger" isInline title={error.message} />}
      {isLoading ? <Skeletons /> : !vms.length ? <Nothing isFiltered={isFiltered} canAdd={canAdd} onClear={() => change({ text: "", status: "", os: "" })} /> : look === "table" ? (
        <VmTable vms={vms} systems={systems} sort={wanted.sort} onSort={(sort) => change({ sort })} />
      ) : (
        <ul className="v-cards" aria-label={t("vmPortal.vms")}>
          {vms.map((vm) => (
            <VmCard key={vm.id} vm={vm} systems={systems} />
          ))}
        </ul>
      )}
      {hasNextPage && <More onMore={() => void fetchNextPage()} isBusy={isFetchingNextPage} />}
    </PageSection>
  );
}

// SPDX-License-Identifier: Apache-2.0
// Filters that some lists have besides their search.
import { Checkbox, FormSelect, FormSelectOption } from "@patternfly/react-core";
import { useState } from "react";
import type { EntityPage } from "../lib/entities";
import { t, type TextKey } from "../text";
import type { Columns } from "./settings";

const SEVERITIES: [search: string, text: TextKey][] = [
  ["", "lists.severity.all"],
  ["severity != normal", "lists.severity.worse"],
  ["severity = error or severity = alert", "lists.severity.errors"],
  ["severity = alert", "lists.severity.alerts"],
];

export interface ListFilters {
  /** a piece of the search language */
  search: string;
  setSearch: (search: string) => void;
}

export function useFilters(page: EntityPage): ListFilters {
  const [search, setSearch] = useState("");
  return { search: page.type === "event" ? search : "", setSearch };
}

function Severity({ filters, columns }: { filters: ListFilters; columns: Columns }) {
  const isAdvanced = columns.shown.length === columns.all.length;
  return (
    <>
      <div>
        <FormSelect aria-label={t("lists.severity")} value={filters.search} onChange={(_e, v) => filters.setSearch(v)}>
          {SEVERITIES.map(([value, text]) => <FormSelectOption key={value} value={value} label={t(text)} />)}
        </FormSelect>
      </div>
      <div>
        <Checkbox id="advanced-columns" label={t("lists.events.advanced")} isChecked={isAdvanced}
          onChange={(_e, isOn) => (isOn ? columns.setShown(columns.all.map((c) => c.path)) : columns.reset())} />
      </div>
    </>
  );
}

export const Filters = ({ page, filters, columns }: { page: EntityPage; filters: ListFilters; columns: Columns }) =>
  page.type === "event" ? <Severity filters={filters} columns={columns} /> : <></>;

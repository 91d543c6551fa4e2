// SPDX-License-Identifier: Apache-2.0
import { MenuSearch, MenuSearchInput, MenuToggle, SearchInput, Select, SelectList, SelectOption } from "@patternfly/react-core";
import { useState } from "react";
import { t } from "../text";

interface Props {
  label: string;
  value: string;
  choices: { value: string; label: string; hint?: string }[];
  onChange: (value: string) => void;
  id?: string;
  isFull?: boolean;
  isDisabled?: boolean;
}

/** More than this are searched, too. */
const MANY = 12;

/** One of a few; of many, what has the typed letters in it. */
export function Choice({ label, value, choices, onChange, id, isFull, isDisabled }: Props) {
  const [isOpen, setOpen] = useState(false);
  const [text, setText] = useState("");
  const chosen = choices.find((c) => c.value === value);
  const wanted = text.trim().toLocaleLowerCase();
  const shown = wanted ? choices.filter((c) => `${c.label} ${c.hint ?? ""}`.toLocaleLowerCase().includes(wanted)) : choices;
  const open = (on: boolean) => (setOpen(on), setText(""));
  return (
    <Select
      isOpen={isOpen}
      selected={value}
      onOpenChange={open}
      onSelect={(_e, v) => (onChange(String(v)), open(false))}
      maxMenuHeight="20rem"
      isScrollable
      shouldFocusToggleOnSelect
      toggle={(ref) => (
        <MenuToggle ref={ref} id={id} isFullWidth={isFull} isDisabled={isDisabled} isPlaceholder={!chosen} onClick={() => open(!isOpen)} isExpanded={isOpen} aria-label={`${label}: ${chosen?.label ?? t("vmPortal.form.choose")}`}>
          {chosen?.label ?? t("vmPortal.form.choose")}
        </MenuToggle>
      )}
    >
      {choices.length > MANY && (
        <MenuSearch>
          <MenuSearchInput>
            <SearchInput aria-label={t("vmPortal.form.find")} value={text} onChange={(_e, v) => setText(v)} onClear={() => setText("")} />
          </MenuSearchInput>
        </MenuSearch>
      )}
      <SelectList aria-label={label}>
        {shown.map((c) => (
          <SelectOption key={c.value} value={c.value} description={c.hint}>
            {c.label}
          </SelectOption>
        ))}
        {!shown.length && <SelectOption isDisabled>{t("vmPortal.form.nothing")}</SelectOption>}
      </SelectList>
    </Select>
  );
}

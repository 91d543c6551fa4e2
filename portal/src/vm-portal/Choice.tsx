// SPDX-License-Identifier: Apache-2.0
import { MenuToggle, Select, SelectList, SelectOption } from "@patternfly/react-core";
import { useState } from "react";

interface Props {
  label: string;
  value: string;
  choices: { value: string; label: string; hint?: string }[];
  onChange: (value: string) => void;
  id?: string;
  isFull?: boolean;
  isDisabled?: boolean;
}

/** One of a few. */
export function Choice({ label, value, choices, onChange, id, isFull, isDisabled }: Props) {
  const [isOpen, setOpen] = useState(false);
  const chosen = choices.find((c) => c.value === value);
  return (
    <Select
      isOpen={isOpen}
      selected={value}
      onOpenChange={setOpen}
      onSelect={(_e, v) => (onChange(String(v)), setOpen(false))}
      maxMenuHeight="20rem"
      isScrollable
      shouldFocusToggleOnSelect
      toggle={(ref) => (
        <MenuToggle ref={ref} id={id} isFullWidth={isFull} isDisabled={isDisabled} onClick={() => setOpen(!isOpen)} isExpanded={isOpen} aria-label={`${label}: ${chosen?.label ?? ""}`}>
          {chosen?.label ?? label}
        </MenuToggle>
      )}
    >
      <SelectList aria-label={label}>
        {choices.map((c) => (
          <SelectOption key={c.value} value={c.value} description={c.hint}>
            {c.label}
          </SelectOption>
        ))}
      </SelectList>
    </Select>
  );
}

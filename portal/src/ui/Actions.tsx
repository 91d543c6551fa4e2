// SPDX-License-Identifier: Apache-2.0
// What can be done with the selected: new, edit, remove, and every action that the Manager has for the type.
import { Button, Dropdown, DropdownGroup, DropdownItem, DropdownList, MenuToggle, Toolbar, ToolbarContent, ToolbarGroup, ToolbarItem, Tooltip } from "@patternfly/react-core";
import { useState } from "react";
import { type Command, useCommands } from "../dialogs/commands";
import { t } from "../text";
import type { Entity } from "../lib/api";
import type { EntityPage } from "../lib/entities";

export { type Command, useCommands };

interface Props {
  page: EntityPage;
  path: string;
  items: Entity[];
  /** stands before the buttons: the search field */
  children?: React.ReactNode;
  /** on the page of the one selected: nothing new is made there */
  isOne?: boolean;
}

/** How many commands are buttons; the others are in the menu. */
const BUTTONS = 6;

function CommandButton({ command, isPrimary }: { command: Command; isPrimary: boolean }) {
  const button = (
    <Button variant={isPrimary ? "primary" : "secondary"} isAriaDisabled={command.isDisabled} onClick={command.run}>
      {command.label}
    </Button>
  );
  return command.isDisabled && command.why ? <Tooltip content={command.why}>{button}</Tooltip> : button;
}

function CommandItem({ command }: { command: Command }) {
  return (
    <DropdownItem
      isDanger={command.isDanger && !command.isDisabled}
      isAriaDisabled={command.isDisabled}
      onClick={command.run}
      tooltipProps={command.isDisabled && command.why ? { content: command.why, position: "left" } : undefined}
    >
      {command.label}
    </DropdownItem>
  );
}

function CommandMenu({ commands }: { commands: Command[] }) {
  const [isOpen, setOpen] = useState(false);
  const groups = [...new Set(commands.map((c) => c.group ?? ""))];
  return (
    <Dropdown
      isOpen={isOpen}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: "right" }}
      isScrollable
      maxMenuHeight="min(65vh, 40rem)"
      toggle={(ref) => (
        <MenuToggle ref={ref} variant="secondary" onClick={() => setOpen(!isOpen)} isExpanded={isOpen}>
          {t("dialogs.more.actions")}
        </MenuToggle>
      )}
    >
      {groups.map((g) => (
        <DropdownGroup key={g} label={g || undefined}>
          <DropdownList>
            {commands.filter((c) => (c.group ?? "") === g).map((c) => <CommandItem key={c.id} command={c} />)}
          </DropdownList>
        </DropdownGroup>
      ))}
    </Dropdown>
  );
}

/** Buttons for the most used commands, and a menu for the others. */
export function Actions({ page, path, items, children, isOne }: Props) {
  const commands = useCommands(page, path, items).filter((c) => !isOne || c.id !== "new");
  const first = commands.filter((c) => c.isButton).slice(0, BUTTONS);
  const rest = commands.filter((c) => !first.includes(c));
  return (
    <Toolbar>
      <ToolbarContent>
        {children}
        <ToolbarGroup variant="action-group">
          {first.map((c, i) => (
            <ToolbarItem key={c.id}>
              <CommandButton command={c} isPrimary={i === 0} />
            </ToolbarItem>
          ))}
          {rest.length > 0 && (
            <ToolbarItem>
              <CommandMenu commands={rest} />
            </ToolbarItem>
          )}
        </ToolbarGroup>
      </ToolbarContent>
    </Toolbar>
  );
}

// SPDX-License-Identifier: Apache-2.0
// What can be done with the selected: new, edit, remove, and every action that the Manager has for the type.
import { Alert, AlertActionCloseButton, Button, Dropdown, DropdownItem, DropdownList, MenuToggle, Modal, ModalBody, ModalFooter, ModalHeader, Toolbar, ToolbarContent, ToolbarGroup, ToolbarItem } from "@patternfly/react-core";
import { useState } from "react";
import type { Entity } from "../lib/api";
import type { EntityPage } from "../lib/entities";
import { nameOf, words } from "../lib/format";
import { operation, serviceAt, serviceOf } from "../lib/schema";
import { EntityForm } from "./EntityForm";
import { useAction, useOperations, useRemove } from "./queries";

interface Props {
  page: EntityPage;
  path: string;
  items: Entity[];
  children?: React.ReactNode;
}

type Ask = { kind: "new" } | { kind: "edit" } | { kind: "remove" } | { kind: "action"; action: string; word: string };

/** Actions that end something for somebody: they are asked for twice. */
const HARD = new Set(["stop", "shutdown", "reboot", "reset", "suspend", "deactivate", "detach", "fence", "destroy"]);

export function Actions({ page, path, items, children }: Props) {
  const { data: has } = useOperations();
  const [ask, setAsk] = useState<Ask>();
  const [isOpen, setOpen] = useState(false);
  const act = useAction(path);
  const remove = useRemove(path);
  const many = serviceAt(path);
  const one = many?.one ? serviceOf(many.one) : undefined;
  const can = (id?: string) => id !== undefined && (has?.has(id) ?? false);
  const actions = (one?.operations ?? []).filter((o) => o.kind === "action" && can(o.id));
  const first = (page.actions ?? []).flatMap((name) => actions.filter((o) => o.name === name));
  const rest = actions.filter((o) => !first.includes(o));
  const run = (action: string) => act.mutate({ items, action, inputs: {} });
  const start = (name: string, word: string) => (HARD.has(name) ? setAsk({ kind: "action", action: word, word: words(name) }) : run(word));
  const faults = [act.error, remove.error].flatMap((e) => (e ? [e.message] : []));
  return (
    <>
      <Toolbar>
        <ToolbarContent>
          {children}
          <ToolbarGroup variant="action-group">
            {can(operation(many, "add")?.id) && page.fields.length > 0 && (
              <ToolbarItem>
                <Button onClick={() => setAsk({ kind: "new" })}>New</Button>
              </ToolbarItem>
            )}
            {can(operation(one, "update")?.id) && page.fields.length > 0 && (
              <ToolbarItem>
                <Button variant="secondary" isDisabled={items.length !== 1} onClick={() => setAsk({ kind: "edit" })}>
                  Edit
                </Button>
              </ToolbarItem>
            )}
            {first.map((o) => (
              <ToolbarItem key={o.name}>
                <Button variant="secondary" isDisabled={!items.length} onClick={() => start(o.name, o.path!)}>
                  {words(o.name)}
                </Button>
              </ToolbarItem>
            ))}
            <ToolbarItem>
              <Dropdown
                isOpen={isOpen}
                onOpenChange={setOpen}
                onSelect={() => setOpen(false)}
                toggle={(ref) => (
                  <MenuToggle ref={ref} variant="secondary" isDisabled={!items.length} onClick={() => setOpen(!isOpen)} isExpanded={isOpen}>
                    More
                  </MenuToggle>
                )}
              >
                <DropdownList>
                  {rest.map((o) => (
                    <DropdownItem key={o.name} onClick={() => start(o.name, o.path!)}>
                      {words(o.name)}
                    </DropdownItem>
                  ))}
                  {can(operation(one, "remove")?.id) && (
                    <DropdownItem isDanger onClick={() => setAsk({ kind: "remove" })}>
                      Remove
                    </DropdownItem>
                  )}
                </DropdownList>
              </Dropdown>
            </ToolbarItem>
          </ToolbarGroup>
        </ToolbarContent>
      </Toolbar>
      {faults.length > 0 && (
        <Alert variant="danger" isInline title="It was refused" actionClose={<AlertActionCloseButton onClose={() => (act.reset(), remove.reset())} />}>
          <span className="h-faults">{faults.join("\n")}</span>
        </Alert>
      )}
      {ask?.kind === "new" && <EntityForm page={page} path={path} onClose={() => setAsk(undefined)} />}
      {ask?.kind === "edit" && <EntityForm page={page} path={path} entity={items[0]} onClose={() => setAsk(undefined)} />}
      {(ask?.kind === "remove" || ask?.kind === "action") && (
        <Modal isOpen variant="small" onClose={() => setAsk(undefined)} aria-label="Confirm">
          <ModalHeader title={ask.kind === "remove" ? `Remove ${page.many.toLowerCase()}` : ask.word} titleIconVariant="warning" />
          <ModalBody>
            {ask.kind === "remove" ? "What is removed cannot be brought back:" : `${ask.word}:`} <strong>{items.map(nameOf).join(", ")}</strong>
          </ModalBody>
          <ModalFooter>
            <Button
              variant="danger"
              onClick={() => {
                if (ask.kind === "remove") remove.mutate(items);
                else run(ask.action);
                setAsk(undefined);
              }}
            >
              {ask.kind === "remove" ? "Remove" : ask.word}
            </Button>
            <Button variant="link" onClick={() => setAsk(undefined)}>
              Cancel
            </Button>
          </ModalFooter>
        </Modal>
      )}
    </>
  );
}

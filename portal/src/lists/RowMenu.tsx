// SPDX-License-Identifier: Apache-2.0
// The menu of a row, at the mouse or at the row's button.
import { Divider, Menu, MenuContent, MenuGroup, MenuItem, MenuList } from "@patternfly/react-core";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import type { Entity } from "../lib/api";
import type { EntityPage } from "../lib/entities";
import { nameOf } from "../lib/format";
import { t } from "../text";
import { type Command, useCommands } from "../ui/Actions";
import type { Place } from "../ui/DataTable";

interface Props {
  page: EntityPage;
  path: string;
  items: Entity[];
  at: Place;
  /** has the focus again when the menu is closed */
  back?: HTMLElement;
  onClose: () => void;
}

function Items({ commands, onDone }: { commands: Command[]; onDone: () => void }) {
  return (
    <MenuList>
      {commands.map((c) => (
        <MenuItem
          key={c.id}
          itemId={c.id}
          isDanger={c.isDanger && !c.isDisabled}
          isAriaDisabled={c.isDisabled}
          tooltipProps={c.isDisabled && c.why ? { content: c.why, position: "right" } : undefined}
          onClick={() => {
            if (c.isDisabled) return;
            onDone();
            c.run();
          }}
        >
          {c.label}
        </MenuItem>
      ))}
    </MenuList>
  );
}

/** Keeps a box within the window. */
function useInside(at: Place) {
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState(at);
  useLayoutEffect(() => {
    const { width, height } = box.current!.getBoundingClientRect();
    setPlace({ x: Math.max(4, Math.min(at.x, window.innerWidth - width - 8)), y: Math.max(4, Math.min(at.y, window.innerHeight - height - 8)) });
  }, [at]);
  return { box, place };
}

export function RowMenu({ page, path, items, at, back, onClose }: Props) {
  const commands = useCommands(page, path, items).filter((c) => c.id !== "new");
  const { box, place } = useInside(at);
  const groups = [...new Set(commands.map((c) => c.group ?? ""))];
  const close = (isBack: boolean) => {
    onClose();
    if (isBack) back?.focus();
  };
  useEffect(() => {
    box.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const away = (e: Event) => !box.current?.contains(e.target as Node) && onClose();
    document.addEventListener("pointerdown", away, true);
    window.addEventListener("resize", onClose);
    return () => {
      document.removeEventListener("pointerdown", away, true);
      window.removeEventListener("resize", onClose);
    };
  }, [box, onClose]);
  const onKeyDown = (e: React.KeyboardEvent) => {
    if (e.key !== "Escape" && e.key !== "Tab") return;
    e.preventDefault();
    e.stopPropagation();
    close(true);
  };
  const name = items.length === 1 ? nameOf(items[0]) : t("lists.selected", { n: items.length });
  return createPortal(
    <div ref={box} className="h-row-menu" style={{ left: place.x, top: place.y }} onKeyDown={onKeyDown}>
      <Menu isScrollable aria-label={t("lists.actions", { name })}>
        <MenuContent maxMenuHeight="70vh">
          {groups.map((g, i) => (
            <MenuGroup key={g} label={g || undefined}>
              {i > 0 && !g && <Divider />}
              <Items commands={commands.filter((c) => (c.group ?? "") === g)} onDone={() => close(false)} />
            </MenuGroup>
          ))}
        </MenuContent>
      </Menu>
    </div>,
    document.body,
  );
}

// SPDX-License-Identifier: Apache-2.0
// The search field: what may stand next is offered while one types.
import { Menu, MenuContent, MenuItem, MenuList, Popper, SearchInput } from "@patternfly/react-core";
import { useEffect, useRef, useState } from "react";
import { send } from "../lib/api";

interface Choices {
  from: number;
  choices: { text: string; kind: string }[];
}

async function complete(collection: string, text: string, signal: AbortSignal): Promise<Choices> {
  const answer = await send(`/ovirt-engine/hostler/search/complete?${new URLSearchParams({ collection, text })}`, { signal });
  return answer.ok ? ((await answer.json()) as Choices) : { from: 0, choices: [] };
}

export function Search({ collection, value, onSearch }: { collection: string; value: string; onSearch: (text: string) => void }) {
  const [text, setText] = useState(value);
  const [offer, setOffer] = useState<Choices>({ from: 0, choices: [] });
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (!isOpen) return;
    const abort = new AbortController();
    complete(collection, text, abort.signal).then(
      (c) => (setOffer(c), setAt(-1)),
      () => {},
    );
    return () => abort.abort();
  }, [collection, text, isOpen]);

  const choose = (i: number) => {
    const chosen = offer.choices[i].text;
    const before = new TextDecoder().decode(new TextEncoder().encode(text).slice(0, offer.from));
    setText(before + chosen + (chosen.endsWith(".") ? "" : " "));
    input.current?.focus();
  };
  const onKey = (e: React.KeyboardEvent) => {
    const n = Math.min(offer.choices.length, 12);
    if (e.key === "ArrowDown" && n) setAt((at + 1) % n);
    else if (e.key === "ArrowUp" && n) setAt((at + n - 1) % n);
    else if ((e.key === "Tab" || e.key === "Enter") && at >= 0) choose(at);
    else if (e.key === "Enter") (setOpen(false), onSearch(text.trim()));
    else if (e.key === "Escape") setOpen(false);
    else return setOpen(true);
    e.preventDefault();
  };
  return (
    <Popper
      trigger={
        <SearchInput
          ref={input}
          aria-label="Search"
          placeholder='name = web* and status = up'
          value={text}
          onChange={(_e, v) => (setText(v), setOpen(true))}
          onClear={() => (setText(""), onSearch(""))}
          onFocus={() => setOpen(true)}
          onBlur={() => setTimeout(() => setOpen(false), 150)}
          onKeyDown={onKey}
          style={{ minWidth: "32rem" }}
        />
      }
      isVisible={isOpen && offer.choices.length > 0}
      appendTo={() => document.body}
      popper={
        <Menu aria-label="Completions" isScrollable>
          <MenuContent maxMenuHeight="20rem">
            <MenuList>
              {offer.choices.slice(0, 12).map((c, i) => (
                <MenuItem key={c.text} itemId={c.text} isFocused={i === at} onClick={() => choose(i)} description={c.kind}>
                  {c.text}
                </MenuItem>
              ))}
            </MenuList>
          </MenuContent>
        </Menu>
      }
    />
  );
}

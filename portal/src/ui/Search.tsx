// SPDX-License-Identifier: Apache-2.0
// The search field: what may stand next is offered while one types, and what is wrong is shown where it is.
import { Button, TextInputGroup, TextInputGroupMain, TextInputGroupUtilities } from "@patternfly/react-core";
import Bookmark from "@patternfly/react-icons/dist/esm/icons/outlined-bookmark-icon";
import SearchIcon from "@patternfly/react-icons/dist/esm/icons/search-icon";
import Times from "@patternfly/react-icons/dist/esm/icons/times-icon";
import { useEffect, useId, useRef, useState } from "react";
import { linkOfBookmark } from "../frame/BookmarksMenu";
import { send } from "../lib/api";
import { shortReason } from "../lib/wrong";
import { go } from "./router";
import { t, type TextKey } from "../text";

interface Choices {
  /** offset in bytes at which a choice goes in */
  from: number;
  choices: { text: string; kind: string }[];
}

interface Wrong {
  /** offsets in bytes */
  from: number;
  to: number;
  message: string;
}

const NOTHING: Choices = { from: 0, choices: [] };
const SHOWN = 12;
const CHECK_MS = 500;

async function beside<T>(what: "complete" | "check", params: Record<string, string>, signal: AbortSignal, none: T): Promise<T> {
  const answer = await send(`/ovirt-engine/hostler/search/${what}?${new URLSearchParams(params)}`, { signal });
  return answer.ok ? ((await answer.json()) as T) : none;
}

/** What the text is about: it may say so itself ("Hosts: status = up"), as bookmarks do. */
const subjectOf = (collection: string, text: string) => (linkOfBookmark(text) ? "" : collection);

const bytesOf = (text: string) => new TextEncoder().encode(text);
const cut = (text: string, from: number, to?: number) => new TextDecoder().decode(bytesOf(text).slice(from, to));

/** What the Manager offers next; asked while the field has the focus. */
function useChoices(collection: string, text: string, isOpen: boolean): Choices {
  const [offer, setOffer] = useState(NOTHING);
  useEffect(() => {
    if (!isOpen) return;
    const abort = new AbortController();
    beside("complete", { collection: subjectOf(collection, text), text }, abort.signal, NOTHING).then(setOffer, () => {});
    return () => abort.abort();
  }, [collection, text, isOpen]);
  return isOpen ? offer : NOTHING;
}

/** Where the text is not understood; asked when one stops typing. */
function useWrong(collection: string, text: string): Wrong | undefined {
  const [wrong, setWrong] = useState<{ text: string; wrong?: Wrong }>({ text: "" });
  useEffect(() => {
    if (!text.trim()) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      beside<{ ok: boolean } & Partial<Wrong>>("check", { collection: subjectOf(collection, text), search: text.trim() }, abort.signal, { ok: true }).then(
        (a) => setWrong({ text, wrong: a.ok ? undefined : { from: a.from ?? 0, to: a.to ?? 0, message: a.message ?? "" } }),
        () => {},
      );
    }, CHECK_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [collection, text]);
  return wrong.text === text && text.trim() ? wrong.wrong : undefined;
}

function WrongPlace({ id, text, wrong }: { id: string; text: string; wrong: Wrong }) {
  const to = Math.max(wrong.to, wrong.from + 1);
  return (
    <div id={id} className="h-search-wrong" role="alert">
      <code aria-hidden="true">
        {cut(text, 0, wrong.from)}
        <mark>{cut(text, wrong.from, to) || "\u00a0"}</mark>
        {cut(text, to)}
      </code>
      <span>{shortReason(wrong.message, cut(text, wrong.from, to))}</span>
    </div>
  );
}

/** An example for the collection. */
function hintOf(collection: string): string {
  const key = `lists.search.hint.${collection}`;
  const text = t(key as TextKey);
  return text === key ? t("lists.search.hint") : text;
}

interface Props {
  collection: string;
  value: string;
  onSearch: (text: string) => void;
  /** keeps the search under a name */
  onBookmark?: () => void;
  /** what is in the field now, sent or not */
  onType?: (text: string) => void;
}

export function Search({ collection, value, onSearch, onBookmark, onType }: Props) {
  const id = useId();
  const [text, setText] = useState(value);
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const offer = useChoices(collection, text, isOpen);
  const wrong = useWrong(collection, text);
  const choices = offer.choices.slice(0, SHOWN);
  const isShown = isOpen && choices.length > 0;
  useEffect(() => setText(value), [value]);
  useEffect(() => setAt(-1), [offer]);

  const type = (next: string) => {
    setText(next);
    onType?.(next);
  };
  const choose = (i: number) => {
    const chosen = choices[i].text;
    type(cut(text, 0, offer.from) + chosen + (chosen.endsWith(".") ? "" : " "));
    input.current?.focus();
  };
  const run = (what: string) => {
    setOpen(false);
    const elsewhere = linkOfBookmark(what);
    if (elsewhere) go(elsewhere);
    else onSearch(what.trim());
  };
  const onKeyDown = (e: React.KeyboardEvent) => {
    const n = choices.length;
    if (e.key === "ArrowDown" && n) setAt((at + 1) % n);
    else if (e.key === "ArrowUp" && n) setAt((at + n) % (n + 1) === n ? -1 : (at + n) % (n + 1));
    else if (e.key === "ArrowDown") setOpen(true);
    else if (e.key === "Tab" && at >= 0 && isShown) choose(at);
    else if (e.key === "Enter" && at >= 0 && isShown) choose(at);
    else if (e.key === "Enter") run(text);
    else if (e.key === "Escape" && isShown) setOpen(false);
    else return;
    e.preventDefault();
  };
  return (
    <div className="h-search" onBlur={(e) => !e.currentTarget.contains(e.relatedTarget) && setOpen(false)}>
      <TextInputGroup validated={wrong ? "error" : undefined}>
        <TextInputGroupMain
          innerRef={input}
          icon={<SearchIcon />}
          role="combobox"
          aria-label={t("lists.search")}
          isExpanded={isShown}
          aria-controls={`${id}-choices`}
          aria-activedescendant={at >= 0 && isShown ? `${id}-${at}` : undefined}
          placeholder={hintOf(collection)}
          value={text}
          onChange={(_e, v) => {
            type(v);
            setOpen(true);
          }}
          onClick={() => setOpen(true)}
          onKeyDown={onKeyDown}
          inputProps={{ autoComplete: "off", spellCheck: false, "aria-autocomplete": "list", "aria-invalid": wrong !== undefined, "aria-describedby": wrong ? `${id}-wrong` : undefined }}
        />
        <TextInputGroupUtilities>
          {text !== "" && <Button variant="plain" icon={<Times />} aria-label={t("lists.search.clear")} onClick={() => (type(""), run(""), input.current?.focus())} />}
          {onBookmark && <Button variant="plain" icon={<Bookmark />} aria-label={t("lists.bookmark")} title={t("lists.bookmark")} isDisabled={!text.trim() || wrong !== undefined} onClick={onBookmark} />}
        </TextInputGroupUtilities>
      </TextInputGroup>
      <ul id={`${id}-choices`} role="listbox" aria-label={t("lists.search.choices", { n: choices.length })} hidden={!isShown} className="h-choices">
        {choices.map((c, i) => (
          <li key={`${c.kind}-${c.text}`} id={`${id}-${i}`} role="option" aria-selected={i === at} onPointerDown={(e) => (e.preventDefault(), choose(i))} onMouseMove={() => i !== at && setAt(i)}>
            <span>{c.text}</span>
            <small>{t(`lists.search.kind.${c.kind}` as TextKey)}</small>
          </li>
        ))}
      </ul>
      {wrong && !isShown && <WrongPlace id={`${id}-wrong`} text={text} wrong={wrong} />}
    </div>
  );
}

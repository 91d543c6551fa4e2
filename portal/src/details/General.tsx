// SPDX-License-Identifier: Apache-2.0
import { Button } from "@patternfly/react-core";
import Copy from "@patternfly/react-icons/dist/esm/icons/copy-icon";
import { Fragment, useMemo, useState } from "react";
import type { Entity } from "../lib/api";
import { copy } from "../lib/copy";
import type { EntityPage } from "../lib/entities";
import { t } from "../text";
import { Ago, Link, textOfValue, Value } from "../ui/Value";
import { type Fact, groupsOf } from "./facts";

const LONG = 160;
const MOST_ITEMS = 12;

function CopyButton({ text, label }: { text: string; label: string }) {
  return (
    <button type="button" className="h-copy" aria-label={label} title={label} onClick={() => void copy(text)}>
      <Copy />
    </button>
  );
}

/** A long text in a box that does not grow with it. */
function LongText({ text }: { text: string }) {
  return <div className="h-long" tabIndex={0} role="region" aria-label={text.slice(0, 40)}>{text}</div>;
}

function Items({ fact, items }: { fact: Fact; items: unknown[] }) {
  const [isAll, setAll] = useState(false);
  const shown = isAll ? items : items.slice(0, MOST_ITEMS);
  const isPlain = fact.member.kind !== "o" && items.length <= MOST_ITEMS;
  return (
    <>
      {shown.map((x, i) => (
        <Fragment key={i}>
          {i > 0 && (isPlain ? ", " : <br />)}
          {fact.member.kind === "r" ? <Link to={x as Entity} type={fact.member.type} /> : textOfValue(x, fact.member.kind === "e" ? "words" : undefined)}
        </Fragment>
      ))}
      {items.length > MOST_ITEMS && (
        <div>
          <Button variant="link" isInline size="sm" onClick={() => setAll(!isAll)}>{isAll ? t("lists.text.less") : `${t("lists.text.more")} (${items.length})`}</Button>
        </div>
      )}
    </>
  );
}

function FactValue({ fact }: { fact: Fact }) {
  const { value: v, member, as } = fact;
  if (Array.isArray(v)) return <Items fact={fact} items={v} />;
  if (member.kind === "r" && typeof v === "object") return <Link to={v as Entity} type={member.type} />;
  if (v instanceof Date)
    return (
      <>
        <Value v={v} /> <span className="h-count">(<Ago when={v} />)</span>
      </>
    );
  if (typeof v === "string" && (v.length > LONG || v.includes("\n"))) return <LongText text={v} />;
  const isConstant = typeof v === "string" && /^[A-Z]+(_[A-Z]+)+$/.test(v) && as === undefined && member.name !== "comment" && member.name !== "description";
  return (
    <>
      <Value v={isConstant ? v.toLowerCase() : v} as={isConstant ? "words" : as} />
      {as === "code" && typeof v === "string" && v.length > 8 && <CopyButton text={v} label={fact.path === "id" ? t("lists.copy.id") : t("lists.copy")} />}
    </>
  );
}

/** What is known about an entity, in groups. */
export function General({ page, entity }: { page: EntityPage; entity: Entity }) {
  const groups = useMemo(() => groupsOf(page, entity), [page, entity]);
  return (
    <div className="h-sections">
      {groups.map((g) => (
        <section key={g.title} className="h-section" aria-label={g.title}>
          <h2>{g.title}</h2>
          <dl className="h-facts">
            {g.facts.map((f) => (
              <Fragment key={f.path}>
                <dt>{f.label}</dt>
                <dd><FactValue fact={f} /></dd>
              </Fragment>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}

// SPDX-License-Identifier: Apache-2.0
// What of a change of a running VM applies now, and what at its next start: the Manager is asked, nothing is done.
import { Alert, Checkbox, List, ListItem } from "@patternfly/react-core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { BASE, send } from "../../lib/api";
import { fieldLabel } from "../../lib/format";
import { t } from "../../text";
import { type Kept, keptOf, type Part, sameKept } from "./kept";
import { type Field, labelOf } from "./model";

interface Answer {
  dry_run?: { now: Part[]; plugged: Part[]; next_run: Part[] };
}

async function askDryRun(path: string, body: string): Promise<Answer> {
  const answer = await send(`${BASE}/${path}?dry_run=true`, { method: "PUT", body, headers: { Accept: "application/json", "Content-Type": "application/json" } });
  return answer.ok ? ((await answer.json()) as Answer) : {};
}

interface Props {
  path: string;
  body: Record<string, unknown>;
  /** whose labels are used */
  fields: Field[];
  kept: Kept;
  onKept: (kept: Kept) => void;
}

export function DryRun({ path, body, fields, kept, onKept }: Props) {
  const text = JSON.stringify(body);
  const [late, setLate] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setLate(text), 300);
    return () => clearTimeout(timer);
  }, [text]);
  const { data } = useQuery({ queryKey: ["dry-run", path, late], queryFn: () => askDryRun(path, late), staleTime: 10_000, gcTime: 0, placeholderData: keepPreviousData, retry: false });
  const told = data?.dry_run;
  const now = told ? [...told.now, ...told.plugged] : [];
  const waiting = told?.next_run ?? [];
  const next = keptOf(kept.chosen, now, waiting);
  useEffect(() => {
    if (told && !sameKept(kept, next)) onKept(next); // what was chosen may have been changed back
  });
  if (!now.length && !waiting.length) return <></>;
  const label = (p: Part) => {
    const field = fields.find((f) => f.path === p.member);
    return field ? labelOf(field) : fieldLabel(p.member);
  };
  const names = (parts: Part[]) => parts.map(label).join(", ");
  const isKept = (p: Part) => kept.chosen.includes(p.member);
  const reasons = [...new Set(waiting.map((p) => p.reason ?? ""))];
  const atOnce = now.filter((p) => !isKept(p));
  const later = now.filter(isKept);
  const title = !atOnce.length ? t("dialogs.dry-run.all-later") : waiting.length || later.length ? t("dialogs.dry-run.next") : t("dialogs.dry-run.now");
  const choose = (p: Part, on: boolean) => onKept(keptOf(on ? [...kept.chosen, p.member] : kept.chosen.filter((m) => m !== p.member), now, waiting));
  return (
    <Alert component="p" variant={waiting.length || later.length ? "warning" : "info"} isInline title={title} className="h-dry-run">
      <List isPlain>
        {atOnce.length > 0 && <ListItem>{t("dialogs.dry-run.applies-now", { what: names(atOnce) })}</ListItem>}
        {later.length > 0 && <ListItem>{t("dialogs.dry-run.later", { what: names(later) })}</ListItem>}
        {reasons.map((why) => {
          const what = names(waiting.filter((p) => (p.reason ?? "") === why));
          return <ListItem key={why}>{why ? t("dialogs.dry-run.reason", { what, why }) : t("dialogs.dry-run.later", { what })}</ListItem>;
        })}
      </List>
      {now.length > 0 && (
        <div className="h-dry-run-keep" role="group" aria-label={t("dialogs.dry-run.keep")}>
          <span>{t("dialogs.dry-run.keep")}</span>
          {now.map((p) => <Checkbox key={p.member} id={`keep-${p.member}`} label={label(p)} isChecked={isKept(p)} onChange={(_e, on) => choose(p, on)} />)}
        </div>
      )}
    </Alert>
  );
}

// SPDX-License-Identifier: Apache-2.0
// What of a change of a running VM applies now, and what at its next start: the Manager is asked, nothing is done.
import { Alert, Checkbox, List, ListItem } from "@patternfly/react-core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { BASE, send } from "../../lib/api";
import { fieldLabel } from "../../lib/format";
import { t } from "../../text";
import { type Field, labelOf } from "./model";

interface Part {
  member: string;
  reason?: string;
}

interface Answer {
  dry_run?: { now: Part[]; plugged: Part[]; next_run: Part[] };
}

async function askDryRun(path: string, body: string, isLater: boolean): Promise<Answer> {
  const answer = await send(`${BASE}/${path}?dry_run=true${isLater ? "&next_run=true" : ""}`, { method: "PUT", body, headers: { Accept: "application/json", "Content-Type": "application/json" } });
  return answer.ok ? ((await answer.json()) as Answer) : {};
}

interface Props {
  path: string;
  body: Record<string, unknown>;
  /** whose labels are used */
  fields: Field[];
  /** all of it is kept for the next start */
  isLater: boolean;
  onLater: (isLater: boolean) => void;
}

export function DryRun({ path, body, fields, isLater, onLater }: Props) {
  const text = JSON.stringify(body);
  const [late, setLate] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setLate(text), 300);
    return () => clearTimeout(timer);
  }, [text]);
  const { data } = useQuery({ queryKey: ["dry-run", path, late, isLater], queryFn: () => askDryRun(path, late, isLater), staleTime: 10_000, gcTime: 0, placeholderData: keepPreviousData, retry: false });
  const told = data?.dry_run;
  if (!told) return <></>;
  const now = [...told.now, ...told.plugged];
  if (!now.length && !told.next_run.length) return <></>;
  const label = (p: Part) => {
    const field = fields.find((f) => f.path === p.member);
    return field ? labelOf(field) : fieldLabel(p.member);
  };
  const names = (parts: Part[]) => parts.map(label).join(", ");
  const reasons = isLater ? [] : [...new Set(told.next_run.map((p) => p.reason ?? ""))];
  return (
    <Alert component="p" variant={told.next_run.length ? "warning" : "info"} isInline title={isLater ? t("dialogs.dry-run.all-later") : told.next_run.length ? t("dialogs.dry-run.next") : t("dialogs.dry-run.now")} className="h-dry-run">
      <List isPlain>
        {now.length > 0 && <ListItem>{t("dialogs.dry-run.applies-now", { what: names(now) })}</ListItem>}
        {isLater && <ListItem>{t("dialogs.dry-run.later", { what: names(told.next_run) })}</ListItem>}
        {reasons.map((why) => {
          const what = names(told.next_run.filter((p) => (p.reason ?? "") === why));
          return <ListItem key={why}>{why ? t("dialogs.dry-run.reason", { what, why }) : t("dialogs.dry-run.later", { what })}</ListItem>;
        })}
      </List>
      {(now.length > 0 || isLater) && <Checkbox id="dry-run-later" className="h-dry-run-keep" label={t("dialogs.dry-run.keep")} isChecked={isLater} onChange={(_e, on) => onLater(on)} />}
    </Alert>
  );
}

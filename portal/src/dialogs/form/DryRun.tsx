// SPDX-License-Identifier: Apache-2.0
// What of a change of a running VM applies now, and what at its next start: the Manager is asked, nothing is done.
import { Alert, List, ListItem } from "@patternfly/react-core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { BASE, send } from "../../lib/api";
import { fieldLabel } from "../../lib/format";
import { t } from "../../text";

interface Part {
  member: string;
  reason?: string;
}

interface Answer {
  dry_run?: { now: Part[]; plugged: Part[]; next_run: Part[] };
}

async function askDryRun(path: string, body: string): Promise<Answer> {
  const answer = await send(`${BASE}/${path}?dry_run=true`, { method: "PUT", body, headers: { Accept: "application/json", "Content-Type": "application/json" } });
  return answer.ok ? ((await answer.json()) as Answer) : {};
}

export function DryRun({ path, body }: { path: string; body: Record<string, unknown> }) {
  const text = JSON.stringify(body);
  const [late, setLate] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setLate(text), 300);
    return () => clearTimeout(timer);
  }, [text]);
  const { data } = useQuery({ queryKey: ["dry-run", path, late], queryFn: () => askDryRun(path, late), staleTime: 10_000, gcTime: 0, placeholderData: keepPreviousData, retry: false });
  const told = data?.dry_run;
  if (!told) return <></>;
  const now = [...told.now, ...told.plugged];
  if (!now.length && !told.next_run.length) return <></>;
  const names = (parts: Part[]) => parts.map((p) => fieldLabel(p.member)).join(", ");
  return (
    <Alert component="p" variant={told.next_run.length ? "warning" : "info"} isInline title={told.next_run.length ? t("dialogs.dry-run.next") : t("dialogs.dry-run.now")} className="h-dry-run">
      <List isPlain>
        {now.length > 0 && <ListItem>{t("dialogs.dry-run.applies-now", { what: names(now) })}</ListItem>}
        {told.next_run.map((p) => (
          <ListItem key={p.member}>{p.reason ? t("dialogs.dry-run.reason", { what: fieldLabel(p.member), why: p.reason }) : t("dialogs.dry-run.later", { what: fieldLabel(p.member) })}</ListItem>
        ))}
      </List>
    </Alert>
  );
}

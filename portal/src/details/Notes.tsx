// SPDX-License-Identifier: Apache-2.0
// What one should know about an entity before anything else: why it is in its state, what it runs with, what waits.
import { Alert, AlertActionLink } from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Entity, get } from "../lib/api";
import { type EntityPage, mood } from "../lib/entities";
import { words } from "../lib/format";
import { whyPaused } from "../lib/pauses";
import { t } from "../text";
import { useList } from "../ui/queries";
import { linkTo } from "../ui/router";
import { textOfValue } from "../ui/Value";
import { type Fact, groupsOf } from "./facts";

/** What says the same with and without changes that wait. */
const ASIDE = new Set(["next_run_configuration_exists", "id"]);

const factsOf = (page: EntityPage, e: Entity) =>
  new Map(groupsOf(page, e).flatMap((g) => g.facts.map((f): [string, Fact & { group: string }] => [f.path, { ...f, group: g.title }])));

const textOf = (f: Fact | undefined) => (f ? textOfValue(f.value, f.as) : "–");

/** What differs between now and the next start, setting by setting. */
function Differences({ page, entity }: { page: EntityPage; entity: Entity }) {
  const path = `${page.path}/${entity.id}`;
  const now = useQuery({ queryKey: ["one", path, "plain"], queryFn: ({ signal }) => get(page.type, path, { signal }) });
  const next = useQuery({ queryKey: ["one", path, { next_run: true }], queryFn: ({ signal }) => get(page.type, `${path}?next_run=true`, { signal }) });
  if (!now.data || !next.data) return <></>;
  const a = factsOf(page, now.data);
  const b = factsOf(page, next.data);
  const rows = [...new Set([...a.keys(), ...b.keys()])].filter((p) => !ASIDE.has(p) && textOf(a.get(p)) !== textOf(b.get(p)));
  return (
    <table className="h-differences">
      <thead>
        <tr>
          <th scope="col">{t("lists.note.next_run.member")}</th>
          <th scope="col">{t("lists.note.next_run.now")}</th>
          <th scope="col">{t("lists.note.next_run.then")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((p) => {
          const f = (b.get(p) ?? a.get(p))!;
          return (
            <tr key={p}>
              <th scope="row">{`${f.group}: ${f.label}`}</th>
              <td>{textOf(a.get(p))}</td>
              <td>{textOf(b.get(p))}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Waiting({ page, entity }: { page: EntityPage; entity: Entity }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Alert component="p" variant="info" isInline title={t("lists.note.next_run")} className="h-note"
      actionLinks={<AlertActionLink aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>{t(isOpen ? "lists.note.next_run.hide" : "lists.note.next_run.show")}</AlertActionLink>}>
      {isOpen && <Differences page={page} entity={entity} />}
    </Alert>
  );
}

const whyOf = (page: EntityPage, e: Entity) => (page.type === "vm" ? whyPaused(e.status_detail) : typeof e.status_detail === "string" ? e.status_detail : "");

/** A machine that is looked at as it was. */
function Preview({ entity }: { entity: Entity }) {
  const path = `vms/${entity.id}/snapshots`;
  const { data } = useList("snapshot", path);
  const shown = data?.find((s) => s.snapshot_status === "in_preview");
  if (!shown) return <></>;
  return (
    <Alert component="p" variant="warning" isInline title={t("lists.note.preview", { name: String(shown.description ?? "") })} className="h-note" actionLinks={<a href={linkTo(path)}>{t("lists.note.preview.link")}</a>}>
      {t("lists.note.preview.body")}
    </Alert>
  );
}

export function Notes({ page, entity }: { page: EntityPage; entity: Entity }) {
  const status = String(entity.status ?? "");
  const isVm = page.type === "vm";
  const why = whyOf(page, entity);
  return (
    <>
      {why && <Alert component="p" variant={mood(status) === "red" || isVm ? "danger" : "info"} isInline title={words(status)} className="h-note">{why}</Alert>}
      {isVm && <Preview entity={entity} />}
      {isVm && entity.run_once === true && status !== "down" && <Alert component="p" variant="info" isInline title={t("lists.note.run_once")} className="h-note" />}
      {isVm && entity.next_run_configuration_exists === true && <Waiting page={page} entity={entity} />}
    </>
  );
}

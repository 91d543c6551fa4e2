// SPDX-License-Identifier: Apache-2.0
// Who is logged in, from where, and until when; and the end of a session.
import { Alert, Button, Content, EmptyState, EmptyStateBody, Label, PageSection, SearchInput, Spinner } from "@patternfly/react-core";
import Code from "@patternfly/react-icons/dist/esm/icons/code-icon";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { useQuery } from "@tanstack/react-query";
import { lazy, useState } from "react";
import { showDialog } from "../dialogs/store";
import { beside, type Entity, Fault } from "../lib/api";
import { send } from "../lib/session";
import { t } from "../text";
import { Equivalents } from "../ui/Equivalents";
import { FALLBACK_MS } from "../ui/queries";
import { linkTo } from "../ui/router";
import { Ago } from "../ui/Value";

const RunDialog = lazy(() => import("../dialogs/RunDialog"));

const PAGE = "/ovirt-engine/hostler/sessions";

interface Session {
  id: string;
  user_id: string;
  user_name: string;
  address: string;
  /** ms since 1970 */
  started: number;
  last_used: number;
  expires: number;
  kind: "token" | "basic";
  is_own: boolean;
}

async function end(id: string): Promise<void> {
  const answer = await send(`${PAGE}/${id}`, { method: "DELETE" });
  if (answer.ok) return;
  const said = (await answer.json().catch(() => ({}))) as { detail?: string; reason?: string };
  throw new Fault(answer.status, said.reason ?? answer.statusText, said.detail ?? "");
}

function askFirst(s: Session) {
  const name = t("frame.sessions.one", { user: s.user_name, address: s.address });
  showDialog((close) => (
    <RunDialog title={t("frame.sessions.end.title")} items={[{ id: s.id, name } as Entity]} text={t("frame.sessions.end.text")} warning={s.is_own ? t("frame.sessions.end.own") : undefined} isDanger
      submit={t("frame.sessions.end")} done={t("frame.sessions.end.done", { user: s.user_name })} onClose={close} call={() => end(s.id)}
      equivalents={() => ({ method: "DELETE", path: `${PAGE}/${s.id}` })} />
  ));
}

function Row({ s, isUsers }: { s: Session; isUsers: boolean }) {
  return (
    <Tr>
      {!isUsers && (
        <Td dataLabel={t("frame.sessions.user")}>
          <a href={linkTo(`users/${s.user_id}`)}>{s.user_name}</a> {s.is_own && <Label isCompact color="blue">{t("frame.sessions.own")}</Label>}
        </Td>
      )}
      <Td dataLabel={t("frame.sessions.address")}>{s.address}</Td>
      <Td dataLabel={t("frame.sessions.kind")}>{t(s.kind === "basic" ? "frame.sessions.basic" : "frame.sessions.token")}</Td>
      <Td dataLabel={t("frame.sessions.started")}><Ago when={new Date(s.started)} /></Td>
      <Td dataLabel={t("frame.sessions.used")}><Ago when={new Date(s.last_used)} /></Td>
      <Td dataLabel={t("frame.sessions.expires")}><Ago when={new Date(s.expires)} /></Td>
      <Td isActionCell modifier="nowrap">
        <Button variant="link" size="sm" isDanger isInline onClick={() => askFirst(s)} aria-label={t("frame.sessions.endOf", { user: s.user_name, address: s.address })}>{t("frame.sessions.end")}</Button>
      </Td>
    </Tr>
  );
}

function SessionTable({ sessions, isUsers = false }: { sessions: Session[]; isUsers?: boolean }) {
  if (!sessions.length)
    return (
      <EmptyState variant="sm">
        <EmptyStateBody>{t("frame.sessions.none")}</EmptyStateBody>
      </EmptyState>
    );
  const sorted = [...sessions].sort((a, b) => b.last_used - a.last_used);
  return (
    <Table variant="compact" aria-label={t("frame.sessions")}>
      <Thead>
        <Tr>
          {!isUsers && <Th>{t("frame.sessions.user")}</Th>}
          <Th>{t("frame.sessions.address")}</Th>
          <Th>{t("frame.sessions.kind")}</Th>
          <Th>{t("frame.sessions.started")}</Th>
          <Th>{t("frame.sessions.used")}</Th>
          <Th>{t("frame.sessions.expires")}</Th>
          <Th screenReaderText={t("frame.sessions.end")} />
        </Tr>
      </Thead>
      <Tbody>
        {sorted.map((s) => <Row key={s.id} s={s} isUsers={isUsers} />)}
      </Tbody>
    </Table>
  );
}

const useSessions = () => useQuery({ queryKey: ["sessions"], queryFn: () => beside<Session[]>("sessions"), refetchInterval: FALLBACK_MS / 3 });

function Answered({ shown, isUsers }: { shown?: (s: Session) => boolean; isUsers?: boolean }) {
  const { data, error } = useSessions();
  if (error && !data) return <Alert variant="danger" isInline title={error.message} />;
  if (!data) return <Spinner aria-label={t("frame.loading")} />;
  return <SessionTable sessions={shown ? data.filter(shown) : data} isUsers={isUsers} />;
}

/** Of one user, on his page. */
export const UserSessions = ({ entity }: { entity: Entity }) => <Answered shown={(s) => s.user_id === entity.id} isUsers />;

export default function SessionsPage() {
  const { data } = useSessions();
  const [isOpen, setOpen] = useState(false);
  const [text, setText] = useState("");
  const words = text.trim().toLowerCase();
  return (
    <PageSection isFilled className="h-fill" aria-label={t("frame.sessions")}>
      <div className="h-list-head">
        <Content component="h1">{t("frame.sessions")}</Content>
        <span className="h-count" role="status">{data && t("lists.count", { n: data.length })}</span>
        <div className="h-search-item">
          <SearchInput aria-label={t("lists.search")} placeholder={t("frame.sessions.find")} value={text} onChange={(_e, v) => setText(v)} onClear={() => setText("")} />
        </div>
        <div className="h-list-tools">
          <Button variant="plain" size="sm" icon={<Code />} aria-expanded={isOpen} aria-label={t("lists.equivalents")} title={t("lists.equivalents")} onClick={() => setOpen(!isOpen)} />
        </div>
      </div>
      {isOpen && (
        <div className="h-panel">
          <Equivalents method="GET" path={PAGE} />
        </div>
      )}
      <Answered shown={(s) => `${s.user_name} ${s.address}`.toLowerCase().includes(words)} />
    </PageSection>
  );
}

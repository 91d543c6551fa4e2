// SPDX-License-Identifier: Apache-2.0
// How far a bulk has come, and what became of each.
import { Button, Modal, ModalBody, ModalFooter, ModalHeader, Progress, Spinner } from "@patternfly/react-core";
import { CheckCircleIcon } from "@patternfly/react-icons/dist/esm/icons/check-circle-icon";
import { ExclamationCircleIcon } from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import { MinusCircleIcon } from "@patternfly/react-icons/dist/esm/icons/minus-circle-icon";
import { PendingIcon } from "@patternfly/react-icons/dist/esm/icons/pending-icon";
import { titleOf } from "./paths";
import { t } from "../text";
import type { Bulk, Outcome } from "./bulk";

/** What became of one, as a sign. */
export function Sign({ outcome }: { outcome: Outcome }) {
  switch (outcome.state) {
    case "busy":
      return <Spinner size="md" aria-label={t("dialogs.outcome.busy")} />;
    case "done":
      return <CheckCircleIcon color="var(--pf-t--global--icon--color--status--success--default)" role="img" aria-hidden={false} aria-label={t("dialogs.outcome.done")} />;
    case "failed":
      return <ExclamationCircleIcon color="var(--pf-t--global--icon--color--status--danger--default)" role="img" aria-hidden={false} aria-label={t("dialogs.outcome.failed")} />;
    case "left":
      return <MinusCircleIcon role="img" aria-hidden={false} aria-label={t("dialogs.outcome.left")} />;
    default:
      return <PendingIcon role="img" aria-hidden={false} aria-label={t("dialogs.outcome.waiting")} />;
  }
}

/** A list of what was done, each with its sign and, where it failed, why. */
export function OutcomeList({ rows, label }: { rows: { key: string; name: string; outcome: Outcome }[]; label: string }) {
  return (
    <ul className="h-outcomes" aria-label={label} aria-live="polite" tabIndex={0}>
      {rows.map((r) => (
        <li key={r.key} className="h-outcome">
          <Sign outcome={r.outcome} />
          <div>
            <div>{r.name}</div>
            {r.outcome.state === "failed" && <div className="h-faults h-outcome-why">{r.outcome.why}</div>}
          </div>
        </li>
      ))}
    </ul>
  );
}

interface Props {
  title: string;
  bulk: Bulk;
  onRetry?: () => void;
  onClose: () => void;
}

/** One dialog for all messages of a bulk; those that failed come first when it is over. */
export function Outcomes({ title, bulk, onRetry, onClose }: Props) {
  const over = bulk.outcomes.filter((o) => o.state === "done" || o.state === "failed").length;
  const failed = bulk.outcomes.filter((o) => o.state === "failed").length;
  const rows = bulk.items.map((e, i) => ({ key: e.id, name: titleOf(e), outcome: bulk.outcomes[i] }));
  if (bulk.isOver) rows.sort((a, b) => Number(b.outcome.state === "failed") - Number(a.outcome.state === "failed"));
  const said = bulk.isOver ? (failed ? t("dialogs.bulk.failed", { n: failed, all: bulk.items.length }) : t("dialogs.bulk.done", { n: over })) : undefined;
  return (
    <Modal isOpen variant="medium" onClose={bulk.isOver ? onClose : bulk.stop} aria-label={title} className="h-dialog">
      <ModalHeader title={title} description={said} titleIconVariant={bulk.isOver && failed ? "danger" : undefined} />
      <ModalBody className="h-dialog-body">
        {bulk.items.length > 1 && <Progress value={over} max={bulk.items.length} label={t("dialogs.bulk.progress", { over: String(over), all: bulk.items.length })} title={t("dialogs.bulk.title")} aria-label={title} variant={failed ? "danger" : undefined} />}
        <OutcomeList rows={rows} label={t("dialogs.bulk.list")} />
      </ModalBody>
      <ModalFooter>
        {!bulk.isOver && <Button variant="secondary" onClick={bulk.stop}>{t("dialogs.bulk.stop")}</Button>}
        {bulk.isOver && failed > 0 && onRetry && <Button variant="secondary" onClick={onRetry}>{t("dialogs.bulk.retry")}</Button>}
        {bulk.isOver && <Button variant="primary" onClick={onClose}>{t("dialogs.close")}</Button>}
      </ModalFooter>
    </Modal>
  );
}

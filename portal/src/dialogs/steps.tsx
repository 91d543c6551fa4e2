// SPDX-License-Identifier: Apache-2.0
// Something that takes several calls: shown one by one, and where one fails, what is done, what is not, and how to go on.
import { Alert, Button, Modal, ModalBody, ModalFooter, ModalHeader } from "@patternfly/react-core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { notify } from "../frame/notify";
import { type CallOptions, newCorrelation } from "../lib/api";
import { t } from "../text";
import type { Outcome } from "./bulk";
import { OutcomeList } from "./Outcomes";

export interface Step {
  label: string;
  run: (options: CallOptions) => Promise<unknown>;
}

interface Props {
  title: string;
  steps: Step[];
  done: string;
  onClose: () => void;
}

const PAUSE_MS = 700;

/** Asks again and again until it is so; for what takes its time. */
export async function until(question: () => Promise<boolean>, signal?: AbortSignal, timeoutMs = 600_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; ; ) {
    if (await question()) return;
    if (signal?.aborted) throw new Error(t("dialogs.steps.stopped"));
    if (Date.now() > end) throw new Error(t("dialogs.steps.late"));
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}

export function Steps({ title, steps, done, onClose }: Props) {
  const client = useQueryClient();
  const [outcomes, setOutcomes] = useState<Outcome[]>(steps.map(() => ({ state: "waiting" })));
  const [{ from, round }, setRound] = useState({ from: 0, round: 0 });
  const [isBusy, setBusy] = useState(true);
  const stop = useRef(new AbortController());
  const correlation = useRef(newCorrelation());
  const started = useRef(-1);
  useEffect(() => {
    if (started.current === round) return;
    started.current = round;
    const mark = (i: number, outcome: Outcome) => setOutcomes((old) => old.map((o, j) => (j === i ? outcome : o)));
    const work = async () => {
      setBusy(true);
      for (let i = from; i < steps.length; i++) {
        if (stop.current.signal.aborted) break;
        mark(i, { state: "busy" });
        try {
          await steps[i].run({ correlation: correlation.current, signal: stop.current.signal });
          mark(i, { state: "done" });
        } catch (e) {
          mark(i, { state: "failed", why: (e as Error).message });
          setBusy(false);
          void client.invalidateQueries();
          return;
        }
        void client.invalidateQueries();
      }
      setBusy(false);
      if (stop.current.signal.aborted) return;
      notify({ variant: "success", title: done });
      onClose();
    };
    void work();
  }, [from, round, steps, client, done, onClose]);
  const failedAt = outcomes.findIndex((o) => o.state === "failed");
  const again = (at: number) => {
    stop.current = new AbortController();
    setRound({ from: at, round: round + 1 });
  };
  const halt = () => stop.current.abort();
  return (
    <Modal isOpen variant="medium" onClose={isBusy ? halt : onClose} aria-label={title} className="h-dialog">
      <ModalHeader title={title} titleIconVariant={failedAt >= 0 ? "danger" : undefined} />
      <ModalBody className="h-dialog-body">
        {failedAt >= 0 && <Alert component="p" variant="danger" isInline title={t("dialogs.steps.failed", { n: steps.length - failedAt, all: steps.length })} />}
        <OutcomeList rows={steps.map((s, i) => ({ key: String(i), name: s.label, outcome: outcomes[i] }))} label={t("dialogs.steps.list")} />
      </ModalBody>
      <ModalFooter>
        {isBusy && <Button variant="secondary" onClick={halt}>{t("dialogs.bulk.stop")}</Button>}
        {failedAt >= 0 && <Button onClick={() => again(failedAt)}>{t("dialogs.steps.again")}</Button>}
        {failedAt >= 0 && failedAt < steps.length - 1 && <Button variant="secondary" onClick={() => again(failedAt + 1)}>{t("dialogs.steps.skip")}</Button>}
        {!isBusy && <Button variant="link" onClick={onClose}>{t("dialogs.close")}</Button>}
      </ModalFooter>
    </Modal>
  );
}

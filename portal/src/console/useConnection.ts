// SPDX-License-Identifier: Apache-2.0
// One connection to a console: connects, tells how it stands, and connects again when that is right.
import { useCallback, useEffect, useRef, useState } from "react";
import { Fault } from "../lib/api";
import { t } from "../text";

export type Connection =
  | { kind: "connecting"; isAgain: boolean }
  | { kind: "connected" }
  /** isTaken: somebody else has the console, who can be disconnected */
  | { kind: "ended"; message: string; isTaken: boolean };

export interface Ears {
  onOpen(): void;
  onEnd(code: number, reason: string): void;
}

/** Connects; gives back what closes it again. */
export type Connect = (ears: Ears, isForced: boolean) => Promise<() => void>;

const IN_USE = 4409, NO_SERIAL = 4404, REFUSED = 1008;
const PAUSES_MS = [500, 1000, 2000, 4000, 8000];

/** What an end means to the one who sees it; undefined: connecting again may help. */
function finalWords(code: number, reason: string): string | undefined {
  if (code === NO_SERIAL) return t("consoles.end.noSerial");
  if (code === REFUSED) return reason ? t("consoles.end.closedBecause", { reason }) : t("consoles.end.closed");
  return undefined;
}

export function useConnection(connect: Connect): { state: Connection; again: (isForced?: boolean) => void } {
  const [state, setState] = useState<Connection>({ kind: "connecting", isAgain: false });
  const [round, setRound] = useState({ n: 0, isForced: false });
  const tries = useRef(0);
  useEffect(() => {
    let isOver = false, isEnded = false, isOpen = false;
    let stop = () => {};
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = (message: string, isTaken = false) => setState({ kind: "ended", message, isTaken });
    const retry = (words: string) => {
      if (tries.current >= PAUSES_MS.length) return end(words);
      setState({ kind: "connecting", isAgain: true });
      timer = setTimeout(() => setRound((r) => ({ n: r.n + 1, isForced: false })), PAUSES_MS[tries.current++]);
    };
    const ears: Ears = {
      onOpen: () => {
        if (isOver || isEnded) return;
        isOpen = true;
        setState({ kind: "connected" });
        timer = setTimeout(() => (tries.current = 0), 10_000);
      },
      onEnd: (code, reason) => {
        if (isOver || isEnded) return;
        isEnded = true;
        clearTimeout(timer);
        if (code === IN_USE) return end(t("consoles.end.inUse"), true);
        const last = finalWords(code, reason);
        if (last) return end(last);
        retry(isOpen ? t("consoles.end.lost") : t("consoles.end.unreachable"));
      },
    };
    setState((old) => (old.kind === "connecting" ? old : { kind: "connecting", isAgain: round.n > 0 }));
    connect(ears, round.isForced).then(
      (close) => {
        if (isOver) close();
        else stop = close;
      },
      (e: unknown) => {
        if (isOver || isEnded) return;
        isEnded = true;
        const isInUse = e instanceof Fault && e.status === 409 && /in use/.test(e.message);
        if (isInUse) end(e.message.replace(/^.*?\. /, ""), true);
        else if (e instanceof Fault && e.status === 403) end(t("consoles.end.forbidden"));
        else retry(e instanceof Error && e.message ? e.message : t("consoles.end.unreachable"));
      },
    );
    return () => {
      isOver = true;
      clearTimeout(timer);
      stop();
    };
  }, [connect, round]);
  const again = useCallback((isForced = false) => {
    tries.current = 0;
    setRound((r) => ({ n: r.n + 1, isForced }));
  }, []);
  return { state, again };
}

// SPDX-License-Identifier: Apache-2.0
// The VM's first serial port as a terminal.
import { CopyIcon, DownloadIcon, ExpandIcon, PasteIcon, SyncAltIcon } from "@patternfly/react-icons";
import type { Terminal } from "@xterm/xterm";
import { useCallback, useEffect, useRef, useState } from "react";
import { t } from "../text";
import { BarButton, BarItem, BarMenu, ConnectionWords, ConsoleBar, Cover, toggleFullScreen } from "./ConsoleBar";
import "./console.css";
import { useKept } from "./GraphicsTools";
import { isLeaving } from "./keys";
import { save, serialWay } from "./session";
import type { ConsoleProps } from "./VncConsole";
import { type Connect, useConnection } from "./useConnection";

const SCROLL_BACK = 10_000;

/**
 * The terminal writes its colours and sizes into <style> elements, which the page's security policy refuses. Those that it makes while fn
 * runs are others, which put the same rules into a style sheet of the document instead; that is allowed.
 */
function withStyleSheets(fn: () => void): CSSStyleSheet[] {
  const sheets: CSSStyleSheet[] = [];
  const make = document.createElement.bind(document);
  const instead = (name: string, options?: ElementCreationOptions): HTMLElement => {
    if (name !== "style") return make(name, options);
    const element = make("template");
    const sheet = new CSSStyleSheet();
    sheets.push(sheet);
    Object.defineProperty(element, "textContent", { get: () => "", set: (rules: string) => void sheet.replaceSync(rules) });
    return element;
  };
  Object.defineProperty(document, "createElement", { value: instead, configurable: true });
  try {
    fn();
  } finally {
    Reflect.deleteProperty(document, "createElement");
  }
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, ...sheets];
  return sheets;
}

/** A terminal that fills an element; what closes it. */
async function makeTerminal(into: HTMLElement, fontSize: number): Promise<{ terminal: Terminal; fit: () => void; close: () => void }> {
  const [{ Terminal: Made }, { FitAddon }] = await Promise.all([import("@xterm/xterm"), import("@xterm/addon-fit"), import("@xterm/xterm/css/xterm.css")]);
  const terminal = new Made({
    scrollback: SCROLL_BACK, fontSize, cursorBlink: true, screenReaderMode: true,
    fontFamily: "'Red Hat Mono', 'Liberation Mono', Menlo, Consolas, monospace", theme: { background: "#151515", foreground: "#e0e0e0" },
  });
  const fitting = new FitAddon();
  terminal.loadAddon(fitting);
  const sheets = withStyleSheets(() => terminal.open(into));
  const fit = () => fitting.fit();
  const watcher = new ResizeObserver(fit);
  watcher.observe(into);
  return {
    terminal,
    fit,
    close: () => {
      watcher.disconnect();
      terminal.dispose();
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => !sheets.includes(s));
    },
  };
}

async function open(vmId: string, terminal: Terminal, isForced: boolean, ears: Parameters<Connect>[0]): Promise<() => void> {
  const socket = new WebSocket(await serialWay(vmId, isForced), "binary");
  socket.binaryType = "arraybuffer";
  const encoder = new TextEncoder();
  const say = (bytes: Uint8Array<ArrayBuffer>) => socket.readyState === WebSocket.OPEN && socket.send(bytes);
  const listeners = [terminal.onData((text) => say(encoder.encode(text))), terminal.onBinary((text) => say(Uint8Array.from(text, (c) => c.charCodeAt(0))))];
  socket.onopen = () => {
    terminal.reset(); // the port's last words come again
    ears.onOpen();
  };
  socket.onmessage = (e) => terminal.write(new Uint8Array(e.data as ArrayBuffer));
  socket.onclose = (e) => ears.onEnd(e.code, e.reason);
  return () => {
    for (const l of listeners) l.dispose();
    socket.close();
  };
}

/** All that the terminal remembers. */
function wordsOf(terminal: Terminal): string {
  const lines = Array.from({ length: terminal.buffer.active.length }, (_, i) => terminal.buffer.active.getLine(i)?.translateToString(true) ?? "");
  return `${lines.join("\n").trimEnd()}\n`;
}

export function SerialConsole({ vm, children }: ConsoleProps) {
  const area = useRef<HTMLDivElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const made = useRef<ReturnType<typeof makeTerminal>>(undefined);
  const [terminal, setTerminal] = useState<Terminal>();
  const [size, setSize] = useKept<string>("hostler-console-font", "14");
  const [selection, setSelection] = useState("");

  useEffect(() => {
    const making = (made.current = makeTerminal(place.current!, Number(size)));
    void making.then(({ terminal: got, fit }) => {
      fit();
      got.attachCustomKeyEventHandler((e) => {
        if (isLeaving(e)) area.current?.querySelector<HTMLElement>(".h-console-bar button")?.focus();
        return !isLeaving(e) && !(e.ctrlKey && e.shiftKey && (e.code === "KeyC" || e.code === "KeyV"));
      });
      got.onSelectionChange(() => setSelection(got.getSelection()));
      setTerminal(got);
      got.focus();
    });
    return () => void making.then(({ close }) => close());
    // the terminal stays the same when its letters become larger
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  useEffect(() => {
    if (!terminal) return;
    terminal.options.fontSize = Number(size);
    void made.current?.then(({ fit }) => fit());
  }, [terminal, size]);

  const connect = useCallback<Connect>(async (ears, isForced) => open(vm.id, (await made.current!).terminal, isForced, ears), [vm.id]);
  const { state, again } = useConnection(connect);
  const paste = async () => {
    terminal?.paste(await navigator.clipboard.readText());
    terminal?.focus();
  };
  const isOff = state.kind !== "connected" || !terminal;
  const copy = () => void navigator.clipboard.writeText(selection);
  return (
    <div
      className="h-console"
      ref={area}
      onKeyDownCapture={(e) => {
        if (e.ctrlKey && e.shiftKey && e.code === "KeyC" && selection) (e.preventDefault(), copy());
      }}
    >
      <ConsoleBar
        label={t("consoles.tools")}
        right={
          <>
            <BarItem>
              <ConnectionWords state={state} />
            </BarItem>
            <BarItem>
              <BarButton label={t("consoles.reconnect")} icon={<SyncAltIcon />} onClick={() => again()} />
              <BarButton label={t("consoles.fullScreen")} icon={<ExpandIcon />} onClick={() => (toggleFullScreen(area.current), terminal?.focus())} />
            </BarItem>
          </>
        }
      >
        {children}
        <BarItem>
          <BarButton label={t("consoles.copy")} icon={<CopyIcon />} isDisabled={!selection} onClick={copy} />
          <BarButton label={t("consoles.paste")} icon={<PasteIcon />} isDisabled={isOff} onClick={() => void paste().catch(() => undefined)} />
          <BarButton
            label={t("consoles.saveText")}
            icon={<DownloadIcon />}
            isDisabled={!terminal}
            onClick={() => terminal && save(new Blob([wordsOf(terminal)], { type: "text/plain" }), `${vm.name ?? vm.id}-serial.txt`)}
          />
        </BarItem>
        <BarItem>
          <BarMenu
            label={t("consoles.view")}
            entries={[
              ...["12", "14", "16", "20"].map((n) => ({ id: n, label: t("consoles.letters", { size: n }), isChosen: size === n, run: () => setSize(n) })),
              {
                id: "stty",
                label: t("consoles.tellSize"),
                run: () => terminal && (terminal.input(` stty rows ${terminal.rows} cols ${terminal.cols}\r`, true), terminal.focus()),
              },
            ]}
          />
        </BarItem>
      </ConsoleBar>
      <div className="h-console-area">
        <div ref={place} className="h-console-text" role="group" aria-label={t("consoles.serialOf", { name: vm.name ?? vm.id })} aria-describedby="console-leave" />
        <Cover state={state} onAgain={() => again()} onTake={() => again(true)} />
      </div>
      <p id="console-leave" className="h-console-hint">
        {t("consoles.leaveSerial")}
      </p>
    </div>
  );
}

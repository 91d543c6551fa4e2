// SPDX-License-Identifier: Apache-2.0
// The screen of a VM over VNC. The client is loaded when it is needed.
import type RFB from "@novnc/novnc";
import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import type { Entity } from "../lib/api";
import { t } from "../text";
import { Cover } from "./ConsoleBar";
import "./console.css";
import { GraphicsTools, type Sizing, useKept } from "./GraphicsTools";
import { isLeaving, type Key, releaseShift } from "./keys";
import { graphicsWay, hangUp, savePicture } from "./session";
import { type Connect, useConnection } from "./useConnection";

export interface ConsoleProps {
  vm: Entity;
  /** goes to the beginning of the bar, such as a choice of the protocol */
  children?: ReactNode;
}

/** Makes the client when the way is there; the socket is ours, as it alone tells why it was closed. */
async function open(vmId: string, screen: HTMLElement, ears: Parameters<Connect>[0], use: (rfb: RFB | undefined) => void): Promise<() => void> {
  const [{ default: Client }, way] = await Promise.all([import("@novnc/novnc"), graphicsWay(vmId, "vnc")]);
  const socket = new WebSocket(way.url, "binary");
  const rfb = new Client(screen, socket, { shared: true, credentials: { password: way.password } });
  socket.addEventListener("close", (e) => ears.onEnd(e.code, e.reason));
  rfb.addEventListener("securityfailure", () => ears.onEnd(1008, t("consoles.end.password")));
  rfb.addEventListener("connect", () => {
    use(rfb);
    ears.onOpen();
  });
  return () => {
    use(undefined);
    if (socket.readyState <= WebSocket.OPEN) rfb.disconnect();
  };
}

export function VncConsole({ vm, children }: ConsoleProps) {
  const area = useRef<HTMLDivElement>(null);
  const screen = useRef<HTMLDivElement>(null);
  const [rfb, setRfb] = useState<RFB>();
  const [sizing, setSizing] = useKept<Sizing>("hostler-console-size", "fit");
  const [isViewOnly, setViewOnly] = useState(false);
  const connect = useCallback<Connect>((ears, isForced) => (isForced ? hangUp(vm.id) : Promise.resolve()).then(() => open(vm.id, screen.current!, ears, setRfb)), [vm.id]);
  const { state, again } = useConnection(connect);
  const press = (k: Key, isDown: boolean) => rfb?.sendKey(k.keysym, k.code, isDown);
  const focus = () => rfb?.focus();

  useEffect(() => {
    if (!rfb) return;
    rfb.viewOnly = isViewOnly;
    rfb.scaleViewport = sizing !== "actual";
    rfb.resizeSession = sizing === "guest";
    rfb.background = "transparent";
    if (document.activeElement === document.body) rfb.focus();
  }, [rfb, isViewOnly, sizing]);

  const leave = (e: React.KeyboardEvent) => {
    if (!isLeaving(e.nativeEvent)) return;
    e.preventDefault();
    e.stopPropagation();
    releaseShift(press);
    rfb?.blur();
    area.current?.querySelector<HTMLElement>(".h-console-bar button")?.focus();
  };
  return (
    <div className="h-console" ref={area}>
      <GraphicsTools
        state={state}
        press={press}
        area={area}
        sizing={sizing}
        onSizing={setSizing}
        isViewOnly={isViewOnly}
        onViewOnly={setViewOnly}
        onPicture={() => rfb?.toBlob((picture) => picture && savePicture(vm, picture), "image/png")}
        onAgain={again}
        onFocus={focus}
        onPaste={(text) => rfb?.clipboardPasteFrom(text)}
      >
        {children}
      </GraphicsTools>
      <div className="h-console-area">
        {/* what has the focus here gives it to the client's own element, which takes all keys but the one to leave */}
        <div
          ref={screen}
          className={`h-console-screen ${sizing === "actual" ? "h-console-actual" : ""}`}
          role="application"
          aria-label={t("consoles.screenOf", { name: vm.name ?? vm.id })}
          aria-describedby="console-leave"
          tabIndex={0}
          onFocus={(e) => e.target === e.currentTarget && focus()}
          onKeyDownCapture={leave}
        />
        <Cover state={state} onAgain={() => again()} onTake={() => again(true)} />
      </div>
      <p id="console-leave" className="h-console-hint">
        {t("consoles.leave")}
      </p>
    </div>
  );
}

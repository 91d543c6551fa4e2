// SPDX-License-Identifier: Apache-2.0
// The screen of a VM over VNC. The client is loaded when it is needed.
import type RFB from "@novnc/novnc";
import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import type { Entity } from "../lib/api";
import { t } from "../text";
import "./console.css";
import { focusTools, GraphicsFrame } from "./GraphicsFrame";
import { type Sizing, useKept } from "./GraphicsTools";
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
    focusTools(area.current);
  };
  return (
    <GraphicsFrame
      vm={vm}
      state={state}
      press={press}
      area={area}
      screen={screen}
      sizing={sizing}
      onSizing={setSizing}
      isViewOnly={isViewOnly}
      onViewOnly={setViewOnly}
      onPicture={() => rfb?.toBlob((picture) => picture && savePicture(vm, picture), "image/png")}
      onAgain={again}
      onFocus={focus}
      onPaste={(text) => rfb?.clipboardPasteFrom(text)}
      listeners={{ onKeyDownCapture: leave }}
    >
      {children}
    </GraphicsFrame>
  );
}

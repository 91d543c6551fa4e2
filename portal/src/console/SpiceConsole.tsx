// SPDX-License-Identifier: Apache-2.0
// The screen of a VM over SPICE. The client (spice-html5, LGPL-3.0) is a chunk of its own that is loaded when it is needed, its licence with it.
import type { SpiceMainConn } from "@spice-project/spice-html5/src/main.js";
import { useCallback, useEffect, useRef, useState } from "react";
import { t } from "../text";
import "./console.css";
import { focusTools, GraphicsFrame } from "./GraphicsFrame";
import { type Sizing, useKept } from "./GraphicsTools";
import { isLeaving, type Key, releaseShift } from "./keys";
import { Licence } from "./Licence";
import { graphicsWay, hangUp, savePicture } from "./session";
import type { ConsoleProps } from "./VncConsole";
import { type Connect, useConnection } from "./useConnection";

const SCREEN = "spice-screen";
const RELEASED = 0x80;
/** Screens are a multiple of this. */
const STEP = 8;

const load = () => import("./spice");
type Spice = Awaited<ReturnType<typeof load>>;

interface Session {
  spice: Spice;
  link: SpiceMainConn;
}

interface Wanted {
  vmId: string;
  place: HTMLElement;
  ears: Parameters<Connect>[0];
  use: (s: Session | undefined) => void;
  onAgent: () => void;
}

async function open({ vmId, place, ears, use, onAgent }: Wanted): Promise<() => void> {
  const [spice, way] = await Promise.all([load(), graphicsWay(vmId, "spice")]);
  const screen = document.createElement("div");
  screen.id = SCREEN;
  place.replaceChildren(screen);
  const link = new spice.SpiceMainConn({
    uri: way.url,
    password: way.password,
    screen_id: SCREEN,
    onerror: () => ears.onEnd(1006, ""),
    onsuccess: () => {
      use({ spice, link });
      ears.onOpen();
    },
    onagent: onAgent,
  });
  link.ws?.addEventListener("close", (e) => ears.onEnd(e.code, e.reason));
  return () => {
    use(undefined);
    // the client looks for its screen in the document to tidy up, and the page may have gone on
    screen.hidden = true;
    if (!screen.isConnected) document.body.append(screen);
    link.stop();
    screen.remove();
  };
}

/** A key as the protocol has it: the scan code, a prefix in the low byte, the top bit of the code set when it is released. */
function pressKey({ spice, link }: Session, k: Key, isDown: boolean): void {
  if (link.inputs?.state !== "ready") return;
  const code = isDown ? k.scan : k.scan | RELEASED;
  const wire = k.scan > 0xff ? (code >> 8) | ((code & 0xff) << 8) : code;
  const message = new spice.SpiceMiniData();
  const body = isDown ? new spice.SpiceMsgcKeyDown() : new spice.SpiceMsgcKeyUp();
  body.code = wire;
  message.build_msg(isDown ? spice.Constants.SPICE_MSGC_INPUTS_KEY_DOWN : spice.Constants.SPICE_MSGC_INPUTS_KEY_UP, body);
  link.inputs.send_msg(message);
}

export function SpiceConsole({ vm, children }: ConsoleProps) {
  const area = useRef<HTMLDivElement>(null);
  const screen = useRef<HTMLDivElement>(null);
  const [session, setSession] = useState<Session>();
  const [hasAgent, setAgent] = useState(false);
  const [sizing, setSizing] = useKept<Sizing>("hostler-console-size", "fit");
  const [isViewOnly, setViewOnly] = useState(false);
  const [isLicence, setLicence] = useState(false);
  const connect = useCallback<Connect>(
    (ears, isForced) => (isForced ? hangUp(vm.id) : Promise.resolve()).then(() => open({ vmId: vm.id, place: screen.current!, ears, use: setSession, onAgent: () => setAgent(true) })),
    [vm.id],
  );
  const { state, again } = useConnection(connect);
  const press = (k: Key, isDown: boolean) => session && pressKey(session, k, isDown);
  const canvas = () => screen.current?.querySelector("canvas") ?? undefined;
  const focus = () => canvas()?.focus();

  useEffect(() => {
    if (!session || !hasAgent || sizing !== "guest") return;
    const watcher = new ResizeObserver(([e]) => {
      const { width, height } = e.contentRect;
      session.link.resize_window(0, width - (width % STEP), height - (height % STEP), 32, 0, 0);
    });
    watcher.observe(screen.current!);
    return () => watcher.disconnect();
  }, [session, hasAgent, sizing]);

  useEffect(() => {
    const place = screen.current!;
    // a transformed canvas still tells the mouse's place in the guest's own pixels
    const fit = () => {
      const shown = place.querySelector("canvas");
      if (shown) shown.style.transform = sizing === "actual" ? "" : `scale(${Math.min(place.clientWidth / shown.width, place.clientHeight / shown.height)})`;
    };
    const sizes = new ResizeObserver(fit), parts = new MutationObserver(fit);
    sizes.observe(place);
    parts.observe(place, { childList: true, subtree: true });
    fit();
    return () => {
      sizes.disconnect();
      parts.disconnect();
    };
  }, [session, sizing]);

  const leave = (e: React.KeyboardEvent) => {
    if (isLeaving(e.nativeEvent)) {
      releaseShift(press);
      focusTools(area.current);
    } else if (!isViewOnly) return;
    e.stopPropagation();
  };
  const stopIfViewing = (e: React.SyntheticEvent) => isViewOnly && e.stopPropagation();
  return (
    <GraphicsFrame
      vm={vm}
      state={state}
      press={press}
      area={area}
      screen={screen}
      look="h-console-spice"
      sizing={sizing}
      onSizing={setSizing}
      isViewOnly={isViewOnly}
      onViewOnly={setViewOnly}
      onPicture={() => canvas()?.toBlob((picture) => picture && savePicture(vm, picture))}
      onAgain={again}
      onFocus={focus}
      listeners={{ onKeyDownCapture: leave, onKeyUpCapture: stopIfViewing, onMouseDownCapture: stopIfViewing, onMouseUpCapture: stopIfViewing, onMouseMoveCapture: stopIfViewing, onWheelCapture: stopIfViewing }}
      more={[{ id: "licence", label: t("consoles.spiceLicence"), run: () => setLicence(true) }]}
      dialog={isLicence && <Licence onClose={() => setLicence(false)} />}
    >
      {children}
    </GraphicsFrame>
  );
}

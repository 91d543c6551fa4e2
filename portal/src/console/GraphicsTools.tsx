// SPDX-License-Identifier: Apache-2.0
// The bar of a graphical console (VNC and SPICE): what both can do.
import { CameraIcon, ExpandIcon, KeyboardIcon, SyncAltIcon } from "@patternfly/react-icons";
import { type ReactNode, type RefObject, useState } from "react";
import { t } from "../text";
import { BarButton, BarItem, BarMenu, ConnectionWords, ConsoleBar, TextDialog, toggleFullScreen, type MenuEntry } from "./ConsoleBar";
import { CHORDS, type Press, sendChord, typeText } from "./keys";
import type { Connection } from "./useConnection";

export type Sizing = "fit" | "actual" | "guest";

/** What a user chose once is so the next time. */
export function useKept<T extends string>(key: string, first: T): [T, (v: T) => void] {
  const [value, setValue] = useState<T>(() => (localStorage.getItem(key) as T | null) ?? first);
  return [value, (v) => (localStorage.setItem(key, v), setValue(v))];
}

export interface ToolsProps {
  state: Connection;
  press: Press;
  /** all of the console, which can fill the screen */
  area: RefObject<HTMLDivElement | null>;
  sizing: Sizing;
  onSizing: (s: Sizing) => void;
  isViewOnly: boolean;
  onViewOnly: (v: boolean) => void;
  onPicture: () => void;
  onAgain: () => void;
  /** gives the keyboard back to the guest */
  onFocus: () => void;
  onPaste?: (text: string) => void;
  more?: MenuEntry[];
  children?: ReactNode;
}

export function GraphicsTools({ state, press, area, sizing, onSizing, isViewOnly, onViewOnly, onPicture, onAgain, onFocus, onPaste, more = [], children }: ToolsProps) {
  const [isTyping, setTyping] = useState(false);
  const isOff = state.kind !== "connected";
  const isMute = isOff || isViewOnly;
  const sizes: MenuEntry[] = (["fit", "actual", "guest"] as const).map((s) => ({ id: s, label: t(`consoles.size.${s}`), isChosen: sizing === s, run: () => onSizing(s) }));
  return (
    <>
      <ConsoleBar
        label={t("consoles.tools")}
        right={
          <>
            <BarItem>
              <ConnectionWords state={state} />
            </BarItem>
            <BarItem>
              <BarButton label={t("consoles.reconnect")} icon={<SyncAltIcon />} onClick={onAgain} />
              <BarButton label={t("consoles.picture")} icon={<CameraIcon />} isDisabled={isOff} onClick={onPicture} />
              <BarButton label={t("consoles.fullScreen")} icon={<ExpandIcon />} onClick={() => (toggleFullScreen(area.current), onFocus())} />
            </BarItem>
          </>
        }
      >
        {children}
        <BarItem>
          <BarButton label="Ctrl+Alt+Del" isDisabled={isMute} onClick={() => void sendChord(CHORDS[0].codes, press).then(onFocus)} />
        </BarItem>
        <BarItem>
          <BarMenu
            label={t("consoles.keys")}
            isDisabled={isMute}
            entries={CHORDS.map((c) => ({ id: c.label, label: c.label, run: () => void sendChord(c.codes, press).then(onFocus) }))}
          />
        </BarItem>
        <BarItem>
          <BarButton label={t("consoles.sendText")} icon={<KeyboardIcon />} isDisabled={isMute} onClick={() => setTyping(true)} />
        </BarItem>
        <BarItem>
          <BarMenu
            label={t("consoles.view")}
            entries={[...sizes, { id: "only", label: t("consoles.viewOnly"), isChosen: isViewOnly, run: () => onViewOnly(!isViewOnly) }, ...more]}
          />
        </BarItem>
      </ConsoleBar>
      {isTyping && <TextDialog onType={(text) => typeText(text, press)} onPaste={onPaste} onClose={() => (setTyping(false), setTimeout(onFocus, 50))} />}
    </>
  );
}

// SPDX-License-Identifier: Apache-2.0
// What VNC and SPICE look like on the page: tools, the screen, what lies over it, and how the keyboard is got back.
import type { HTMLAttributes, ReactNode, RefObject } from "react";
import type { Entity } from "../lib/api";
import { t } from "../text";
import { Cover } from "./ConsoleBar";
import type { Sizing } from "./GraphicsTools";
import type { Connection } from "./useConnection";

interface Props {
  vm: Entity;
  state: Connection;
  area: RefObject<HTMLDivElement | null>;
  screen: RefObject<HTMLDivElement | null>;
  sizing: Sizing;
  look?: string;
  /** gives the focus that the screen got to the client's own element, which takes all keys but the one to leave */
  onFocus: () => void;
  onAgain: (isForced?: boolean) => void;
  /** further listeners of the screen */
  listeners: HTMLAttributes<HTMLDivElement>;
  tools: ReactNode;
  children?: ReactNode;
}

/** Where the keyboard goes when it leaves the screen. */
export const focusTools = (area: HTMLElement | null) => area?.querySelector<HTMLElement>(".h-console-bar button")?.focus();

export function GraphicsFrame({ vm, state, area, screen, sizing, look = "", onFocus, onAgain, listeners, tools, children }: Props) {
  return (
    <div className="h-console" ref={area}>
      {tools}
      <div className="h-console-area">
        <div
          ref={screen}
          className={`h-console-screen ${look} ${sizing === "actual" ? "h-console-actual" : ""}`}
          role="application"
          aria-label={t("consoles.screenOf", { name: vm.name ?? vm.id })}
          aria-describedby="console-leave"
          tabIndex={0}
          onFocus={(e) => e.target === e.currentTarget && onFocus()}
          {...listeners}
        />
        <Cover state={state} onAgain={() => onAgain()} onTake={() => onAgain(true)} />
      </div>
      <p id="console-leave" className="h-console-hint">
        {t("consoles.leave")}
      </p>
      {children}
    </div>
  );
}

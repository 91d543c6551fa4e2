// SPDX-License-Identifier: Apache-2.0
// What VNC and SPICE look like on the page: tools, the screen, what lies over it, and how the keyboard is got back.
import type { HTMLAttributes, ReactNode, RefObject } from "react";
import type { Entity } from "../lib/api";
import { t } from "../text";
import { Cover } from "./ConsoleBar";
import { GraphicsTools, type ToolsProps } from "./GraphicsTools";

/** onFocus is called as well when the screen gets the focus: the client's own element in it takes all keys but the one to leave. */
interface Props extends ToolsProps {
  vm: Entity;
  screen: RefObject<HTMLDivElement | null>;
  look?: string;
  onAgain: (isForced?: boolean) => void;
  /** further listeners of the screen */
  listeners: HTMLAttributes<HTMLDivElement>;
  dialog?: ReactNode;
}

/** Where the keyboard goes when it leaves the screen. */
export const focusTools = (area: HTMLElement | null) => area?.querySelector<HTMLElement>(".h-console-bar button")?.focus();

export function GraphicsFrame({ vm, screen, look = "", listeners, dialog, onAgain, ...tools }: Props) {
  return (
    <div className="h-console" ref={tools.area}>
      <GraphicsTools {...tools} onAgain={() => onAgain()} />
      <div className="h-console-area">
        <div
          ref={screen}
          className={`h-console-screen ${look} ${tools.sizing === "actual" ? "h-console-actual" : ""}`}
          role="application"
          aria-label={t("consoles.screenOf", { name: vm.name ?? vm.id })}
          aria-describedby="console-leave"
          tabIndex={0}
          onFocus={(e) => e.target === e.currentTarget && tools.onFocus()}
          {...listeners}
        />
        <Cover state={tools.state} onAgain={() => onAgain()} onTake={() => onAgain(true)} />
      </div>
      <p id="console-leave" className="h-console-hint">
        {t("consoles.leave")}
      </p>
      {dialog}
    </div>
  );
}

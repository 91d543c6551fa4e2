// SPDX-License-Identifier: Apache-2.0
// What all consoles share: the bar of tools, the words about how the connection stands, and what is shown when it has ended.
import {
  Alert, AlertActionLink, Button, Dropdown, DropdownItem, DropdownList, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, MenuToggle, Modal, ModalBody, ModalFooter,
  ModalHeader, Spinner, TextArea, Toolbar, ToolbarContent, ToolbarGroup, ToolbarItem, Tooltip,
} from "@patternfly/react-core";
import { type ReactNode, useState } from "react";
import { t } from "../text";
import type { Connection } from "./useConnection";

export interface MenuEntry {
  id: string;
  label: string;
  isChosen?: boolean;
  run: () => void;
}

/** A menu in the bar. */
export function BarMenu({ label, entries, isDisabled }: { label: string; entries: MenuEntry[]; isDisabled?: boolean }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Dropdown
      isOpen={isOpen}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      shouldFocusToggleOnSelect
      isScrollable
      popperProps={{ appendTo: "inline", preventOverflow: true }}
      toggle={(ref) => (
        <MenuToggle ref={ref} size="sm" isDisabled={isDisabled} onClick={() => setOpen(!isOpen)} isExpanded={isOpen}>
          {label}
        </MenuToggle>
      )}
    >
      <DropdownList>
        {entries.map((e) => (
          <DropdownItem key={e.id} onClick={e.run} isSelected={e.isChosen}>
            {e.label}
          </DropdownItem>
        ))}
      </DropdownList>
    </Dropdown>
  );
}

/** A button in the bar; isOn makes it one that stays pressed. */
export function BarButton({ label, icon, isOn, isDisabled, onClick }: { label: string; icon?: ReactNode; isOn?: boolean; isDisabled?: boolean; onClick: () => void }) {
  const button = (
    <Button variant={icon ? "plain" : "secondary"} size="sm" icon={icon} aria-label={icon ? label : undefined} aria-pressed={isOn} isClicked={isOn} isDisabled={isDisabled} onClick={() => onClick()}>
      {icon ? undefined : label}
    </Button>
  );
  return icon ? <Tooltip content={label}>{button}</Tooltip> : button;
}

/** Full screen of an element, and whether it is on. */
export const toggleFullScreen = (of: HTMLElement | null) =>
  void (document.fullscreenElement ? document.exitFullscreen() : of?.requestFullscreen())?.catch(() => undefined);

interface BarProps {
  children: ReactNode;
  /** buttons and the like that belong to the right */
  right?: ReactNode;
  label: string;
}

export const ConsoleBar = ({ children, right, label }: BarProps) => (
  <Toolbar className="h-console-bar" aria-label={label} inset={{ default: "insetMd" }}>
    <ToolbarContent>
      <ToolbarGroup gap={{ default: "gapSm" }} className="h-console-tools">
        {children}
      </ToolbarGroup>
      <ToolbarGroup align={{ default: "alignEnd" }} gap={{ default: "gapSm" }}>
        {right}
      </ToolbarGroup>
    </ToolbarContent>
  </Toolbar>
);

export const BarItem = ({ children }: { children: ReactNode }) => <ToolbarItem>{children}</ToolbarItem>;

/** How the connection stands, for eyes and screen readers. */
export function ConnectionWords({ state }: { state: Connection }) {
  const words = state.kind === "connected" ? t("consoles.connected") : state.kind === "connecting" ? t(state.isAgain ? "consoles.connectingAgain" : "consoles.connecting") : t("consoles.ended");
  return (
    <span role="status" className={`h-console-state h-console-${state.kind}`}>
      {words}
    </span>
  );
}

interface CoverProps {
  state: Connection;
  onAgain: () => void;
  /** disconnects whoever has it, and connects */
  onTake: () => void;
}

/** Lies over the screen while there is no connection. */
export function Cover({ state, onAgain, onTake }: CoverProps) {
  if (state.kind === "connected") return null;
  if (state.kind === "connecting")
    return (
      <div className="h-console-cover">
        <Spinner aria-label={t("consoles.connecting")} />
      </div>
    );
  return (
    <div className="h-console-cover">
      <Alert
        variant={state.isTaken ? "warning" : "info"}
        isInline
        component="h2"
        title={state.isTaken ? t("consoles.takenTitle") : t("consoles.endedTitle")}
        actionLinks={
          <>
            {state.isTaken && <AlertActionLink onClick={onTake}>{t("consoles.takeOver")}</AlertActionLink>}
            <AlertActionLink onClick={onAgain}>{state.isTaken ? t("consoles.tryAgain") : t("consoles.reconnect")}</AlertActionLink>
          </>
        }
      >
        <p>{state.message}</p>
        {state.isTaken && <p>{t("consoles.takenHint")}</p>}
      </Alert>
    </div>
  );
}

interface TextProps {
  onType: (text: string) => Promise<string>;
  onPaste?: (text: string) => void;
  onClose: () => void;
}

/** A text to be typed in the guest key by key, or to be put on its clipboard. */
export function TextDialog({ onType, onPaste, onClose }: TextProps) {
  const [text, setText] = useState("");
  const [missing, setMissing] = useState("");
  const type = async () => {
    const left = await onType(text);
    setMissing(left);
    if (!left) onClose();
  };
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby="console-text">
      <ModalHeader title={t("consoles.text.title")} labelId="console-text" />
      <ModalBody>
        <Form onSubmit={(e) => e.preventDefault()}>
          <FormGroup label={t("consoles.text.label")} fieldId="console-text-field">
            <TextArea id="console-text-field" value={text} rows={5} resizeOrientation="vertical" maxLength={4096} onChange={(_e, v) => setText(v)} autoFocus />
            <FormHelperText>
              <HelperText>
                <HelperTextItem variant={missing ? "warning" : "default"}>{missing ? t("consoles.text.missing", { characters: missing.slice(0, 20) }) : t("consoles.text.hint")}</HelperTextItem>
              </HelperText>
            </FormHelperText>
          </FormGroup>
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button onClick={() => void type()} isDisabled={!text}>
          {t("consoles.text.type")}
        </Button>
        {onPaste && (
          <Button variant="secondary" isDisabled={!text} onClick={() => (onPaste(text), onClose())}>
            {t("consoles.text.clipboard")}
          </Button>
        )}
        <Button variant="link" onClick={onClose}>
          {t("consoles.cancel")}
        </Button>
      </ModalFooter>
    </Modal>
  );
}

// SPDX-License-Identifier: Apache-2.0
// A shape for each kind of status, so that nobody has to tell colours apart.
import ArrowDown from "@patternfly/react-icons/dist/esm/icons/arrow-alt-circle-down-icon";
import ArrowUp from "@patternfly/react-icons/dist/esm/icons/arrow-alt-circle-up-icon";
import Ban from "@patternfly/react-icons/dist/esm/icons/ban-icon";
import Bell from "@patternfly/react-icons/dist/esm/icons/bell-icon";
import Check from "@patternfly/react-icons/dist/esm/icons/check-circle-icon";
import Wrong from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import Warning from "@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon";
import Busy from "@patternfly/react-icons/dist/esm/icons/in-progress-icon";
import Eye from "@patternfly/react-icons/dist/esm/icons/eye-icon";
import Info from "@patternfly/react-icons/dist/esm/icons/info-circle-icon";
import Lock from "@patternfly/react-icons/dist/esm/icons/lock-icon";
import Moon from "@patternfly/react-icons/dist/esm/icons/moon-icon";
import Pause from "@patternfly/react-icons/dist/esm/icons/pause-circle-icon";
import Question from "@patternfly/react-icons/dist/esm/icons/question-circle-icon";
import Unlink from "@patternfly/react-icons/dist/esm/icons/unlink-icon";
import Wrench from "@patternfly/react-icons/dist/esm/icons/wrench-icon";
import type { ComponentType } from "react";
import { mood } from "../lib/entities";
import { words } from "../lib/format";

const SHAPES: [ComponentType, string[]][] = [
  [ArrowUp, ["up"]],
  [ArrowDown, ["down"]],
  [Check, ["ok", "active", "operational", "finished", "enabled", "data_up"]],
  [Wrench, ["maintenance", "preparing_for_maintenance", "locked_maintenance"]],
  [Pause, ["paused"]],
  [Eye, ["in_preview"]],
  [Moon, ["suspended", "inactive"]],
  [Lock, ["locked", "image_locked"]],
  [Warning, ["warning", "problematic", "contend", "aborted"]],
  [Wrong, ["error", "failed", "failure", "non_responsive", "non_operational", "install_failed", "not_responding"]],
  [Ban, ["illegal", "image_illegal", "disabled"]],
  [Bell, ["alert"]],
  [Info, ["normal"]],
  [Question, ["unknown", "unassigned", "pending_approval"]],
  [Unlink, ["unattached", "detached", "uninitialized"]],
];

const shapes = new Map(SHAPES.flatMap(([shape, names]) => names.map((name) => [name, shape] as const)));

/** The shape alone, in the colour of the status; give it a word beside it. */
export function StatusIcon({ value }: { value: string }) {
  const Shape = shapes.get(value) ?? Busy;
  return (
    <span className={`h-status-icon h-${value === "normal" ? "grey" : mood(value)}`} aria-hidden="true">
      <Shape />
    </span>
  );
}

/** Shape and word. */
export function Status({ value }: { value: string }) {
  return (
    <span className="h-status">
      <StatusIcon value={value} />
      <span className="h-cut">{words(value)}</span>
    </span>
  );
}

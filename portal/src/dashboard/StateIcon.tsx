// SPDX-License-Identifier: Apache-2.0
import ArrowDown from "@patternfly/react-icons/dist/esm/icons/arrow-alt-circle-down-icon";
import ArrowUp from "@patternfly/react-icons/dist/esm/icons/arrow-alt-circle-up-icon";
import Bell from "@patternfly/react-icons/dist/esm/icons/bell-icon";
import Wrong from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import Warning from "@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon";
import type { State } from "./data";

const SHAPES = { up: ArrowUp, down: ArrowDown, warning: Warning, error: Wrong, alert: Bell };

/** A shape and a colour for each state; the word stands beside it or in a label. */
export function StateIcon({ state }: { state: State }) {
  const Shape = SHAPES[state];
  return (
    <span className={`h-state h-state-${state}`} aria-hidden="true">
      <Shape />
    </span>
  );
}

// SPDX-License-Identifier: Apache-2.0
import { Label } from "@patternfly/react-core";
import type { Entity } from "../lib/api";
import { mood } from "../lib/entities";
import { words } from "../lib/format";

/** The status as a word with its colour. */
export const VmStatus = ({ vm }: { vm: Entity }) => (
  <Label color={mood(String(vm.status ?? "unknown"))} isCompact className="v-status">
    {words(String(vm.status ?? "unknown"))}
  </Label>
);

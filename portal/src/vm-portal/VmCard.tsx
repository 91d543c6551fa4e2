// SPDX-License-Identifier: Apache-2.0
import { memo, useRef } from "react";
import type { Entity } from "../lib/api";
import { t } from "../text";
import { useAllowed } from "../ui/queries";
import { linkTo } from "../ui/router";
import { VmStatus } from "./VmStatus";
import { VerbButtons } from "./VerbMenu";
import { useVerbs } from "./verbs";
import { osOf, systemOf, useVisible, VmPicture } from "./VmPicture";

const PICTURE_MS = 20_000;

/** A VM at a glance. What the user may do is asked for when the card comes into sight. */
export const VmCard = memo(function VmCard({ vm, systems }: { vm: Entity; systems: Map<string, string> }) {
  const card = useRef<HTMLLIElement>(null);
  const isVisible = useVisible(card);
  const { data: may } = useAllowed(`vms/${vm.id}`, isVisible);
  const verbs = useVerbs(vm, may);
  const name = vm.name ?? vm.id;
  return (
    <li ref={card} className="v-card" aria-label={name}>
      <a href={linkTo(`vms/${vm.id}`)} className="v-card-picture" tabIndex={-1} aria-hidden>
        <VmPicture vm={vm} isVisible={isVisible} everyMs={PICTURE_MS} may={may} />
      </a>
      <div className="v-card-body">
        <div className="v-card-title">
          <h2>
            <a href={linkTo(`vms/${vm.id}`)} title={name}>
              {name}
            </a>
          </h2>
          <VmStatus vm={vm} />
        </div>
        <p className="v-quiet v-line" title={String(vm.description ?? "")}>
          {systemOf(vm) || systems.get(osOf(vm)) || t("vmPortal.osOther")}
          {vm.description ? ` · ${String(vm.description)}` : ""}
        </p>
        <VerbButtons verbs={verbs} name={name} count={2} isSmall />
      </div>
    </li>
  );
});

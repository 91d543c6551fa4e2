// SPDX-License-Identifier: Apache-2.0
import { Button, Divider, Dropdown, DropdownItem, DropdownList, MenuToggle } from "@patternfly/react-core";
import EllipsisVIcon from "@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon";
import { Fragment, type ReactNode, useState } from "react";
import { t } from "../text";
import type { Verb } from "./verbs";

interface Props {
  verbs: Verb[];
  name: string;
  /** how many are buttons */
  count: number;
  isSmall?: boolean;
  /** more buttons, before the menu */
  children?: ReactNode;
}

/** The most likely ones as buttons, the others in a menu. */
export function VerbButtons({ verbs, name, count, isSmall, children }: Props) {
  const [isOpen, setOpen] = useState(false);
  const first = verbs.filter((v) => !v.isDanger).slice(0, count);
  const rest = verbs.filter((v) => !first.includes(v));
  return (
    <div className="v-verbs">
      {first.map((v, i) => (
        <Button key={v.id} variant={i === 0 && !isSmall ? "primary" : "secondary"} size={isSmall ? "sm" : "default"} onClick={v.run} aria-label={t("vmPortal.verbOn", { verb: v.label, name })}>
          {v.label}
        </Button>
      ))}
      {children}
      {rest.length > 0 && (
        <Dropdown
          isOpen={isOpen}
          onOpenChange={setOpen}
          onSelect={() => setOpen(false)}
          popperProps={{ position: "right" }}
          toggle={(ref) => (
            <MenuToggle ref={ref} variant="plain" onClick={() => setOpen(!isOpen)} isExpanded={isOpen} aria-label={t("vmPortal.moreOf", { name })}>
              <EllipsisVIcon />
            </MenuToggle>
          )}
        >
          <DropdownList>
            {rest.map((v, i) => (
              <Fragment key={v.id}>
                {v.isDanger && i > 0 && !rest[i - 1].isDanger && <Divider component="li" />}
                <DropdownItem isDanger={v.isDanger} onClick={v.run}>
                  {v.label}
                </DropdownItem>
              </Fragment>
            ))}
          </DropdownList>
        </Dropdown>
      )}
    </div>
  );
}

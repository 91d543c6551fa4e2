// SPDX-License-Identifier: Apache-2.0
import { Divider, Dropdown, DropdownGroup, DropdownItem, DropdownList, MenuToggle } from "@patternfly/react-core";
import UserCircleIcon from "@patternfly/react-icons/dist/esm/icons/user-circle-icon";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { useMe } from "../lib/me";
import { logout, sessionUser } from "../lib/session";
import { THEMES, theme } from "../lib/settings";
import { useStore } from "../lib/store";
import { t } from "../text";

const AccountDialog = lazy(() => import("./AccountDialog").then((m) => ({ default: m.AccountDialog })));

/** Account, light and dark, the way out. Works in both portals. children: more items, DropdownItem. */
export function UserMenu({ children }: { children?: ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  const [hasAccount, setAccount] = useState(false);
  const me = useMe();
  const chosen = useStore(theme);
  const name = sessionUser() || (me?.user_name ?? "");
  const short = name.split("@")[0];
  return (
    <>
      <Dropdown
        isOpen={isOpen}
        onOpenChange={setOpen}
        onSelect={() => setOpen(false)}
        popperProps={{ position: "right" }}
        toggle={(ref) => (
          <MenuToggle ref={ref} variant="plainText" isExpanded={isOpen} aria-label={t("frame.userMenu", { user: name })} onClick={() => setOpen(!isOpen)} icon={<UserCircleIcon />}>
            <span className="h-user">{short}</span>
          </MenuToggle>
        )}
      >
        <DropdownGroup label={name}>
          <DropdownList>
            <DropdownItem onClick={() => setAccount(true)}>{t("frame.account")}</DropdownItem>
            {children}
          </DropdownList>
        </DropdownGroup>
        <Divider />
        <DropdownGroup label={t("frame.theme")}>
          <DropdownList>
            {THEMES.map((which) => (
              <DropdownItem key={which} isSelected={which === chosen} onClick={() => theme.set(which)}>
                {t(`frame.theme.${which}`)}
              </DropdownItem>
            ))}
          </DropdownList>
        </DropdownGroup>
        <Divider />
        <DropdownList>
          <DropdownItem onClick={() => void logout()}>{t("frame.logout")}</DropdownItem>
        </DropdownList>
      </Dropdown>
      {hasAccount && (
        <Suspense>
          <AccountDialog onClose={() => setAccount(false)} />
        </Suspense>
      )}
    </>
  );
}

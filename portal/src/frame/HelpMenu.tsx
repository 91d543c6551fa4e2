// SPDX-License-Identifier: Apache-2.0
import { Divider, Dropdown, DropdownItem, DropdownList, MenuToggle } from "@patternfly/react-core";
import QuestionCircleIcon from "@patternfly/react-icons/dist/esm/icons/question-circle-icon";
import { useState } from "react";
import { t } from "../text";
import { frameDialog } from "./panes";

const CA = "/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA";

export function HelpMenu() {
  const [isOpen, setOpen] = useState(false);
  return (
    <Dropdown
      isOpen={isOpen}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: "right" }}
      toggle={(ref) => (
        <MenuToggle ref={ref} variant="plain" isExpanded={isOpen} aria-label={t("frame.help")} onClick={() => setOpen(!isOpen)} icon={<QuestionCircleIcon />} />
      )}
    >
      <DropdownList>
        <DropdownItem onClick={() => frameDialog.set("shortcuts")}>{t("frame.shortcuts")}</DropdownItem>
        <DropdownItem to="/ovirt-engine/api/openapi.json" isExternalLink target="_blank" rel="noopener">
          {t("frame.apiDescription")}
        </DropdownItem>
        <DropdownItem to={CA} download="ca.pem">
          {t("frame.caCertificate")}
        </DropdownItem>
        <DropdownItem to="../web-ui/">{t("frame.vmPortal")}</DropdownItem>
        <Divider component="li" />
        <DropdownItem onClick={() => frameDialog.set("about")}>{t("frame.about")}</DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}

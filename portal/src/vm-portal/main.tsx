// SPDX-License-Identifier: Apache-2.0
// The VM Portal: one's own virtual machines.
import { startPortal } from "../frame/Portal";
import { actAsUser } from "../lib/api";
import { t } from "../text";
import { VmPortal } from "./VmPortal";

actAsUser();
void startPortal(<VmPortal />, () => t("vmPortal.name"));

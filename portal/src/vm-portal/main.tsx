// SPDX-License-Identifier: Apache-2.0
// The VM Portal: one's own virtual machines.
import { startPortal } from "../frame/Portal";
import { later } from "../lib/later";
import { actAsUser } from "../lib/session";
import { t } from "../text";

const VmPortal = later(async () => (await import("./VmPortal")).VmPortal);

actAsUser();
VmPortal.fetch(); // while somebody types a password
void startPortal(<VmPortal />, () => t("vmPortal.name"));

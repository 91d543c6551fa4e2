// SPDX-License-Identifier: Apache-2.0
// The parts of spice-html5 that the SPICE console uses, so that they are one chunk.
export { Constants } from "@spice-project/spice-html5/src/enums.js";
export { SpiceMainConn } from "@spice-project/spice-html5/src/main.js";
export { SpiceMiniData, SpiceMsgcKeyDown, SpiceMsgcKeyUp } from "@spice-project/spice-html5/src/spicemsg.js";

// SPDX-License-Identifier: Apache-2.0
// The licence of the SPICE client, in the same place as the client itself.
import lesser from "@spice-project/spice-html5/COPYING.LESSER?raw";
import general from "@spice-project/spice-html5/COPYING?raw";

export const SPICE_LICENCE = `${lesser}\n\n${general}`;

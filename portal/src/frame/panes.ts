// SPDX-License-Identifier: Apache-2.0
// The drawer at the side of the page, and the dialogs that belong to the frame.
import { store } from "../lib/store";

export type Pane = "tasks" | "notifications" | "tags";
export const pane = store<Pane | undefined>(undefined);
export const togglePane = (which: Pane) => pane.set(pane.get() === which ? undefined : which);

export type FrameDialog = "about" | "shortcuts" | "account" | "palette";
export const frameDialog = store<FrameDialog | undefined>(undefined);

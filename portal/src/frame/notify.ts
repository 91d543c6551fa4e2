// SPDX-License-Identifier: Apache-2.0
// Short messages in the corner: what has been done, what went wrong.
import { store } from "../lib/store";

export interface Notice {
  variant: "success" | "danger" | "warning" | "info";
  title: string;
  /** several lines are shown as such */
  body?: string;
  /** where to look at it: a link of linkTo() */
  link?: { to: string; text: string };
}

export type Shown = Notice & { key: number };

const MOST = 5;
const STAY_MS = 8000;
let last = 0;

export const notices = store<Shown[]>([]);

export const closeNotice = (key: number) => notices.set(notices.get().filter((n) => n.key !== key));

/** Shows a message; errors stay until they are closed, others go away by themselves. */
export function notify(notice: Notice): void {
  const key = ++last;
  const same = (n: Shown) => n.title === notice.title && n.body === notice.body;
  notices.set([...notices.get().filter((n) => !same(n)), { ...notice, key }].slice(-MOST));
  if (notice.variant !== "danger") setTimeout(() => closeNotice(key), STAY_MS);
}

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
  /** correlation id of what it is about: later news of the same take its place */
  about?: string;
  /** it speaks for several; that each of them has ended well is no news */
  isForAll?: boolean;
}

export type Shown = Notice & { key: number };

const MOST = 5;
const STAY_MS = 8000;
let last = 0;

/** What has been told for all at once. */
const forAll = new Set<string>();

export const isToldForAll = (about: string | undefined) => about !== undefined && forAll.has(about);

export const notices = store<Shown[]>([]);

export const closeNotice = (key: number) => notices.set(notices.get().filter((n) => n.key !== key));

/** Shows a message; errors stay until they are closed, others go away by themselves. */
export function notify(notice: Notice): void {
  const key = ++last;
  const same = (n: Shown) => (n.title === notice.title && n.body === notice.body) || (notice.about !== undefined && n.about === notice.about && n.variant === "success");
  if (notice.about && notice.isForAll) forAll.add(notice.about);
  notices.set([...notices.get().filter((n) => !same(n)), { ...notice, key }].slice(-MOST));
  if (notice.variant !== "danger") setTimeout(() => closeNotice(key), STAY_MS);
}

// SPDX-License-Identifier: Apache-2.0
// Dialogs that are open. They live beside the pages, not in them: a page that goes away, or is drawn anew, takes no form with it.
import { Fragment, type ReactNode, useEffect, useState, useSyncExternalStore } from "react";

interface Open {
  key: number;
  render: (close: () => void) => ReactNode;
}

let open: Open[] = [];
let counter = 0;
const listeners = new Set<() => void>();

const tell = () => listeners.forEach((fn) => fn());

function subscribe(fn: () => void) {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

/** Opens a dialog above whatever is open; it is given what closes it. */
export function showDialog(render: (close: () => void) => ReactNode): void {
  open = [...open, { key: ++counter, render }];
  tell();
}

const closeOne = (key: number) => {
  open = open.filter((d) => d.key !== key);
  tell();
};

/** Closes all; for who leaves. */
export function closeDialogs(): void {
  open = [];
  tell();
}

let hosts: symbol[] = [];

/** Draws the open dialogs. One stands at the root of each portal; where there are several, the first draws. */
export function DialogHost() {
  const dialogs = useSyncExternalStore(subscribe, () => open);
  const [me] = useState(() => Symbol("host"));
  const first = useSyncExternalStore(subscribe, () => hosts[0]);
  useEffect(() => {
    hosts = [...hosts, me];
    tell();
    return () => {
      hosts = hosts.filter((h) => h !== me);
      tell();
    };
  }, [me]);
  if (first !== me) return <></>;
  return (
    <>
      {dialogs.map((d) => (
        <Fragment key={d.key}>{d.render(() => closeOne(d.key))}</Fragment>
      ))}
    </>
  );
}

// SPDX-License-Identifier: Apache-2.0
// Deep links: what is shown is all in the part of the URL behind '#'.
import { useSyncExternalStore } from "react";

export interface Place {
  /** "vms", "vms/ID", "vms/ID/nics" */
  path: string[];
  query: URLSearchParams;
}

const read = () => window.location.hash;

function subscribe(fn: () => void) {
  window.addEventListener("hashchange", fn);
  return () => window.removeEventListener("hashchange", fn);
}

/** A word of the link; one that was not encoded by anybody is taken as it stands. */
function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

/** What an address names. */
export function placeOf(hash: string): Place {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  // "." and ".." would lead a request to another place than the one that is named
  return { path: path.split("/").map(decoded).filter((word) => !["", ".", ".."].includes(word)), query: new URLSearchParams(query ?? "") };
}

export const usePlace = (): Place => placeOf(useSyncExternalStore(subscribe, read));

export const linkTo = (path: string, query?: Record<string, string>) => {
  const q = new URLSearchParams(Object.entries(query ?? {}).filter(([, v]) => v !== ""));
  return `#/${path}${q.size ? `?${q}` : ""}`;
};

export const go = (link: string) => {
  window.location.hash = link;
};

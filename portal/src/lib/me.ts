// SPDX-License-Identifier: Apache-2.0
// The logged in user, and what this user may do.
import { useQuery } from "@tanstack/react-query";
import { allowed, me, type Me } from "./api";
import { setAdmin } from "./session";

async function ask(): Promise<Me> {
  const got = await me();
  setAdmin(got.is_admin);
  return got;
}

/** Who is logged in; undefined until the Manager has answered. */
export const useMe = (): Me | undefined => useQuery({ queryKey: ["me"], queryFn: ask, staleTime: 300_000 }).data;

/** Names of the operations that the user may do on an object and directly below it ("vms/ID"), on a collection ("vms") or everywhere (""). */
export const useAllowed = (path: string, enabled = true) =>
  useQuery({ queryKey: ["allowed", path], queryFn: () => allowed(path), staleTime: 30_000, enabled });

// SPDX-License-Identifier: Apache-2.0
// The same as what the page does, as a call of the API and as a command: for those who want to automate it.

export interface EquivalentsProps {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** below the API's root, without query: "vms", "vms/ID", "vms/ID/start" */
  path: string;
  /** document as it goes over the wire (wireFrom(...)), or the inputs of an action */
  body?: Record<string, unknown>;
  /** of lists */
  search?: string;
  /** further parameters of the URL */
  query?: Record<string, string>;
  /** names of the entities at the path's ids, so that the command can say names: {ID: "web1"} */
  names?: Record<string, string>;
}

export function Equivalents({ method, path }: EquivalentsProps) {
  return (
    <code>
      {method} {path}
    </code>
  );
}

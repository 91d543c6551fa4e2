// SPDX-License-Identifier: Apache-2.0
// How busy the VM is and was: the same charts as in the Administration Portal.
import { Suspense } from "react";
import { Waiting } from "../frame/Portal";
import { TABS } from "../pages/tabs";
import type { PartProps } from "./VmDetails";

export default function Utilization({ vm }: PartProps) {
  const Charts = TABS.find((tab) => tab.type === "vm" && tab.word === "utilization")?.component;
  return <Suspense fallback={<Waiting />}>{Charts && <Charts entity={vm} />}</Suspense>;
}

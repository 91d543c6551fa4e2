// SPDX-License-Identifier: Apache-2.0
// The screen, the consoles and the facts of a VM.
import {
  Button, Card, CardBody, CardHeader, CardTitle, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm,
} from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { hasConsole, protocolsOf } from "../console";
import { get, type Entity } from "../lib/api";
import { bytes, date, duration, nameOf, words } from "../lib/format";
import { t } from "../text";
import { FALLBACK_MS, useList } from "../ui/queries";
import { cdDialog } from "./editing";
import { complain, showConsole } from "./verbs";
import type { PartProps } from "./VmDetails";
import { useOperatingSystems } from "./useVms";
import { osOf, systemOf, VmPicture } from "./VmPicture";

const PICTURE_MS = 5000;

type Cpu = { topology?: { sockets?: number; cores?: number; threads?: number } };

/** How many processors the guest sees. */
export const processors = (vm: Entity) => {
  const { sockets = 1, cores = 1, threads = 1 } = (vm.cpu as Cpu | undefined)?.topology ?? {};
  return sockets * cores * threads;
};

function Screen({ vm, may }: PartProps) {
  const { data: consoles } = useList("graphics_console", `vms/${vm.id}/graphicsconsoles`, {}, may.has("vm_graphics_consoles.list"));
  const isOn = hasConsole(vm) && may.has("vm.ticket");
  const protocols = protocolsOf(consoles ?? []).filter((p) => p !== "serial");
  const open = (how: Parameters<typeof showConsole>[1]) => () => void showConsole(vm, how).catch(complain(vm, t("vmPortal.verb.console")));
  return (
    <Card className="v-screen-card" isCompact>
      <VmPicture vm={vm} isVisible everyMs={PICTURE_MS} may={may} />
      <CardBody>
        {isOn && <div className="v-consoles" role="group" aria-label={t("vmPortal.consoles")}>
          {protocols.map((p) => (
            <span key={p} className="v-console-pair">
              <Button variant="secondary" size="sm" onClick={open(p)}>
                {t(`consoles.protocol.${p}`)}
              </Button>
              <Button variant="link" size="sm" onClick={open(`${p}-file`)} aria-label={t("consoles.viewerFile", { protocol: t(`consoles.protocol.${p}`) })}>
                {t("vmPortal.viewer")}
              </Button>
            </span>
          ))}
          {(may.has("vm.update") || may.has("vm_graphics_consoles.add")) && (
            <Button variant="secondary" size="sm" onClick={open("serial")}>
              {t("vmPortal.serial")}
            </Button>
          )}
        </div>}
        {!isOn && <p className="v-quiet">{t("vmPortal.consoleWhenRunning")}</p>}
      </CardBody>
    </Card>
  );
}

const Fact = ({ label, children }: { label: string; children?: ReactNode }) =>
  children === undefined || children === "" || children === null ? null : (
    <DescriptionListGroup>
      <DescriptionListTerm>{label}</DescriptionListTerm>
      <DescriptionListDescription>{children}</DescriptionListDescription>
    </DescriptionListGroup>
  );

/** Addresses that the guest told, without those that only it knows. */
function useAddresses(vm: Entity, isAllowed: boolean): string[] {
  const { data } = useList("reported_device", `vms/${vm.id}/reporteddevices`, {}, isAllowed && vm.status === "up");
  const all = (data ?? []).flatMap((d) => (d.ips as { address?: string }[] | undefined) ?? []).map((ip) => ip.address ?? "");
  return [...new Set(all)].filter((a) => a && !/^(127\.|::1$|fe80:)/i.test(a));
}

function Cd({ vm, may }: PartProps) {
  const { data } = useList("cdrom", `vms/${vm.id}/cdroms`, { current: vm.status === "up" || undefined }, may.has("vm_cdroms.list"));
  const cd = data?.[0];
  const file = cd?.file as Entity | undefined;
  const image = useQuery({ queryKey: ["one", `disks/${file?.id}`, "name"], queryFn: () => get("disk", `disks/${file?.id}`), enabled: Boolean(file?.id), retry: false }).data;
  if (!cd) return null;
  return (
    <Fact label={t("vmPortal.fact.cd")}>
      {file?.id ? nameOf(image ?? file) : t("vmPortal.cd.empty")}{" "}
      <Button variant="link" isInline onClick={() => cdDialog(vm, cd)}>
        {t("vmPortal.change")}
      </Button>
    </Fact>
  );
}

const since = (d: unknown) => (d instanceof Date ? `${duration(Math.max(0, (Date.now() - d.getTime()) / 1000))} (${date(d)})` : undefined);

export function Overview({ vm, may }: PartProps) {
  const systems = useOperatingSystems();
  const addresses = useAddresses(vm, may.has("vm_reported_devices.list"));
  const { data: named } = useQuery({ queryKey: ["one", `vms/${vm.id}`, "names"], queryFn: () => get("vm", `vms/${vm.id}?follow=cluster,template,host`), refetchInterval: FALLBACK_MS });
  const name = (member: string) => ((named?.[member] ?? vm[member]) as Entity | undefined)?.name;
  const policy = vm.memory_policy as { guaranteed?: number } | undefined;
  const os = vm.os as { boot?: { devices?: string[] } } | undefined;
  const isUp = vm.status === "up" || vm.status === "powering_up";
  return (
    <div className="v-overview">
      <Screen vm={vm} may={may} />
      <Card isCompact>
        <CardHeader>
          <CardTitle component="h2">{t("vmPortal.details")}</CardTitle>
        </CardHeader>
        <CardBody>
          <DescriptionList columnModifier={{ default: "1Col", lg: "2Col" }} isCompact>
            <Fact label={t("vmPortal.fact.description")}>{String(vm.description ?? "")}</Fact>
            <Fact label={t("vmPortal.fact.os")}>{systems.get(osOf(vm)) ?? osOf(vm)}</Fact>
            <Fact label={t("vmPortal.fact.guest")}>{systemOf(vm)}</Fact>
            <Fact label={t("vmPortal.fact.uptime")}>{isUp ? since(vm.start_time) : undefined}</Fact>
            <Fact label={t("vmPortal.fact.addresses")}>{addresses.join(", ")}</Fact>
            <Fact label={t("vmPortal.fact.fqdn")}>{String(vm.fqdn ?? "")}</Fact>
            <Fact label={t("vmPortal.fact.host")}>{name("host")}</Fact>
            <Fact label={t("vmPortal.fact.cluster")}>{name("cluster")}</Fact>
            <Fact label={t("vmPortal.fact.template")}>{name("template")}</Fact>
            <Fact label={t("vmPortal.fact.cpu")}>{t("vmPortal.processors", { n: processors(vm) })}</Fact>
            <Fact label={t("vmPortal.fact.memory")}>{bytes(Number(vm.memory ?? 0))}</Fact>
            <Fact label={t("vmPortal.fact.guaranteed")}>{policy?.guaranteed ? bytes(policy.guaranteed) : ""}</Fact>
            <Fact label={t("vmPortal.fact.boot")}>{os?.boot?.devices?.map((d) => t(`vmPortal.boot.${d as "hd" | "cdrom" | "network"}`)).join(", ")}</Fact>
            <Cd vm={vm} may={may} />
            <Fact label={t("vmPortal.fact.cloudInit")}>{t(vm.initialization ? "vmPortal.yes" : "vmPortal.no")}</Fact>
            <Fact label={t("vmPortal.fact.type")}>{words(String(vm.type ?? ""))}</Fact>
            <Fact label={t("vmPortal.fact.protected")}>{vm.delete_protected ? t("vmPortal.yes") : undefined}</Fact>
            <Fact label={t("vmPortal.fact.created")}>{vm.creation_time instanceof Date ? date(vm.creation_time) : undefined}</Fact>
            <Fact label={t("vmPortal.fact.id")}>
              <code className="v-id">{vm.id}</code>
            </Fact>
          </DescriptionList>
        </CardBody>
      </Card>
    </div>
  );
}

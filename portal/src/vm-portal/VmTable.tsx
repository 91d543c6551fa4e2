// SPDX-License-Identifier: Apache-2.0
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { useQuery } from "@tanstack/react-query";
import { memo, useRef } from "react";
import { list, type Entity } from "../lib/api";
import { bytes } from "../lib/format";
import { usageOf, type Usage } from "../lib/usage";
import { t } from "../text";
import { useAllowed } from "../ui/queries";
import { linkTo } from "../ui/router";
import { VmStatus } from "./VmStatus";
import { VerbButtons } from "./VerbMenu";
import { useVerbs } from "./verbs";
import { OsSign, osOf, systemOf, useVisible } from "./VmPicture";

const USE_MS = 15_000;

/** How busy a running VM is now; asked for as long as it is on the screen. */
function useUsage(vm: Entity, isWanted: boolean): Usage {
  const isOn = isWanted && vm.status === "up";
  const { data } = useQuery({ queryKey: ["usage", vm.id], queryFn: () => list("statistic", `vms/${vm.id}/statistics`), enabled: isOn, refetchInterval: USE_MS });
  return isOn && data ? usageOf({ id: vm.id, status: "up", statistics: data }) : {};
}

const percent = (n: number | undefined) => (n === undefined ? "" : `${Math.round(n)} %`);

const Row = memo(function Row({ vm, systems }: { vm: Entity; systems: Map<string, string> }) {
  const row = useRef<HTMLTableRowElement>(null);
  const isVisible = useVisible(row);
  const { data: may } = useAllowed(`vms/${vm.id}`, isVisible);
  const verbs = useVerbs(vm, may);
  const usage = useUsage(vm, isVisible && (may?.has("statistics.list") ?? false));
  const name = vm.name ?? vm.id;
  return (
    <Tr ref={row}>
      <Td dataLabel={t("vmPortal.column.name")} modifier="truncate">
        <span>
          <OsSign vm={vm} className="v-small-sign" />
          <a href={linkTo(`vms/${vm.id}`)}>{name}</a>
        </span>
      </Td>
      <Td dataLabel={t("vmPortal.column.status")}>
        <VmStatus vm={vm} />
      </Td>
      <Td dataLabel={t("vmPortal.column.os")} modifier="truncate">
        {systemOf(vm) || systems.get(osOf(vm)) || t("vmPortal.osOther")}
      </Td>
      <Td dataLabel={t("vmPortal.column.memory")} modifier="nowrap">{vm.memory ? bytes(vm.memory as number) : ""}</Td>
      <Td dataLabel={t("vmPortal.column.cpuUse")}>{percent(usage.cpu)}</Td>
      <Td dataLabel={t("vmPortal.column.memoryUse")}>{percent(usage.memory)}</Td>
      <Td dataLabel={t("vmPortal.column.fqdn")} modifier="truncate">
        {String(vm.fqdn ?? "")}
      </Td>
      <Td isActionCell>
        <VerbButtons verbs={verbs} name={name} count={2} isSmall />
      </Td>
    </Tr>
  );
});

interface Props {
  vms: Entity[];
  systems: Map<string, string>;
  sort: string;
  onSort: (sort: string) => void;
}

const SORTED: Record<string, number> = { name: 0, status: 1, os: 2 };

export function VmTable({ vms, systems, sort, onSort }: Props) {
  const [field, order] = sort.split("-");
  const by = (name: string) => ({
    columnIndex: SORTED[name],
    sortBy: { index: SORTED[field], direction: order as "asc" | "desc" },
    onSort: (_e: unknown, _i: number, direction: string) => onSort(`${name}-${direction}`),
  });
  return (
    <Table variant="compact" gridBreakPoint="grid-lg" aria-label={t("vmPortal.vms")} className="v-table">
      <Thead>
        <Tr>
          <Th width={20} sort={by("name")}>{t("vmPortal.column.name")}</Th>
          <Th width={10} sort={by("status")}>{t("vmPortal.column.status")}</Th>
          <Th width={15} sort={by("os")}>{t("vmPortal.column.os")}</Th>
          <Th modifier="nowrap">{t("vmPortal.column.memory")}</Th>
          <Th modifier="nowrap">{t("vmPortal.column.cpuUse")}</Th>
          <Th modifier="nowrap">{t("vmPortal.column.memoryUse")}</Th>
          <Th width={15}>{t("vmPortal.column.fqdn")}</Th>
          <Th screenReaderText={t("vmPortal.column.actions")} />
        </Tr>
      </Thead>
      <Tbody>
        {vms.map((vm) => (
          <Row key={vm.id} vm={vm} systems={systems} />
        ))}
      </Tbody>
    </Table>
  );
}

// SPDX-License-Identifier: Apache-2.0
// The page of a console: "#/console/ID?protocol=vnc|spice|serial", in a window of its own.
import {
  Alert, Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter, Spinner, ToggleGroup, ToggleGroupItem,
} from "@patternfly/react-core";
import { ExclamationTriangleIcon, PauseCircleIcon, PowerOffIcon } from "@patternfly/react-icons";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useState } from "react";
import { act, Fault, type Entity } from "../lib/api";
import { words } from "../lib/format";
import { useAllowed, useEntity, useList } from "../ui/queries";
import { go, linkTo, usePlace } from "../ui/router";
import { t } from "../text";
import { BarMenu } from "./ConsoleBar";
import "./console.css";
import { hasConsole, protocolsOf, saveViewerFile, type Protocol } from "./session";

const VIEWS = {
  vnc: lazy(() => import("./VncConsole").then((m) => ({ default: m.VncConsole }))),
  spice: lazy(() => import("./SpiceConsole").then((m) => ({ default: m.SpiceConsole }))),
  serial: lazy(() => import("./SerialConsole").then((m) => ({ default: m.SerialConsole }))),
};

/** Statuses in which the VM is on its way to run, without a screen yet. */
const STARTING = new Set(["wait_for_launch", "image_locked"]);

/** Why there is nothing to see, and what can be done about it. */
function NotRunning({ vm }: { vm: Entity }) {
  const client = useQueryClient();
  const { data: may } = useAllowed(`vms/${vm.id}`);
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const status = String(vm.status ?? "");
  const isSuspended = status === "suspended";
  const isStill = status === "down" || isSuspended;
  const start = () => {
    setBusy(true);
    setFault("");
    act(`vms/${vm.id}`, "start")
      .catch((e: Error) => setFault(e.message))
      .finally(() => (setBusy(false), void client.invalidateQueries({ queryKey: ["one", `vms/${vm.id}`] })));
  };
  return (
    <EmptyState
      titleText={isStill ? t(isSuspended ? "consoles.suspended" : "consoles.down", { name: vm.name ?? "" }) : t("consoles.notReady", { status: words(status) })}
      icon={isSuspended ? PauseCircleIcon : status === "unknown" || status === "not_responding" ? ExclamationTriangleIcon : PowerOffIcon}
      headingLevel="h1"
    >
      <EmptyStateBody>
        {t(isStill ? "consoles.startHint" : "consoles.waitHint")}
        {fault && <Alert variant="danger" isInline isPlain title={fault} role="alert" />}
      </EmptyStateBody>
      {isStill && (!may || may.has("vm.start")) && (
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button onClick={start} isLoading={isBusy} isDisabled={isBusy}>
              {t(isSuspended ? "consoles.resume" : "consoles.start")}
            </Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      )}
      {!isStill && <Spinner size="lg" aria-label={t("consoles.loading")} />}
    </EmptyState>
  );
}

/** Chooses what to connect by, and files for Remote Viewer. */
function Choice({ vm, protocols, current }: { vm: Entity; protocols: Protocol[]; current: Protocol }) {
  const [fault, setFault] = useState("");
  const files = protocols.filter((p) => p !== "serial");
  return (
    <>
      <ToggleGroup aria-label={t("consoles.protocol")} isCompact>
        {protocols.map((p) => (
          <ToggleGroupItem
            key={p}
            text={t(`consoles.protocol.${p}`)}
            buttonId={`protocol-${p}`}
            isSelected={p === current}
            onChange={() => go(linkTo(`console/${vm.id}`, { protocol: p }))}
          />
        ))}
      </ToggleGroup>
      {files.length > 0 && (
        <BarMenu
          label={t("consoles.viewer")}
          entries={files.map((p) => ({
            id: p,
            label: t("consoles.viewerFile", { protocol: t(`consoles.protocol.${p}`) }),
            run: () => void saveViewerFile(vm, p).catch((e: Error) => setFault(e.message)),
          }))}
        />
      )}
      {fault && <Alert variant="danger" isInline isPlain title={fault} role="alert" />}
    </>
  );
}

/** The user's preferred protocol, when the VM has it. */
const preferred = (protocols: Protocol[], asked: string | null): Protocol => {
  const kept = asked ?? localStorage.getItem("hostler-vm-console");
  return protocols.find((p) => p === kept) ?? protocols[0];
};

export default function ConsolePage() {
  const { path, query } = usePlace();
  const id = path[1] ?? "";
  const vm = useEntity("vm", `vms/${id}`);
  const isRunning = vm.data !== undefined && hasConsole(vm.data) && !STARTING.has(String(vm.data.status));
  const consoles = useList("graphics_console", `vms/${id}/graphicsconsoles`, {}, vm.data !== undefined);
  const name = vm.data?.name ?? "";
  useEffect(() => {
    if (name) document.title = t("consoles.title", { name });
  }, [name]);
  if (vm.error && !vm.data)
    return (
      <main className="h-console-page">
        <Alert variant="danger" title={vm.error instanceof Fault && vm.error.status === 404 ? t("consoles.noVm") : vm.error.message} />
      </main>
    );
  if (!vm.data || !consoles.data)
    return (
      <main className="h-console-page">
        <EmptyState titleText={t("consoles.loading")} icon={Spinner} headingLevel="h1" />
      </main>
    );
  const protocols = protocolsOf(consoles.data);
  const current = preferred(protocols, query.get("protocol"));
  const View = VIEWS[current];
  return (
    <main className="h-console-page">
      {isRunning ? (
        <Suspense fallback={<EmptyState titleText={t("consoles.loading")} icon={Spinner} headingLevel="h1" />}>
          <View key={`${id} ${current}`} vm={vm.data}>
            <h1 className="h-console-name">{name}</h1>
            <Choice vm={vm.data} protocols={protocols} current={current} />
          </View>
        </Suspense>
      ) : (
        <NotRunning vm={vm.data} />
      )}
    </main>
  );
}

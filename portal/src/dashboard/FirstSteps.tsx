// SPDX-License-Identifier: Apache-2.0
// What is missing on the way to a running virtual machine, with buttons.
import { Button } from "@patternfly/react-core";
import CheckIcon from "@patternfly/react-icons/dist/esm/icons/check-icon";
import { openDialog } from "../dialogs";
import { t } from "../text";
import { go, linkTo } from "../ui/router";
import type { Dashboard } from "./data";

const STEPS = [
  { id: "datacenter", type: "data_center", path: "datacenters" },
  { id: "host", type: "host", path: "hosts" },
  { id: "storage", type: "storage_domain", path: "storagedomains" },
  { id: "vm", type: "vm", path: "vms" },
] as const;

function isDone(d: Dashboard, path: string): boolean {
  return (d.inventory.find((c) => c.collection === path)?.total ?? 0) > 0 && (path !== "datacenters" || d.clusters.length > 0);
}

export function FirstSteps({ d }: { d: Dashboard }) {
  const next = STEPS.find((s) => !isDone(d, s.path));
  return (
    <section className="h-dash-card h-first" aria-label={t("dashboard.first")}>
      <h2>{t("dashboard.first")}</h2>
      <p className="h-dash-hint">{t("dashboard.firstText")}</p>
      <ol>
        {STEPS.map((step, i) => {
          const done = isDone(d, step.path);
          const isNext = step === next;
          return (
            <li key={step.id} className={done ? "h-first-done" : isNext ? "h-first-next" : ""} aria-current={isNext ? "step" : undefined}>
              <span className="h-first-number" aria-hidden="true">
                {done ? <CheckIcon /> : i + 1}
              </span>
              <h3>
                {t(`dashboard.step.${step.id}`)}
                {done && <span className="pf-v6-screen-reader"> ({t("dashboard.step.done")})</span>}
              </h3>
              <p>{t(`dashboard.step.${step.id}Text`)}</p>
              <Button variant={isNext ? "primary" : done ? "link" : "secondary"} isInline={done} onClick={() => openDialog(step.type, "new", step.path) || go(linkTo(step.path))}>
                {t(`dashboard.step.${step.id}Do`)}
              </Button>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

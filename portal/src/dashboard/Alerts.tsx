// SPDX-License-Identifier: Apache-2.0
// What went wrong lately.
import { ago, fullTime, useNow } from "../lib/clock";
import { t } from "../text";
import { linkTo } from "../ui/router";
import type { AlertEvent } from "./data";
import { StateIcon } from "./StateIcon";

const ABOUT = [["vm", "vms"], ["host", "hosts"], ["storage_domain", "storagedomains"], ["cluster", "clusters"], ["data_center", "datacenters"]] as const;

const SHOWN = 5;

/** The page of what an event is about. */
function placeOf(a: AlertEvent): string {
  for (const [member, path] of ABOUT) if (a[member]) return linkTo(`${path}/${a[member]}`);
  return linkTo(`events/${a.id}`);
}

export function Alerts({ alerts }: { alerts: AlertEvent[] }) {
  const now = useNow(30_000);
  return (
    <section className="h-dash-card h-alerts" aria-label={t("dashboard.alerts")}>
      <div className="h-dash-title">
        <h2>{t("dashboard.alerts")}</h2>
        <a href={linkTo("events", { search: "severity > normal" })}>{t("dashboard.allAlerts")}</a>
      </div>
      {alerts.length ? (
        <ol>
          {alerts.slice(0, SHOWN).map((a) => (
            <li key={a.id}>
              <StateIcon state={a.severity} />
              <span className="pf-v6-screen-reader">{t(`dashboard.severity.${a.severity}`)}: </span>
              <a href={placeOf(a)}>{a.text}</a>
              <time dateTime={new Date(a.time).toISOString()} title={fullTime(a.time)}>
                {ago(a.time, now)}
              </time>
            </li>
          ))}
        </ol>
      ) : (
        <p className="h-dash-nothing">{t("dashboard.noAlerts")}</p>
      )}
    </section>
  );
}

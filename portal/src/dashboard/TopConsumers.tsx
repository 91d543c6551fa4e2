// SPDX-License-Identifier: Apache-2.0
// Who draws most on what there is.
import { ToggleGroup, ToggleGroupItem } from "@patternfly/react-core";
import { useState } from "react";
import { percent } from "../lib/format";
import { t } from "../text";
import { Meter, Spark } from "../ui/Chart";
import { linkTo } from "../ui/router";
import type { Consumer, Dashboard } from "./data";

type By = "cpu" | "memory" | "storage";

function trendInWords(c: Consumer): string {
  const known = c.trend.filter((v): v is number => v !== null);
  return t("dashboard.trendSays", { label: t("dashboard.trend"), first: percent(known[0] ?? 0), last: percent(known[known.length - 1] ?? 0) });
}

function Row({ c, path }: { c: Consumer; path: string }) {
  return (
    <tr>
      <th scope="row">
        <a href={linkTo(`${path}/${c.id}${path === "storagedomains" ? "" : "/utilization"}`)} title={c.name}>
          {c.name}
        </a>
      </th>
      <td className="h-top-bar">
        <Meter value={c.percent} label={percent(c.percent)} />
      </td>
      <td className="h-top-number">{percent(c.percent)}</td>
      <td className="h-top-trend">{c.trend.length > 1 && <Spark values={c.trend} height={20} label={trendInWords(c)} />}</td>
    </tr>
  );
}

function Top({ title, rows, path }: { title: string; rows: Consumer[]; path: string }) {
  return (
    <div className="h-top">
      <h3>{title}</h3>
      {rows.length ? (
        <table aria-label={`${t("dashboard.top")}: ${title}`}>
          <colgroup>
            <col />
            <col className="h-top-bars" />
            <col className="h-top-numbers" />
            <col className="h-top-trends" />
          </colgroup>
          <thead className="pf-v6-screen-reader">
            <tr>
              <th scope="col">{t("dashboard.name")}</th>
              <th scope="col" colSpan={2}>
                {t("dashboard.usage")}
              </th>
              <th scope="col">{t("dashboard.trend")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((c) => (
              <Row key={c.id} c={c} path={path} />
            ))}
          </tbody>
        </table>
      ) : (
        <p className="h-dash-nothing">{t("dashboard.nobody")}</p>
      )}
    </div>
  );
}

export function TopConsumers({ top }: { top: Dashboard["top"] }) {
  const [by, setBy] = useState<By>("cpu");
  return (
    <section className="h-dash-card" aria-label={t("dashboard.top")}>
      <div className="h-dash-title">
        <h2>{t("dashboard.top")}</h2>
        <ToggleGroup isCompact aria-label={t("dashboard.topBy")}>
          {(["cpu", "memory", "storage"] as const).map((x) => (
            <ToggleGroupItem key={x} text={t(`dashboard.${x}`)} buttonId={`top-${x}`} isSelected={by === x} onChange={() => setBy(x)} />
          ))}
        </ToggleGroup>
      </div>
      <div className="h-dash-tops">
        {by === "storage" ? (
          <Top title={t("dashboard.topDomains")} rows={top.storage.domains} path="storagedomains" />
        ) : (
          <>
            <Top title={t("dashboard.topHosts")} rows={top[by].hosts} path="hosts" />
            <Top title={t("dashboard.topVms")} rows={top[by].vms} path="vms" />
          </>
        )}
      </div>
    </section>
  );
}

// SPDX-License-Identifier: Apache-2.0
// How full everything is: of all together, by cluster, by storage domain.
import { bytes, number, percent } from "../lib/format";
import { t } from "../text";
import { Donut, HeatMap, Meter, Scale, Spark } from "../ui/Chart";
import { linkTo } from "../ui/router";
import type { Dashboard, Line, Share } from "./data";

type What = "cpu" | "memory" | "storage";

const isDay = (line: Line) => line.step > 60_000;

function inWords(line: Line): string {
  const known = line.values.filter((v): v is number => v !== null);
  return t("dashboard.lineSays", {
    label: isDay(line) ? t("dashboard.lastDay") : t("dashboard.lastHour"),
    now: percent(known[known.length - 1] ?? 0),
    least: percent(Math.min(...known)),
    most: percent(Math.max(...known)),
  });
}

function Trace({ line }: { line: Line }) {
  if (line.values.length < 2) return <p className="h-dash-hint">{t("dashboard.noLine")}</p>;
  return (
    <div className="h-dash-trace">
      <Spark values={line.values} label={inWords(line)} height={44} />
      <span className="h-dash-hint">{isDay(line) ? t("dashboard.lastDay") : t("dashboard.lastHour")}</span>
    </div>
  );
}

function Virtual({ label, hint, value }: { label: string; hint: string; value: number }) {
  return (
    <div className="h-dash-virtual" title={hint}>
      <span>{label}</span>
      <Meter isPlain value={value} label={`${label}: ${percent(value)}. ${hint}`} />
      <b>{percent(value)}</b>
    </div>
  );
}

function ShareCard({ what, share }: { what: What; share: Share }) {
  const show = what === "cpu" ? (n: number) => number(n) : bytes;
  const isStorage = what === "storage";
  if (!share.total)
    return (
      <section className="h-dash-card" aria-label={t(`dashboard.${what}`)}>
        <h2>{t(`dashboard.${what}`)}</h2>
        <p className="h-dash-nothing">{t(isStorage ? "dashboard.noDomains" : "dashboard.noHosts")}</p>
      </section>
    );
  const used = t(what === "cpu" ? "dashboard.ofProcessors" : "dashboard.ofTotal", { used: show(share.used), total: show(share.total) });
  return (
    <section className="h-dash-card" aria-label={t(`dashboard.${what}`)}>
      <h2>{t(`dashboard.${what}`)}</h2>
      <div className="h-dash-share">
        <Donut value={share.used} total={share.total} label={`${t(`dashboard.${what}`)}: ${used}`} caption={t("dashboard.used")} />
        <div className="h-dash-facts">
          <p className="h-dash-free">{t("dashboard.free", { free: what === "cpu" ? t("dashboard.processors", { n: Math.round(share.total - share.used) }) : show(share.total - share.used) })}</p>
          <p className="h-dash-hint">{used}</p>
        </div>
      </div>
      <div className="h-dash-virtuals">
        {share.committed !== null && (
          <Virtual label={t(isStorage ? "dashboard.committedStorage" : "dashboard.committed")} hint={t(isStorage ? "dashboard.committedStorageHint" : "dashboard.committedHint")} value={share.committed} />
        )}
        {share.allocated !== null && (
          <Virtual label={t(isStorage ? "dashboard.allocatedStorage" : "dashboard.allocated")} hint={t(isStorage ? "dashboard.allocatedStorageHint" : "dashboard.allocatedHint")} value={share.allocated} />
        )}
      </div>
      {share.line && <Trace line={share.line} />}
    </section>
  );
}

export function Utilization({ d }: { d: Dashboard }) {
  return (
    <div className="h-dash-thirds">
      {(["cpu", "memory", "storage"] as const).map((what) => (
        <ShareCard key={what} what={what} share={d.utilization[what]} />
      ))}
    </div>
  );
}

export function ClusterHeat({ d }: { d: Dashboard }) {
  const tiles = (of: "cpu" | "memory") => d.clusters.map((c) => ({ id: c.id, name: c.name, percent: c[of], href: linkTo(`clusters/${c.id}`) }));
  return (
    <section className="h-dash-card" aria-label={t("dashboard.clusterUtilization")}>
      <div className="h-dash-title">
        <h2>{t("dashboard.clusterUtilization")}</h2>
        <Scale />
      </div>
      {(["cpu", "memory"] as const).map((of) => (
        <div key={of} className="h-dash-part">
          <h3>{t(`dashboard.${of}`)}</h3>
          {d.clusters.length ? <HeatMap tiles={tiles(of)} label={`${t("dashboard.clusterUtilization")}, ${t(`dashboard.${of}`)}`} /> : <p className="h-dash-nothing">{t("dashboard.nobody")}</p>}
        </div>
      ))}
    </section>
  );
}

export function StorageHeat({ d }: { d: Dashboard }) {
  const tiles = d.domains.map((s) => ({ id: s.id, name: s.name, percent: s.percent, href: linkTo(`storagedomains/${s.id}`) }));
  return (
    <section className="h-dash-card" aria-label={t("dashboard.storageUtilization")}>
      <div className="h-dash-title">
        <h2>{t("dashboard.storageUtilization")}</h2>
        {tiles.length > 0 && <Scale />}
      </div>
      {tiles.length ? <HeatMap tiles={tiles} label={t("dashboard.storageUtilization")} /> : <p className="h-dash-nothing">{t("dashboard.noDomains")}</p>}
    </section>
  );
}

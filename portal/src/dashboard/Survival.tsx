// SPDX-License-Identifier: Apache-2.0
// How many hosts may fail: a number, and a picture of the hosts filled by what runs on them.
import { Button, Popover } from "@patternfly/react-core";
import HelpIcon from "@patternfly/react-icons/dist/esm/icons/outlined-question-circle-icon";
import { useState } from "react";
import { bytes, percent, words } from "../lib/format";
import { locale, t } from "../text";
import { linkTo } from "../ui/router";
import type { Answer, ClusterSurvival, HostBlock } from "./data";

const SHOWN_NAMES = 4;
const SHOWN_CLUSTERS = 4;
const FEW = 12;
const MANY = 60;
/** Nobody knows what runs on such a host. */
const UNHEARD = ["non_responsive", "connecting", "down", "reboot", "unassigned"];

const names = (list: { name: string }[], all: number) => {
  const shown = list.slice(0, SHOWN_NAMES).map((x) => x.name);
  if (all <= SHOWN_NAMES) return new Intl.ListFormat(locale(), { type: "conjunction" }).format(shown);
  return t("dashboard.andMore", { names: shown.join(", "), n: all - shown.length });
};

const count = (a: Answer) => (a.exact ? String(a.survives) : t("dashboard.atLeast", { n: a.survives }));

/** What is asked of all clusters: the least of those where something can be lost. */
function worst(clusters: ClusterSurvival[], of: "ha" | "all"): ClusterSurvival | undefined {
  const at = clusters.filter((c) => c[of].vms > 0);
  return at.reduce<ClusterSurvival | undefined>((least, c) => (!least || c[of].survives < least[of].survives ? c : least), undefined);
}

function Verdict({ clusters }: { clusters: ClusterSurvival[] }) {
  const of = worst(clusters, "ha") ? "ha" : "all";
  const least = worst(clusters, of);
  if (!least) {
    const isBlind = clusters.some((c) => c.hosts.some((h) => !h.up && UNHEARD.includes(h.status)));
    return <p className="h-survival-verdict"><span className="h-survival-words">{t(isBlind ? "dashboard.surviveBlind" : "dashboard.surviveNothing")}</span></p>;
  }
  const answer = least[of];
  return (
    <div className="h-survival-verdict">
      <span className={`h-survival-number ${answer.survives ? "" : "h-survival-zero"}`}>{answer.survives}</span>
      <span className="h-survival-words">
        <b>{answer.survives ? t("dashboard.survive", { n: answer.survives }) : t("dashboard.surviveNone")}</b>
        {answer.survives > 0 && ` ${t("dashboard.inEach")}, ${t(of === "ha" ? "dashboard.surviveHa" : "dashboard.surviveAll")}.`}
        {clusters.length > 1 && <span className="h-survival-warning">{t("dashboard.in", { cluster: least.name })}</span>}
        {of === "all" && <span className="h-survival-warning">{t("dashboard.noneHa")}</span>}
      </span>
    </div>
  );
}

function Failure({ answer }: { answer: Answer }) {
  const f = answer.failure;
  if (!f || f.limit === "hosts") return null; // that nothing runs without hosts is no news
  const text = t(f.n_hosts === 1 ? "dashboard.failureOne" : "dashboard.failure", {
    hosts: names(f.hosts, f.n_hosts),
    homeless: f.n_homeless,
    moved: t("dashboard.vms", { n: f.to_move }),
    limit: t(`dashboard.limit.${f.limit}`),
  });
  return (
    <p className="h-survival-failure">
      {text} <span className="h-dash-hint">{t("dashboard.homeless", { names: names(f.homeless, f.n_homeless) })}</span>
    </p>
  );
}

function Block({ host, size, isLost }: { host: HostBlock; size: string; isLost: boolean }) {
  const capacity = host.capacity || host.promised || 1;
  const share = (n: number) => `${Math.min((100 * n) / capacity, 100)}%`;
  const full = (100 * host.promised) / capacity;
  const said = host.up
    ? t("dashboard.block", { name: host.name, vms: t("dashboard.vms", { n: host.vms }), used: bytes(host.promised), total: host.capacity === null ? "?" : bytes(capacity), percent: percent(full), ha: bytes(host.promised_ha) })
    : t("dashboard.blockDown", { name: host.name, status: words(host.status) });
  const label = isLost ? t("dashboard.blockLost", { block: said }) : said;
  return (
    <li className={`h-block-item h-block-${size}`}>
      <a href={linkTo(`hosts/${host.id}`)} className={`h-block ${host.up ? "" : "h-block-down"} ${isLost ? "h-block-lost" : ""}`} title={label}>
        <i className="h-block-other" style={{ height: share(host.up ? host.promised : 0) }} />
        <i className="h-block-ha" style={{ height: share(host.up ? host.promised_ha : 0) }} />
        {size === "large" && <b aria-hidden="true">{host.up ? percent(full) : "–"}</b>}
        <span className="pf-v6-screen-reader">{label}</span>
      </a>
      {size === "large" && <span aria-hidden="true">{host.name}</span>}
    </li>
  );
}

function ClusterRow({ cluster }: { cluster: ClusterSurvival }) {
  const answer = cluster.ha.vms > 0 ? cluster.ha : cluster.all;
  const size = cluster.n_hosts <= FEW ? "large" : cluster.n_hosts <= MANY ? "medium" : "small";
  const lost = new Set(answer.failure?.limit === "hosts" ? [] : answer.failure?.hosts.map((h) => h.id));
  const rank = (h: HostBlock) => (h.up ? h.promised / (h.capacity || 1) : -1);
  const hosts = size === "large" ? cluster.hosts : [...cluster.hosts].sort((a, b) => rank(b) - rank(a));
  const hidden = cluster.n_hosts - cluster.hosts.length;
  return (
    <div className="h-survival-cluster">
      <h3>
        <a href={linkTo(`clusters/${cluster.id}`)}>{cluster.name}</a>
        <span className="h-dash-hint">{t("dashboard.hostsUp", { up: cluster.hosts_up, all: cluster.n_hosts })}</span>
        <span className="h-survival-counts">
          {(["ha", "all"] as const).map((of) => (
            <span key={of} className={cluster[of].vms ? "" : "h-survival-none"}>
              {t(`dashboard.${of}`)} <b>{cluster[of].vms ? count(cluster[of]) : "–"}</b> <small>{t("dashboard.vms", { n: cluster[of].vms })}</small>
            </span>
          ))}
        </span>
      </h3>
      {hosts.length > 0 && (
        <ul className="h-blocks" aria-label={cluster.name}>
          {hosts.map((h) => (
            <Block key={h.id} host={h} size={size} isLost={lost.has(h.id)} />
          ))}
        </ul>
      )}
      {hidden > 0 && <p className="h-dash-hint">{t("dashboard.moreHosts", { n: hidden })}</p>}
      <Failure answer={answer} />
    </div>
  );
}

/** Those with the least in reserve first; where nothing can be lost, last. */
function byReserve(a: ClusterSurvival, b: ClusterSurvival): number {
  const of = (c: ClusterSurvival) => (c.ha.vms ? c.ha.survives : c.all.vms ? c.all.survives : Infinity);
  return of(a) === of(b) ? a.name.localeCompare(b.name) : of(a) - of(b);
}

export function Survival({ clusters }: { clusters: ClusterSurvival[] }) {
  const [isWhole, setWhole] = useState(false);
  const shown = clusters.filter((c) => c.n_hosts > 0).sort(byReserve);
  const hasLost = shown.some((c) => ((c.ha.vms > 0 ? c.ha : c.all).failure?.limit ?? "hosts") !== "hosts");
  return (
    <section className="h-dash-card" aria-label={t("dashboard.survival")}>
      <div className="h-dash-title">
        <h2>{t("dashboard.survival")}</h2>
        <Popover bodyContent={t("dashboard.survivalHelp")} aria-label={t("dashboard.survival")}>
          <button type="button" className="h-dash-help" aria-label={t("dashboard.survival")}>
            <HelpIcon />
          </button>
        </Popover>
      </div>
      {shown.length === 0 ? (
        <p className="h-dash-nothing">{t("dashboard.noHosts")}</p>
      ) : (
        <>
          <Verdict clusters={shown} />
          {shown.slice(0, isWhole ? undefined : SHOWN_CLUSTERS).map((c) => (
            <ClusterRow key={c.id} cluster={c} />
          ))}
          {shown.length > SHOWN_CLUSTERS && (
            <Button variant="link" isInline className="h-survival-more" onClick={() => setWhole(!isWhole)} aria-expanded={isWhole}>
              {isWhole ? t("dashboard.fewerClusters") : t("dashboard.allClusters", { n: shown.length })}
            </Button>
          )}
          <ul className="h-scale h-survival-legend">
            {(["ha", "other", "free"] as const).map((x) => (
              <li key={x}>
                <i className={`h-block-${x}`} aria-hidden="true" />
                {t(x === "ha" ? "dashboard.legendHa" : x === "other" ? "dashboard.legendOther" : "dashboard.legendFree")}
              </li>
            ))}
            {hasLost && (
              <li>
                <i className="h-block-lost-key" aria-hidden="true" />
                {t("dashboard.legendLost")}
              </li>
            )}
          </ul>
        </>
      )}
    </section>
  );
}

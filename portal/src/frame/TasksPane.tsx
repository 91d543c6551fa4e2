// SPDX-License-Identifier: Apache-2.0
// Jobs with their steps, as they go.
import { Button, EmptyState, EmptyStateBody, Icon, NotificationDrawer, NotificationDrawerBody, NotificationDrawerHeader, Progress, Spinner } from "@patternfly/react-core";
import CheckCircleIcon from "@patternfly/react-icons/dist/esm/icons/check-circle-icon";
import ExclamationCircleIcon from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import MinusCircleIcon from "@patternfly/react-icons/dist/esm/icons/minus-circle-icon";
import AngleDownIcon from "@patternfly/react-icons/dist/esm/icons/angle-down-icon";
import { useState } from "react";
import { ago, elapsed, fullTime, useNow } from "../lib/clock";
import { copy } from "../lib/copy";
import { type Job, type JobStatus, type JobStep, linkToObject, useJobs } from "../lib/jobs";
import { clearedUpTo } from "../lib/settings";
import { useStore } from "../lib/store";
import { t } from "../text";
import { linkTo } from "../ui/router";

function StatusIcon({ status }: { status: JobStatus }) {
  const text = t(`frame.job.${status}`);
  if (status === "started") return <Spinner size="md" aria-label={text} />;
  const [kind, Drawn] = status === "finished" ? (["success", CheckCircleIcon] as const) : status === "failed" ? (["danger", ExclamationCircleIcon] as const) : (["warning", MinusCircleIcon] as const);
  return (
    <Icon status={kind}>
      <Drawn role="img" aria-label={text} />
    </Icon>
  );
}

/** How much of it is done: steps that ended, and of those that run as much as they say. */
function percentOf(steps: JobStep[]): number | undefined {
  if (!steps.length) return undefined;
  const parts = steps.map((s) => (s.status === "started" ? (s.progress ?? 0) / 100 : s.status === "unknown" ? 0 : 1));
  return Math.round((100 * parts.reduce((sum, part) => sum + part, 0)) / parts.length);
}

function Steps({ steps, parent }: { steps: JobStep[]; parent?: string }) {
  const own = steps.filter((s) => (s.parent ?? undefined) === parent || (!parent && !steps.some((other) => other.id === s.parent)));
  if (!own.length) return null;
  return (
    <ul className="h-steps">
      {own.map((s) => (
        <li key={s.id}>
          <StatusIcon status={s.status} />
          <span>
            {s.description}
            {s.status === "started" && s.progress !== undefined && ` (${s.progress} %)`}
          </span>
          <Steps steps={steps} parent={s.id} />
        </li>
      ))}
    </ul>
  );
}

function JobItem({ job, now }: { job: Job; now: number }) {
  const [isOpen, setOpen] = useState(job.status === "started");
  const percent = percentOf(job.steps);
  const isRunning = job.status === "started";
  const id = `job-${job.id}`;
  return (
    <li className={`h-job h-job-${job.status}`}>
      <div className="h-job-head">
        <StatusIcon status={job.status} />
        <div className="h-job-text">
          <span className="h-job-title">{job.description}</span>
          <small title={fullTime(job.start_time)}>
            {ago(job.start_time, now)} · {elapsed((job.end_time ?? now) - job.start_time)}
            {job.owner?.name && ` · ${job.owner.name.replace(/-authz$/, "")}`}
          </small>
        </div>
        <Button variant="plain" size="sm" aria-expanded={isOpen} aria-controls={id} aria-label={t("frame.jobDetails", { what: job.description })} onClick={() => setOpen(!isOpen)}
          icon={<AngleDownIcon className={`h-job-turn${isOpen ? " h-job-open" : ""}`} />} />
      </div>
      {isRunning && percent !== undefined && <Progress value={percent} size="sm" aria-label={t("frame.jobProgress", { what: job.description })} measureLocation="outside" />}
      {isOpen && (
        <div id={id} className="h-job-body">
          {job.error && <p className="h-job-error">{job.error}</p>}
          <Steps steps={job.steps} />
          {job.objects.map((o) => {
            const to = linkToObject(o.type, o.id);
            return (
              to && (
                <a key={o.id} href={to}>
                  {o.name ?? t("frame.object")}
                </a>
              )
            );
          })}
          {job.correlation_id && (
            <div className="h-job-id">
              <span>{t("frame.correlation")}</span>
              <code>{job.correlation_id}</code>
              <Button variant="link" isInline onClick={() => void copy(job.correlation_id!)}>
                {t("frame.copy")}
              </Button>
              <a href={linkTo("events", { search: `correlation_id = ${job.correlation_id}` })}>{t("frame.events")}</a>
            </div>
          )}
        </div>
      )}
    </li>
  );
}

export function TasksPane({ onClose }: { onClose: () => void }) {
  const { jobs, error, isLoading } = useJobs();
  const cleared = Number(useStore(clearedUpTo));
  const now = useNow(1000);
  const shown = jobs.filter((j) => j.status === "started" || (j.end_time ?? j.start_time) > cleared);
  const running = shown.filter((j) => j.status === "started").length;
  return (
    <NotificationDrawer role="region" className="h-drawer" aria-label={t("frame.tasks")}>
      <NotificationDrawerHeader title={t("frame.tasks")} customText={t("frame.running", { n: running })} onClose={onClose} closeButtonAriaLabel={t("frame.closePane")} />
      <div className="h-pane-tools">
        <Button variant="link" isDisabled={shown.length === running} onClick={() => clearedUpTo.set(String(Date.now()))}>
          {t("frame.clearFinished")}
        </Button>
        <a href={linkTo("jobs")}>{t("frame.allTasks")}</a>
      </div>
      <NotificationDrawerBody>
        {isLoading && <Spinner aria-label={t("frame.loading")} />}
        {error && <p className="h-job-error">{error.message}</p>}
        {!isLoading && !error && !shown.length && (
          <EmptyState titleText={t("frame.noTasks")} headingLevel="h2" variant="sm">
            <EmptyStateBody>{t("frame.noTasksBody")}</EmptyStateBody>
          </EmptyState>
        )}
        <ul className="h-jobs">
          {shown.map((job) => (
            <JobItem key={job.id} job={job} now={now} />
          ))}
        </ul>
      </NotificationDrawerBody>
    </NotificationDrawer>
  );
}

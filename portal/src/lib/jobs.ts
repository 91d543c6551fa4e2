// SPDX-License-Identifier: Apache-2.0
// Jobs as people follow them: with steps, objects and what went wrong.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { isToldForAll, notify } from "../frame/notify";
import { t } from "../text";
import { linkTo } from "../ui/router";
import { beside } from "./api";
import { pageOfType } from "./entities";
import { useMe } from "./me";
import { interval } from "./settings";
import { useStore } from "./store";

export type JobStatus = "started" | "finished" | "failed" | "aborted" | "unknown";

export interface JobStep {
  id: string;
  parent?: string;
  description: string;
  status: JobStatus;
  start_time?: number;
  end_time?: number;
  /** percent */
  progress?: number;
}

export interface Job {
  id: string;
  description: string;
  status: JobStatus;
  start_time: number;
  end_time?: number;
  owner?: { id: string; name?: string };
  correlation_id?: string;
  /** why it failed */
  error?: string;
  objects: { type: string; id: string; name?: string }[];
  steps: JobStep[];
}

const KEY = ["jobs"];
const MOST = 100;
const FALLBACK_MS = 30_000;

/** The last jobs, the newest first. */
export function useJobs(): { jobs: Job[]; error: Error | null; isLoading: boolean } {
  const isQuick = useStore(interval) === "5";
  const { data, error, isLoading } = useQuery({
    queryKey: KEY,
    queryFn: () => beside<Job[]>("jobs", { max: String(MOST) }),
    refetchInterval: ({ state }) => (state.data?.some((j) => j.status === "started") ? (isQuick ? 2000 : 5000) : FALLBACK_MS),
  });
  return { jobs: data ?? [], error, isLoading };
}

/** Where an object of a job or event is looked at; undefined: it has no page. */
export function linkToObject(type: string, id: string): string | undefined {
  const page = pageOfType(type);
  return page && linkTo(`${page.path}/${id}`);
}

function tell(job: Job) {
  const object = job.objects[0];
  const to = object && linkToObject(object.type, object.id);
  const link = to && job.status !== "aborted" ? { to, text: t("frame.showObject", { name: object.name ?? t("frame.object") }) } : undefined;
  const about = job.correlation_id;
  if (job.status !== "finished") notify({ variant: "danger", title: t("frame.jobFailed", { what: job.description }), body: job.error, link });
  else if (!isToldForAll(about)) notify({ variant: "success", title: t("frame.jobDone", { what: job.description }), link, about });
}

/** A job that took this short was answered at once where it was started. */
const SHORT_MS = 1000;

/** Keeps the jobs up to date and tells when one that this user has started ends. */
export function useJobWatch(): Job[] {
  const { jobs } = useJobs();
  const mine = useMe()?.id;
  const before = useRef<Map<string, Job["status"]>>(undefined);
  useEffect(() => {
    if (!jobs.length && !before.current) return;
    const known = before.current;
    before.current = new Map(jobs.map((j) => [j.id, j.status]));
    if (!known || !mine) return;
    const ended = jobs.filter((j) => j.owner?.id === mine && j.status !== "started" && j.status !== "unknown" && known.get(j.id) !== j.status);
    const isNews = (j: Job) => known.get(j.id) === "started" || j.status !== "finished" || (j.end_time ?? 0) - j.start_time > SHORT_MS;
    for (const job of ended.filter(isNews).slice(0, 5)) tell(job);
  }, [jobs, mine]);
  return jobs;
}

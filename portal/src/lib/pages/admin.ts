// SPDX-License-Identifier: Apache-2.0
import { t } from "../../text";
import type { Entity } from "../api";
import { duration } from "../format";
import { col, descriptionColumn, hidden, idColumn, link, nameColumn, statusColumn } from "./columns";
import type { EntityPage } from "./types";

const part = (word: string) => ({ word });

/** What else an event may be about, and the field to sort by. */
const ABOUT: [member: string, sort?: string][] = [["user", "usrname"], ["host", "event_host"], ["vm", "event_vm"], ["template", "event_template"],
  ["data_center", "event_datacenter"], ["storage_domain", "event_storage"], ["cluster"]];

/** In percent: what its steps say, or what of them is done. */
function progressOf(e: Entity): number | undefined {
  if (e.status !== "started") return e.status === "finished" ? 100 : undefined;
  const steps = (e.steps as Entity[] | undefined) ?? [];
  if (!steps.length) return undefined;
  const done = steps.map((s) => (s.status === "finished" ? 100 : typeof s.progress === "number" ? s.progress : 0));
  return done.reduce((a, b) => a + b, 0) / done.length;
}

function tookOf(e: Entity): string | undefined {
  const [from, to] = [e.start_time, e.end_time ?? new Date()];
  return from instanceof Date && to instanceof Date ? duration((to.getTime() - from.getTime()) / 1000) : undefined;
}

export const adminPages = (): EntityPage[] => [
  {
    path: "users", type: "user", one: t("lists.one.users"), many: t("lists.many.users"), group: "Administration", search: "Users", nameMember: "user_name",
    columns: [col("user_name", { sort: "usrname", width: 240 }), col("name", { text: "lists.col.first_name", sort: "name", width: 150 }), col("last_name", { sort: "lastname", width: 150 }),
      col("email", { width: 220 }), col("domain.name", { text: "lists.col.domain", width: 140, value: (e) => String(e.user_name ?? "").split("@").slice(-1)[0] }),
      col("namespace", { width: 120, isHidden: true }), col("department", { sort: "department", isHidden: true, width: 140 }), col("logged_in", { width: 110 }), idColumn()],
    fields: ["user_name", "password", "name", "last_name", "email", "department", "groups"],
    tabs: [part("permissions"), part("groups"), part("roles"), part("tags"), { word: "sshpublickeys" }, { word: "options" },
      { word: "events", label: t("lists.many.events"), page: "events", search: (e) => ["usrid", e.id] }, part("eventsubscriptions")],
  },
  {
    path: "groups", type: "group", one: t("lists.one.groups"), many: t("lists.many.groups"), group: "Administration", search: "Groups",
    columns: [{ ...nameColumn(), sort: "grpname" }, col("namespace", { width: 150 }), descriptionColumn(), idColumn()],
    fields: ["name"],
    tabs: [part("permissions"), part("roles"), part("tags")],
  },
  {
    path: "roles", type: "role", one: t("lists.one.roles"), many: t("lists.many.roles"), group: "Administration", search: "",
    columns: [{ ...nameColumn(), sort: "name" }, col("flags", { text: "lists.col.flags", as: "flags", width: 90 }), { ...descriptionColumn(), width: 500 }, idColumn()],
    fields: ["name", "description", "administrative", "permits"],
    tabs: [part("permits")],
  },
  {
    path: "tags", type: "tag", one: t("lists.one.tags"), many: t("lists.many.tags"), group: "Administration", search: "", follow: "parent", followOne: "parent",
    columns: [{ ...nameColumn(), sort: "name" }, link("parent", undefined, { label: t("lists.col.below") }), descriptionColumn(), idColumn()],
    fields: ["name", "description", "parent"],
    tabs: [{ word: "vms", label: t("lists.many.vms"), page: "vms", search: (e) => ["tag", e.name] }, { word: "hosts", label: t("lists.many.hosts"), page: "hosts", search: (e) => ["tag", e.name] },
      { word: "templates", label: t("lists.many.templates"), page: "templates", search: (e) => ["tag", e.name] }, { word: "users", label: t("lists.many.users"), page: "users", search: (e) => ["tag", e.name] }],
  },
  {
    path: "bookmarks", type: "bookmark", one: t("lists.one.bookmarks"), many: t("lists.many.bookmarks"), group: "Administration", search: "",
    columns: [{ ...nameColumn(), sort: "name" }, col("value", { text: "lists.search", sort: "value", as: "code", width: 520 }), idColumn()],
    fields: ["name", "value"],
  },
  {
    path: "macpools", type: "mac_pool", one: t("lists.one.macpools"), many: t("lists.many.macpools"), group: "Administration", search: "",
    columns: [{ ...nameColumn(), sort: "name" }, col("flags", { text: "lists.col.flags", as: "flags", width: 90 }),
      col("ranges", { width: 360, value: (e) => ((e.ranges as { from?: string; to?: string }[] | undefined) ?? []).map((r) => `${r.from} – ${r.to}`) }), col("allow_duplicates", { width: 150 }),
      descriptionColumn(), idColumn()],
    fields: ["name", "description", "allow_duplicates", "ranges"],
  },
  {
    path: "instancetypes", type: "instance_type", one: t("lists.one.instancetypes"), many: t("lists.many.instancetypes"), group: "Administration", search: "Instancetypes",
    columns: [nameColumn(), col("memory", { sort: "mem", as: "bytes" }), col("cpu.topology.sockets", { as: "count" }), col("cpu.topology.cores", { as: "count" }), descriptionColumn(), idColumn()],
    fields: ["name", "description", "memory", "cpu.topology.sockets", "cpu.topology.cores", "cpu.topology.threads"],
  },
  {
    path: "events", type: "event", one: t("lists.one.events"), many: t("lists.many.events"), group: "Administration", search: "Events", nameMember: "description",
    columns: [col("severity", { sort: "severity", as: "status", width: 130 }), col("time", { sort: "time", as: "ago", width: 200 }), col("description", { text: "lists.col.message", sort: "message", width: 640 }),
      col("correlation_id", { sort: "correlation_id", as: "code", width: 310 }),
      ...ABOUT.map(([member, sort]) => hidden(link(member, sort))),
      col("code", { text: "lists.col.event_id", as: "count", width: 90, isHidden: true }), col("origin", { sort: "origin", width: 110, isHidden: true }),
      col("custom_id", { as: "count", width: 100, isHidden: true })],
    fields: [],
  },
  {
    path: "jobs", type: "job", one: t("lists.one.jobs"), many: t("lists.many.jobs"), group: "Administration", search: "Jobs", nameMember: "description", follow: "owner", liveFollow: "steps",
    isNewestLast: true,
    columns: [{ ...statusColumn(), sort: undefined }, col("description", { text: "lists.col.job", width: 420 }), col("progress", { text: "lists.col.progress", as: "progress", width: 160, value: progressOf }),
      col("start_time", { text: "lists.col.started", as: "ago", width: 200 }), col("duration", { text: "lists.col.duration", width: 110, value: tookOf, as: "text" }),
      link("owner", undefined, { type: "user", width: 180 }), idColumn()],
    fields: [],
    tabs: [part("steps")],
  },
];

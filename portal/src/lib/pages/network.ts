// SPDX-License-Identifier: Apache-2.0
import { t } from "../../text";
import type { Entity } from "../api";
import { col, commentColumn, descriptionColumn, hidden, idColumn, link, nameColumn, plain, statusColumn } from "./columns";
import type { EntityPage } from "./types";

const idOf = (v: unknown) => (v as Entity | undefined)?.id;

export const networkPages = (): EntityPage[] => [
  {
    path: "networks", type: "network", one: t("lists.one.networks"), many: t("lists.many.networks"), group: "Network", search: "Networks", lookups: ["datacenters"],
    followOne: "data_center,qos",
    columns: [plain(hidden(statusColumn())), nameColumn(), col("flags", { text: "lists.col.roles", as: "flags", width: 90 }), hidden(commentColumn()), link("data_center", "datacenter"),
      col("vlan.id", { text: "lists.col.vlan", sort: "vlanid", as: "count", width: 80 }), col("mtu", { sort: "mtu", width: 90, as: "count", value: (e) => e.mtu || t("lists.network.mtu") }),
      col("port_isolation", { width: 120, isHidden: true }), col("usages", { width: 150, isHidden: true, as: "links" }), descriptionColumn(), idColumn()],
    fields: ["name", "description", "data_center", "vlan.id", "mtu", "usages", "port_isolation", "comment"],
    tabs: [{ word: "vnicprofiles" },
      { word: "clusters", label: t("lists.many.clusters"), page: "clusters", search: (e) => ["cluster_network.network_name", e.name], belongs: (row, e) => idOf(row.data_center) === idOf(e.data_center) },
      { word: "hosts", label: t("lists.many.hosts"), page: "hosts", search: (e) => ["nic.network_name", e.name] },
      { word: "vms", label: t("lists.many.vms"), page: "vms", search: (e) => ["vnic.network_name", e.name] },
      { word: "templates", label: t("lists.many.templates"), page: "templates", search: (e) => ["vnic.network_name", e.name] },
      { word: "networklabels" }, { word: "permissions" }],
  },
  {
    path: "vnicprofiles", type: "vnic_profile", one: t("lists.one.vnicprofiles"), many: t("lists.many.vnicprofiles"), group: "Network", search: "", follow: "network",
    lookups: ["datacenters"], followOne: "network,network_filter,qos,failover",
    columns: [nameColumn(), link("network", "name"), link("network.data_center", undefined, { type: "data_center" }), col("network_filter", { width: 180, isHidden: true }),
      col("port_mirroring", { width: 130 }), col("pass_through.mode", { text: "lists.col.passthrough", as: "words", width: 120 }), col("migratable", { width: 100, isHidden: true }),
      descriptionColumn(), idColumn()],
    fields: ["name", "description", "network", "port_mirroring"],
    tabs: [{ word: "permissions" }],
  },
];

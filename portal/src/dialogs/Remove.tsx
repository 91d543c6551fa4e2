// SPDX-License-Identifier: Apache-2.0
// Removing: what goes along with it, what stays if one wants, and what refuses it.
import { titleOf } from "./paths";
import { type CallOptions, type Entity, remove } from "../lib/api";
import { t, type TextKey } from "../text";
import type { Field, Values } from "./form/model";
import type { DialogProps } from "./index";
import RunDialog from "./RunDialog";
import { hosts, chosen } from "./sources";

const radio = (path: string, keys: [string, string][], fallback: string): Field => ({
  path, isLocal: true, as: "radio", label: t("dialogs.remove.disks"), default: fallback,
  options: keys.map(([value, key]) => ({ value, label: t(`dialogs.remove.${key}` as TextKey), hint: t(`dialogs.remove.${key}.hint` as TextKey) })),
});

const FORCE: Field = { path: "#force", isLocal: true, as: "check", label: t("dialogs.remove.force"), hint: t("dialogs.remove.force.hint") };

/** What can be chosen when one of the type is removed. */
const CHOICES: Record<string, Field[]> = {
  vm: [radio("#disks", [["delete", "vm.delete"], ["keep", "vm.keep"]], "delete")],
  disk_attachment: [radio("#disks", [["keep", "attachment.keep"], ["delete", "attachment.delete"]], "keep")],
  data_center: [FORCE],
  host: [FORCE],
  storage_domain: [
    { path: "#format", isLocal: true, as: "check", label: t("dialogs.remove.format"), hint: t("dialogs.remove.format.hint") },
    { path: "#host", isLocal: true, as: "reference", label: t("dialogs.remove.host"), isRequired: true, pick: "only", from: () => ({ ...hosts(), keep: (e) => e.status === "up" }), when: (v) => v["#destroy"] !== true },
    { path: "#destroy", isLocal: true, as: "check", label: t("dialogs.remove.destroy"), hint: t("dialogs.remove.destroy.hint") },
  ],
};

/** The same as parameters of the URL. */
function queryOf(type: string, v: Values): Record<string, string> {
  switch (type) {
    case "vm":
      return v["#disks"] === "keep" ? { detach_only: "true" } : {};
    case "disk_attachment":
      return { detach_only: String(v["#disks"] === "keep") };
    case "storage_domain":
      return v["#destroy"] === true ? { destroy: "true" } : { ...(v["#format"] === true ? { format: "true" } : {}), ...(chosen(v, "#host") ? { host: chosen(v, "#host")! } : {}) };
    default:
      return v["#force"] === true ? { force: "true" } : {};
  }
}

/** What is worth knowing before. */
function warningOf(type: string, items: Entity[]): string | undefined {
  const users = items.flatMap((d) => ((d.vms as Entity[] | undefined) ?? []).map(titleOf));
  if (type === "disk" && users.length) return t("dialogs.remove.disk.used", { names: [...new Set(users)].slice(0, 10).join(", ") });
  const key = `dialogs.remove.warn.${type}` as TextKey;
  const text = t(key, { n: items.length });
  return text === key ? undefined : text;
}

export default function Remove({ page, path, items, onClose }: DialogProps) {
  const target = (e: Entity, v: Values) => {
    const query = queryOf(page.type, v);
    return `${path}/${e.id}${Object.keys(query).length ? `?${new URLSearchParams(query)}` : ""}`;
  };
  const what = items.length === 1 ? lower(page.one) : lower(page.many);
  return (
    <RunDialog title={t("dialogs.remove.title", { what })} items={items} text={t("dialogs.remove.text")} warning={warningOf(page.type, items)} isDanger submit={t("dialogs.remove")} fields={CHOICES[page.type]} type={page.type} onClose={onClose}
      done={t("dialogs.remove.done", { name: items.map(titleOf).slice(0, 3).join(", ") })}
      call={(e, _b, v, o: CallOptions) => remove(target(e, v), o)}
      equivalents={(e, _b, v) => ({ method: "DELETE", path: `${path}/${e.id}`, query: queryOf(page.type, v), names: { [e.id]: titleOf(e) } })} />
  );
}

const lower = (one: string) => (/^[A-Z][a-z]+(\s|$)/.test(one) ? one.charAt(0).toLowerCase() + one.slice(1) : one);

// SPDX-License-Identifier: Apache-2.0
// What the guest says of its file systems.
import { bytes, percent } from "../lib/format";
import { t } from "../text";
import { Meter } from "../ui/Chart";
import { useList } from "../ui/queries";

interface FileSystem {
  path: string;
  used: number;
  total: number;
}

/** The guest's own words, so none of them is believed. */
function read(text: string | undefined): FileSystem[] {
  try {
    const got: unknown = JSON.parse(text ?? "[]");
    const list = Array.isArray(got) ? (got as Record<string, unknown>[]) : [];
    return list.map((f) => ({ path: String(f?.path ?? ""), used: Number(f?.used), total: Number(f?.total) })).filter((f) => f.path && f.total > 0 && f.used >= 0);
  } catch {
    return [];
  }
}

export function FileSystems({ path }: { path: string }) {
  const { data } = useList("statistic", `${path}/statistics`);
  const values = data?.find((s) => s.name === "disks.usage")?.values as { detail?: string }[] | undefined;
  const list = read(values?.[0]?.detail);
  if (!list.length) return null;
  return (
    <section className="h-dash-card" aria-label={t("dashboard.fileSystems")}>
      <h2>{t("dashboard.fileSystems")}</h2>
      <ul className="h-file-systems">
        {list.map((f) => {
          const share = (100 * f.used) / f.total;
          return (
            <li key={f.path}>
              <span className="h-file-system-path">{f.path}</span>
              <Meter value={share} label={t("dashboard.fileSystem", { path: f.path, used: bytes(f.used), total: bytes(f.total) })} />
              <b>{percent(share)}</b>
              <span className="h-dash-hint">{t("dashboard.ofTotal", { used: bytes(f.used), total: bytes(f.total) })}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

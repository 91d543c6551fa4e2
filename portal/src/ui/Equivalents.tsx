// SPDX-License-Identifier: Apache-2.0
// The same as what the page does, as a call of the API and as a command: for those who want to automate it.
import { Button, ToggleGroup, ToggleGroupItem } from "@patternfly/react-core";
import CopyIcon from "@patternfly/react-icons/dist/esm/icons/copy-icon";
import { useMemo, useState } from "react";
import { commandOf } from "../equivalents/command";
import { curlOf, documentOf, type Format } from "../equivalents/curl";
import { masked, type Method, walk } from "../equivalents/walk";
import { BASE } from "../lib/api";
import { copy } from "../lib/copy";
import { t } from "../text";

export interface EquivalentsProps {
  method: Method;
  /** below the API's root, without query: "vms", "vms/ID", "vms/ID/start"; or of a page beside the API: "/ovirt-engine/hostler/dashboard" */
  path: string;
  /** document as it goes over the wire (wireFrom(...)), or the inputs of an action */
  body?: Record<string, unknown>;
  /** of lists */
  search?: string;
  /** further parameters of the URL */
  query?: Record<string, string>;
  /** names of the entities at the path's ids, so that the command can say names: {ID: "web1"} */
  names?: Record<string, string>;
}

const NO_NAMES = {};

function Text({ label, copyLabel, text, children }: { label: string; copyLabel: string; text: string; children?: React.ReactNode }) {
  return (
    <section aria-label={label}>
      <div className="h-equivalent-head">
        <h3>{label}</h3>
        <span>
          {children}
          <Button variant="plain" size="sm" icon={<CopyIcon />} aria-label={copyLabel} title={copyLabel} onClick={() => void copy(text)} />
        </span>
      </div>
      <pre tabIndex={0}>{text}</pre>
    </section>
  );
}

/** What would do the same from outside. Secrets are not shown. */
export function Equivalents({ method, path, body, search, query, names = NO_NAMES }: EquivalentsProps) {
  const [format, setFormat] = useState<Format>("json");
  const isBeside = path.startsWith("/");
  const { call, command } = useMemo(() => {
    const place = walk(method, path);
    const hasBody = method === "POST" || method === "PUT";
    const safe = hasBody ? masked(place.type, body ?? {}) : undefined;
    const params = new URLSearchParams({ ...(search ? { search } : {}), ...query });
    const api = `${path}${params.size ? `?${params}` : ""}`;
    const url = window.location.origin + (isBeside ? api : `${BASE}/${api}`);
    return {
      call: curlOf(method, url, safe && documentOf(place.type, safe, format), format),
      command: commandOf(place, { method, body: safe, search, query, names }) ?? `hostler api ${method} '${api}'${safe ? ` -d '${JSON.stringify(safe)}'` : ""}`,
    };
  }, [method, path, body, search, query, names, format, isBeside]);
  return (
    <div className="h-equivalents">
      <Text label={t("lists.equivalents.cli")} copyLabel={t("lists.equivalents.copy.cli")} text={command} />
      <Text label={t("lists.equivalents.api")} copyLabel={t("lists.equivalents.copy.api")} text={call}>
        {!isBeside && (
          <ToggleGroup aria-label={t("lists.equivalents.format")} isCompact className="h-formats">
            {(["json", "xml"] as const).map((f) => (
              <ToggleGroupItem key={f} text={t(`lists.equivalents.${f}`)} buttonId={`format-${f}`} isSelected={format === f} onChange={() => setFormat(f)} />
            ))}
          </ToggleGroup>
        )}
      </Text>
      <small className="h-count">{t("lists.equivalents.token")}</small>
    </div>
  );
}

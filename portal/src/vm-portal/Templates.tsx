// SPDX-License-Identifier: Apache-2.0
// Templates that VMs can be made from.
import { Button, PageSection } from "@patternfly/react-core";
import { remove } from "../lib/api";
import { date, nameOf, words } from "../lib/format";
import { t } from "../text";
import { useAllowed, useList } from "../ui/queries";
import { linkTo } from "../ui/router";
import { PartTable, sure } from "./PartTable";

export const BLANK = "00000000-0000-0000-0000-000000000000";

export default function Templates() {
  const { data, error } = useList("template", "templates", { search: "sortby name asc", max: 500 });
  const { data: may } = useAllowed("vms");
  const canAdd = may?.has("vms.add") ?? false;
  return (
    <PageSection isFilled aria-label={t("vmPortal.templates")} className="v-page">
      <div className="v-head">
        <h1>{t("vmPortal.templates")}</h1>
      </div>
      <PartTable
        label={t("vmPortal.templates")}
        rows={data?.filter((x) => x.id !== BLANK)}
        error={error}
        empty={t(canAdd ? "vmPortal.template.noneOwn" : "vmPortal.template.none")}
        columns={[
          { label: t("vmPortal.field.name"), cell: (x) => nameOf(x) },
          { label: t("vmPortal.field.description"), cell: (x) => String(x.description ?? "") },
          { label: t("vmPortal.column.status"), cell: (x) => words(String(x.status ?? "")) },
          { label: t("vmPortal.fact.created"), cell: (x) => (x.creation_time instanceof Date ? date(x.creation_time) : "") },
          {
            label: t("vmPortal.template.use"),
            cell: (x) =>
              canAdd && x.status === "ok" ? (
                <Button component="a" href={linkTo("new", { template: x.id })} variant="link" isInline aria-label={t("vmPortal.template.newOf", { name: nameOf(x) })}>
                  {t("vmPortal.create")}
                </Button>
              ) : null,
          },
        ]}
        actions={
          canAdd
            ? (x) => [{ label: t("vmPortal.remove"), isDanger: true, run: () => sure(t("vmPortal.template.removeOf", { name: nameOf(x) }), t("vmPortal.template.removeHint"), t("vmPortal.remove"), () => remove(`templates/${x.id}`)) }]
            : undefined
        }
      />
    </PageSection>
  );
}

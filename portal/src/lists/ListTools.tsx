// SPDX-License-Identifier: Apache-2.0
import { Button } from "@patternfly/react-core";
import ColumnsIcon from "@patternfly/react-icons/dist/esm/icons/columns-icon";
import Code from "@patternfly/react-icons/dist/esm/icons/code-icon";
import Download from "@patternfly/react-icons/dist/esm/icons/download-icon";
import Sync from "@patternfly/react-icons/dist/esm/icons/sync-alt-icon";
import { t } from "../text";

interface Props {
  isOpen: boolean;
  onEquivalents: () => void;
  onExport: () => void;
  onColumns: () => void;
  onRefresh: () => void;
  isBusy: boolean;
}

/** Small buttons at the right of a list's heading. */
export function ListTools({ isOpen, onEquivalents, onExport, onColumns, onRefresh, isBusy }: Props) {
  return (
    <div className="h-list-tools">
      <Button variant="plain" size="sm" icon={<Code />} aria-expanded={isOpen} aria-label={t("lists.equivalents")} title={t("lists.equivalents")} onClick={onEquivalents} />
      <Button variant="plain" size="sm" icon={<Download />} aria-label={t("lists.export")} title={t("lists.export")} onClick={onExport} />
      <Button variant="plain" size="sm" icon={<ColumnsIcon />} aria-label={t("lists.columns")} title={t("lists.columns")} onClick={onColumns} />
      <Button variant="plain" size="sm" icon={<Sync className={isBusy ? "h-turn" : undefined} />} aria-label={t("lists.refresh")} title={t("lists.refresh")} onClick={onRefresh} />
    </div>
  );
}

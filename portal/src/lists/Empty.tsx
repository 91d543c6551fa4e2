// SPDX-License-Identifier: Apache-2.0
// Where there is nothing to show: why, and what to do about it.
import { Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter } from "@patternfly/react-core";
import Cubes from "@patternfly/react-icons/dist/esm/icons/cubes-icon";
import Wrong from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import Lock from "@patternfly/react-icons/dist/esm/icons/lock-icon";
import SearchIcon from "@patternfly/react-icons/dist/esm/icons/search-icon";
import { Fault } from "../lib/api";
import type { EntityPage } from "../lib/entities";
import { shortReason } from "../lib/wrong";
import { t, type TextKey } from "../text";
import { useCommands } from "../ui/Actions";

/** A text of the catalogue, if there is one. */
const maybe = (key: string): string => {
  const text = t(key as TextKey);
  return text === key ? "" : text;
};

/** Nothing there yet: how to begin. */
export function Nothing({ page, path, isPart }: { page: EntityPage; path: string; isPart: boolean }) {
  const make = useCommands(page, path, []).find((c) => c.id === "new");
  const many = page.many.replace(/^[A-Z](?=[a-z])/, (c) => c.toLowerCase());
  return (
    <EmptyState headingLevel="h2" titleText={isPart ? t("lists.empty.part") : t("lists.empty", { many })} icon={Cubes} variant="sm">
      {!isPart && maybe(`lists.empty.${page.path}`) && <EmptyStateBody>{maybe(`lists.empty.${page.path}`)}</EmptyStateBody>}
      {make && !make.isDisabled && (
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button variant={isPart ? "link" : "primary"} onClick={make.run}>{make.label}</Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}

export function NothingFound({ onClear }: { onClear: () => void }) {
  return (
    <EmptyState headingLevel="h2" titleText={t("lists.empty.search")} icon={SearchIcon} variant="sm">
      <EmptyStateBody>{t("lists.empty.search.body")}</EmptyStateBody>
      <EmptyStateFooter>
        <EmptyStateActions>
          <Button variant="link" onClick={onClear}>{t("lists.search.clear")}</Button>
        </EmptyStateActions>
      </EmptyStateFooter>
    </EmptyState>
  );
}

/** A list or an entity that could not be had. */
export function Failed({ error, onAgain, missing }: { error: Error; onAgain?: () => void; missing?: string }) {
  const status = error instanceof Fault ? error.status : 0;
  const [title, body] =
    status === 403 ? [t("lists.forbidden"), error.message || t("lists.forbidden.body")]
    : status === 404 ? [t("lists.missing", { one: missing ?? "" }), t("lists.missing.body")]
    : [t("lists.failed"), shortReason(error.message)];
  return (
    <EmptyState headingLevel="h2" titleText={title} icon={status === 403 ? Lock : Wrong} status={status === 403 || status === 404 ? undefined : "danger"} variant="sm">
      <EmptyStateBody>{body}</EmptyStateBody>
      {onAgain && status !== 403 && status !== 404 && (
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button variant="link" onClick={onAgain}>{t("lists.again")}</Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}

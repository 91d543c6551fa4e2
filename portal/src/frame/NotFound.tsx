// SPDX-License-Identifier: Apache-2.0
import { Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter, PageSection } from "@patternfly/react-core";
import SearchIcon from "@patternfly/react-icons/dist/esm/icons/search-icon";
import { START } from "../routes";
import { t } from "../text";
import { linkTo } from "../ui/router";
import { isPage, titleOf } from "./pages";
import { frameDialog } from "./panes";

/** How many letters must change to make one of the other; for short words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_x, i) => i);
  for (let i = 1; i <= a.length; i++)
    row = b.split("").reduce((next, c, j) => [...next, Math.min(next[j] + 1, row[j + 1] + 1, row[j] + (a[i - 1] === c ? 0 : 1))], [i]);
  return row[b.length];
}

/** For a link that leads nowhere. */
export default function NotFound({ word, pages }: { word: string; pages: string[] }) {
  const near = pages.filter((p) => isPage(p) && distance(p, word.slice(0, 40).toLowerCase()) <= 3).slice(0, 3);
  return (
    <PageSection isFilled aria-label={t("frame.notFound")}>
      <EmptyState icon={SearchIcon} headingLevel="h1" titleText={t("frame.notFound")}>
        <EmptyStateBody>
          {t("frame.notFoundBody", { word: word.slice(0, 80) })}
          {near.length > 0 && (
            <p>
              {t("frame.didYouMean")}{" "}
              {near.map((p) => (
                <a key={p} href={linkTo(p)} className="h-near">
                  {titleOf(p)}
                </a>
              ))}
            </p>
          )}
        </EmptyStateBody>
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button component="a" href={linkTo(START)}>
              {t("frame.goHome")}
            </Button>
            <Button variant="secondary" onClick={() => frameDialog.set("palette")}>
              {t("frame.paletteOpen")}
            </Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      </EmptyState>
    </PageSection>
  );
}

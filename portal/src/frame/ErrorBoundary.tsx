// SPDX-License-Identifier: Apache-2.0
import { Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter } from "@patternfly/react-core";
import ExclamationCircleIcon from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import { Component, type ErrorInfo, type ReactNode } from "react";
import { copy } from "../lib/copy";
import { t } from "../text";

interface Props {
  /** another value: another page, which is tried anew */
  place: string;
  children: ReactNode;
}

interface State {
  error?: Error;
  stack: string;
}

const isMissingFile = (e: Error) => /dynamically imported module|Importing a module script|Failed to fetch/i.test(e.message);

const RELOADED = "hostler-reloaded";
const SOON_MS = 60_000;

/** After an upgrade of the Manager the files of the page that is open are not there any more: it is loaded anew, but not again and again. */
function reloadOnce(): boolean {
  if (Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < SOON_MS) return false;
  sessionStorage.setItem(RELOADED, String(Date.now()));
  window.location.reload();
  return true;
}

/** Was the page loaded anew for that just now? */
export function wasReloaded(): boolean {
  return Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < SOON_MS / 4;
}

/** Shows what went wrong in a page, instead of it; the frame around it goes on. */
export class ErrorBoundary extends Component<Props, State> {
  state: State = { stack: "" };

  static getDerivedStateFromError(error: Error): Partial<State> {
    return { error };
  }

  componentDidCatch(error: Error, info: ErrorInfo) {
    if (isMissingFile(error) && reloadOnce()) return;
    this.setState({ stack: info.componentStack ?? "" });
  }

  componentDidUpdate(before: Props) {
    if (before.place !== this.props.place && this.state.error) this.setState({ error: undefined, stack: "" });
  }

  details(error: Error) {
    return [`${error.name}: ${error.message}`, error.stack ?? "", this.state.stack, window.location.href, navigator.userAgent, new Date().toISOString()].join("\n");
  }

  render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <EmptyState status="danger" icon={ExclamationCircleIcon} headingLevel="h1" titleText={t("frame.broken")} role="alert">
        <EmptyStateBody>{isMissingFile(error) ? t("frame.brokenUpdate") : t("frame.brokenBody", { message: error.message })}</EmptyStateBody>
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button onClick={() => (isMissingFile(error) ? window.location.reload() : this.setState({ error: undefined, stack: "" }))}>{t("frame.tryAgain")}</Button>
            <Button variant="secondary" onClick={() => window.location.reload()}>
              {t("frame.reload")}
            </Button>
          </EmptyStateActions>
          <EmptyStateActions>
            <Button variant="link" onClick={() => void copy(this.details(error))}>
              {t("frame.copyDetails")}
            </Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      </EmptyState>
    );
  }
}

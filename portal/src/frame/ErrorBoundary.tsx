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

/** Shows what went wrong in a page, instead of it; the frame around it goes on. */
export class ErrorBoundary extends Component<Props, State> {
  state: State = { stack: "" };

  static getDerivedStateFromError(error: Error): Partial<State> {
    return { error };
  }

  componentDidCatch(_error: Error, info: ErrorInfo) {
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

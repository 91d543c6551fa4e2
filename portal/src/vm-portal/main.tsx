// SPDX-License-Identifier: Apache-2.0
// The VM Portal: one's own virtual machines.
import "@patternfly/react-core/dist/styles/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

createRoot(document.getElementById("root")!).render(<StrictMode />);

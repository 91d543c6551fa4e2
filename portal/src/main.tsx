// SPDX-License-Identifier: Apache-2.0
// The Administration Portal.
import { lazy } from "react";
import { startPortal } from "./frame/Portal";
import "./ui/style.css";

const load = () => import("./frame/Frame");
const Frame = lazy(() => load().then((m) => ({ default: m.Frame })));

// while somebody types a password the rest comes
void load();
void startPortal(<Frame />);

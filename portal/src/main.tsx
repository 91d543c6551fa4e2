// SPDX-License-Identifier: Apache-2.0
// The Administration Portal.
import { lazy } from "react";
import { client, startPortal } from "./frame/Portal";
import "./ui/style.css";

const load = () => import("./frame/Frame");
const Frame = lazy(() => load().then((m) => ({ default: m.Frame })));

// while somebody types a password the rest comes; of a list all at once, not one after the other
void load();
const word = /^#\/([a-z]+)(?:\?|$)/.exec(window.location.hash)?.[1];
if (word && word !== "dashboard") void import("./pages/ListPage").then((m) => m.prefetchList(client));
void startPortal(<Frame />);

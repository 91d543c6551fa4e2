// SPDX-License-Identifier: Apache-2.0
// The Administration Portal.
import { client, startPortal } from "./frame/Portal";
import { later } from "./lib/later";
import "./ui/style.css";

const Frame = later(async () => (await import("./frame/Frame")).Frame);

// while somebody types a password the rest comes; of a list all at once, not one after the other
const word = /^#\/([a-z]+)(?:\?|$)/.exec(window.location.hash)?.[1];
if (word && word !== "dashboard") void import("./pages/ListPage").then((m) => m.prefetchList(client));
Frame.fetch();
void startPortal(<Frame />);

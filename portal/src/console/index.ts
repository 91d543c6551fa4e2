// SPDX-License-Identifier: Apache-2.0
// What others use of the consoles; the clients themselves are loaded when a console is opened.
export { hasConsole, openConsole, pictureOf, protocolsOf, saveViewerFile, type Protocol } from "./session";

// SPDX-License-Identifier: Apache-2.0
// Every text that people read is in the catalogues below text/, one folder for each language, and is asked for here.
import { frame } from "./en/frame";
import { lists } from "./en/lists";
import { dialogs } from "./en/dialogs";
import { dashboard } from "./en/dashboard";
import { consoles } from "./en/consoles";
import { vmPortal } from "./en/vm-portal";

const en = { ...frame, ...lists, ...dialogs, ...dashboard, ...consoles, ...vmPortal };

/** A text's name; of texts that count ("x_one", "x_other") without the end. */
type Names = keyof typeof en;
export type TextKey = Names | (Names extends infer K ? (K extends `${infer Stem}_other` ? Stem : never) : never);

const catalogue: Record<string, string> = en;
const plural = new Intl.PluralRules("en");

/** The text with {names} replaced; where it counts, the form that n takes. */
export function t(key: TextKey, args: Record<string, string | number> = {}): string {
  const counted = typeof args.n === "number" ? `${key}_${plural.select(args.n)}` : "";
  const text = catalogue[counted] ?? catalogue[key] ?? catalogue[`${key}_other`] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(args[name] ?? whole));
}

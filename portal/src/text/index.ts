// SPDX-License-Identifier: Apache-2.0
// Every text that people read is in the catalogues below text/, one folder for each language, and is asked for here.
import { formats, language } from "../lib/settings";
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

// Another language is a folder with index.ts, whose default export has the same keys; what it leaves out is English. Only the one chosen is loaded.
const others = import.meta.glob<{ default: Record<string, string> }>(["./*/index.ts", "!./en/index.ts"]);
const codeOf = (path: string) => path.split("/")[1];

/** Languages that there are texts in, by their code ("en", "pt-BR"). */
export const LANGUAGES = ["en", ...Object.keys(others).map(codeOf)];

let catalogue: Record<string, string> = en;
let spoken = "en";
let plural = new Intl.PluralRules("en");

function wanted(): string {
  const asked = [language.get(), ...navigator.languages];
  for (const code of asked) {
    const found = LANGUAGES.find((known) => known === code) ?? LANGUAGES.find((known) => known === code.split("-")[0]);
    if (found) return found;
  }
  return "en";
}

/** Loads the texts of the chosen language; to be awaited before anything is shown. */
export async function loadLanguage(): Promise<void> {
  spoken = wanted();
  const load = Object.entries(others).find(([path]) => codeOf(path) === spoken)?.[1];
  try {
    if (load) catalogue = { ...en, ...(await load()).default };
  } catch {
    spoken = "en";
  }
  plural = new Intl.PluralRules(spoken);
  document.documentElement.lang = spoken;
}

/** Code of the language that is shown. */
export const languageCode = () => spoken;

/** The locale for Intl: dates and numbers as people here write them. */
export const locale = (): string | undefined => {
  const chosen = formats.get();
  try {
    return chosen && Intl.DateTimeFormat.supportedLocalesOf(chosen).length ? chosen : undefined;
  } catch {
    return undefined;
  }
};

/** The text with {names} replaced; where it counts, the form that n takes. */
export function t(key: TextKey, args: Record<string, string | number> = {}): string {
  const counted = typeof args.n === "number" ? `${key}_${plural.select(args.n)}` : "";
  const text = catalogue[counted] ?? catalogue[key] ?? catalogue[`${key}_other`] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = args[name];
    return value === undefined ? whole : typeof value === "number" ? value.toLocaleString(locale()) : value;
  });
}

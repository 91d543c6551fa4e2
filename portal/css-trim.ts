// SPDX-License-Identifier: Apache-2.0
// Leaves out of the built style sheets what nothing uses: themes that the portals do not offer, and custom properties that nobody reads.
import type { Plugin } from "vite";

const OTHER_THEMES = /\.pf-v6-theme-(?:felt|glass|high-contrast)/;
const NAME = /--[\w-]+/g;

interface Rule {
  head: string;
  /** of a rule with declarations; a group of rules has parts */
  body?: string;
  parts?: Rule[];
}

/** Where the block that opens at `at` ends; strings and comments are gone from minified CSS but for quoted texts. */
function endOfBlock(css: string, at: number): number {
  let depth = 0;
  for (let i = at; i < css.length; i++) {
    const c = css[i];
    if (c === '"' || c === "'") {
      for (i++; i < css.length && css[i] !== c; i++) if (css[i] === "\\") i++;
    } else if (c === "{") depth++;
    else if (c === "}" && --depth === 0) return i;
  }
  return css.length;
}

function parse(css: string): Rule[] {
  const rules: Rule[] = [];
  for (let i = 0; i < css.length; ) {
    const open = css.indexOf("{", i);
    const semicolon = css.indexOf(";", i);
    if (semicolon >= 0 && (open < 0 || semicolon < open)) {
      rules.push({ head: css.slice(i, semicolon + 1) }); // @import, @charset
      i = semicolon + 1;
      continue;
    }
    if (open < 0) break;
    const end = endOfBlock(css, open);
    const head = css.slice(i, open);
    const body = css.slice(open + 1, end);
    const isGroup = /^\s*@(?:media|supports|layer|container)/.test(head);
    rules.push(isGroup ? { head, parts: parse(body) } : { head, body });
    i = end + 1;
  }
  return rules;
}

/** Selectors of a list, split at its own commas alone. */
function selectors(head: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= head.length; i++) {
    if (head[i] === "(" || head[i] === "[") depth++;
    else if (head[i] === ")" || head[i] === "]") depth--;
    else if ((head[i] === "," && depth === 0) || i === head.length) {
      found.push(head.slice(from, i));
      from = i + 1;
    }
  }
  return found;
}

/** Is the theme asked for, not excluded? */
const wantsTheme = (selector: string) => OTHER_THEMES.test(selector.replace(/:not\([^()]*(?:\([^()]*\)[^()]*)*\)/g, ""));

function declarations(body: string): string[] {
  const found: string[] = [];
  let from = 0;
  let depth = 0;
  for (let i = 0; i <= body.length; i++) {
    const c = body[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === '"' || c === "'") {
      for (i++; i < body.length && body[i] !== c; i++) if (body[i] === "\\") i++;
    } else if ((c === ";" && depth === 0) || i === body.length) {
      if (body.slice(from, i).trim()) found.push(body.slice(from, i));
      from = i + 1;
    }
  }
  return found;
}

function walk(rules: Rule[], fn: (rule: Rule) => void) {
  for (const r of rules) r.parts ? walk(r.parts, fn) : fn(r);
}

const isNested = (body: string) => body.includes("{");
const nameOf = (declaration: string) => /^\s*(--[\w-]+)\s*:/.exec(declaration)?.[1];

function write(rules: Rule[]): string {
  return rules
    .map((r) => {
      if (r.parts) {
        const inner = write(r.parts);
        return inner && `${r.head}{${inner}}`;
      }
      return r.body === undefined ? r.head : r.body.trim() && `${r.head}{${r.body}}`;
    })
    .join("");
}

function dropThemes(rules: Rule[]): Rule[] {
  return rules.flatMap((r) => {
    if (r.parts) return [{ ...r, parts: dropThemes(r.parts) }];
    if (r.body === undefined || r.head.trim().startsWith("@")) return [r];
    const kept = selectors(r.head).filter((s) => !wantsTheme(s));
    return kept.length ? [{ ...r, head: kept.join(",") }] : [];
  });
}

/** Takes away declarations of names that nothing reads, until there are none. */
function dropUnread(sheets: Rule[][], readElsewhere: Set<string>) {
  for (let dropped = 1; dropped; ) {
    dropped = 0;
    const read = new Set(readElsewhere);
    const note = (text: string) => text.match(NAME)?.forEach((n) => read.add(n));
    for (const sheet of sheets)
      walk(sheet, (r) => {
        if (r.body === undefined) return;
        if (isNested(r.body)) note(r.body);
        else for (const d of declarations(r.body)) note(nameOf(d) ? d.slice(d.indexOf(":")) : d);
      });
    for (const sheet of sheets)
      walk(sheet, (r) => {
        if (r.body === undefined || isNested(r.body)) return;
        const all = declarations(r.body);
        const kept = all.filter((d) => !nameOf(d) || read.has(nameOf(d)!));
        dropped += all.length - kept.length;
        r.body = kept.join(";");
      });
  }
}

/** A step at the end of the build. */
export function trimCss(): Plugin {
  return {
    name: "trim-css",
    enforce: "post",
    generateBundle(_options, bundle) {
      const files = Object.values(bundle);
      const styles = files.flatMap((f) => (f.type === "asset" && f.fileName.endsWith(".css") ? [f] : []));
      const sheets = styles.map((f) => dropThemes(parse(String(f.source))));
      const readElsewhere = new Set(files.flatMap((f) => (f.type === "chunk" ? (f.code.match(NAME) ?? []) : [])));
      dropUnread(sheets, readElsewhere);
      styles.forEach((f, i) => (f.source = write(sheets[i])));
    },
  };
}

// SPDX-License-Identifier: Apache-2.0
// Keys of a keyboard with the US layout: what consoles need to send chords and to type a text.

/** A physical key as browsers name it, its X11 keysym and its PC scan code (0xe0.. where it has the prefix). */
export interface Key {
  code: string;
  keysym: number;
  scan: number;
}

const key = (code: string, keysym: number, scan: number): [string, Key] => [code, { code, keysym, scan }];

const KEYS = new Map<string, Key>([
  key("Escape", 0xff1b, 0x01), key("Backspace", 0xff08, 0x0e), key("Tab", 0xff09, 0x0f), key("Enter", 0xff0d, 0x1c),
  key("ControlLeft", 0xffe3, 0x1d), key("ShiftLeft", 0xffe1, 0x2a), key("ShiftRight", 0xffe2, 0x36), key("AltLeft", 0xffe9, 0x38),
  key("Space", 0x20, 0x39), key("MetaLeft", 0xffeb, 0xe05b), key("Delete", 0xffff, 0xe053), key("Insert", 0xff63, 0xe052),
  key("PrintScreen", 0xff61, 0xe037), key("F11", 0xffc8, 0x57), key("F12", 0xffc9, 0x58),
  ...Array.from({ length: 10 }, (_, i) => key(`F${i + 1}`, 0xffbe + i, 0x3b + i)),
]);

/** Rows of the keyboard: codes, and what they give without and with shift; scan codes count up along a row. */
const ROWS: [codes: string[], plain: string, shifted: string, scan: number][] = [
  [[..."1234567890"].map((d) => `Digit${d}`).concat("Minus", "Equal"), "1234567890-=", "!@#$%^&*()_+", 0x02],
  [[..."QWERTYUIOP"].map((c) => `Key${c}`).concat("BracketLeft", "BracketRight"), "qwertyuiop[]", "QWERTYUIOP{}", 0x10],
  [[..."ASDFGHJKL"].map((c) => `Key${c}`).concat("Semicolon", "Quote", "Backquote"), "asdfghjkl;'`", 'ASDFGHJKL:"~', 0x1e],
  [["Backslash", ...[..."ZXCVBNM"].map((c) => `Key${c}`), "Comma", "Period", "Slash"], "\\zxcvbnm,./", "|ZXCVBNM<>?", 0x2b],
];

const CHARACTERS = new Map<string, { key: Key; isShifted: boolean }>();
for (const [codes, plain, shifted, scan] of ROWS)
  codes.forEach((code, i) => {
    const one = { code, keysym: plain.charCodeAt(i), scan: scan + i };
    KEYS.set(code, one);
    CHARACTERS.set(plain[i], { key: one, isShifted: false });
    CHARACTERS.set(shifted[i], { key: { ...one, keysym: shifted.charCodeAt(i) }, isShifted: true });
  });
CHARACTERS.set(" ", { key: KEYS.get("Space")!, isShifted: false });
CHARACTERS.set("\n", { key: KEYS.get("Enter")!, isShifted: false });
CHARACTERS.set("\t", { key: KEYS.get("Tab")!, isShifted: false });

/** Combinations that browsers or desktops keep for themselves, and so are offered in a menu. */
export const CHORDS: { label: string; codes: string[] }[] = [
  { label: "Ctrl+Alt+Delete", codes: ["ControlLeft", "AltLeft", "Delete"] },
  { label: "Ctrl+Alt+Backspace", codes: ["ControlLeft", "AltLeft", "Backspace"] },
  ...[1, 2, 3, 4, 5, 6, 7].map((n) => ({ label: `Ctrl+Alt+F${n}`, codes: ["ControlLeft", "AltLeft", `F${n}`] })),
  { label: "Alt+Tab", codes: ["AltLeft", "Tab"] },
  { label: "Alt+F4", codes: ["AltLeft", "F4"] },
  { label: "Super", codes: ["MetaLeft"] },
  { label: "Ctrl+W", codes: ["ControlLeft", "KeyW"] },
  { label: "Print Screen", codes: ["PrintScreen"] },
  { label: "Shift+F12", codes: ["ShiftLeft", "F12"] },
];

/** What presses and releases one key of the guest. */
export type Press = (key: Key, isDown: boolean) => void;

const pause = () => new Promise((done) => setTimeout(done, 12));

/** Press keys one after the other, and release them the other way round. */
export async function sendChord(codes: string[], press: Press): Promise<void> {
  const keys = codes.map((code) => KEYS.get(code)!);
  for (const k of keys) press(k, true);
  await pause();
  for (const k of keys.reverse()) press(k, false);
}

/** Type a text as if on a keyboard; returns the characters that no key has. */
export async function typeText(text: string, press: Press): Promise<string> {
  const shift = KEYS.get("ShiftLeft")!;
  let missing = "";
  for (const c of text.replace(/\r\n?/g, "\n")) {
    const found = CHARACTERS.get(c);
    if (!found) {
      missing += c;
      continue;
    }
    if (found.isShifted) press(shift, true);
    press(found.key, true);
    press(found.key, false);
    if (found.isShifted) press(shift, false);
    await pause();
  }
  return missing;
}

/** The documented way out of a console that takes all keys: the same as in Remote Viewer. */
export const isLeaving = (e: KeyboardEvent) => e.type === "keydown" && e.shiftKey && !e.ctrlKey && !e.altKey && e.code === "F12";

/** Shift was pressed for the way out: the guest must not think that it still is. */
export const releaseShift = (press: Press) => {
  press(KEYS.get("ShiftLeft")!, false);
  press(KEYS.get("ShiftRight")!, false);
};

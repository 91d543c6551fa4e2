#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks on the sources themselves: tests/lint.py [--format]

- an include never climbs: lib/base knows nobody, lib/* knows lib/base, manager/core knows lib,
  the rest of the Manager knows core, and neither the agent nor a tool knows the Manager;
- every source names its licence;
- no conflict markers, no trailing blanks;
- what people read in the portals is in portal/src/text, where it can be translated;
- with --format: clang-format would change nothing.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
SOURCES = (".c", ".h", ".py", ".sh", ".ts", ".tsx")

# Words in tags, in attributes that are shown or read aloud, and sentences in strings.
SHOWN = [
    re.compile(r">\s*([^<>{}=;()|&]*[A-Za-z]{2,}[^<>{}=;()|&]*)</[A-Za-z]"),
    re.compile(r'\b(?:aria-label|title|label|placeholder|alt|description|screenreaderText|\w+AriaLabel|titleText)="([^"]*[A-Za-z]{2,}[^"]*)"'),
    re.compile(r'["`]([A-Z][a-z]+(?: [a-z]+)+[^"`]*)["`]'),
]
NAMES = {"eth0", "Ctrl+Alt+Del"}  # the same in every language

# Which rooms a room may look into, besides itself. The first match counts.
ROOMS = [
    ("lib/base", []),
    ("lib/db", ["lib/base"]),
    ("lib/model", ["lib/base"]),
    ("lib/rpc", ["lib/base"]),
    ("lib", ["lib"]),
    ("manager/core", ["lib"]),
    ("manager/http", ["lib", "manager/core"]),
    ("manager", ["lib", "manager"]),
    ("agent", ["lib"]),
    ("cli", ["lib"]),
    ("sim", ["lib", "manager"]),
    ("tests", ["lib", "manager", "agent", "sim", "cli"]),
]


def room_of(path):
    for room, sees in ROOMS:
        if path.startswith(room + "/"):
            return room, sees
    return None, []


def resolve(path, name):
    """The file in the repository that an include names; generated ones by their folder."""
    for base in (os.path.dirname(path), "", "lib"):
        candidate = os.path.normpath(os.path.join(base, name))
        if os.path.exists(os.path.join(ROOT, candidate)):
            return candidate
    first = name.split("/")[0]
    if os.path.isdir(os.path.join(ROOT, "lib", first)):
        return "lib/" + name
    return name


def climbs(path, name):
    room, sees = room_of(path)
    target = resolve(path, name)
    if room is None or room_of(target)[0] is None:
        return None
    if any(target.startswith(seen + "/") for seen in [room, *sees]):
        return None
    return f"{path}: includes {target}, which {room} must not know"


def literal_texts(path, text):
    if not path.startswith("portal/src/") or path.startswith(("portal/src/text/", "portal/src/gen/")) or not path.endswith((".ts", ".tsx")):
        return []
    code = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    lines = [re.sub(r"(^|\s)//.*", "", line) for line in code.split("\n")]
    return [f"{path}:{number}: '{found}' belongs into portal/src/text" for number, line in enumerate(lines, 1) for shown in SHOWN
            for found in shown.findall(line) if found not in NAMES]


def check_file(path):
    try:
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            text = f.read()
    except (OSError, UnicodeDecodeError) as e:
        return [f"{path}: {e}"]
    found = []
    if path.endswith(SOURCES) and text.strip() and "SPDX-License-Identifier: Apache-2.0" not in text[:400]:
        found.append(f"{path}: no licence line at the top")
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"(<{7}|>{7})( |$)", line):
            found.append(f"{path}:{number}: conflict marker")
        if path.endswith(SOURCES) and line != line.rstrip():
            found.append(f"{path}:{number}: blanks at the end of the line")
    found += literal_texts(path, text)
    if path.endswith((".c", ".h")):
        found += filter(None, (climbs(path, name) for name in INCLUDE.findall(text)))
    return found


def self_test():
    """The checks have to refuse what they are there for."""
    for line in ("<b>No hosts</b>", '<Button aria-label="Close it" />', 'throw new Error("Cannot do that");', "x = `There are ${n} hosts`;"):
        assert literal_texts("portal/src/ui/X.tsx", line), line
    for line in ('<b>{t("lists.none")}</b>', "// There is \"Some text\" in comments", "/* <b>No</b> */", 'sort: "cpu_usage desc"', "const x: Map<string, Entity> = y;"):
        assert not literal_texts("portal/src/ui/X.tsx", line), line
    assert climbs("lib/base/x.c", "model/x.h")
    assert climbs("lib/model/x.c", "manager/core/x.h")
    assert climbs("manager/core/x.c", "manager/vms/x.h")
    assert climbs("agent/vms/x.c", "manager/core/x.h")
    assert not climbs("manager/vms/x.c", "manager/core/x.h")
    assert not climbs("agent/vms/x.c", "base/err.h")
    assert not climbs("lib/base/x.c", "jansson.h")


def main():
    self_test()
    files = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                           stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
    files = [f for f in files if f.endswith((*SOURCES, "meson.build", "Makefile", ".md")) and os.path.isfile(os.path.join(ROOT, f))]
    found = [problem for path in files for problem in check_file(path)]
    if "--format" in sys.argv:
        sources = [f for f in files if f.endswith((".c", ".h"))]
        done = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *sources], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        found += sorted({line.split(":")[0] + ": not formatted (make fmt)" for line in done.stderr.split("\n") if ": error: " in line})
    print("\n".join(found) if found else f"{len(files)} files, nothing to say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

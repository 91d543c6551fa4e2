#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which requirement is shown by which test.

    tools/requirements.py            areas, and how many requirements of each are named in tests
    tools/requirements.py AREA...    the requirements of these areas with the tests that name them
    tools/requirements.py --check    ids that tests name and schema/requirements.tsv does not have

A test shows a requirement when its text names the id ("T815"); ranges are written out as "T815-T818".
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
ID = re.compile(r"\b([A-Z])(\d{3})(?:-\1?(\d{3}))?\b")

def requirements():
    rows = {}
    with open(os.path.join(ROOT, "schema/requirements.tsv"), encoding="utf-8") as f:
        next(f)
        for line in f:
            ident, area, text = line.rstrip("\n").split("\t", 2)
            rows[ident] = (area, text)
    return rows

def files():
    for folder, _, names in os.walk(os.path.join(ROOT, "tests")):
        for name in names:
            if name.endswith((".c", ".py")):
                yield os.path.join(folder, name)

def ids_in(text):
    for letter, first, last in ID.findall(text):
        for n in range(int(first), int(last or first) + 1):
            yield f"{letter}{n:03}"

def named():
    found = {}
    for path in files():
        with open(path, encoding="utf-8", errors="replace") as f:
            for ident in ids_in(f.read()):
                found.setdefault(ident, set()).add(os.path.relpath(path, ROOT))
    return found

def main():
    rows, tests = requirements(), named()

    if sys.argv[1:] == ["--check"]:
        wrong = {i: t for i, t in tests.items() if i not in rows and i[0] in "TP"}
        for ident in sorted(wrong):
            print(f"{ident}: no such requirement, named in {', '.join(sorted(wrong[ident]))}")
        return 1 if wrong else 0
    areas = {}
    for ident, (area, _) in rows.items():
        areas.setdefault(area, []).append(ident)
    if sys.argv[1:]:
        for area in sys.argv[1:]:
            for ident in areas.get(area, []):
                print(f"{ident}\t{rows[ident][1]}\t{' '.join(sorted(tests.get(ident, []))) or '-'}")
        return 0
    for area, list_ in sorted(areas.items()):
        print(f"{area:12} {sum(i in tests for i in list_):4} of {len(list_):4}")
    return 0

if __name__ == "__main__":
    sys.exit(main())

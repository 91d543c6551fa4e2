#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the simulator itself.

expect.py --same SIM ARGS...          two runs tell the same story
expect.py --finds PATTERN SIM ARGS... with one of the first seeds it fails with such a finding, and fails again by the
                                      command that it prints
"""
import re
import shlex
import subprocess
import sys


def run(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, errors="replace")
    return done.returncode, done.stdout


def same(argv):
    first, second = run(argv), run(argv)
    traces = re.findall(r"trace \w+", first[1])
    if not traces or first != second:
        print(first[1], second[1], "the two runs differ, or tell nothing", sep="\n")
        return 1
    print(f"{len(traces)} runs told the same story twice")
    return 0


def look(pattern, argv):
    status, text = run(argv)
    failures = re.findall(r"^FAILED: .*: at \d+ ms: (.*)\n +again with: (.*)$", text, re.M)
    found = [(finding, command) for finding, command in failures if re.search(pattern, finding)]
    return found[0] if found and status != 0 else None


def finds(pattern, argv):
    tries = (look(pattern, argv + ["--seed", str(seed)]) for seed in range(1, 21))
    found = next((one for one in tries if one), None)
    if not found:
        print(f"no finding like '{pattern}'")
        return 1
    finding, command = found
    again, text = run(shlex.split(command))
    if again == 0 or finding not in text:
        print(text[-4000:], f"'{command}' does not show it again", sep="\n")
        return 1
    print(f"found, and again: {finding}")
    return 0


if sys.argv[1] == "--same":
    sys.exit(same(sys.argv[2:]))
sys.exit(finds(sys.argv[2], sys.argv[3:]))

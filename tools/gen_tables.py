#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes core_tables.c: event types, permits, predefined roles, what a new installation holds, guest systems; from schema/.

usage: gen_tables.py events.json roles.json initial.json os.json <output file>
"""
import json
import sys


def cstr(text):
    return json.dumps(text)


def main():
    events = json.load(open(sys.argv[1]))["events"]
    roles = json.load(open(sys.argv[2]))
    out = ["/* Written by tools/gen_tables.py from schema/: do not edit. */", '#include "manager/core/tables.h"', ""]
    out.append("const struct event_type EVENT_TYPES[] = {")
    for ev in sorted(events, key=lambda ev: ev["name"]):
        out.append("\t{ %s, %d, M_LOG_SEVERITY_%s, %d }," % (cstr(ev["name"]), ev["id"], ev["severity"].upper(),
                                                         ev.get("flood_s", 0)))
    out += ["};", "const size_t N_EVENT_TYPES = sizeof(EVENT_TYPES) / sizeof(EVENT_TYPES[0]);", ""]
    out.append("const struct permit_type PERMITS[] = {")
    for p in roles["permits"]:
        out.append("\t{ %d, %s, %s }," % (p["id"], cstr(p["name"]), "true" if p["admin"] else "false"))
    out += ["\t{ 0, NULL, false },", "};", ""]
    for i, r in enumerate(roles["roles"]):
        out.append("static const char *const role_permits_%d[] = { %s, NULL };" % (i, ", ".join(map(cstr, r["permits"]))))
    out.append("const struct role_type ROLES[] = {")
    for i, r in enumerate(roles["roles"]):
        out.append("\t{ %s, %s, %s, %s, role_permits_%d }," % (cstr(r["id"]), cstr(r["name"]),
                   "true" if r["admin"] else "false", "true" if r["view_children"] else "false", i))
    out += ["\t{ NULL, NULL, false, false, NULL },", "};", ""]
    initial = json.load(open(sys.argv[3]))["rows"]
    out.append("const struct initial_row INITIAL_ROWS[] = {")
    for r in initial:
        out.append("\t{ KIND_%s, %s, %s }," % (r["kind"].upper(), cstr(r["id"]), cstr(json.dumps(r["object"]))))
    out += ["\t{ 0, NULL, NULL },", "};", ""]
    out.append("const struct os_type OS_TYPES[] = {")
    for o in json.load(open(sys.argv[4]))["os"]:
        out.append("\t{ %d, %s, %s, %s, %s }," % (o["id"], cstr(o["key"]), cstr(o.get("name", o["key"])),
                   cstr(o.get("arch", "")), cstr(o.get("family", ""))))
    out += ["\t{ 0, NULL, NULL, NULL, NULL },", "};", ""]
    with open(sys.argv[5], "w") as f:
        f.write("\n".join(out))


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes core_tables.c: event types, permits, predefined roles, what a new installation holds, guest systems,
processor types; from schema/.

usage: gen_tables.py events.json roles.json initial.json os.json cpus.json <output file>
"""
import json
import sys


LEVELS = ["4.%d" % minor for minor in range(2, 9)]
MAX_RAM = {"4.2": 6291456, "4.3": 6291456, "4.4": 6291456, "4.5": 6291456, "4.6": 16777216, "4.7": 16777216, "4.8": 67108864}


def cstr(text):
    return json.dumps(text)


def os_value(systems, system, key, level, default):
    """A member of a guest system: of this very level along its ancestors, else the general one."""
    chain = [system]
    while "parent" in chain[-1]:
        chain.append(systems[chain[-1]["parent"]])
    if chain[-1] is not systems["other"] and "other" in systems:
        chain.append(systems["other"])
    for o in chain:
        if level in o.get("by_level", {}).get(key, {}):
            return o["by_level"][key][level]
    for o in chain:
        if key in o:
            return o[key]
    return default


def os_texts(systems, system, key):
    return "{ %s }" % ", ".join(cstr(os_value(systems, system, key, level, "").replace(" ", "")) for level in LEVELS)


def os_rows(data):
    systems = {o["key"]: o for o in data["os"]}
    out = ["const struct os_type OS_TYPES[] = {"]
    for o in data["os"]:
        one = lambda key, default: os_value(systems, o, key, None, default)
        out.append("\t{ %d, %s, %s, %s, %s," % (o["id"], cstr(o["key"]), cstr(o.get("name", o["key"])), cstr(o.get("arch", "")),
                                               cstr(o.get("family", ""))))
        out.append("\t  .bits = %d, .min_ram_mb = %d, .min_cpus = %d, .max_pci = %d, .has_q35 = %s," % (
            one("bus", 64), one("min_ram_mb", 0), one("min_cpus", 1), one("max_pci", 26), "true" if one("q35", True) else "false"))
        out.append("\t  .max_ram_mb = { %s }," % ", ".join(
            str(os_value(systems, o, "max_ram_mb", level, MAX_RAM[level])) for level in LEVELS))
        for key, member in (("display", "displays"), ("nics", "nics"), ("audio", "audio"), ("disk_ifaces", "disks")):
            out.append("\t  .%s = %s," % (member, os_texts(systems, o, key)))
        out.append("\t  .usb = %s, .tpm = %s, .watchdog = %s, .unsupported_cpus = %s }," % (
            cstr(one("usb", "")), cstr(one("tpm", "unsupported")), cstr(one("watchdog", "")),
            cstr(one("cpu_unsupported", "").replace(" ", ""))))
    return out + ["\t{ .key = NULL },", "};", ""]


def cpu_rows(data):
    out = ["const struct cpu_type CPU_TYPES[] = {"]
    for t in data["types"]:
        ranks = ", ".join(str(t["rank"].get(level, 0)) for level in LEVELS)
        out.append("\t{ %s, %s, %s, %s, %s, { %s } }," % (cstr(t["name"]), cstr(t["arch"]), cstr(t["vendor"]),
                   cstr(",".join(t["flags"])), cstr(t["spec"]), ranks))
    out += ["\t{ .name = NULL },", "};", "", "const struct classic_cpu CLASSIC_CPUS[] = {"]
    for m in data["classic"]:
        words = [cstr(" ".join(m[k])) for k in ("feature_edx", "feature_ecx", "extfeature_edx", "extfeature_ecx")]
        out.append("\t{ %s, %s, %s, %s, %d, %d, %d, %d, %#x," % (cstr(m["type"]), cstr(m["model"]), cstr(m["description"]),
                   cstr(m["vendor"]), m["family"], m["model_number"], m["stepping"], m["level"], m["xlevel"]))
        out.append("\t  %s }," % ", ".join(words))
    return out + ["\t{ .type = NULL },", "};", ""]


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
    out += os_rows(json.load(open(sys.argv[4])))
    out += cpu_rows(json.load(open(sys.argv[5])))
    with open(sys.argv[6], "w") as f:
        f.write("\n".join(out))


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes schema.ts for the portals: types, enumerations and services as the API has them.

Pages, forms and tables of the portals are composed from it, so that what the schema gains they show.

usage: gen_portal.py api.json inventory.json output.ts
"""
import json
import sys

from api_schema import Schema

KINDS = {"M_STRING": "s", "M_BOOL": "b", "M_INT": "i", "M_DECIMAL": "d", "M_DATE": "t", "M_ENUM": "e", "M_STRUCT": "o", "M_REF": "r"}
RETIRED = ("gluster", "katello", "openstack", "errat")


def is_retired(name):
    return any(word in name for word in RETIRED)


def member(m):
    flags = ("l" if m.is_list else "") + ("r" if "M_F_READONLY" in m.marks else "") + ("c" if "M_F_CREATE_ONLY" in m.marks else "") + \
            ("p" if "M_F_SECRET" in m.marks else "")
    row = [m.name, KINDS[m.kind], m.type if m.kind in ("M_ENUM", "M_STRUCT", "M_REF") else "", flags]
    item = m.item if m.is_list and m.item != m.name else 0
    if item or m.rule:
        row.append(item)
    if m.rule:
        row.append(m.rule)
    return row


def types(schema):
    out = {}
    for name, s in schema.structs.items():
        if s.is_own or is_retired(name) or name in ("fault", "api"):
            continue
        out[name] = {"e": s.element, "c": s.collection, "m": [member(m) for m in s.members if not m.is_internal and not is_retired(m.type)]}
        if s.path:
            out[name]["p"] = s.path
    return out


def asked(method):
    """What else is said about an operation: what it takes in the query, what it requires."""
    common = {"follow", "filter", "async", "all_content"}
    more = {"q": [[p["name"], p["type"]] for p in method["in"] if p["via"] == "query" and p["name"] not in common and not p.get("deprecated")],
            "r": method.get("requires", []),
            "s": [[sig["name"], sig.get("requires", [])] for sig in method.get("signatures", [])]}
    return {key: value for key, value in more.items() if value}


def operation(schema, owner, name):
    method = next(m for m in schema.services[owner]["methods"] if m["name"] == name)
    row = [name, method["kind"], f"{owner}.{name}"]
    inputs = []
    if method["kind"] == "action":
        row.append(method["path"])
        inputs = [[p["name"], p["type"]] for p in method["in"] if p["via"] == "action" and p["name"] != "async"]
    else:
        row.append((method["out"] or [{"type": ""}])[0]["type"] if method["kind"] in ("list", "get", "add") else "")
    more = asked(method)
    return row + ([inputs] if inputs or more else []) + ([more] if more else [])


def sdk_names(schema, name):
    """"diskattachments" -> "disk_attachments", of the service and those that it extends."""
    found = {}
    while name:
        raw = schema.services[name]
        found.update({loc["path"]: loc["sdk"] for loc in raw.get("locators", []) if "sdk" in loc})
        name = raw.get("base")
    return found


def services(schema):
    out = {}
    for name in schema.services:
        if is_retired(name):
            continue
        names = sdk_names(schema, name)
        locators = [[word, 1 if param else 0, target] + ([names[word]] if names.get(word, word) != word else [])
                    for word, param, target in schema.locators(name) if not is_retired(target)]
        out[name] = {"l": locators, "o": [operation(schema, owner, op) for owner, op in schema.operations(name)]}
    return out


def main():
    api, inventory, path = sys.argv[1:]
    schema = Schema(api, inventory)
    text = "// Written by tools/gen_portal.py.\n"
    for name, value in (("TYPES", types(schema)), ("ENUMS", schema.enums), ("SERVICES", services(schema))):
        text += f"export const {name}_TEXT = {json.dumps(json.dumps(value, separators=(',', ':')))};\n"
    text += f"export const ROOT = {json.dumps(schema.root)};\n"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()

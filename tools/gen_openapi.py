#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes openapi.json (OpenAPI 3.1) and openapi.c, which holds it as M_OPENAPI.

The paths are the service tree, unfolded from its root; a service does not appear below itself.

usage: gen_openapi.py api.json inventory.json <output folder>
"""
import json
import os
import re
import sys

from api_schema import Schema, SchemaError

METHOD = {"list": "get", "get": "get", "add": "post", "update": "put", "remove": "delete", "action": "post"}
FAULTS = ["400", "401", "403", "404", "409", "501"]
FAULT_TEXT = {"400": "The request is wrong: its document, a value, or missing input.", "401": "Not logged in.",
              "403": "Not permitted.", "404": "Not found; the body is empty when the path itself leads nowhere.",
              "409": "Conflicts with the state of the entity.", "501": "Not implemented."}
SCALAR = {
    "string": {"type": "string"},
    "boolean": {"$ref": "#/components/schemas/Boolean"},
    "integer": {"$ref": "#/components/schemas/Integer"},
    "long": {"$ref": "#/components/schemas/Long"},
    "decimal": {"type": "number"},
    "date": {"$ref": "#/components/schemas/Date"},
}
COMMON = {
    "Boolean": {"type": ["string", "boolean"], "enum": ["true", "false", True, False],
                "description": "Answers hold a string; requests may hold either."},
    "Integer": {"type": ["string", "integer"], "format": "int32", "pattern": "^[+-]?[0-9]*$",
                "description": "32 bits. Answers hold a string; requests may hold either."},
    "Long": {"type": ["string", "integer"], "format": "int64", "pattern": "^[+-]?[0-9]*$",
             "description": "64 bits. Answers hold a string; requests may hold either."},
    "Date": {"type": ["integer", "string"], "format": "int64",
             "description": "JSON: milliseconds since 1970 in UTC. XML: RFC 3339, as 2024-03-01T10:15:30.123Z."},
    "Link": {"type": "object", "xml": {"name": "link"}, "readOnly": True,
             "properties": {"href": {"type": "string", "xml": {"attribute": True}}, "rel": {"type": "string", "xml": {"attribute": True}}}},
}


def ref(kind, name):
    return {"$ref": f"#/components/{kind}/{name}"}


def both(schema):
    return {media: {"schema": schema} for media in ("application/xml", "application/json")}


# ---- schemas


def value_schema(schema, m):
    if m.kind == "M_ENUM":
        return ref("schemas", m.type)
    if m.kind in ("M_STRUCT", "M_REF"):
        return ref("schemas", m.type)
    return dict(SCALAR["long" if m.kind == "M_INT" and m.bits == 64 else m.type])


def member_schema(schema, m):
    one = value_schema(schema, m)
    if m.rule and not m.is_list and "$ref" not in one:
        low, high = ("minLength", "maxLength") if m.kind == "M_STRING" else ("minimum", "maximum")
        one.update({k: v for k, v in ((low, m.rule.get("min")), (high, m.rule.get("max")), ("pattern", m.rule.get("pattern"))) if v is not None})
    if m.is_list:
        one = {"type": "object", "properties": {m.item: {"type": "array", "items": one}}}
    if m.is_xml_attr:
        one["xml"] = {"attribute": True}
    if "M_F_READONLY" in m.marks:
        one["readOnly"] = True
    if "M_F_SECRET" in m.marks:
        one["writeOnly"] = True
    if m.doc:
        one["description"] = m.doc
    return one


def struct_schema(schema, s):
    inherited = {m.name for m in schema.structs[s.base].members} if s.base else set()
    own = {m.name: member_schema(schema, m) for m in s.members if m.name not in inherited and not m.is_internal}
    out = {"type": "object"}
    if s.base:
        out["allOf"] = [ref("schemas", s.base)]
    if s.name == "identified":
        own["href"] = {"type": "string", "readOnly": True, "xml": {"attribute": True}}
        own["link"] = {"type": "array", "readOnly": True, "items": ref("schemas", "Link")}
        own["actions"] = {"type": "object", "readOnly": True, "properties": {"link": {"type": "array", "items": ref("schemas", "Link")}}}
    if own:
        out["properties"] = own
    out["xml"] = {"name": s.element}
    return out


def collection_schema(s):
    return {"type": "object", "properties": {s.element: {"type": "array", "items": ref("schemas", s.name)}}, "xml": {"name": s.collection}}


def schemas(schema, lists):
    out = dict(COMMON)
    for name, values in schema.enums.items():
        if name in schema.api["types"]:
            out[name] = {"type": "string", "enum": values}
    for name, s in schema.structs.items():
        if not s.is_own:
            out[name] = struct_schema(schema, s)
    for name in sorted(lists):
        out[f"{name}.list"] = collection_schema(schema.structs[name])
    return out


# ---- paths


class Paths:
    def __init__(self, schema):
        self.schema = schema
        self.paths = {}
        self.queries = {}
        self.bodies = set()
        self.results = set()
        self.lists = set()
        self._walk(schema.root, "", [], frozenset({schema.root}))

    def _walk(self, service, path, params, seen):
        for owner, name in self.schema.operations(service):
            method = next(m for m in self.schema.services[owner]["methods"] if m["name"] == name)
            where = path + "/" + method["path"] if method["kind"] == "action" else path or "/"
            self._add(where, params, service, owner, method)
        for word, param, target in self.schema.locators(service):
            if target in seen:
                continue
            if param:
                # A path such as /templates/{template}/x/{template} needs two names.
                unique = param if param not in params else f"{param}{params.count(param) + 1}"
                self._walk(target, f"{path}/{{{unique}}}", params + [unique], seen | {target})
            else:
                self._walk(target, f"{path}/{word}", params, seen | {target})

    def _add(self, path, params, service, owner, method):
        item = self.paths.setdefault(path, {})
        if params and "parameters" not in item:
            item["parameters"] = [{"name": p, "in": "path", "required": True, "schema": {"type": "string"}} for p in params]
        verb = METHOD[method["kind"]]
        op = {"operationId": verb + re.sub(r"[^a-z0-9_]+", "_", path), "summary": f"{service}: {method['name']}",
              "tags": [path.split("/")[1] or "api"]}
        queries = [self._query(p) for p in method["in"] if p["via"] == "query"]
        if queries:
            op["parameters"] = queries
        if method.get("deprecated") or self.schema.services[owner].get("deprecated"):
            op["deprecated"] = True
        body = self._body(method)
        if body:
            op["requestBody"] = body
        text = self._describe(method)
        if text:
            op["description"] = text
        op["responses"] = self._responses(method)
        item[verb] = op

    def _query(self, p):
        key = f"{p['name']}.{p['type']}"
        if p["type"] in SCALAR:
            one = {"boolean": {"type": "boolean"}, "integer": {"type": "integer"}}.get(p["type"], SCALAR[p["type"]])
        else:
            one = ref("schemas", p["type"])
        self.queries[key] = {"name": p["name"], "in": "query", "schema": one}
        return ref("parameters", key)

    def _body(self, method):
        if method["kind"] == "action":
            self.bodies.add("action")
            return ref("requestBodies", "action")
        for p in method["in"]:
            if p["via"] == "body":
                name = p["type"] + (".list" if p["list"] else "")
                if p["list"]:
                    self.lists.add(p["type"])
                self.bodies.add(name)
                return ref("requestBodies", name)
        return None

    def _describe(self, method):
        parts = []
        inputs = [p["name"] + ("*" if p.get("mandatory") else "") for p in method["in"] if p["via"] == "action"]
        if inputs:
            parts.append("Members of the action: " + ", ".join(inputs) + ".")
        if method.get("requires"):
            parts.append("Required: " + ", ".join(method["requires"]) + ".")
        ways = [s["name"] + ": " + ", ".join(s["requires"]) for s in method.get("signatures", []) if s.get("requires")]
        if ways:
            parts.append("One of: " + "; ".join(ways) + ".")
        return " ".join(parts)

    def _result(self, method):
        if method["kind"] in ("remove", "action") or not method["out"]:
            name = "action"
        else:
            out = method["out"][0]
            name = out["type"] + (".list" if out["list"] else "")
            if out["list"]:
                self.lists.add(out["type"])
        self.results.add(name)
        return ref("responses", name)

    def _responses(self, method):
        result = self._result(method)
        codes = {"add": ["201", "202"], "action": ["200", "202"]}.get(method["kind"], ["200"])
        out = {code: result for code in codes}
        out.update({code: ref("responses", f"fault.{code}") for code in FAULTS})
        return out


def document(schema):
    paths = Paths(schema)
    responses = {n: {"description": f"The {n.replace('.list', ' collection')}.", "content": both(ref("schemas", n))} for n in sorted(paths.results)}
    for code in FAULTS:
        responses[f"fault.{code}"] = {"description": FAULT_TEXT[code], "content": both(ref("schemas", "fault"))}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hostler REST API", "version": "4", "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
                 "description": "Virtualization management, compatible with version 4 of the oVirt API."},
        "servers": [{"url": "/ovirt-engine/api"}],
        "security": [{"basic": []}, {"token": []}],
        "paths": dict(sorted(paths.paths.items())),
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "token": {"type": "oauth2", "flows": {"password": {"tokenUrl": "/ovirt-engine/sso/oauth/token", "scopes": {"ovirt-app-api": "All of the API"}}}},
            },
            "parameters": dict(sorted(paths.queries.items())),
            "requestBodies": {n: {"content": both(ref("schemas", n))} for n in sorted(paths.bodies)},
            "responses": responses,
            "schemas": schemas(schema, paths.lists),
        },
    }


def c_source(text):
    out = ["/* SPDX-License-Identifier: Apache-2.0 */", "/* Written by tools/gen_openapi.py: do not edit. */",
           '#include "model/openapi.h"', "", "const char M_OPENAPI[] ="]
    for i in range(0, len(text), 1000):
        piece = text[i:i + 1000].replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
        out.append(f'\t"{piece}"')
    out[-1] += ";"
    out.append("const size_t M_OPENAPI_LEN = sizeof(M_OPENAPI) - 1;")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        schema = Schema(sys.argv[1], sys.argv[2])
    except (SchemaError, KeyError) as e:
        sys.exit(f"schema: {e}")
    text = json.dumps(document(schema), separators=(",", ":"), ensure_ascii=True)
    for name, content in (("openapi.json", text + "\n"), ("openapi.c", c_source(text))):
        with open(os.path.join(sys.argv[3], name), "w", encoding="utf-8") as f:
            f.write(content)


if __name__ == "__main__":
    main()

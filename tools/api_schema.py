# SPDX-License-Identifier: Apache-2.0
"""Loads schema/api.json and schema/inventory.json, joins and checks them.

Everything that the generators need to know is resolved here: flat member lists (bases first, in the
order of documents), our own members and rules, where entities live. A name that does not exist is an
error, so that a typo in the data fails the build and not a user.
"""
import json
import re

SCALARS = {"string": "M_STRING", "boolean": "M_BOOL", "integer": "M_INT", "decimal": "M_DECIMAL", "date": "M_DATE"}
ENTITY = ["id", "name", "description", "comment"]
TYPE_KEYS = {"path", "service", "internal", "readonly", "create_only", "secret", "expensive", "rules", "docs"}
FLAG_KEYS = {"readonly": "M_F_READONLY", "create_only": "M_F_CREATE_ONLY", "secret": "M_F_SECRET",
             "expensive": "M_F_EXPENSIVE"}
MEMBER_KEYS = {"name", "type", "list", "item", "bits", "xml", "sdk", "link", "doc"}
RULE_KEYS = {"min", "max", "pattern", "hint"}


class SchemaError(Exception):
    pass


def need(condition, text):
    if not condition:
        raise SchemaError(text)


class Member:
    """One member of a type, with everything that is said about it."""

    def __init__(self, data, kind, is_link, is_internal):
        self.name = data["name"]
        self.type = data["type"]
        self.kind = kind
        self.is_list = data.get("list", False)
        self.item = data.get("item", self.name) if self.is_list else None
        self.bits = data.get("bits", 32)
        self.is_xml_attr = data.get("xml") == "attribute"
        self.is_link = is_link
        self.is_internal = is_internal
        self.doc = data.get("doc")
        self.rule = None
        self.marks = set()
        self.has_bit = -1

    def flags(self):
        out = []
        if self.is_list:
            out.append("M_F_LIST")
        if self.is_link:
            out.append("M_F_LINK")
        if self.is_xml_attr:
            out.append("M_F_XML_ATTR")
        if self.is_internal:
            out.append("M_F_INTERNAL")
        if self.kind == "M_INT" and self.bits == 32:
            out.append("M_F_INT32")
        return out + sorted(self.marks)


class Struct:
    def __init__(self, name, data):
        self.name = name
        self.element = data.get("element", name)
        self.collection = data.get("collection", name + "s")
        self.base = data.get("base")
        self.is_identified = False
        self.members = []
        self.path = None
        self.path_service = None
        self.is_own = False

    def member(self, name):
        for m in self.members:
            if m.name == name:
                return m
        return None


class Schema:
    def __init__(self, api_path, inventory_path):
        with open(api_path, encoding="utf-8") as f:
            self.api = json.load(f)
        with open(inventory_path, encoding="utf-8") as f:
            self.inventory = json.load(f)
        known = {"types", "own_types", "kinds", "ops"}
        need(set(self.inventory) <= known, f"inventory: unknown keys {set(self.inventory) - known}")
        self.raw = dict(self.api["types"])
        for name, data in self.inventory.get("own_types", {}).items():
            need(name not in self.raw, f"own_types: {name} exists already")
            self.raw[name] = data
        self.enums = {n: t["values"] for n, t in self.raw.items() if t["kind"] == "enum"}
        self.services = self.api["services"]
        self.root = self.api["root"]
        self.structs = {}
        self.notes = self.inventory.get("types", {})
        for name in self.notes:
            need(name in self.raw and name not in self.enums, f"inventory: no type {name}")
            need(set(self.notes[name]) <= TYPE_KEYS, f"inventory: {name}: unknown keys {set(self.notes[name]) - TYPE_KEYS}")
        for name, data in self.raw.items():
            if data["kind"] == "struct":
                self.structs[name] = self._struct(name, data)
        self.kinds = self._kinds()
        self._amend_ops()
        self._check_services()

    # ---- types

    def bases(self, name):
        """The type's bases, root first, and itself."""
        base = self.raw[name].get("base")
        return (self.bases(base) if base else []) + [name]

    def _struct(self, name, data):
        s = Struct(name, data)
        levels = self.bases(name)
        s.is_identified = levels[0] == "identified"
        s.is_own = name not in self.api["types"]
        for level in levels:
            s.members += self._own_members(level)
        names = [m.name for m in s.members]
        need(len(names) == len(set(names)), f"{name}: member defined twice: {[n for n in names if names.count(n) > 1]}")
        need(len(names) < 256 and all(len(n) < 96 for n in names), f"{name}: too many or too long members")
        need(not {"actions", "link", "href", "rel"} & set(names), f"{name}: a member is called as what requests may always hold")
        for level in levels:
            self._annotate(s, level)
        bit = 0
        for m in s.members:
            if m.kind in ("M_BOOL", "M_INT", "M_DECIMAL", "M_DATE") and not m.is_list:
                m.has_bit = bit
                bit += 1
        s.has_words = (bit + 63) // 64
        self._place(s)
        return s

    def _own_members(self, name):
        data = self.raw[name]
        out = [self._member(name, a, False, False) for a in data["attributes"]]
        if name == "identified":
            out.sort(key=lambda m: ENTITY.index(m.name))
            for m in out:
                if m.name != "id":
                    m.marks.add("M_F_ALWAYS")
        out += [self._member(name, a, True, False) for a in data.get("links", [])]
        for a in self.notes.get(name, {}).get("internal", []):
            out.append(self._member(name, a, a.get("link", False), True))
        return out

    def _member(self, owner, data, is_link, is_internal):
        where = f"{owner}.{data.get('name')}"
        need(set(data) <= MEMBER_KEYS, f"{where}: unknown keys {set(data) - MEMBER_KEYS}")
        need(re.fullmatch(r"[a-z][a-z0-9_]*", data["name"]), f"{where}: bad name")
        t = data["type"]
        if t in SCALARS:
            kind = SCALARS[t]
        elif t in self.enums:
            kind = "M_ENUM"
        else:
            need(t in self.raw, f"{where}: no type {t}")
            has_identity = self.bases(t)[0] == "identified"
            need(has_identity or not (is_link and is_internal), f"{where}: {t} has no identity")
            kind = "M_REF" if is_link and has_identity else "M_STRUCT"
        need(data.get("bits", 32) in (32, 64), f"{where}: bits")
        return Member(data, kind, is_link, is_internal)

    def _annotate(self, s, level):
        notes = self.notes.get(level, {})
        for key, flag in FLAG_KEYS.items():
            for name in notes.get(key, []):
                need(s.member(name), f"inventory: {level}.{key}: no member {name}")
                s.member(name).marks.add(flag)
        for name, doc in notes.get("docs", {}).items():
            need(s.member(name), f"inventory: {level}.docs: no member {name}")
            s.member(name).doc = doc
        for name, rule in notes.get("rules", {}).items():
            m = s.member(name)
            need(m, f"inventory: {level}.rules: no member {name}")
            need(set(rule) <= RULE_KEYS, f"inventory: {level}.rules.{name}: unknown keys")
            need(m.kind in ("M_STRING", "M_INT", "M_DECIMAL", "M_DATE"), f"inventory: {level}.rules.{name}: no rules for {m.kind}")
            need("pattern" not in rule or (m.kind == "M_STRING" and "hint" in rule), f"inventory: {level}.rules.{name}: a pattern is for strings and needs a hint")
            m.rule = rule

    # ---- services

    def locators(self, service):
        """(path word, parameter or None, service) of a service, its bases' included."""
        s = self.services[service]
        own = [(l["path"], l["path"][1:-1] if l["path"].startswith("{") else None, l["service"]) for l in s["locators"]]
        return (self.locators(s["base"]) if s.get("base") else []) + own

    def operations(self, service):
        """Names of (service, method) of a service, its bases' included unless overridden."""
        s = self.services[service]
        own = [(service, m["name"]) for m in s["methods"]]
        mine = {n for _, n in own}
        inherited = self.operations(s["base"]) if s.get("base") else []
        return [(o, n) for o, n in inherited if n not in mine] + own

    def walk(self, path):
        """Service at a path such as vms/{vm}/nics/{id}, or None."""
        service = self.root
        for word in path.split("/"):
            for lpath, param, target in self.locators(service):
                if lpath == word or (param and word.startswith("{")):
                    service = target
                    break
            else:
                return None
        return service

    def _place(self, s):
        note = self.notes.get(s.name, {})
        if "path" not in note:
            need("service" not in note, f"inventory: {s.name}: service without path")
            return
        need(s.is_identified, f"inventory: {s.name}: a path needs an identified type")
        s.path = note["path"]
        for name in re.findall(r"\{(\w+)\}", s.path):
            m = s.member(name)
            need(m and (name == "id" or m.kind == "M_REF"), f"inventory: {s.name}.path: {{{name}}} is no reference of {s.name}")
        found = self.walk(s.path)
        need(found, f"inventory: {s.name}.path: {s.path} is not in the service tree")
        need(note.get("service", found) == found, f"inventory: {s.name}.service: at {s.path} is {found}")
        s.path_service = found

    def _amend_ops(self):
        """Replace what operations require where ours ask for less (or more) than the API's data says."""
        for name, change in self.inventory.get("ops", {}).items():
            need(set(change) <= {"requires", "signatures"}, f"inventory: ops: {name}: unknown keys")
            service, _, method = name.partition(".")
            found = [m for m in self.services.get(service, {"methods": []})["methods"] if m["name"] == method]
            need(found, f"inventory: ops: no operation {name}")
            found[0].update(change)

    def _check_services(self):
        for name, s in self.services.items():
            for l in s["locators"]:
                need(l["service"] in self.services, f"{name}: no service {l['service']}")
            for m in s["methods"]:
                paths = list(m.get("requires", []))
                for sig in m.get("signatures", []):
                    paths += sig.get("requires", [])
                for path in paths:
                    for one in path.split("|"):
                        self._check_required(f"{name}.{m['name']}", m, one)

    def _check_required(self, where, method, path):
        words = path.split(".")
        params = {p["name"]: p for p in method["in"]}
        need(words[0] in params, f"{where}: required {path}: no parameter {words[0]}")
        if len(words) > 1:
            t = params[words[0]]["type"]
            for word in words[1:]:
                m = t in self.structs and self.structs[t].member(word)
                need(m, f"{where}: required {path}: no {word}")
                t = m.type

    # ---- kinds

    def _kinds(self):
        out = []
        for k in self.inventory.get("kinds", []):
            need(set(k) <= {"kind", "type", "unique_name", "index"}, f"kinds: {k.get('kind')}: unknown keys")
            s = self.structs.get(k["type"])
            need(s and s.is_identified, f"kinds: {k['kind']}: no identified type {k['type']}")
            within = k.get("unique_name", False)
            if isinstance(within, str):
                need(s.member(within) and s.member(within).kind == "M_REF", f"kinds: {k['kind']}: no reference {within}")
            for name in k.get("index", []):
                need(s.member(name), f"kinds: {k['kind']}: no member {name}")
            out.append({"kind": k["kind"], "type": k["type"], "unique": bool(within),
                        "within": within if isinstance(within, str) else None, "index": k.get("index", [])})
        names = [k["kind"] for k in out]
        need(len(names) == len(set(names)), "kinds: one is given twice")
        return out

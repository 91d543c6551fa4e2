# SPDX-License-Identifier: Apache-2.0
"""A typo in schema/inventory.json must fail the build. usage: test_schema.py <source root>"""
import json
import os
import sys
import tempfile
import unittest

ROOT = sys.argv.pop(1)
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tools"))
from api_schema import Schema, SchemaError  # noqa: E402

API = os.path.join(ROOT, "schema", "api.json")

BAD = [
    ({"typos": {}}, "unknown keys"),
    ({"types": {"vmm": {}}}, "no type vmm"),
    ({"types": {"vm_status": {}}}, "no type vm_status"),
    ({"types": {"vm": {"readonlyy": []}}}, "unknown keys"),
    ({"types": {"vm": {"readonly": ["colour"]}}}, "no member colour"),
    ({"types": {"vm": {"secret": ["colour"]}}}, "no member colour"),
    ({"types": {"vm": {"rules": {"colour": {"min": 1}}}}}, "no member colour"),
    ({"types": {"vm": {"rules": {"name": {"mim": 1}}}}}, "unknown keys"),
    ({"types": {"vm": {"rules": {"name": {"pattern": "a"}}}}}, "needs a hint"),
    ({"types": {"vm": {"rules": {"cpu": {"min": 1}}}}}, "no rules for M_STRUCT"),
    ({"types": {"vm": {"internal": [{"name": "memory", "type": "integer"}]}}}, "member defined twice"),
    ({"types": {"vm": {"internal": [{"name": "x", "type": "colour"}]}}}, "no type colour"),
    ({"types": {"vm": {"internal": [{"name": "x", "type": "cpu", "link": True}]}}}, "no identity"),
    ({"types": {"vm": {"internal": [{"name": "x", "typ": "string", "type": "string"}]}}}, "unknown keys"),
    ({"types": {"vm": {"path": "vmz/{id}"}}}, "not in the service tree"),
    ({"types": {"vm": {"path": "vms/{id}", "service": "host"}}}, "is vm"),
    ({"types": {"nic": {"path": "vms/{colour}/nics/{id}"}}}, "no reference"),
    ({"types": {"cpu": {"path": "vms/{id}"}}}, "identified"),
    ({"kinds": [{"kind": "vm", "type": "vmm"}]}, "no identified type"),
    ({"kinds": [{"kind": "vm", "type": "vm", "index": ["colour"]}]}, "no member colour"),
    ({"kinds": [{"kind": "vm", "type": "vm", "unique_name": "colour"}]}, "no reference colour"),
    ({"kinds": [{"kind": "vm", "type": "vm"}, {"kind": "vm", "type": "host"}]}, "given twice"),
    ({"ops": {"vms.fly": {}}}, "no operation vms.fly"),
    ({"ops": {"vms.add": {"requires": ["vm.colour"]}}}, "no colour"),
]


class Inventory(unittest.TestCase):
    def load(self, inventory):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump(inventory, f)
            f.flush()
            return Schema(API, f.name)

    def test_typos(self):
        for inventory, text in BAD:
            with self.subTest(inventory=inventory), self.assertRaisesRegex(SchemaError, text):
                self.load(inventory)

    def test_own_types_and_ops(self):
        own = {"own_types": {"thing": {"kind": "struct", "base": "identified", "attributes": [{"name": "size", "type": "integer", "bits": 64}], "links": []}},
               "kinds": [{"kind": "thing", "type": "thing", "index": []}],
               "ops": {"vms.add": {"requires": ["vm.name"], "signatures": []}}}
        schema = self.load(own)
        self.assertEqual([m.name for m in schema.structs["thing"].members], ["id", "name", "description", "comment", "size"])
        add = next(m for m in schema.services["vms"]["methods"] if m["name"] == "add")
        self.assertEqual(add["requires"], ["vm.name"])


if __name__ == "__main__":
    unittest.main()

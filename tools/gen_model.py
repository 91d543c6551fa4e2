#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes model_types.h, model_kinds.h and model_tables.c from schema/api.json and schema/inventory.json.

usage: gen_model.py api.json inventory.json <output folder>
"""
import os
import sys

from api_schema import SCALARS, Schema, SchemaError

C_SCALAR = {"M_STRING": "char *", "M_BOOL": "bool ", "M_INT": "int64_t ", "M_DECIMAL": "double ", "M_DATE": "int64_t "}
KEYWORDS = {"volatile", "default", "register", "static", "switch", "case", "union", "struct", "int", "long", "float",
            "double", "auto", "const", "enum", "extern", "goto", "if", "else", "for", "while", "do", "return",
            "short", "signed", "unsigned", "void", "char", "sizeof", "typedef", "break", "continue", "inline", "restrict"}
HEAD = "/* Written by tools/gen_model.py from schema/api.json and schema/inventory.json: do not edit. */\n"
VIA = {"query": "M_VIA_QUERY", "body": "M_VIA_BODY", "action": "M_VIA_ACTION", None: "M_VIA_RESULT"}


def cname(name):
    return name + "_" if name in KEYWORDS else name


def cstr(text):
    if text is None:
        return "NULL"
    out = []
    for ch in text:
        if ch in '"\\':
            out.append("\\" + ch)
        elif ch == "\n":
            out.append("\\n")
        elif ord(ch) < 32 or ch == "?":
            out.append("\\%03o" % ord(ch))
        else:
            out.append(ch)
    return '"' + "".join(out) + '"'


# ---- model_types.h


def member_decl(m):
    """The member as a declaration, and its rank: wide members come first, so that structs have few holes."""
    if m.kind == "M_ENUM":
        base, rank = f"enum m_{m.type} ", 1
    elif m.kind == "M_STRUCT":
        base, rank = f"struct m_{m.type} *", 0
    elif m.kind == "M_REF":
        base, rank = "struct m_ref ", 0
    else:
        base, rank = C_SCALAR[m.kind], 2 if m.kind == "M_BOOL" else 0
    if m.is_list:
        return f"struct {{ {base}*v; uint32_t n; }} {cname(m.name)};", 0
    return f"{base}{cname(m.name)};", rank


def remark(m):
    parts = []
    if m.kind == "M_REF":
        parts.append(m.type)
    if m.is_internal:
        parts.append("internal")
    if m.doc:
        parts.append(m.doc)
    return f" /* {', '.join(parts)} */" if parts else ""


def write_struct(out, s):
    if not s.members:
        out.append(f"struct m_{s.name} {{\n\tchar *unused;\n}};\n")
        return
    out.append(f"struct m_{s.name} {{")
    bits = [m for m in s.members if m.has_bit >= 0]
    if bits:
        out.append("\tstruct {")
        out += [f"\t\tuint64_t {cname(m.name)} : 1;" for m in bits]
        out.append("\t} has;")
    rest = s.members
    if s.is_identified:
        out.append("\tchar *id, *name, *description, *comment;\n\tconst char *href;\n\tconst struct m_service *service;")
        rest = s.members[4:]
    decls = [(member_decl(m), remark(m)) for m in rest]
    for rank in (0, 1, 2):
        out += [f"\t{d}{r}" for (d, at), r in decls if at == rank]
    out.append("};\n")


def write_enum(out, name, values):
    up = "M_" + name.upper()
    names = [f"{up}_ABSENT"]
    if "none" not in values:
        names.append(f"{up}_NONE = 0")
    names += [f"{up}_{v.upper()}" for v in values] + [f"N_{up}"]
    out.append(f"enum m_{name} {{\n\t" + ",\n\t".join(names) + ",\n};\n")


def types_h(schema):
    out = ["/* SPDX-License-Identifier: Apache-2.0 */", HEAD.rstrip(), "#pragma once", '#include "model/model.h"', "",
           "/* Value 0 of an enumeration, M_X_ABSENT, is also called M_X_NONE, unless the API knows a value `none`:",
           " * there M_X_NONE is that value. */"]
    for name, values in schema.enums.items():
        write_enum(out, name, values)
    out += [f"struct m_{n};" for n in schema.structs] + [""]
    for s in schema.structs.values():
        write_struct(out, s)
    out += [f"extern const struct m_enum M_ENUM_{n};" for n in schema.enums] + [""]
    out += [f"extern const struct m_type M_TYPE_{n};" for n in schema.structs] + [""]
    out += ["enum m_type_index {"] + [f"\tM_TI_{n}," for n in schema.structs] + ["\tN_M_TYPES", "};", ""]
    out += [f"extern const struct m_service M_SERVICE_{n};" for n in schema.services] + [""]
    ops = all_ops(schema)
    out += [f"extern const struct m_op M_OP_{s}_{m['name']};" for s, m in ops] + [""]
    out += ["enum m_op_index {"] + [f"\tM_OPI_{s}_{m['name']}," for s, m in ops] + ["\tN_M_OPS", "};"]
    return "\n".join(out) + "\n"


def kinds_h(schema):
    out = ["/* SPDX-License-Identifier: Apache-2.0 */", HEAD.rstrip(), "#pragma once", ""]
    out += ["enum kind {"] + [f"\tKIND_{k['kind'].upper()}," for k in schema.kinds] + ["\tN_KINDS", "};", ""]
    out.append("/* Positions in the index of each kind. */")
    for k in schema.kinds:
        up = k["kind"].upper()
        out.append("enum { " + "".join(f"IDX_{up}_{n}, " for n in k["index"]) + f"N_IDX_{up} }};")
    return "\n".join(out) + "\n"


# ---- model_tables.c


def all_ops(schema):
    return [(name, m) for name, s in schema.services.items() for m in s["methods"]]


def field_row(s, m):
    type_ = f"&M_TYPE_{m.type}" if m.kind in ("M_STRUCT", "M_REF") else None
    cells = [f".name = {cstr(m.name)}"]
    if m.item:
        cells.append(f".item = {cstr(m.item)}")
    if m.doc:
        cells.append(f".doc = {cstr(m.doc)}")
    cells.append(f".kind = {m.kind}")
    if m.flags():
        cells.append(f".flags = {' | '.join(m.flags())}")
    cells.append(f".offset = offsetof(struct m_{s.name}, {cname(m.name)})")
    cells.append(f".has_bit = {m.has_bit}")
    if type_:
        cells.append(f".type = {type_}")
    if m.kind == "M_ENUM":
        cells.append(f".enum_ = &M_ENUM_{m.type}")
    rule = m.rule or {}
    for key in ("min", "max"):
        if key in rule:
            cells.append(f".has_{key} = true, .{key} = {rule[key]}LL")
    if "pattern" in rule:
        cells.append(f".pattern = {cstr(rule['pattern'])}, .pattern_hint = {cstr(rule['hint'])}")
    cells.append(f".name_len = {len(m.name)}")
    if m.item:
        cells.append(f".item_len = {len(m.item)}")
    return "\t{ " + ", ".join(cells) + " },"


def write_types(out, schema):
    for s in schema.structs.values():
        if s.members:
            out.append(f"static const struct m_field F_{s.name}[] = {{")
            out += [field_row(s, m) for m in s.members]
            out.append("};")
            order = sorted(range(len(s.members)), key=lambda i: s.members[i].name)
            out.append(f"static const uint8_t N_{s.name}[] = {{ {', '.join(map(str, order))} }};")
    out.append("")
    for i, s in enumerate(schema.structs.values()):
        cells = [f".name = {cstr(s.name)}", f".element = {cstr(s.element)}", f".collection = {cstr(s.collection)}"]
        if s.base:
            cells.append(f".base = &M_TYPE_{s.base}")
        if s.members:
            cells.append(f".fields = F_{s.name}, .n_fields = {len(s.members)}, .by_name = N_{s.name}")
        cells.append(f".size = sizeof(struct m_{s.name}), .has_words = {s.has_words}")
        if s.is_identified:
            cells.append(".is_identified = true")
        cells.append(f".index = {i}")
        if s.path:
            cells.append(f".path = {cstr(s.path)}, .path_service = &M_SERVICE_{s.path_service}")
            if s.path.endswith("/{id}") and s.path.count("/") == 1:
                cells.append(f".ref_prefix = {cstr(s.path[:-4])}")
        out.append(f"const struct m_type M_TYPE_{s.name} = {{ {', '.join(cells)} }};")
        if s.is_identified:
            out.append(f"_Static_assert(offsetof(struct m_{s.name}, id) == {s.has_words * 8}, \"entity part of {s.name}\");")
    out += ["const struct m_type *const M_TYPES[] = {"] + [f"\t&M_TYPE_{n}," for n in schema.structs] + ["\tNULL", "};", ""]


def write_enums(out, schema):
    for name, values in schema.enums.items():
        texts = ", ".join(cstr(v) for v in [""] + values)
        out.append(f"static const char *const V_{name}[] = {{ {texts} }};")
        out.append(f"const struct m_enum M_ENUM_{name} = {{ {cstr(name)}, V_{name}, {len(values) + 1} }};")
    out += ["const struct m_enum *const M_ENUMS[] = {"] + [f"\t&M_ENUM_{n}," for n in schema.enums] + ["\tNULL", "};", ""]


def param_row(schema, p):
    t = p["type"]
    cells = [f".name = {cstr(p['name'])}"]
    if t in SCALARS:
        cells.append(f".kind = {SCALARS[t]}")
    elif t in schema.enums:
        cells.append(f".kind = M_ENUM, .enum_ = &M_ENUM_{t}")
    else:
        cells.append(f".kind = M_STRUCT, .type = &M_TYPE_{t}")
    if p["list"]:
        cells.append(".is_list = true")
    if p.get("mandatory"):
        cells.append(".is_mandatory = true")
    cells.append(f".via = {VIA[p.get('via')]}")
    return "\t{ " + ", ".join(cells) + " },"


def string_list(out, name, texts):
    out.append(f"static const char *const {name}[] = {{ {''.join(cstr(t) + ', ' for t in texts)}NULL }};")


def write_op(out, schema, index, service, m):
    tag = f"{service}_{m['name']}"
    params = m["in"] + m["out"]
    cells = [f".name = {cstr(service + '.' + m['name'])}", f".service = &M_SERVICE_{service}",
             f".method = {cstr(m['name'])}", f".kind = M_OP_{m['kind'].upper()}"]
    if "path" in m:
        cells.append(f".path = {cstr(m['path'])}")
    if params:
        out.append(f"static const struct m_param P_{tag}[] = {{")
        out += [param_row(schema, p) for p in params]
        out.append("};")
        cells.append(f".params = P_{tag}, .n_params = {len(params)}")
        body = [i for i, p in enumerate(params) if p.get("via") == "body"]
        if body:
            cells.append(f".body = &P_{tag}[{body[0]}]")
        if m["out"]:
            cells.append(f".result = &P_{tag}[{len(m['in'])}]")
    if m.get("requires"):
        string_list(out, f"R_{tag}", m["requires"])
        cells.append(f".requires = R_{tag}")
    else:
        cells.append(".requires = NOTHING")
    signatures = m.get("signatures", [])
    if signatures:
        rows = []
        for i, sig in enumerate(signatures):
            if sig.get("requires"):
                string_list(out, f"R_{tag}_{i}", sig["requires"])
            rows.append(f"{{ {cstr(sig['name'])}, {f'R_{tag}_{i}' if sig.get('requires') else 'NOTHING'} }}")
        out.append(f"static const struct m_signature G_{tag}[] = {{ {', '.join(rows)} }};")
        cells.append(f".signatures = G_{tag}, .n_signatures = {len(signatures)}")
    if m.get("deprecated") or schema.services[service].get("deprecated"):
        cells.append(".is_deprecated = true")
    cells.append(f".index = {index}")
    out.append(f"const struct m_op M_OP_{tag} = {{ {', '.join(cells)} }};")


def write_services(out, schema):
    out.append("static const char *const NOTHING[] = { NULL };")
    ops = all_ops(schema)
    for i, (service, m) in enumerate(ops):
        write_op(out, schema, i, service, m)
    out += ["const struct m_op *const M_OPS[] = {"] + [f"\t&M_OP_{s}_{m['name']}," for s, m in ops] + ["\tNULL", "};", ""]
    for i, name in enumerate(schema.services):
        cells = [f".name = {cstr(name)}", f".index = {i}"]
        locators = schema.locators(name)
        if locators:
            out.append(f"static const struct m_locator L_{name}[] = {{")
            out += [f"\t{{ {cstr(path)}, {cstr(param)}, &M_SERVICE_{target} }}," for path, param, target in locators]
            out.append("};")
            cells.append(f".locators = L_{name}, .n_locators = {len(locators)}")
        methods = schema.operations(name)
        if methods:
            out.append(f"static const struct m_op *const O_{name}[] = {{ {', '.join(f'&M_OP_{s}_{m}' for s, m in methods)} }};")
            cells.append(f".ops = O_{name}, .n_ops = {len(methods)}")
        out.append(f"const struct m_service M_SERVICE_{name} = {{ {', '.join(cells)} }};")
    out += ["const struct m_service *const M_SERVICES[] = {"] + [f"\t&M_SERVICE_{n}," for n in schema.services] + ["\tNULL", "};"]
    out += [f"const struct m_service *const M_ROOT_SERVICE = &M_SERVICE_{schema.root};", ""]


def write_kinds(out, schema):
    for k in schema.kinds:
        members = schema.structs[k["type"]].members
        places = [next(i for i, m in enumerate(members) if m.name == n) for n in k["index"]]
        string_list(out, f"X_{k['kind']}", k["index"])
        out.append(f"static const struct m_field *const XF_{k['kind']}[] = {{ "
                   + "".join(f"&F_{k['type']}[{i}], " for i in places) + "NULL };")
    out.append("const struct m_kind_info M_KINDS[N_KINDS + 1] = {")
    for k in schema.kinds:
        out.append(f"\t{{ .name = {cstr(k['kind'])}, .type = &M_TYPE_{k['type']}, .unique_name = {'true' if k['unique'] else 'false'}, "
                   f".unique_within = {cstr(k['within'])}, .index = X_{k['kind']}, .n_index = {len(k['index'])}, "
                   f".index_fields = XF_{k['kind']} }},")
    out += ["\t{ .name = NULL }", "};"]


def tables_c(schema):
    out = ["/* SPDX-License-Identifier: Apache-2.0 */", HEAD.rstrip(), '#include "model/kinds.h"', '#include "model/types.h"', ""]
    write_enums(out, schema)
    write_types(out, schema)
    write_services(out, schema)
    write_kinds(out, schema)
    return "\n".join(out) + "\n"


def write_file(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        f.write(text)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        schema = Schema(sys.argv[1], sys.argv[2])
    except (SchemaError, KeyError) as e:
        sys.exit(f"schema: {e}")
    write_file(sys.argv[3], "model_types.h", types_h(schema))
    write_file(sys.argv[3], "model_kinds.h", kinds_h(schema))
    write_file(sys.argv[3], "model_tables.c", tables_c(schema))


if __name__ == "__main__":
    main()

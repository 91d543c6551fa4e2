# SPDX-License-Identifier: Apache-2.0
"""Bad documents: a fault that names what is wrong and what is allowed, nothing changed, nothing leaked."""
import json

import pytest

import rest

NIL = "00000000-0000-0000-0000-000000000000"
NOWHERE = "12345678-1234-1234-1234-123456789abc"


@pytest.fixture(scope="module")
def api(postgres, tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("input"), postgres) as manager:
        made = rest.Rest(manager)
        center = made.add("datacenters", name="dc", local=True)
        cluster = made.add("clusters", name="cl", data_center={"id": center["id"]}, cpu={"architecture": "x86_64"})
        network = made.add("networks", name="lan", data_center={"id": center["id"]}, vlan={"id": 7})
        tag = made.add("tags", name="tag")
        profile = next(p for p in made.list("vnicprofiles") if p["name"] == "lan")
        made.ids = {"dc": center["id"], "cl": cluster["id"], "net": network["id"], "tag": tag["id"], "prof": profile["id"],
                    "user": made.list("users")[0]["id"], "NIL": NIL, "NOWHERE": NOWHERE}
        yield made


def fill(api, text):
    for name, value in api.ids.items():
        text = text.replace("{" + name + "}", value)
    return text


def refused(api, method, path, body, headers, expected):
    before = api.everything()
    answer = api.call(method, fill(api, path), body=fill(api, body) if isinstance(body, str) else body, headers=headers)
    assert answer.status_code == expected, (answer.status_code, answer.text[:500])
    assert api.everything() == before
    assert "/work/" not in answer.text and ".c:" not in answer.text
    return answer


# method, path, document, status, what the fault has to name
XML_CASES = [
    # not XML at all, or not well-formed
    ("POST", "/tags", "no xml", 400, []),
    ("POST", "/tags", "<tag>", 400, []),
    ("POST", "/tags", "<tag><name>x</tag>", 400, []),
    ("POST", "/tags", "<tag><name>x</name></tag><tag/>", 400, []),
    ("POST", "/tags", "<tag><name>\x01</name></tag>", 400, []),
    ("POST", "/tags", b"<tag><name>\xff</name></tag>", 400, []),
    ("POST", "/tags", "<tag><name>x</name></tag>".encode("utf-16"), 400, []),
    ("POST", "/tags", b"<?xml version='1.0' encoding='UTF-7'?><tag><name>x</name>+ADw-colour/+AD4-</tag>", 400, []),
    # another document, unknown members
    ("POST", "/tags", "<vm><name>x</name></vm>", 400, ["vm", "tag"]),
    ("POST", "/tags", "<tag><name>x</name><colour>red</colour></tag>", 400, ["colour"]),
    ("POST", "/tags", "<tag><name><first>x</first></name></tag>", 400, ["name"]),
    ("POST", "/tags", "<tag colour='red'><name>x</name></tag>", 400, ["colour"]),
    ("PUT", "/clusters/{cl}", "<cluster><memory_policy><speed>1</speed></memory_policy></cluster>", 400, ["speed"]),
    # bad values: enumerations, booleans, integers
    ("POST", "/networks", "<network><name>n</name><data_center id='{dc}'/><usages><usage>vm</usage><usage>fun</usage></usages></network>", 400,
     ["usages", "fun", "migration"]),
    ("PUT", "/datacenters/{dc}", "<data_center><quota_mode>sometimes</quota_mode></data_center>", 400, ["quota_mode", "sometimes", "audit"]),
    ("PUT", "/datacenters/{dc}", "<data_center><local>maybe</local></data_center>", 400, ["local", "maybe"]),
    ("PUT", "/networks/{net}", "<network><mtu>much</mtu></network>", 400, ["mtu", "much"]),
    ("PUT", "/networks/{net}", "<network><mtu>15.5</mtu></network>", 400, ["mtu"]),
    ("PUT", "/networks/{net}", "<network><mtu>99999999999</mtu></network>", 400, ["mtu"]),
    ("PUT", "/networks/{net}", "<network><mtu>99999999999999999999999999</mtu></network>", 400, ["mtu"]),
    ("PUT", "/networks/{net}", "<network><mtu>-1</mtu></network>", 400, ["mtu", "0"]),
    ("PUT", "/networks/{net}", "<network><mtu>70000</mtu></network>", 400, ["mtu", "65535"]),
    ("PUT", "/networks/{net}", "<network><mtu>42</mtu></network>", 400, ["mtu"]),
    ("PUT", "/clusters/{cl}", "<cluster><version><major>3</major><minor>6</minor></version></cluster>", 400, ["version"]),
    # names
    ("POST", "/datacenters", "<data_center><name>a b</name><local>true</local></data_center>", 400, ["name", "letters"]),
    ("POST", "/datacenters", "<data_center><name></name><local>true</local></data_center>", 400, ["name"]),
    ("POST", "/datacenters", f"<data_center><name>{'x' * 41}</name><local>true</local></data_center>", 400, ["name", "40"]),
    ("POST", "/bookmarks", f"<bookmark><name>b</name><value>{'v' * 301}</value></bookmark>", 400, ["value", "300"]),
    # missing
    ("POST", "/tags", "<tag/>", 400, ["name"]),
    ("POST", "/tags", "", 400, ["name"]),
    ("POST", "/datacenters", "<data_center><local>true</local></data_center>", 400, ["name"]),
    ("POST", "/clusters", "<cluster><name>c2</name></cluster>", 400, ["data_center"]),
    ("POST", "/networks", "<network><name>n</name></network>", 400, ["data_center"]),
    ("POST", "/vnicprofiles", "<vnic_profile><name>p</name></vnic_profile>", 400, ["network"]),
    ("POST", "/vms", "<vm><name>v</name></vm>", 400, ["cluster"]),
    ("POST", "/clusters/{cl}/networks", "<network/>", 400, ["network"]),
    # references to nothing
    ("POST", "/clusters", "<cluster><name>c2</name><data_center id='{NOWHERE}'/></cluster>", 404, ["Entity not found", "{NOWHERE}"]),
    ("POST", "/clusters", "<cluster><name>c2</name><data_center><name>nope</name></data_center></cluster>", 404,
     ["Entity not found: DataCenter: name=nope"]),
    ("POST", "/clusters", "<cluster><name>c2</name><data_center id='7'/></cluster>", 400, ["data_center"]),
    ("POST", "/tags", "<tag><name>t2</name><parent id='{NOWHERE}'/></tag>", 404, ["Entity not found: Tag"]),
    ("POST", "/vnicprofiles", "<vnic_profile><name>p</name><network id='{NOWHERE}'/></vnic_profile>", 404, ["Network"]),
    ("PUT", "/clusters/{cl}", "<cluster><mac_pool id='{NOWHERE}'/></cluster>", 404, ["MacPool"]),
    ("POST", "/hosts", "<host><name>h</name><address>192.0.2.1</address><cluster><name>nope</name></cluster></host>", 404, ["Cluster"]),
    # duplicates
    ("POST", "/tags", "<tag><name>tag</name></tag>", 409, ["tag.name", "tag"]),
    ("POST", "/datacenters", "<data_center><name>dc</name><local>true</local></data_center>", 409, ["data_center.name", "already in use"]),
    ("POST", "/clusters", "<cluster><name>cl</name><data_center id='{dc}'/></cluster>", 409, ["cluster.name"]),
    ("POST", "/networks", "<network><name>lan</name><data_center id='{dc}'/></network>", 409, ["network.name"]),
    ("POST", "/networks", "<network><name>lan2</name><data_center id='{dc}'/><vlan id='7'/></network>", 409, ["vlan", "lan"]),
    ("PUT", "/datacenters/{dc}", "<data_center><name>Default</name></data_center>", 409, ["data_center.name"]),
    # what is fixed, and states
    ("PUT", "/tags/{tag}", "<tag id='{NOWHERE}'><name>x</name></tag>", 409, ["id"]),
    ("PUT", "/networks/{net}", "<network><data_center><name>Default</name></data_center></network>", 409, ["data_center"]),
    ("PUT", "/vnicprofiles/{prof}", "<vnic_profile><network id='{NIL}'/></vnic_profile>", 409, ["network"]),
    ("PUT", "/tags/{tag}", "<tag><parent id='{tag}'/></tag>", 409, ["parent"]),
    ("DELETE", "/tags/{NIL}", "", 409, ["root tag"]),
    ("POST", "/clusters/{cl}/networks", "<network><name>ovirtmgmt</name></network>", 409, ["attached"]),
    # things that are not there
    ("PUT", "/tags/{NOWHERE}", "<tag><name>x</name></tag>", 404, []),
    ("DELETE", "/tags/{NOWHERE}", "", 404, []),
    ("POST", "/users/{NOWHERE}/sshpublickeys", "<ssh_public_key><content>ssh-rsa A</content></ssh_public_key>", 404, []),
    ("POST", "/users/{user}/sshpublickeys", "<ssh_public_key><content>nonsense</content></ssh_public_key>", 400, ["content", "ssh-"]),
]


@pytest.mark.parametrize("method, path, body, expected, words", XML_CASES, ids=lambda v: str(v)[:60] if isinstance(v, str) else None)
def test_xml(api, method, path, body, expected, words):
    answer = refused(api, method, path, body, rest.XML, expected)
    if expected == 404 and not words:
        assert answer.text == "" and "Content-Type" not in answer.headers
        return
    assert answer.headers["Content-Type"] == "application/xml;charset=UTF-8"
    reason, detail = rest.fault(answer)
    assert reason and detail
    for word in words:
        assert fill(api, word) in detail, detail


JSON_CASES = [
    ("POST", "/tags", "{", 400, []),
    ("POST", "/tags", "[]", 400, []),
    ("POST", "/tags", "\"tag\"", 400, []),
    ("POST", "/tags", "{\"name\":\"x\"} {}", 400, []),
    ("POST", "/tags", "{\"name\":\"x\",}", 400, []),
    ("POST", "/tags", b"{\"name\":\"\xff\xfe\"}", 400, []),
    ("POST", "/tags", "{\"name\":\"\\ud800\"}", 400, []),
    ("POST", "/tags", "{\"name\":\"a\\u0000b\"}", 400, []),
    ("POST", "/tags", "{\"name\":[\"x\"]}", 400, ["name"]),
    ("POST", "/tags", "{\"name\":{\"x\":1}}", 400, ["name"]),
    ("POST", "/tags", "{\"name\":\"x\",\"colour\":\"red\"}", 400, ["colour"]),
    ("POST", "/tags", "{\"tag\":{\"name\":\"x\"}}", 400, ["tag"]),
    ("POST", "/tags", "{\"description\":\"x\"}", 400, ["name"]),
    ("PUT", "/networks/{net}", "{\"mtu\":\"much\"}", 400, ["mtu", "much"]),
    ("PUT", "/networks/{net}", "{\"mtu\":1.5}", 400, ["mtu"]),
    ("PUT", "/networks/{net}", "{\"mtu\":true}", 400, ["mtu"]),
    ("PUT", "/networks/{net}", "{\"mtu\":1e99}", 400, ["mtu"]),
    ("PUT", "/networks/{net}", "{\"mtu\":\"70000\"}", 400, ["mtu"]),
    ("PUT", "/networks/{net}", "{\"usages\":{\"usage\":[\"fun\"]}}", 400, ["fun"]),
    ("PUT", "/datacenters/{dc}", "{\"local\":\"maybe\"}", 400, ["local"]),
    ("PUT", "/datacenters/{dc}", "{\"local\":2}", 400, ["local"]),
    ("PUT", "/datacenters/{dc}", "{\"mac_pool\":\"x\"}", 400, ["mac_pool"]),
    ("POST", "/clusters", "{\"name\":\"c2\",\"data_center\":{\"name\":\"nope\"}}", 404, ["Entity not found: DataCenter: name=nope"]),
    ("POST", "/tags", "{\"name\":\"tag\"}", 409, ["tag.name"]),
]


@pytest.mark.parametrize("method, path, body, expected, words", JSON_CASES, ids=lambda v: str(v)[:60] if isinstance(v, (str, bytes)) else None)
def test_json(api, method, path, body, expected, words):
    answer = refused(api, method, path, body, rest.JSON, expected)
    assert answer.headers["Content-Type"] == "application/json"
    reason, detail = rest.fault(answer)
    assert reason and detail
    for word in words:
        assert word in detail, detail


# -- size and depth --------------------------------------------------------------------------


def nested_xml(depth):
    return "<tag>" + "<parent>" * depth + "</parent>" * depth + "</tag>"


BOMBS = {
    "entities": ("<?xml version='1.0'?><!DOCTYPE tag [<!ENTITY a 'aaaaaaaaaa'>"
                 + "".join(f"<!ENTITY {chr(98 + i)} '{('&' + chr(97 + i) + ';') * 10}'>" for i in range(9))
                 + "]><tag><name>&j;</name></tag>"),
    "external": "<?xml version='1.0'?><!DOCTYPE tag [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><tag><name>&x;</name></tag>",
    "parameter": "<?xml version='1.0'?><!DOCTYPE tag [<!ENTITY % x SYSTEM 'http://192.0.2.1/x'> %x;]><tag><name>n</name></tag>",
    "dtd": "<?xml version='1.0'?><!DOCTYPE tag SYSTEM 'http://192.0.2.1/tag.dtd'><tag><name>n</name></tag>",
    "include": "<tag xmlns:xi='http://www.w3.org/2001/XInclude'><name><xi:include href='/etc/passwd' parse='text'/></name></tag>",
    "deep": nested_xml(100),
    "very deep": nested_xml(50000),
    "attributes": "<tag " + " ".join(f"a{i}='x'" for i in range(250000)) + "/>",
    "namespaces": "<tag " + " ".join(f"xmlns:a{i}='x'" for i in range(250000)) + "/>",
    "attributes in a value": "<tag><name a='>' " + " ".join(f"b{i}='>'" for i in range(250000)) + "/></tag>",
    "nodes": "<network><name>n</name><usages>" + "<usage>vm</usage>" * 300000 + "</usages></network>",
    "unclosed": "<tag>" * 100000,
}


IMPOSSIBLE = ("entities", "external", "parameter", "dtd", "include", "unclosed")


@pytest.mark.parametrize("name", BOMBS)
def test_xml_bombs(api, name):
    path = "/networks" if name == "nodes" else "/tags"
    before = rest.memory_kib(api.manager)
    answer = refused(api, "POST", path, BOMBS[name], rest.XML, 400 if name in IMPOSSIBLE else 413)
    assert "root:" not in answer.text
    assert rest.fault(answer)[1] and answer.elapsed.total_seconds() < 10
    assert rest.memory_kib(api.manager) < before + 300 * 1024


JSON_BOMBS = {
    "deep": "{\"parent\":" * 100 + "{}" + "}" * 100,
    "very deep": "{\"parent\":" * 1000000,
    "items": "{\"usages\":{\"usage\":[" + "\"vm\"," * 300000 + "\"vm\"]}}",
    "members": "{" + ",".join(f"\"a{i}\":1" for i in range(300000)) + "}",
}


@pytest.mark.parametrize("name", JSON_BOMBS)
def test_json_bombs(api, name):
    answer = refused(api, "POST", "/networks" if name == "items" else "/tags", JSON_BOMBS[name], rest.JSON, 413 if name != "members" else 400)
    assert rest.fault(answer)[1]


def test_body_beyond_the_limit(api):
    """Said at once from Content-Length, and noticed in chunks."""
    before = api.everything()
    with api.connect() as s:
        s.sendall(api.request_bytes("POST", "/tags", **{"Content-Type": "application/xml", "Content-Length": str(100 << 20)}))
        assert rest.status(rest.read_answer(s)) == 413

    def chunks():
        yield b"<tag><name>"
        for _ in range(17):
            yield b"x" * (1 << 20)
        yield b"</name></tag>"
    try:
        answer = api.call("POST", "/tags", body=chunks(), headers=rest.XML)
        assert answer.status_code == 413
    except rest.requests.ConnectionError:
        pass  # it may close while we still send
    assert api.everything() == before


def test_length_of_texts(api):
    """Counted in characters, not in bytes."""
    text = "\u00e4" * 4000
    made = api.add("tags", name="large", description=text)
    assert api.get("/tags/" + made["id"])["description"] == text
    answer = refused(api, "PUT", "/tags/" + made["id"], json.dumps({"description": text + "x"}), rest.JSON, 400)
    assert "4000" in rest.fault(answer)[1]
    api.remove("tags", made["id"])


# -- what must not get in the way ------------------------------------------------------------


def test_what_was_read_may_be_sent_back(api):
    for path in "/datacenters/{dc}", "/clusters/{cl}", "/networks/{net}", "/tags/{tag}", "/vnicprofiles/{prof}":
        before = api.everything()
        for accept in "application/xml", "application/json":
            read = api.call("GET", fill(api, path), headers={"Accept": accept})
            answer = api.call("PUT", fill(api, path), body=read.text, headers={"Content-Type": accept, "Accept": accept})
            assert answer.status_code == 200, (path, answer.text)
        assert api.everything() == before


def test_strange_texts_survive(api):
    texts = ["<b>&amp;\"'", "ä€😀", "a\tb", " blanks ", "]]>", "{{7*7}}", "'; DROP TABLE entity; --", "%s%n%d", "\\u0041\\", "\u2028",
             "\x7f", "\u202e"]
    made = api.add("tags", name="strange")
    for text in texts:
        for accept in "application/json", "application/xml":
            answer = api.call("PUT", "/tags/" + made["id"], {"description": text})
            assert answer.status_code == 200, (text, answer.text)
            assert api.get("/tags/" + made["id"])["description"] == text
            assert api.call("GET", "/tags/" + made["id"]).status_code == 200
    api.remove("tags", made["id"])


def test_control_characters_do_not_break_documents(api):
    """XML cannot say them: they are refused, or left out, but every document can be read."""
    import xml.etree.ElementTree
    for code in list(range(1, 9)) + [11, 12, 14, 31, 0xfffe, 0xffff]:
        answer = api.call("POST", "/tags", json.dumps({"name": "ctl", "description": "a" + chr(code) + "b"}), headers=rest.JSON)
        assert answer.status_code in (201, 400), answer.text
        xml.etree.ElementTree.fromstring(api.call("GET", "/tags").content)
        if answer.status_code == 201:
            api.remove("tags", answer.json()["id"])


def test_no_secrets(api):
    """Passwords go in and never come out: not in answers, not in the log."""
    secret = "Correct-Horse-Battery"
    answer = api.call("POST", "/hosts", {"name": "h", "address": "192.0.2.1", "root_password": secret, "cluster": {"id": api.ids["cl"]}})
    assert secret not in answer.text
    bad = api.call("POST", "/hosts", {"name": "b a d", "address": "192.0.2.1", "root_password": secret, "cluster": {"id": api.ids["cl"]}})
    assert bad.status_code == 400 and secret not in bad.text
    unknown = api.call("POST", "/hosts", {"name": "x", "root_password": {"x": secret}})
    assert unknown.status_code == 400 and secret not in unknown.text
    api.call("GET", "/hosts?all_content=true&follow=nics")
    texts = json.dumps(api.everything()) + json.dumps(api.get("/events")) + json.dumps(api.get("/jobs")) + rest.log_of(api.manager)
    for word in secret, api.manager.password, api.token, "pbkdf2":
        assert word not in texts

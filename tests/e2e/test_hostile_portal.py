# SPDX-License-Identifier: Apache-2.0
"""What bad input gets where portals ask: tokens and tickets that are none, markup in every text, texts that are too long.

Tickets that were real (used twice, of another protocol, from a foreign page, after a logout) are in test_consoles.py; cookies and
foreign pages in test_me.py.
"""
import base64
import json
import re

import pytest
import rest
from websocket import Refused, WebSocket

PASSWORD = "a-good-one"
PAGES = ("me", "allowed?path=vms", "sessions", "operations", "search/complete?collection=vms&text=n", "dashboard")
MARKUP = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'; alert(1); //", "{{7*7}} ${7*7}", "</name><admin>true</admin>",
          "<![CDATA[<b>]]>", "&lt;b&gt; &amp; &#60;", "\u202egnp.exe", "javascript:alert(1)", "<svg/onload=alert(1)>"]


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("hostile")) as made:
        yield made


@pytest.fixture(scope="module")
def admin(manager):
    made = rest.Rest(manager)
    made.login()
    return made


@pytest.fixture(scope="module")
def vm(admin):
    return admin.add("vms", name="victim", cluster={"name": "Default"}, template={"name": "Blank"})["id"]


def forged(token):
    """Like a real one, and none."""
    yield from ("", "null", "undefined", "0" * 64, token[:-1], token + "0", token[:32], token.upper() if token != token.upper() else "A" * 64,
                " " + token[1:], token + "\x00".encode().decode("latin-1").replace("\x00", "%00"), "A" * 8000, "../" * 20, "' OR '1'='1",
                base64.b64encode(json.dumps({"alg": "none", "user": "admin@internal"}).encode()).decode() + ".e30.")


def test_forged_tokens(admin):
    for token in forged(admin.token):
        answer = admin.call("GET", "/vms", headers={"Authorization": "Bearer " + token, "Accept": "application/json"}, token=False)
        assert answer.status_code in (400, 401, 431), (token[:40], answer.status_code)
        assert token[:20] not in answer.text or len(token) < 4
        for page in PAGES:
            answer = admin.call("GET", "/ovirt-engine/hostler/" + page, headers={"Authorization": "Bearer " + token}, token=False)
            assert answer.status_code in (400, 401, 404, 431), (page, token[:40], answer.status_code)
    assert admin.call("GET", "/vms").status_code == 200


@pytest.mark.parametrize("header", ["Bearer", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"admin@internal").decode(), "Digest x", "Bearer a b",
                                    "Basic " + base64.b64encode(b"admin@internal\x00:x").decode(), "Basic " + "A" * 6000, "Negotiate AAAA"])
def test_odd_authorization(admin, header):
    for path in ("/vms", "/ovirt-engine/hostler/me"):
        assert admin.call("GET", path, headers={"Authorization": header}, token=False).status_code in (400, 401, 431)


def test_ended_tokens(manager, admin):
    """After a logout, a change of the password, removal of the user, a restart: nothing opens any more."""
    made = admin.add("users", user_name="gone", password=PASSWORD, domain={"name": "internal-authz"})
    tokens = []
    for end in ("logout", "password", "removal"):
        user = rest.Rest(manager, "gone@internal", PASSWORD)
        user.login()
        tokens.append(user.token)
        assert user.get("/ovirt-engine/hostler/me")["id"] == made["id"]
        if end == "logout":
            user.session.post(user.root + "/services/sso-logout", data={"token": user.token}, timeout=30)
        elif end == "password":
            assert admin.call("PUT", "/users/" + made["id"], {"password": PASSWORD + "2"}).status_code == 200
            assert admin.call("PUT", "/users/" + made["id"], {"password": PASSWORD}).status_code == 200
        else:
            admin.remove("users", made["id"])
    for token in tokens:
        answer = admin.call("GET", "/vms", token=token, headers={"Accept": "application/json"})
        assert answer.status_code == 401 and answer.json()["reason"] == "Not authenticated"
        assert admin.session.post(admin.root + "/sso/oauth/token-info", data={"token": token}, timeout=30).status_code == 400


@pytest.mark.parametrize("path", ["/hostler/console/", "/hostler/console/x", "/hostler/console/" + "A" * 3000, "/hostler/console/%00", "/hostler/console/../me",
                                  "/hostler/console/eyJhbGciOiJub25lIn0", "/hostler/vms/{vm}/serialconsole", "/hostler/vms/{vm}/serial?ticket=x",
                                  "/hostler/vms/{vm}/serial?token={token}", "/hostler/vms/none/serial", "/hostler/me", "/api/vms"])
def test_websocket_without_ticket(manager, admin, vm, path):
    path = "/ovirt-engine" + path.replace("{vm}", vm).replace("{token}", admin.token)
    for headers in ((), ("Origin: https://evil.example",), ("Sec-WebSocket-Protocol: ticket." + "x" * 40,), ("Cookie: JSESSIONID=" + admin.token,)):
        with pytest.raises((Refused, ConnectionError)) as refused:
            WebSocket(manager.address, manager.port, path, manager.ca, headers)
        if isinstance(refused.value, Refused):
            assert refused.value.status in (0, 400, 401, 403, 404, 405, 409, 414, 426), (path, refused.value.status)


def is_plain(answer):
    """Nothing that a browser would take for a page."""
    kind = answer.headers.get("Content-Type", "")
    assert not kind.startswith("text/html") and (kind or not answer.content), kind
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return answer


@pytest.mark.parametrize("text", MARKUP)
def test_markup_is_only_text(admin, vm, text):
    """Kept as it is, given back as it is, in documents that are no pages."""
    for method, path, members in (("PUT", "/vms/" + vm, {"description": text, "comment": text}), ("POST", "/tags", {"name": text[:40], "description": text}),
                                  ("POST", "/bookmarks", {"name": text[:40], "value": text}), ("POST", "/roles", {
                                      "name": text, "description": text, "administrative": False, "permits": {"permit": [{"name": "login"}]}}),
                                  ("POST", "/groups", {"name": text, "domain": {"name": "internal-authz"}}),
                                  ("POST", "/datacenters", {"name": text[:40], "description": text, "local": False})):
        answer = is_plain(admin.call(method, path, members))
        assert answer.status_code in (200, 201, 400), (path, answer.status_code, answer.text)
        if answer.status_code == 400:
            continue
        got = answer.json()
        assert all(got[k] == members[k] for k in members if k in ("name", "description", "comment", "value"))
        where = path if method == "PUT" else f"{path}/{got['id']}"
        xml = is_plain(admin.call("GET", where, headers={"Accept": "application/xml"})).text
        assert "<script" not in xml and "<img" not in xml and "<svg" not in xml and "<admin>" not in xml
        assert is_plain(admin.call("GET", where, headers={"Accept": "application/json"})).json()["id"] == got["id"]
        if method == "POST":
            admin.remove(path[1:], got["id"])
    events = is_plain(admin.call("GET", "/events", headers={"Accept": "application/xml"})).text
    assert not re.search("<(script|img|svg|admin)", events)


@pytest.mark.parametrize("text", MARKUP[:3])
def test_markup_is_not_reflected(admin, text):
    """Errors quote what was sent only in documents."""
    asks = [("GET", "/vms?search=" + text), ("GET", "/vms/" + text), ("GET", "/" + text), ("POST", "/vms/x/" + text), ("GET", "/vms?follow=" + text),
            ("GET", "/ovirt-engine/hostler/allowed?path=" + text), ("GET", "/ovirt-engine/hostler/search/complete?collection=" + text),
            ("GET", "/ovirt-engine/" + text), ("DELETE", "/ovirt-engine/hostler/sessions/" + text), ("GET", "/ovirt-engine/webadmin/" + text)]
    for method, path in asks:
        for accept in ("text/html,*/*", "application/json", "application/xml"):
            answer = is_plain(admin.call(method, path, headers={"Accept": accept}))
            assert answer.status_code >= 400 or "search=" in path or "follow=" in path, (method, path, answer.status_code)
            if "json" not in answer.headers.get("Content-Type", "") and "<" in text:
                assert text not in answer.text
    login = admin.session.post(admin.root + "/sso/oauth/token", timeout=60, data={
        "grant_type": "password", "scope": "ovirt-app-api", "username": text, "password": "x"})
    is_plain(login)
    assert login.status_code == 400


LONG = [("vms", {"cluster": {"name": "Default"}, "template": {"name": "Blank"}, "name": "long"}, ("name", "description", "comment", "custom_cpu_model", "time_zone.name", "os.cmdline", "initialization.host_name")),
        ("clusters", {"data_center": {"name": "Default"}, "name": "long"}, ("name", "description", "comment")),
        ("hosts", {"name": "long", "address": "192.0.2.1", "root_password": "x", "cluster": {"name": "Default"}}, ("name", "address", "comment", "description")),
        ("users", {"user_name": "long", "domain": {"name": "internal-authz"}}, ("user_name", "name", "last_name", "email", "department", "password")),
        ("tags", {"name": "long"}, ("name", "description")), ("bookmarks", {"name": "long", "value": "Vms:"}, ("name", "value")),
        ("groups", {"name": "long", "domain": {"name": "internal-authz"}}, ("name",)),
        ("roles", {"name": "long", "administrative": False, "permits": {"permit": [{"name": "login"}]}}, ("name", "description")),
        ("networks", {"name": "long", "data_center": {"name": "Default"}}, ("name", "description", "comment"))]


@pytest.mark.parametrize("collection, members, fields", LONG, ids=[c for c, _, _ in LONG])
def test_over_long_texts(admin, collection, members, fields):
    for field in fields:
        for size in (5000, 300_000) if "." not in field else (300_000,):
            body, last = json.loads(json.dumps(members)), field.split(".")[-1]
            place = body if "." not in field else body.setdefault(field.split(".")[0], {})
            place[last] = "x" * size
            answer = is_plain(admin.call("POST", "/" + collection, body))
            if answer.status_code == 501:
                continue
            assert answer.status_code == 400, (collection, field, size, answer.status_code, answer.text[:300])
            assert len(answer.content) < 2000 and last in answer.text, (collection, field, answer.text[:300])
    assert not [i for i in admin.list(collection) if i.get("name") == "long"]


def test_filter_is_no_wish(manager, admin, vm):
    """A user who asks for unfiltered results is refused, and sees nothing by other ways."""
    made = admin.add("users", user_name="curious", password=PASSWORD, domain={"name": "internal-authz"})
    jane = rest.Rest(manager, "curious@internal", PASSWORD)
    for headers in ({"Filter": "false"}, {}, {"Filter": "true"}):
        answer = jane.call("GET", "/vms", headers={"Accept": "application/json", **headers})
        assert (answer.status_code == 403) == (headers.get("Filter") == "false") and vm not in answer.text
    for path in ("/vms/" + vm, f"/vms/{vm}/nics", f"/vms/{vm}/permissions", f"/clusters?follow=vms", "/events", "/jobs", f"/users/{made['id']}?follow=permissions"):
        assert "victim" not in jane.call("GET", path, headers={"Accept": "application/json"}).text
    assert jane.call("POST", f"/vms/{vm}/start", {}).status_code == 403
    assert jane.call("POST", "/permissions", {"role": {"name": "SuperUser"}, "user": {"id": made["id"]}}).status_code == 403
    assert jane.call("PUT", "/users/" + made["id"], {"groups": {"group": [{"name": "Everyone"}]}}).status_code == 403

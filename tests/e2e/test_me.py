# SPDX-License-Identifier: Apache-2.0
"""What portals ask about a person: who it is, and what he may do where. The same truth as calls are judged by."""
import time

import pytest
import rest

PASSWORD = "a-good-one"


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("me")) as made:
        yield made


@pytest.fixture(scope="module")
def admin(manager):
    return rest.Rest(manager)


def person(manager, admin, name):
    user = admin.add("users", user_name=name, name="Jane", last_name="Doe", password=PASSWORD, domain={"name": "internal-authz"})
    who = rest.Rest(manager, name + "@internal", PASSWORD)
    who.id = user["id"]
    return who


def give(admin, place, user, role):
    return admin.add(place + "/permissions" if place else "permissions", role={"name": role}, user={"id": user.id})


def allowed(who, path):
    answer = who.call("GET", "/ovirt-engine/hostler/allowed", params={"path": path})
    return set(answer.json()) if answer.status_code == 200 else answer.status_code


@pytest.fixture(scope="module")
def vms(admin):
    return [admin.add("vms", name=f"vm{i}", cluster={"name": "Default"}, template={"name": "Blank"})["id"] for i in range(2)]


def test_me(manager, admin):
    me = admin.get("/ovirt-engine/hostler/me")
    assert me["user_name"] == "admin@internal-authz" and me["is_admin"] and me["can_change_password"]
    assert me["domain"] == "internal-authz" and me["session_expires"] > 0
    jane = person(manager, admin, "jane-me")
    me = jane.get("/ovirt-engine/hostler/me")
    assert (me["id"], me["name"], me["last_name"], me["is_admin"]) == (jane.id, "Jane", "Doe", False)
    assert me["password_expires"] > me["session_expires"]
    for page in ("me", "allowed"):
        answer = jane.call("GET", "/ovirt-engine/hostler/" + page, token=False)
        assert answer.status_code == 401 and answer.json()["reason"] == "Not authenticated"


def test_administrator(admin, vms):
    assert allowed(admin, "vms") == {"vms.list", "vms.add"}
    of_vm = allowed(admin, "/vms/" + vms[0])
    assert {"vm.get", "vm.update", "vm.start", "vm.clone", "vm_nics.add", "vm_nics.list", "assigned_permissions.add"} <= of_vm
    assert {"vms.add", "clusters.add", "users.add", "roles.add"} <= allowed(admin, "")
    assert allowed(admin, f"vms/{vms[0]}/nics") >= {"vm_nics.list", "vm_nics.add", "vm_nic.update", "vm_nic.remove"}


def test_user_of_one(manager, admin, vms):
    jane = person(manager, admin, "jane-vm")
    assert allowed(jane, "vms") == {"vms.list"} and allowed(jane, "vms/" + vms[0]) == 404
    give(admin, "vms/" + vms[0], jane, "UserRole")
    mine = allowed(jane, "vms/" + vms[0])
    assert {"vm.get", "vm.start", "vm.stop"} <= mine
    assert not mine & {"vm.update", "vm.remove", "vm_nics.add", "vm.clone", "assigned_permissions.add"}
    assert allowed(jane, "vms/" + vms[1]) == 404 == allowed(jane, f"vms/{vms[1]}/nics")
    assert allowed(jane, "clusters") == {"clusters.list"}
    give(admin, "vms/" + vms[0], jane, "UserVmManager")
    assert {"vm.update", "vm.remove", "vm_nics.add", "assigned_permissions.add"} <= allowed(jane, "vms/" + vms[0])


def test_creator(manager, admin):
    jane = person(manager, admin, "jane-power")
    cluster = admin.one("clusters", "Default")["id"]
    assert "vms.add" not in allowed(jane, "vms")
    give(admin, "clusters/" + cluster, jane, "VmCreator")
    assert "vms.add" in allowed(jane, "vms") and "disks.add" not in allowed(jane, "disks")


@pytest.mark.parametrize("role", ["UserRole", "UserVmManager", "PowerUserRole", "ClusterAdmin", "ReadOnlyAdmin"])
def test_same_truth(manager, admin, vms, role):
    """What is said to be refused is refused, and what is said to be allowed is not refused for want of a permit."""
    jane = person(manager, admin, "jane-" + role.lower())
    give(admin, "vms/" + vms[0], jane, role)
    may = allowed(jane, "vms/" + vms[0])
    for name, method, path, body in (("vm.start", "POST", "/start", {"pause": "x"}), ("vm.shutdown", "POST", "/shutdown", {}),
                                     ("vm.update", "PUT", "", {"memory": "many"}), ("vm_nics.add", "POST", "/nics", {}),
                                     ("snapshots.add", "POST", "/snapshots", {"date": "x"}), ("vm.migrate", "POST", "/migrate", {}),
                                     ("disk_attachments.add", "POST", "/diskattachments", {}),
                                     ("assigned_permissions.add", "POST", "/permissions", {"role": {"name": "no-such"}, "user": {"id": jane.id}})):
        answer = jane.call(method, f"/vms/{vms[0]}{path}", body)
        if answer.status_code != 501:
            assert (answer.status_code == 403) == (name not in may), (role, name, answer.status_code, answer.text)


@pytest.mark.parametrize("path", ["nothing", "vms/none", "vms/00000000-0000-0000-0000-000000000000", "vms/%", "../..", "vms//x;y", "a" * 3000])
def test_nonsense(admin, path):
    assert allowed(admin, path) in (404, 400, 414, 431)


# ---- sessions ----

def event(admin, code, *words, since=0):
    """The event with these words in it; events are written a moment after the answer."""
    for _ in range(50):
        found = [e for e in admin.list("events") if int(e["id"]) > since and int(e["code"]) == code]
        if any(all(w in e["description"] for w in words) for e in found):
            return True
        time.sleep(0.1)
    raise AssertionError((code, words, [e["description"] for e in found]))


def test_login_events(manager, admin):
    person(manager, admin, "eve-ent")
    jane = rest.Rest(manager, "eve-ent@internal", PASSWORD)
    before = max(int(e["id"]) for e in admin.list("events"))
    assert jane.login().status_code == 200
    assert rest.Rest(manager, "eve-ent@internal", "wrong").login().status_code == 400
    jane.session.post(jane.root + "/services/sso-logout", data={"token": jane.token}, timeout=30)
    for code in (30, 31, 114):
        assert event(admin, code, "eve-ent", "127.0.0.1", since=before)
    for _ in range(4):
        rest.Rest(manager, "eve-ent@internal", "wrong").login()
    locked = rest.Rest(manager, "eve-ent@internal", PASSWORD).login().json()
    assert locked["reason"] == "locked" and locked["error_code"] == "access_denied"
    assert event(admin, 160, "eve-ent", since=before)


def test_sessions(manager, admin):
    page = "/ovirt-engine/hostler/sessions"
    jane, john = person(manager, admin, "jane-ses"), person(manager, admin, "john-ses")
    jane.get("/vms"), john.get("/vms")
    mine = jane.get(page)
    assert [s["user_id"] for s in mine] == [jane.id] and mine[0]["is_own"] and mine[0]["address"] == "127.0.0.1"
    assert mine[0]["kind"] == "token" and mine[0]["started"] <= mine[0]["last_used"] < mine[0]["expires"]
    everybody = admin.get(page)
    assert {jane.id, john.id} <= {s["user_id"] for s in everybody}
    assert not any(t and t in str(everybody) for t in (jane.token, john.token, admin.token))
    of_john = next(s["id"] for s in everybody if s["user_id"] == john.id)
    assert jane.call("DELETE", f"{page}/{of_john}").status_code == 404
    john.get("/vms")
    assert admin.call("DELETE", f"{page}/{of_john}").status_code == 200
    assert john.call("GET", "/vms").status_code == 401
    assert admin.call("DELETE", f"{page}/{of_john}").status_code == 404
    assert jane.call("DELETE", f"{page}/{mine[0]['id']}").status_code == 200
    assert jane.call("GET", "/vms").status_code == 401
    assert event(admin, 831, "john-ses", "admin@internal")
    for bad in ("", "x", "%00", "../me", "a" * 5000):
        assert admin.call("DELETE", f"{page}/{bad}").status_code in (400, 404, 405, 414, 431)


def test_password_change_ends_sessions(manager, admin):
    jane = person(manager, admin, "jane-pwd")
    jane.get("/vms")
    form = {"user": "jane-pwd@internal", "password": PASSWORD, "new_password": "another-one"}
    assert jane.session.post(jane.root + "/hostler/password", data=form, timeout=30).status_code == 200
    assert jane.call("GET", "/vms").status_code == 401
    assert jane.login().json()["reason"] == "wrong"
    jane.password = "another-one"
    assert jane.login().status_code == 200


@pytest.mark.parametrize("headers", [
    {"Cookie": "JSESSIONID={token}"},
    {"Cookie": "JSESSIONID={token}", "Prefer": "persistent-auth", "Origin": "https://evil.example"},
    {"Cookie": "JSESSIONID={token}", "Prefer": "persistent-auth", "Origin": "null"},
    {"Cookie": "JSESSIONID={token}", "Prefer": "persistent-auth", "Sec-Fetch-Site": "cross-site"},
    {"Cookie": "JSESSIONID={token}; token={token}; Authorization=Bearer {token}", "Content-Type": "text/plain"},
    {"Cookie": "JSESSIONID={token}", "Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"},
])
def test_no_request_forgery(manager, admin, headers):
    """What a browser adds by itself lets nobody in."""
    admin.get("/vms")
    given = {k: v.replace("{token}", admin.token) for k, v in headers.items()}
    for method, path, body in (("POST", "/tags", '{"name":"forged"}'), ("GET", "/vms", None), ("POST", "/vms/x/start", "")):
        answer = admin.call(method, path, body, headers={"Content-Type": "application/json", **given}, token=False)
        assert answer.status_code == 401, (method, path, answer.status_code)
        assert not [h for h in answer.headers if h.lower().startswith("access-control")] and "Set-Cookie" not in answer.headers
    for page in ("me", "sessions", "allowed?path=vms"):
        assert admin.call("GET", "/ovirt-engine/hostler/" + page, headers=given, token=False).status_code == 401
    assert not [t for t in admin.list("tags") if t["name"] == "forged"]


def test_no_cross_origin(admin):
    for path in ("/api/vms", "/sso/oauth/token", "/hostler/me", "/api/nothing", "/webadmin/"):
        answer = admin.session.options(admin.root + path, timeout=30, headers={
            "Origin": "https://evil.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"})
        assert answer.status_code in (403, 404, 405), (path, answer.status_code)
        assert not [h for h in answer.headers if h.lower().startswith("access-control")]
    login = admin.session.post(admin.root + "/sso/oauth/token", headers={"Origin": "https://evil.example"}, timeout=30, data={
        "grant_type": "password", "scope": "ovirt-app-api", "username": admin.user, "password": admin.password})
    assert "Set-Cookie" not in login.headers and "Access-Control-Allow-Origin" not in login.headers

# SPDX-License-Identifier: Apache-2.0
"""Events of what administrators do with people, roles, tags and bookmarks: with their numbers, and with what they are about.

Shows S057.
"""
import json
import os

import pytest
import rest

PASSWORD = "a-good-one"
CODES = {e["name"]: e["id"] for e in (json.loads(line.rstrip(",\n")) for line in open(os.path.join(os.path.dirname(__file__), "../../schema/events.json"))
                                      if line.startswith('{"name":"'))}


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("events")) as made:
        yield made


@pytest.fixture(scope="module")
def admin(manager):
    return rest.Rest(manager)


def told(admin, name, *words, about=None):
    """The newest event of this name: it has the words, the one who did it, and what it is about."""
    event = next((e for e in admin.list(f"events?search=type%3D{CODES[name]}") if all(w in e["description"] for w in words)), None)
    assert event, (name, words, [(e["code"], e["description"]) for e in admin.list("events?max=5")])
    assert event["user"]["id"] == admin.get("/ovirt-engine/hostler/me")["id"] and event["correlation_id"] and event["severity"] == "normal"
    for kind, an_id in (about or {}).items():
        assert event[kind]["id"] == an_id, (name, event)
    return event


def test_people(admin):
    user = admin.add("users", user_name="joe", password=PASSWORD, domain={"name": "internal-authz"})["id"]
    told(admin, "USER_ADD", "joe@internal-authz")
    group = admin.add("groups", name="night shift", domain={"name": "internal-authz"})["id"]
    told(admin, "USER_ADD", "night shift")
    vm = admin.add("vms", name="web1", cluster={"name": "Default"}, template={"name": "Blank"})["id"]
    given = admin.add(f"vms/{vm}/permissions", role={"name": "UserRole"}, user={"id": user})["id"]
    told(admin, "USER_ADD_PERMISSION", "joe@internal-authz", "UserRole", "web1", about={"vm": vm})
    admin.remove(f"vms/{vm}/permissions", given)
    told(admin, "USER_REMOVE_PERMISSION", "joe@internal-authz", "UserRole", "web1", about={"vm": vm})
    given = admin.add("permissions", role={"name": "UserRole"}, group={"id": group})["id"]
    told(admin, "USER_ADD_SYSTEM_PERMISSION", "night shift", "UserRole", "System")
    admin.remove("permissions", given)
    told(admin, "USER_REMOVE_SYSTEM_PERMISSION", "night shift")
    admin.remove("groups", group)
    told(admin, "USER_REMOVE_AD_GROUP", "night shift")
    admin.remove("users", user)
    told(admin, "USER_REMOVE_ADUSER", "joe@internal-authz")


def test_roles(admin):
    role = admin.add("roles", name="starter", administrative=False, permits={"permit": [{"name": "login"}]})["id"]
    told(admin, "USER_ADD_ROLE_WITH_ACTION_GROUP", "starter")
    permit = admin.add(f"roles/{role}/permits", name="run_vm")["id"]
    told(admin, "USER_ATTACHED_ACTION_GROUP_TO_ROLE", "starter")
    admin.remove(f"roles/{role}/permits", permit)
    told(admin, "USER_DETACHED_ACTION_GROUP_FROM_ROLE", "starter")
    assert admin.call("PUT", f"/roles/{role}", {"description": "starts"}).status_code == 200
    told(admin, "USER_UPDATE_ROLE", "starter")
    admin.remove("roles", role)
    told(admin, "USER_REMOVE_ROLE", "starter")


def test_tags(admin):
    """Moved, changed, put on everything that takes them, taken off, removed."""
    above = admin.add("tags", name="europe")["id"]
    told(admin, "USER_ADD_TAG", "europe")
    tag = admin.add("tags", name="berlin")["id"]
    assert admin.call("PUT", f"/tags/{tag}", {"parent": {"id": above}}).status_code == 200
    told(admin, "USER_MOVE_TAG", "berlin", "europe")
    assert admin.call("PUT", f"/tags/{tag}", {"description": "a town"}).status_code == 200
    told(admin, "USER_UPDATE_TAG", "berlin")
    vm = admin.add("vms", name="tagged", cluster={"name": "Default"}, template={"name": "Blank"})
    user = admin.add("users", user_name="jane", password=PASSWORD, domain={"name": "internal-authz"})
    group = admin.add("groups", name="day shift", domain={"name": "internal-authz"})
    template = admin.one("templates", "Blank")
    for collection, one, word, name, kind in (("vms", vm, "VM", "tagged", "vm"), ("users", user, "USER", "jane@internal-authz", None),
                                              ("groups", group, "USER_GROUP", "day shift", None), ("templates", template, "TEMPLATE", "Blank", "template")):
        path = f"{collection}/{one['id']}/tags"
        admin.add(path, name="berlin")
        assert [t["name"] for t in admin.list(path)] == ["berlin"]
        told(admin, f"USER_ATTACH_TAG_TO_{word}", "berlin", name, about={kind: one["id"]} if kind else None)
        assert admin.call("POST", f"/{path}", {"id": tag}).status_code == 409
        admin.remove(path, tag)
        told(admin, f"USER_DETACH_{word}_FROM_TAG", "berlin", name, about={kind: one["id"]} if kind else None)
        assert admin.list(path) == []
    admin.remove("tags", above)
    told(admin, "USER_REMOVE_TAG", "europe")
    assert "berlin" not in [t["name"] for t in admin.list("tags")]


def test_depth_of_tags(admin):
    """No circle however deep, and an end to how deep it goes."""
    made = [admin.add("tags", name="level-0")["id"]]
    while True:
        answer = admin.call("POST", "/tags", {"name": f"level-{len(made)}", "parent": {"id": made[-1]}})
        if answer.status_code != 201:
            break
        made.append(answer.json()["id"])
        assert len(made) < 100
    assert answer.status_code in (400, 409) and "levels" in rest.fault(answer)[1] and len(made) > 20
    assert "below itself" in rest.fault(admin.call("PUT", f"/tags/{made[0]}", {"parent": {"id": made[-1]}}))[1]
    side = [admin.add("tags", name="side")["id"]]
    side.append(admin.add("tags", name="side-2", parent={"id": side[0]})["id"])
    assert "levels" in rest.fault(admin.call("PUT", f"/tags/{side[0]}", {"parent": {"id": made[-2]}}))[1]
    vm = admin.add("vms", name="deep", cluster={"name": "Default"}, template={"name": "Blank"})["id"]
    admin.add(f"vms/{vm}/tags", id=made[-1])
    assert [v["name"] for v in admin.list("vms?search=tag%3Dlevel-0")] == ["deep"]
    admin.remove("tags", made[0])
    assert not [t for t in admin.list("tags") if t["name"].startswith("level-")] and admin.list(f"vms/{vm}/tags") == []


def test_bookmarks_and_places(admin):
    mark = admin.add("bookmarks", name="busy", value="Vms: cpu_usage > 85")["id"]
    told(admin, "USER_ADD_BOOKMARK", "busy")
    assert admin.call("PUT", f"/bookmarks/{mark}", {"value": "Hosts: cpu_usage > 85"}).status_code == 200
    told(admin, "USER_UPDATE_BOOKMARK", "busy")
    admin.remove("bookmarks", mark)
    told(admin, "USER_REMOVE_BOOKMARK", "busy")
    for collection, kind, name in (("clusters", "cluster", "USER_UPDATE_CLUSTER"), ("datacenters", "data_center", "USER_UPDATE_STORAGE_POOL")):
        an_id = admin.one(collection, "Default")["id"]
        assert admin.call("PUT", f"/{collection}/{an_id}", {"comment": "looked at"}).status_code == 200
        told(admin, name, "Default", about={kind: an_id})
    profile = admin.list("vnicprofiles")[0]["id"]
    assert admin.call("PUT", f"/vnicprofiles/{profile}", {"description": "looked at"}).status_code == 200
    told(admin, "UPDATE_VNIC_PROFILE", "ovirtmgmt")

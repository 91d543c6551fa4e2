# SPDX-License-Identifier: Apache-2.0
"""Roles and permissions: the predefined ones as they are known, own ones, on every kind of object, and down the tree."""
import json
import os

import pytest
import rest

PASSWORD = "a-good-one"
ROLES = json.load(open(os.path.join(os.path.dirname(__file__), "../../schema/roles.json")))
BLANK = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("permissions")) as made:
        yield made


@pytest.fixture(scope="module")
def admin(manager):
    return rest.Rest(manager)


@pytest.fixture(scope="module")
def tree(admin):
    """Two data centers, each with a cluster, a network and a VM."""
    made = {}
    for n in ("a", "b"):
        made["datacenters" + n] = admin.add("datacenters", name="dc-" + n, local=False)["id"]
        made["clusters" + n] = admin.add("clusters", name="cl-" + n, data_center={"name": "dc-" + n})["id"]
        made["networks" + n] = admin.add("networks", name="net-" + n, data_center={"name": "dc-" + n})["id"]
        made["vnicprofiles" + n] = next(p["id"] for p in admin.list("vnicprofiles") if p["network"]["id"] == made["networks" + n])
        made["cpuprofiles" + n] = next(p["id"] for p in admin.list("cpuprofiles") if p["cluster"]["id"] == made["clusters" + n])
        made["vms" + n] = admin.add("vms", name="vm-" + n, cluster={"id": made["clusters" + n]}, template={"id": BLANK})["id"]
        made["quotas" + n] = admin.list(f"datacenters/{made['datacenters' + n]}/quotas")[0]["id"] if admin.list(
            f"datacenters/{made['datacenters' + n]}/quotas") else None
    return made


class Person(rest.Rest):
    def __init__(self, manager, admin, name):
        super().__init__(manager, name + "@internal", PASSWORD)
        self.id = admin.add("users", user_name=name, password=PASSWORD, domain={"name": "internal-authz"})["id"]

    def allowed(self, path):
        answer = self.call("GET", "/ovirt-engine/hostler/allowed", params={"path": path})
        return set(answer.json()) if answer.status_code == 200 else set()


def give(admin, path, role, user):
    return admin.add((path + "/" if path else "") + "permissions", role={"name": role}, user={"id": user.id})["id"]


def test_predefined_roles(admin):
    """Ids, names, kinds and permits as clients know them; none of them can be changed."""
    found = {r["id"]: r for r in admin.get("/roles?follow=permits")["role"]}
    assert len(ROLES["roles"]) <= len(found)
    for role in ROLES["roles"]:
        got = found[role["id"]]
        assert (got["name"], got["administrative"], got["mutable"]) == (role["name"], str(role["admin"]).lower(), "false"), role["name"]
        permits = {p["name"] for p in got.get("permits", {}).get("permit", [])}
        assert permits == set(role["permits"]), role["name"]
    one = ROLES["roles"][3]["id"]
    assert admin.call("PUT", "/roles/" + one, {"description": "x"}).status_code == 409
    assert admin.call("DELETE", "/roles/" + one).status_code == 409
    assert admin.call("POST", f"/roles/{one}/permits", {"name": "create_vm"}).status_code == 409


def test_own_role(manager, admin, tree):
    """Added, given, changed while it is given (which counts at once), not removed while it is given."""
    jane = Person(manager, admin, "jane-role")
    role = admin.add("roles", name="starter", administrative=False, permits={"permit": [{"name": "run_vm"}, {"name": "login"}]})
    path = f"/roles/{role['id']}"
    permission = give(admin, "vms/" + tree["vmsa"], "starter", jane)
    assert jane.allowed("vms/" + tree["vmsa"]) >= {"vm.start"} and "vm.stop" not in jane.allowed("vms/" + tree["vmsa"])
    stop = admin.add(path[1:] + "/permits", name="stop_vm")
    assert jane.allowed("vms/" + tree["vmsa"]) >= {"vm.start", "vm.stop"}
    admin.remove(path[1:] + "/permits", stop["id"])
    assert "vm.stop" not in jane.allowed("vms/" + tree["vmsa"])
    assert admin.call("PUT", path, {"name": "stopper", "permits": {"permit": [{"name": "stop_vm"}]}}).json()["name"] == "stopper"
    assert "vm.stop" in jane.allowed("vms/" + tree["vmsa"]) and "vm.start" not in jane.allowed("vms/" + tree["vmsa"])
    assert admin.call("DELETE", path).status_code == 409
    admin.remove("permissions", permission)
    assert jane.allowed("vms/" + tree["vmsa"]) == set()
    admin.remove("roles", role["id"])
    for body in ({"name": "x"}, {"name": "", "permits": {"permit": [{"name": "login"}]}}, {"name": "x", "permits": {"permit": [{"name": "none"}]}},
                 {"name": "x", "administrative": False, "permits": {"permit": [{"name": "create_host"}]}}):
        assert admin.call("POST", "/roles", body).status_code in (400, 404, 409), body


def test_roles_of_one(manager, admin, tree):
    """What somebody's roles permit is below him, too; a role that he has not is not there."""
    jane = Person(manager, admin, "jane-roles")
    give(admin, "vms/" + tree["vmsa"], "UserRole", jane)
    role, other = admin.one("roles", "UserRole")["id"], admin.one("roles", "SuperUser")["id"]
    assert [r["id"] for r in admin.list(f"users/{jane.id}/roles")] == [role] == [admin.get(f"/users/{jane.id}/roles/{role}")["id"]]
    permits = admin.list(f"users/{jane.id}/roles/{role}/permits")
    assert {p["name"] for p in permits} == {p["name"] for p in admin.list(f"roles/{role}/permits")}
    assert admin.get(f"/users/{jane.id}/roles/{role}/permits/{permits[0]['id']}")["name"] == permits[0]["name"]
    for path in ("", "/permits", f"/permits/{permits[0]['id']}"):
        assert admin.call("GET", f"/users/{jane.id}/roles/{other}{path}").status_code == 404


@pytest.mark.parametrize("collection", ["vms", "clusters", "datacenters", "networks", "vnicprofiles", "cpuprofiles", "templates", "macpools", "quotas"])
def test_on_every_kind(manager, admin, tree, collection):
    """Given, listed there and with the user, given once only, taken away again; and gone with the object."""
    jane = Person(manager, admin, "jane-" + collection)
    an_id = tree[collection + "a"] if collection + "a" in tree else admin.list(collection)[0]["id"]
    path = f"{collection}/{an_id}" if collection != "quotas" else f"datacenters/{tree['datacentersa']}/quotas/{an_id}"
    permission = give(admin, path, "UserRole", jane)
    assert permission in [p["id"] for p in admin.list(path + "/permissions")]
    assert [p["id"] for p in admin.list(f"users/{jane.id}/permissions")] == [permission]
    again = admin.call("POST", f"/{path}/permissions", {"role": {"name": "UserRole"}, "user": {"id": jane.id}})
    assert again.status_code == 409
    if collection != "quotas": # there is no data center around it for her
        assert jane.call("GET", "/" + path).status_code == 200
    assert admin.call("GET", f"/permissions/{permission}", headers={"Accept": "application/json"}).json()["user"]["id"] == jane.id
    admin.remove(path + "/permissions", permission)
    assert not [p for p in admin.list(path + "/permissions") if p["id"] == permission]


@pytest.mark.parametrize("role, on, yes, no", [
    ("UserVmManager", "clustersa", {"vmsa": "vm.update"}, {"vmsb": "vm.update", "clustersa": "cluster.update"}),
    ("UserVmManager", "datacentersa", {"vmsa": "vm.start"}, {"vmsb": "vm.start"}),
    ("ClusterAdmin", "clustersa", {"clustersa": "cluster.update", "vmsa": "vm.update"}, {"clustersb": "cluster.update", "datacentersa": "data_center.update"}),
    ("DataCenterAdmin", "datacentersa", {"datacentersa": "data_center.update", "networksa": "network.update"},
     {"datacentersb": "data_center.update", "networksb": "network.update"}),
    ("NetworkAdmin", "networksa", {"networksa": "network.update", "vnicprofilesa": "vnic_profile.update"}, {"networksb": "network.update", "vmsa": "vm.update"}),
    ("VmCreator", "datacentersa", {}, {"vmsa": "vm.start", "clustersa": "cluster.update"}),
    ("ReadOnlyAdmin", "", {"vmsa": "vm.get"}, {"vmsa": "vm.start", "clustersb": "cluster.update"}),
    ("SuperUser", "", {"vmsa": "vm.start", "clustersb": "cluster.update"}, {}),
])
def test_down_the_tree(manager, admin, tree, role, on, yes, no):
    jane = Person(manager, admin, f"jane-{role}-{on}".lower())
    where = f"{on[:-1]}/{tree[on]}" if on else ""
    permission = give(admin, where, role, jane)
    for place, operation in yes.items():
        assert operation in jane.allowed(f"{place[:-1]}/{tree[place]}"), (place, operation)
    for place, operation in no.items():
        assert operation not in jane.allowed(f"{place[:-1]}/{tree[place]}"), (place, operation)
    admin.remove("permissions", permission)
    for place, operation in yes.items():
        assert operation not in jane.allowed(f"{place[:-1]}/{tree[place]}")


def test_groups(manager, admin, tree):
    """What a group has, its members have, as long as they are members."""
    jane = Person(manager, admin, "jane-group")
    group = admin.add("groups", name="operators", domain={"name": "internal-authz"})["id"]
    admin.add(f"vms/{tree['vmsa']}/permissions", role={"name": "UserRole"}, group={"id": group})
    assert jane.allowed("vms/" + tree["vmsa"]) == set()
    assert admin.call("PUT", "/users/" + jane.id, {"groups": {"group": [{"id": group}]}}).status_code == 200
    assert "vm.start" in jane.allowed("vms/" + tree["vmsa"])
    assert [g["id"] for g in jane.list(f"users/{jane.id}/groups")] == [group]
    admin.remove("groups", group)
    assert jane.allowed("vms/" + tree["vmsa"]) == set()


def test_administrators_by_role(manager, admin, tree):
    """Who gets a role of the admin type is one at once, in the session that he has."""
    jane = Person(manager, admin, "jane-admin")
    me = "/ovirt-engine/hostler/me"
    assert not jane.get(me)["is_admin"]
    permission = give(admin, "clusters/" + tree["clustersa"], "ClusterAdmin", jane)
    assert jane.get(me)["is_admin"]
    admin.remove("permissions", permission)
    assert not jane.get(me)["is_admin"]


def test_creator(manager, admin, tree):
    """Who may make VMs somewhere sees the place, and manages what he made; nothing else."""
    jane = Person(manager, admin, "jane-maker")
    give(admin, "clusters/" + tree["clustersa"], "PowerUserRole", jane)
    assert [c["name"] for c in jane.list("clusters")] == ["cl-a"] and [d["name"] for d in jane.list("datacenters")] == ["dc-a"]
    made = jane.add("vms", name="of-jane", cluster={"name": "cl-a"}, template={"id": BLANK})
    mine = jane.allowed("vms/" + made["id"])
    assert {"vm.update", "vm.remove", "vm_nics.add", "assigned_permissions.add", "disk_attachments.add"} <= mine
    assert jane.allowed("vms/" + tree["vmsa"]) == set()
    refused = jane.call("POST", "/vms", {"name": "elsewhere", "cluster": {"id": tree["clustersb"]}, "template": {"id": BLANK}})
    assert refused.status_code == 403
    john = Person(manager, admin, "john-guest")
    give(jane, "vms/" + made["id"], "UserRole", john)
    assert "vm.start" in john.allowed("vms/" + made["id"]) and "vm.update" not in john.allowed("vms/" + made["id"])
    more = jane.call("POST", f"/vms/{made['id']}/permissions", {"role": {"name": "ClusterAdmin"}, "user": {"id": john.id}})
    assert more.status_code == 403, "nobody gives more than he has"
    jane.remove("vms", made["id"])
    assert admin.list(f"users/{john.id}/permissions") == []

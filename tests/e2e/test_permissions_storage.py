# SPDX-License-Identifier: Apache-2.0
"""Permissions on hosts, storage domains, disks and disk profiles, and what follows for the things below them."""
import products
import pytest
import rest
from test_permissions import Person, give


@pytest.fixture(scope="module")
def admin(manager):
    return rest.Rest(manager)


@pytest.fixture(scope="module")
def places(sdk, agent, admin):
    system = sdk.system_service()
    domain, other = (products.make_domain(system, agent, name) for name in ("data1", "data2"))
    disk, far = products.make_disk(system, domain, "near"), products.make_disk(system, other, "far")
    profiles = {p["storage_domain"]["id"]: p["id"] for p in admin.list("diskprofiles")}
    for profile in profiles.values():
        for given in admin.list(f"diskprofiles/{profile}/permissions"):  # everyone may use a new one
            admin.remove("permissions", given["id"])
    return {"hosts": agent.id, "storagedomains": domain.id, "disks": disk.id, "diskprofiles": profiles[domain.id],
            "other": other.id, "far": far.id, "far profile": profiles[other.id]}


def test_one_host_two_domains(places):
    assert len(set(places.values())) == len(places)


@pytest.mark.parametrize("collection", ["hosts", "storagedomains", "disks", "diskprofiles"])
def test_on_every_kind(manager, admin, places, collection):
    """Not there for strangers; given and seen, given once only, taken away and gone again."""
    jane = Person(manager, admin, "jane-" + collection)
    path = f"{collection}/{places[collection]}"
    assert jane.call("GET", "/" + path).status_code == 404 and jane.allowed(path) == set()
    assert jane.call("DELETE", "/" + path).status_code in (403, 404)
    permission = give(admin, path, "UserRole", jane)
    assert jane.call("GET", "/" + path).status_code == 200 and [x["id"] for x in jane.list(collection)] == [places[collection]]
    assert jane.call("DELETE", "/" + path).status_code == 403 and jane.call("PUT", "/" + path, {"name": "hers"}).status_code == 403
    assert admin.call("POST", f"/{path}/permissions", {"role": {"name": "UserRole"}, "user": {"id": jane.id}}).status_code == 409
    admin.remove(path + "/permissions", permission)
    assert jane.call("GET", "/" + path).status_code == 404


@pytest.mark.parametrize("role, on, yes, no", [
    ("HostAdmin", "hosts", {"hosts": "host.update"}, {"storagedomains": "storage_domain.update"}),
    ("StorageAdmin", "storagedomains", {"storagedomains": "storage_domain.update", "disks": "disk.update", "diskprofiles": "disk_profile.update"},
     {"hosts": "host.update", "other": "storage_domain.update", "far": "disk.update", "far profile": "disk_profile.update"}),
    ("DiskOperator", "disks", {"disks": "disk.update"}, {"far": "disk.update", "storagedomains": "storage_domain.update"}),
    ("DiskProfileUser", "diskprofiles", {"diskprofiles": "disk_profile.get"}, {"diskprofiles": "disk_profile.update", "disks": "disk.update"}),
])
def test_down_the_tree(manager, admin, places, role, on, yes, no):
    collections = {"other": "storagedomains", "far": "disks", "far profile": "diskprofiles"}
    jane = Person(manager, admin, "jane-" + role.lower())

    def allowed(place):
        return jane.allowed(f"{collections.get(place, place)}/{places[place]}")
    permission = give(admin, f"{on}/{places[on]}", role, jane)
    assert {place: operation in allowed(place) for place, operation in yes.items()} == dict.fromkeys(yes, True)
    assert {place: operation in allowed(place) for place, operation in no.items()} == dict.fromkeys(no, False)
    admin.remove("permissions", permission)
    assert {place: operation in allowed(place) for place, operation in yes.items()} == dict.fromkeys(yes, False)


def test_disk_creator(manager, admin, places):
    """Who may make disks in a domain does so there only, and owns what he made."""
    jane = Person(manager, admin, "jane-creator")
    give(admin, "storagedomains/" + places["storagedomains"], "DiskCreator", jane)

    def make(domain):
        return jane.call("POST", "/disks", {"name": "of-jane", "format": "raw", "provisioned_size": 2**20,
                                            "storage_domains": {"storage_domain": [{"id": places[domain]}]}})
    assert make("other").status_code in (400, 403, 404)
    made = make("storagedomains")
    assert made.status_code in (201, 202), made.text
    an_id = made.json()["id"]
    assert "disk.update" in jane.allowed("disks/" + an_id) and "disk.update" not in jane.allowed("disks/" + places["disks"])
    products.wait_for(lambda: admin.get("/disks/" + an_id)["status"] == "ok", 60, "the disk to be made")
    assert jane.call("DELETE", "/disks/" + an_id).status_code == 200
    products.wait_for(lambda: admin.call("GET", "/disks/" + an_id).status_code == 404, 60, "the disk to be gone")
    assert [p for p in admin.list(f"users/{jane.id}/permissions") if p.get("disk", {}).get("id") == an_id] == []

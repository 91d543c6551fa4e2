# SPDX-License-Identifier: Apache-2.0
"""Every address that can be read, asked by somebody who has nothing: what he cannot see is not there, nor is anything in it.

Shows T034, T037, T038.
"""
import re

import pytest
import rest

PASSWORD = "a-good-one"
METHODS = ("PUT", "DELETE", "POST")


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("strangers")) as made:
        yield made


@pytest.fixture(scope="module")
def admin(manager):
    """Something of every kind that can be made without a host."""
    admin = rest.Rest(manager)
    vm = admin.add("vms", name="secret-vm", description="secret", cluster={"name": "Default"}, template={"name": "Blank"})["id"]
    admin.add(f"vms/{vm}/nics", name="nic1")
    tag = admin.add("tags", name="secret-tag")["id"]
    admin.add(f"vms/{vm}/tags", id=tag)
    admin.add("groups", name="secret-group", domain={"name": "internal-authz"})
    user = admin.add("users", user_name="secret-user", password=PASSWORD, domain={"name": "internal-authz"})["id"]
    admin.add(f"vms/{vm}/permissions", role={"name": "UserRole"}, user={"id": user})
    return admin


@pytest.fixture(scope="module")
def stranger(manager, admin):
    admin.add("users", user_name="stranger", password=PASSWORD, domain={"name": "internal-authz"})
    return rest.Rest(manager, "stranger@internal", PASSWORD)


def ask(who, path, **headers):
    return who.call("GET", path, headers={"Accept": "application/json", **headers})


def items(answer):
    return next(iter(answer.json().values()), []) if answer.status_code == 200 else []


@pytest.fixture(scope="module")
def places(admin):
    """Every address with GET of which the administrator finds an example."""
    found, first = {}, {}

    def example(collection):
        if collection not in first:
            list_ = items(ask(admin, collection))
            chosen = next((i for i in list_ if isinstance(i, dict) and "secret" in str(i.get("name", i.get("user_name", "")))), list_[0] if list_ else {})
            first[collection] = chosen.get("id") if isinstance(chosen, dict) else None
        return first[collection]

    for template, operations in admin.get("/openapi.json")["paths"].items():
        path = ""
        for word in template.strip("/").split("/"):
            word = example(path) if word.startswith("{") else word
            if not word:
                break
            path += "/" + word
        else:
            if "get" in operations and path and ask(admin, path).status_code == 200:
                found[template] = path
    return found


def test_nothing_shines_through(admin, stranger, places):
    """404 for what is below something that he does not see; nothing secret anywhere."""
    seen, below, wrong = {}, 0, []
    for template, path in sorted(places.items()):
        collection, *rest_of = path.strip("/").split("/")
        if collection not in seen:
            seen[collection] = {i.get("id") for i in items(ask(stranger, "/" + collection)) if isinstance(i, dict)}
        is_hidden = bool(rest_of) and rest_of[0] not in seen[collection]
        for headers in ({}, {"Filter": "true"}, {"All-Content": "true"}):
            answer = ask(stranger, path, **headers)
            below += is_hidden
            if "secret" in answer.text or answer.status_code not in ((404,) if is_hidden else (200, 404)):
                wrong.append((template, headers, answer.status_code, answer.text[:150]))
    assert not wrong, "\n".join(map(str, wrong))
    assert below > 60 and len(places) > 60, (below, len(places))


def test_following_leads_no_further(admin, stranger, places):
    for path, links in (("/events", "vm,user,host,cluster,template"), ("/templates", "permissions,cluster,nics,disk_attachments"), ("/users", "permissions,groups,tags,roles"),
                        ("/roles", "permits"), ("/networks", "permissions,vnic_profiles,data_center"), ("/permissions", "user,role,vm"), ("/groups", "permissions,roles,tags")):
        answer = ask(stranger, f"{path}?follow={links}")
        assert answer.status_code == 200 and "secret" not in answer.text, (path, answer.text)


def test_nor_does_searching(admin, stranger):
    """Neither by what is found nor by how much is."""
    for collection, search in (("events", "secret"), ("events", "vm.name=secret*"), ("templates", "vms.name=secret*"), ("users", "name=*"), ("users", "vms.name=secret*"), ("groups", "secret"),
                               ("networks", "name=*"), ("clusters", "name=*"), ("datacenters", "clusters.name=*")):
        query = re.sub(" ", "%20", search).replace("=", "%3D")
        answer = ask(stranger, f"/{collection}?search={query}")
        assert answer.status_code == 200 and "secret" not in answer.text, (collection, search, answer.text)
        count = ask(stranger, f"/ovirt-engine/hostler/search/count?collection={collection}&search={query}").json()["count"]
        assert count == len(items(answer)), (collection, search)
    assert ask(stranger, "/ovirt-engine/hostler/search/count?collection=vms&search=").json()["count"] == 0


def test_nothing_can_be_done(admin, stranger, places):
    """Writing to it is refused, and tells no more than reading does."""
    before = admin.everything()
    for template, path in sorted(places.items()):
        if path.count("/") not in (1, 2, 4):
            continue
        for method in METHODS:
            answer = stranger.call(method, path, {"name": "mine", "description": "mine"} if method != "DELETE" else None)
            assert answer.status_code >= 400 and "secret" not in answer.text, (method, template, answer.status_code, answer.text)
            assert answer.status_code != 500, (method, template, answer.text)
    assert admin.everything() == before

# SPDX-License-Identifier: Apache-2.0
"""Two people edit the same thing: ETag and If-Match, and answers that a client has already."""
from concurrent.futures import ThreadPoolExecutor

import pytest
import rest


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("two")) as made:
        yield made


@pytest.fixture(scope="module")
def ask(manager):
    return rest.Rest(manager)


@pytest.fixture
def vm(ask, request):
    made = ask.add("vms", name="vm-" + str(abs(hash(request.node.name))), cluster={"name": "Default"}, template={"name": "Blank"})
    return "/vms/" + made["id"]


def tag(ask, path, **headers):
    answer = ask.call("GET", path, headers={"Accept": "application/json", **headers})
    assert answer.status_code == 200, answer.text
    return answer.headers["ETag"]


def put(ask, path, body, etag):
    return ask.call("PUT", path, body, headers={**rest.JSON, "If-Match": etag})


def test_second_is_told(ask, vm):
    read = tag(ask, vm)
    first = put(ask, vm, {"description": "of one"}, read)
    assert first.status_code == 200 and first.headers["ETag"] != read
    second = put(ask, vm, {"description": "of another"}, read)
    assert second.status_code == 412
    assert "changed by somebody else" in second.json()["detail"] and "Read it again" in second.json()["detail"]
    assert ask.get(vm)["description"] == "of one"
    assert put(ask, vm, {"description": "of another"}, first.headers["ETag"]).status_code == 200
    assert put(ask, vm, {"comment": "whoever"}, "*").status_code == 200
    assert ask.call("PUT", vm, {"comment": "not asked"}).status_code == 200


def test_xml_and_json_mean_the_same(ask, vm):
    xml = ask.call("GET", vm, headers={"Accept": "application/xml"}).headers["ETag"]
    json = tag(ask, vm)
    assert xml != json
    assert put(ask, vm, {"description": "x"}, f'"nothing", W/{xml}').status_code == 200
    assert put(ask, vm, {"description": "y"}, json).status_code == 412


@pytest.mark.parametrize("bad", ['""', "nothing", '"', "x" * 5000, '"' + "0" * 16 + "-\"", ",,,", 'W/'])
def test_bad_tags(ask, vm, bad):
    assert put(ask, vm, {"description": "z"}, bad).status_code in (412, 431)
    assert ask.get(vm).get("description", "") == ""


def test_actions_and_removal(ask, vm):
    read = tag(ask, vm)
    ask.call("PUT", vm, {"description": "new"})
    started = ask.call("POST", vm + "/start", {}, headers={**rest.JSON, "If-Match": read})
    assert started.status_code == 412 and "somebody else" in started.json()["fault"]["detail"]
    removed = ask.call("DELETE", vm, headers={"If-Match": read, "Accept": "application/json"})
    assert removed.status_code == 412
    assert ask.call("DELETE", vm, headers={"If-Match": tag(ask, vm)}).status_code == 200
    assert ask.call("DELETE", vm, headers={"If-Match": read}).status_code == 404


def test_client_has_it(ask, vm):
    read = tag(ask, vm)
    same = ask.call("GET", vm, headers={"Accept": "application/json", "If-None-Match": f'"other", {read}'})
    assert same.status_code == 304 and not same.content and same.headers["ETag"] == read
    assert ask.call("GET", vm, headers={"Accept": "application/xml", "If-None-Match": read}).status_code == 200
    assert ask.call("GET", vm + "?follow=nics", headers={"Accept": "application/json", "If-None-Match": read}).status_code == 200
    ask.call("PUT", vm, {"description": "new"})
    assert ask.call("GET", vm, headers={"Accept": "application/json", "If-None-Match": read}).status_code == 200


def test_parts(ask, vm):
    nic = ask.add(vm[1:] + "/nics", name="nic1")
    path = f"{vm}/nics/{nic['id']}"
    of_vm, of_nic = tag(ask, vm), tag(ask, path)
    assert put(ask, path, {"name": "nic2"}, of_nic).status_code == 200
    assert put(ask, path, {"name": "nic3"}, of_nic).status_code == 412
    assert put(ask, vm, {"description": "its NICs are others' business"}, of_vm).status_code == 200
    cluster = "/clusters/" + ask.one("clusters", "Default")["id"]
    made = ask.add("networks", name="blue", data_center={"name": "Default"})
    ask.add(cluster[1:] + "/networks", id=made["id"], required=True)
    network = f"{cluster}/networks/{made['id']}"
    read = tag(ask, network)
    assert put(ask, network, {"required": False}, read).status_code == 200
    assert put(ask, network, {"required": True}, read).status_code == 412
    role = "/roles/" + ask.add("roles", name="mine", administrative=False, permits={"permit": [{"name": "login"}]})["id"]
    read = tag(ask, role)
    ask.add(role[1:] + "/permits", name="run_vm")
    assert put(ask, role, {"description": "late"}, read).status_code == 412


@pytest.mark.parametrize("collection, members", [
    ("tags", {"name": "t1"}), ("bookmarks", {"name": "b1", "value": "Vms:"}), ("datacenters", {"name": "d1", "local": False}),
    ("users", {"user_name": "etta", "domain": {"name": "internal-authz"}}), ("networks", {"name": "red", "data_center": {"name": "Default"}})])
def test_every_kind(ask, collection, members):
    made = ask.call("POST", "/" + collection, members)
    assert made.status_code == 201, made.text
    path, of_post = f"/{collection}/{made.json()['id']}", made.headers["ETag"]
    assert tag(ask, path)[:17] == of_post[:17]
    assert put(ask, path, {"description": "one"}, of_post).status_code == 200
    assert put(ask, path, {"description": "two"}, of_post).status_code in ((412,) if collection != "bookmarks" else (200, 412))


def test_at_once(manager, ask, vm):
    """Many at the same moment with the same tag: one wins."""
    read = tag(ask, vm)
    people = [rest.Rest(manager) for _ in range(12)]
    for person in people:
        person.login()
    with ThreadPoolExecutor(len(people)) as pool:
        codes = list(pool.map(lambda i: put(people[i], vm, {"description": f"of {i}"}, read).status_code, range(len(people))))
    assert sorted(codes) == [200] + [412] * (len(people) - 1)


def test_restart(manager, ask, vm):
    read = tag(ask, vm)
    manager.stop()
    manager.start()
    again = rest.Rest(manager)
    assert tag(again, vm) == read
    assert put(again, vm, {"description": "after"}, read).status_code == 200
    ask.token = None


def test_none_where_nothing_has_versions(ask):
    assert "ETag" not in ask.call("GET", "/vms").headers and "ETag" not in ask.call("GET", "/vms/none").headers

# SPDX-License-Identifier: Apache-2.0
"""The search language through the API, with many machines and few; its pages; tags and bookmarks.

Shows T010, X031, S050, S056, S057, S060, S061, S068.
"""
import urllib.parse

import ovirtsdk4
import ovirtsdk4.types as types
import pytest
import rest

MANY = 700  # more than are gone through one by one


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("manager")) as made:
        yield made


@pytest.fixture(scope="module")
def ask(manager):
    made = rest.Rest(manager)
    made.add("vms", name="alpha-Web", cluster={"name": "Default"}, template={"name": "Blank"}, description="wanted soon")
    for i in range(MANY):
        made.add("vms", name=f"vm-{i:03d}", cluster={"name": "Default"}, template={"name": "Blank"}, memory=((i % 3) + 1) << 30)
    return made


@pytest.fixture(scope="module")
def sdk(manager, ask):
    connection = ovirtsdk4.Connection(url=f"https://{manager.address}:{manager.port}/ovirt-engine/api", username="admin@internal",
                                      password=manager.password, ca_file=manager.ca)
    yield connection.system_service()
    connection.close()


def names(ask, search, collection="vms", **more):
    query = urllib.parse.urlencode({"search": search, **more})
    return [item["name"] for item in ask.list(f"{collection}?{query}")]


def page(ask, which, **params):
    answer = ask.call("GET", f"/ovirt-engine/hostler/search/{which}?" + urllib.parse.urlencode(params))
    assert answer.status_code == 200, answer.text
    return answer.json()


# -- what is found -------------------------------------------------------------------------


def test_found(ask):
    assert names(ask, "name=alpha*") == ["alpha-Web"]
    assert names(ask, "name=ALPHA*") == [] and names(ask, "name=ALPHA*", case_sensitive="false") == ["alpha-Web"]
    assert names(ask, "wanted") == ["alpha-Web"]
    assert names(ask, "name=vm-*7 and memory=2048 sortby name desc", max=2) == ["vm-697", "vm-667"]
    assert names(ask, "cluster=Default page 7", max=100) == [f"vm-{i}" for i in range(599, 699)]
    assert names(ask, "sortby memory desc", max=1) == ["vm-002"]
    assert names(ask, "Datacenter=Default and status=down and name=vm-00? or name=vm-01*", max=3) == ["vm-010", "vm-011", "vm-012"]
    assert names(ask, "template.name=Blank and name=*-699") == ["vm-699"]
    assert names(ask, "host.name=nobody") == [] and names(ask, 'host.name="" and name=vm-001') == ["vm-001"]


def test_what_changes_is_found(ask):
    made = ask.add("vms", name="beta", cluster={"name": "Default"}, template={"name": "Blank"})
    assert names(ask, "", max=3) == ["alpha-Web", "beta", "vm-000"]
    assert ask.call("PUT", f"/vms/{made['id']}", {"name": "zeta", "comment": "was beta"}).status_code == 200
    assert names(ask, "name=beta") == [] and names(ask, "comment=*beta") == ["zeta"]
    assert names(ask, "sortby name desc", max=1) == ["zeta"]
    assert ask.call("DELETE", f"/vms/{made['id']}").status_code == 200
    assert names(ask, "name=zeta") == [] and page(ask, "count", collection="vms", search="")["count"] == MANY + 1


def test_who_made_it(manager, ask):
    """created_by_user_id: of what somebody else made, the same search finds nothing."""
    me = ask.get("/ovirt-engine/hostler/me")["id"]
    user = ask.add("users", user_name="maker@internal-authz", password="Secret-12345", domain={"name": "internal-authz"})["id"]
    ask.add(f"clusters/{ask.one('clusters', 'Default')['id']}/permissions", user={"id": user}, role={"name": "PowerUserRole"})
    maker = rest.Rest(manager, "maker@internal-authz", "Secret-12345")
    made = maker.add("vms", name="made-by-maker", cluster={"name": "Default"}, template={"name": "Blank"})
    assert names(ask, f"created_by_user_id={user}") == ["made-by-maker"]
    assert names(ask, f"created_by_user_id={me} and name=alpha*") == ["alpha-Web"] and names(ask, f"created_by_user_id={me} and name=made*") == []
    assert "made-by-maker" not in names(ask, f"created_by_user_id != {user}")
    ask.remove("vms", made["id"])


def test_every_collection_takes_a_search(ask):
    """Wherever the model has the parameter and the operation exists, a search works, and a wrong one is refused."""
    for collection in ("clusters", "datacenters", "disks", "events", "groups", "hosts", "networks", "storagedomains", "templates", "users",
                       "vms", "jobs", "instancetypes"):
        query = urllib.parse.urlencode({"search": "sortby correlation_id" if collection == "jobs" else "page 1", "max": "3"})
        answer = ask.call("GET", f"/{collection}?{query}", headers={"Accept": "application/json"})
        assert answer.status_code == 200, (collection, answer.text)
        answer = ask.call("GET", f"/{collection}?search=nonsense%3D1", headers={"Accept": "application/json"})
        if collection != "jobs" or answer.status_code != 200: # jobs have no such parameter in the model
            assert answer.status_code == 400, (collection, answer.text)


# -- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize("search", ["name='x'", "name=x; drop table vms", "status=sleepy", "memory > lots", "nmae=web", "name=", "page 0",
                                    "name=x and", "a b", "sortby host.name", "name=\u0001", " ".join(["name=x"] * 65)])
def test_refused(ask, search):
    answer = ask.call("GET", "/vms?" + urllib.parse.urlencode({"search": search}))
    reason, detail = rest.fault(answer)
    assert answer.status_code == 400 and "characters" in detail, (answer.status_code, detail)
    place = page(ask, "check", collection="vms", search=search)
    assert not place["ok"] and place["message"] and f"characters {place['from']} to {place['to']}" in detail


def test_places(ask):
    assert page(ask, "check", collection="vms", search="status=up and nmae=x") == \
        {"ok": False, "from": 14, "to": 18, "message": page(ask, "check", collection="vms", search="status=up and nmae=x")["message"]}
    assert page(ask, "check", collection="vms", search="status=up")["ok"]
    assert page(ask, "check", search="Vms: Host.name = h1* or name=web-0*")["ok"]
    assert page(ask, "check", search="Nothing: name=x")["to"] == 8
    assert not page(ask, "check", collection="vms", search="name=" + "x" * 5000)["ok"]


def test_hostile(ask):
    for search in ("name=" + "x" * 5000, "name=" + "*a" * 1500 + "b", "\u202e\ufeff=\U0001f600", "%00", "name=%ff", "name=\\"):
        answer = ask.call("GET", "/vms?" + urllib.parse.urlencode({"search": search}))
        assert answer.status_code in (200, 400, 413, 414), (search[:20], answer.status_code)
    assert ask.call("GET", "/vms?search=name%3D%FF").status_code == 400
    assert names(ask, "name=alpha*") == ["alpha-Web"]


def test_pages_need_a_login(ask):
    for which in ("check", "count", "complete"):
        assert ask.call("GET", f"/ovirt-engine/hostler/search/{which}?collection=vms", token=None).status_code == 401
        assert ask.call("GET", f"/ovirt-engine/hostler/search/{which}?collection=nothing").status_code == 404


def test_counted(ask):
    assert page(ask, "count", collection="vms", search="name=vm-*")["count"] == MANY
    assert page(ask, "count", collection="vms", search="name=VM-*", case_sensitive="false")["count"] == MANY
    assert page(ask, "count", collection="hosts", search="")["count"] == 0
    assert ask.call("GET", "/ovirt-engine/hostler/search/count?collection=vms&search=nmae%3Dx").status_code == 400


# -- who sees what -------------------------------------------------------------------------


def test_filtered(manager, ask):
    """A user finds and counts what he may see, and sees at once what he is given."""
    user = ask.add("users", user_name="searcher@internal-authz", password="Secret-12345", domain={"name": "internal-authz"})
    role = ask.one("roles", "UserRole")
    mine = [ask.list("vms?search=name%3Dvm-00" + str(i))[0]["id"] for i in range(3)]
    given = [ask.add(f"vms/{vm}/permissions", user={"id": user["id"]}, role={"id": role["id"]}) for vm in mine]
    he = rest.Rest(manager, "searcher@internal-authz", "Secret-12345")
    assert he.login().status_code == 200, he.login().text
    assert names(he, "") == ["vm-000", "vm-001", "vm-002"] and names(he, "name=vm-001 or name=vm-100") == ["vm-001"]
    assert names(he, "sortby name desc", max=1) == ["vm-002"]
    assert page(he, "count", collection="vms", search="name=vm-*")["count"] == 3
    assert ask.call("DELETE", f"/vms/{mine[1]}/permissions/{given[1]['id']}").status_code == 200
    assert names(he, "") == ["vm-000", "vm-002"]
    ask.add(f"clusters/{ask.one('clusters', 'Default')['id']}/permissions", user={"id": user["id"]}, role={"id": ask.one("roles", "UserVmManager")["id"]})
    assert page(he, "count", collection="vms", search="")["count"] == MANY + 1


# -- tags and bookmarks --------------------------------------------------------------------


def test_tags(ask, sdk):
    """A tree of tags: found with what is below, moved without circles, removed with all that hangs on it."""
    tags = sdk.tags_service()
    europe = tags.add(types.Tag(name="europe", description="all of it"))
    berlin = tags.add(types.Tag(name="berlin", parent=types.Tag(id=europe.id)))
    mitte = tags.add(types.Tag(name="mitte", parent=types.Tag(name="berlin")))
    vms = sdk.vms_service()
    for name, tag in (("vm-001", "europe"), ("vm-002", "berlin"), ("vm-003", "mitte")):
        vm = vms.list(search=f"name={name}")[0]
        vms.vm_service(vm.id).tags_service().add(types.Tag(name=tag))
    template = sdk.templates_service().list(search="name=Blank")[0]
    sdk.templates_service().template_service(template.id).tags_service().add(types.Tag(name="mitte"))
    user = sdk.users_service().list(search="usrname=admin@*")[0]
    sdk.users_service().user_service(user.id).tags_service().add(types.Tag(id=mitte.id))
    assert [vm.name for vm in vms.list(search="tag=europe")] == ["vm-001", "vm-002", "vm-003"]
    assert [vm.name for vm in vms.list(search="tag=berlin")] == ["vm-002", "vm-003"]
    assert [vm.name for vm in vms.list(search="tag=m* or tag=euro")] == ["vm-003"]
    assert [t.name for t in sdk.templates_service().list(search="tag=europe")] == ["Blank"]
    assert [u.id for u in sdk.users_service().list(search="tag=europe")] == [user.id]
    with pytest.raises(ovirtsdk4.Error, match="below itself"):
        tags.tag_service(europe.id).update(types.Tag(parent=types.Tag(id=mitte.id)))
    with pytest.raises(ovirtsdk4.Error):
        tags.add(types.Tag(name="berlin"))
    with pytest.raises(ovirtsdk4.Error):
        tags.add(types.Tag(name="x" * 51))
    root = "00000000-0000-0000-0000-000000000000"
    with pytest.raises(ovirtsdk4.Error):
        tags.tag_service(root).update(types.Tag(name="other"))
    with pytest.raises(ovirtsdk4.Error):
        tags.tag_service(root).remove()
    tags.tag_service(berlin.id).update(types.Tag(parent=types.Tag(id=root)))
    assert [vm.name for vm in vms.list(search="tag=europe")] == ["vm-001"]
    tags.tag_service(berlin.id).remove()
    assert "mitte" not in [t.name for t in tags.list()] and vms.list(search="tag=mitte") == []
    assert vms.vm_service(vms.list(search="name=vm-003")[0].id).tags_service().list() == []
    assigned = vms.vm_service(vms.list(search="name=vm-001")[0].id).tags_service()
    assert [t.name for t in assigned.list()] == ["europe"]
    assigned.tag_service(europe.id).remove()
    assert assigned.list() == [] and vms.list(search="tag=europe") == []


def test_bookmarks(sdk):
    bookmarks = sdk.bookmarks_service()
    made = bookmarks.add(types.Bookmark(name="busy", value="Vms: cpu_usage > 85"))
    assert bookmarks.bookmark_service(made.id).get().value == "Vms: cpu_usage > 85"
    bookmarks.bookmark_service(made.id).update(types.Bookmark(name="very busy", value="Vms: cpu_usage > 95 sortby cpu_usage desc"))
    assert [b.name for b in bookmarks.list() if b.id == made.id] == ["very busy"]
    for wrong in (types.Bookmark(name="very busy", value="Vms:"), types.Bookmark(name="x" * 41, value="Vms:"),
                  types.Bookmark(name="long", value="Vms: name=" + "x" * 300), types.Bookmark(name="none")):
        with pytest.raises(ovirtsdk4.Error):
            bookmarks.add(wrong)
    bookmarks.bookmark_service(made.id).remove()
    assert made.id not in [b.id for b in bookmarks.list()]


# -- completion ----------------------------------------------------------------------------


def test_completion(ask):
    def texts(text, collection="vms"):
        return [choice["text"] for choice in page(ask, "complete", collection=collection, text=text)["choices"]]

    assert "powering_up" not in texts("status = ") and "poweringup" in texts("status = powe")
    assert texts("sortby name d") == ["desc"] and "and" in texts("status=up ")
    assert "vms" in texts("", "") and "_vmt_id" not in texts("", "templates")

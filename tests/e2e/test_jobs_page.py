# SPDX-License-Identifier: Apache-2.0
"""The last jobs as the portals show them: steps, objects, reasons; only one's own for those who may not see others'."""
import pytest
import rest


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("manager")) as made:
        yield made


@pytest.fixture(scope="module")
def admin(manager):
    return rest.Rest(manager)


def jobs(ask, **params):
    ask.token or ask.login()
    answer = ask.session.get(ask.root + "/hostler/jobs", params=params, timeout=30, headers={"Authorization": f"Bearer {ask.token}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_who_asks(admin):
    assert admin.session.get(admin.root + "/hostler/jobs", timeout=30).status_code == 401


def test_newest_first(admin):
    for name in ("one", "two"):
        admin.add("bookmarks", name=name, value="Vms:")
    found = jobs(admin, max=2)
    assert len(found) == 2 and "two" in found[0]["description"] and found[0]["start_time"] >= found[1]["start_time"]
    assert found[0]["status"] == "finished" and found[0]["owner"]["name"].startswith("admin@") and found[0]["correlation_id"]


def test_why_it_failed(admin):
    cluster = admin.one("clusters", "Default")["id"]
    host = admin.add("hosts", name="nobody", address="127.0.0.9", root_password="x", cluster={"id": cluster})
    rest.wait(lambda: jobs(admin, max=1)[0]["status"] == "failed")
    job = jobs(admin, max=1)[0]
    assert job["objects"] == [{"type": "host", "id": host["id"], "name": "nobody"}]
    assert "127.0.0.9" in job["error"] and job["steps"][0]["status"] == "failed" and job["end_time"] >= job["start_time"]


@pytest.mark.parametrize("text", ["0", "-1", "x", "", "9" * 40])
def test_bad_numbers(admin, text):
    admin.token or admin.login()
    answer = admin.session.get(admin.root + "/hostler/jobs", params={"max": text}, timeout=30, headers={"Authorization": f"Bearer {admin.token}"})
    assert answer.status_code in (200, 400) and (answer.status_code == 400 or text.startswith("9"))


def test_after_a_restart(manager, admin):
    before = jobs(admin)
    manager.restart()
    admin.token = None
    assert [j["id"] for j in jobs(admin)][:len(before)] == [j["id"] for j in before]


def test_of_another_program(admin):
    """A backup program tells of its job and steps, ends and clears them; the Manager's own are not touched."""
    job = admin.add("jobs", description="<b>backing up</b>", auto_cleared=False)
    assert job["status"] == "started" and job["external"] == "true" and job["auto_cleared"] == "false" and job["owner"]["id"]
    path = f"jobs/{job['id']}"
    one, two = (admin.add(path + "/steps", description=text, type="executing") for text in ("reading", "writing"))
    assert [s["number"] for s in admin.list(path + "/steps")] == ["0", "1"] and one["status"] == "started"

    def act(where, **members):
        return admin.call("POST", f"/{where}", members).status_code
    assert act(f"{path}/steps/{one['id']}/end", succeeded=True) == 200 and act(f"{path}/steps/{one['id']}/end", succeeded=True) == 409
    assert admin.get(f"/{path}/steps/{one['id']}")["status"] == "finished"
    assert act(path + "/end", succeeded=False) == 200 and act(path + "/end") == 409
    assert admin.get("/" + path)["status"] == "failed" and admin.get(f"/{path}/steps/{two['id']}")["status"] == "failed"
    assert admin.get("/" + path)["end_time"] and act(path + "/steps", description="late", type="executing") == 409
    assert act(path + "/clear") == 200 and admin.get("/" + path)["auto_cleared"] == "true"
    own = next(j for j in admin.list("jobs") if j["external"] == "false")
    assert [act(f"jobs/{own['id']}/{what}") for what in ("end", "clear")] == [409, 409]
    assert act(f"jobs/{own['id']}/steps", description="x", type="executing") == 409
    assert admin.call("POST", "/jobs", {}).status_code == 400
    assert act("jobs/00000000-0000-0000-0000-000000000001/end") == 404
    admin.add("users", user_name="nobody-much", password="a-good-one", domain={"name": "internal-authz"})
    other = rest.Rest(admin.manager, "nobody-much@internal", "a-good-one")
    assert other.call("POST", "/jobs", {"description": "mine"}).status_code == 403

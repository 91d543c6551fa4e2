# SPDX-License-Identifier: Apache-2.0
"""Sessions as people meet them: how they begin, what a page does when one ends, when the Manager goes away, when something is forbidden,
and when somebody else was faster."""
import json
import re

import pytest
import rest
from playwright.sync_api import expect

PASSWORD = "a-good-one"


@pytest.fixture(scope="module")
def admin(solo):
    return rest.Rest(solo)


def person(admin, name, role=None, on=None):
    """A user, and a role on something; on: "vms/ID", "" for everything."""
    user = admin.add("users", user_name=name, password=PASSWORD, domain={"name": "internal-authz"})
    if role:
        admin.add(f"{on}/permissions" if on else "permissions", role={"name": role}, user={"id": user["id"]})
    return user["id"]


def add_vm(admin, name, **more):
    return admin.add("vms", name=name, cluster={"name": "Default"}, template={"name": "Blank"}, **more)["id"]


def end_sessions(admin, user_id):
    """On the Manager, as an administrator can."""
    page = "/ovirt-engine/hostler/sessions"
    found = [s["id"] for s in admin.get(page) if s["user_id"] == user_id]
    for one in found:
        assert admin.call("DELETE", f"{page}/{one}").status_code == 200
    return len(found)


def token_of(visitor):
    return visitor.page.evaluate("sessionStorage.getItem('hostler-token')")


def test_wrong_password(solo, visitors):
    visitor = visitors(solo, login=False).open()
    page = visitor.page
    button = page.get_by_role("button", name="Log in")
    expect(button).to_be_disabled()
    page.get_by_label("User name").fill("admin")
    visitor.password().fill("not this one")
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("The user name or password is not right.")
    expect(visitor.password()).to_have_value("not this one")
    visitor.shot("login-wrong")
    assert not visitor.findings()
    assert token_of(visitor) is None
    visitor.password().fill(solo.password)
    visitor.password().press("Enter")
    page.get_by_role("button", name="User admin@internal").wait_for()


def test_deep_link(solo, admin, visitors):
    """A link ends where it leads, also when one has to log in before."""
    add_vm(admin, "deep1")
    visitor = visitors(solo, login=False).open("vms?search=name+%3D+deep*")
    visitor.password().wait_for()
    visitor.login(path="vms?search=name+%3D+deep*")
    expect(visitor.page.get_by_role("combobox", name="Search")).to_have_value("name = deep*")
    expect(visitor.rows()).to_have_count(1)
    expect(visitor.row("deep1")).to_be_visible()


def test_session_ends_over_a_form(solo, admin, visitors):
    """The login lies over the page; what was typed is there afterwards, and can be saved."""
    worker = person(admin, "worker", "SuperUser")
    visitor = visitors(solo, "worker@internal", PASSWORD, path="tags")
    page = visitor.page
    visitor.do("New")
    form = visitor.dialog("New tag")
    visitor.fill(form, name="half-done", description="typed before the session ended")
    assert end_sessions(admin, worker) == 1
    again = page.get_by_role("dialog", name="Log in again")
    expect(again).to_be_visible(timeout=60000)
    expect(again.get_by_label("User name")).to_have_value("worker@internal")
    visitor.shot("session-over")
    assert not visitor.findings()
    again.get_by_label(re.compile("^Password")).fill("wrong")
    again.get_by_role("button", name="Log in", exact=True).click()
    expect(again.get_by_role("alert")).to_contain_text("is not right")
    again.get_by_label(re.compile("^Password")).fill(PASSWORD)
    again.get_by_role("button", name="Log in", exact=True).click()
    expect(again).to_have_count(0)
    expect(form.locator("#f-name")).to_have_value("half-done")
    expect(form.locator("#f-description")).to_have_value("typed before the session ended")
    visitor.submit(form, "Create")
    assert admin.one("tags", "half-done")["description"] == "typed before the session ended"


def test_logout(solo, admin, visitors):
    visitor = visitors(solo, path="vms")
    page, token = visitor.page, token_of(visitor)
    assert token
    page.get_by_role("button", name="User admin@internal").click()
    page.get_by_role("menuitem", name="Log out").click()
    visitor.password().wait_for()
    assert token_of(visitor) is None
    assert admin.call("GET", "/vms", token=token).status_code == 401
    page.reload()
    visitor.password().wait_for()
    assert not page.get_by_role("heading", name="Virtual machines").count()


AWAY = "The connection to the Manager is lost."


def see_away(visitor, name):
    """The page says that the Manager is away, and shows what it had."""
    expect(visitor.page.get_by_text(AWAY)).to_be_visible(timeout=60000)
    expect(visitor.page.get_by_label("Not connected to the Manager")).to_be_visible()
    expect(visitor.row(name)).to_be_visible()


def see_live(visitor):
    expect(visitor.page.get_by_text(AWAY)).to_have_count(0, timeout=60000)
    expect(visitor.page.get_by_label(re.compile("^Live: "))).to_be_visible(timeout=60000)


def test_network_away(solo, admin, visitors):
    """The page goes on by itself when the network is back, and shows what happened meanwhile."""
    visitor = visitors(solo, path="vms")
    visitor.forgive("net::ERR_|Failed to fetch")
    visitor.page.evaluate("window.stayed = true")
    add_vm(admin, "before-break")
    visitor.row("before-break").wait_for()
    visitor.context.set_offline(True)
    visitor.page.get_by_role("button", name="Refresh").click()
    see_away(visitor, "before-break")
    visitor.shot("network-away")
    add_vm(admin, "during-break")
    visitor.context.set_offline(False)
    see_live(visitor)
    visitor.row("during-break").wait_for()
    assert visitor.page.evaluate("window.stayed")


def test_failed_once(solo, admin, visitors):
    """A page whose first answer was an error asks again by itself, and a page of what this Manager does not have says so."""
    vm = admin.add("vms", name="later", cluster={"name": "Default"}, template={"name": "Blank"})["id"]
    visitor = visitors(solo)
    visitor.forgive("status of 50[01]")
    left = [1, 1]

    def fail(route):
        if left:
            left.pop()
            route.fulfill(status=500, content_type="application/json", body='{"reason": "Internal", "detail": "not now"}')
        else:
            route.continue_()

    visitor.page.route(f"**/api/vms/{vm}", fail)
    visitor.go(f"vms/{vm}")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("later")
    assert not left
    visitor.go(f"vmpools/{vm}")
    expect(visitor.page.locator("main")).to_contain_text("not implemented in this version")


def test_manager_restarts_under_an_open_page(solo, admin, visitors):
    """Sessions end with the Manager: the page waits until it is back, asks for the password, and goes on where it was."""
    visitor = visitors(solo, path="vms")
    visitor.forgive("net::ERR_|Failed to fetch")
    page = visitor.page
    page.evaluate("window.stayed = true")
    add_vm(admin, "before-restart")
    visitor.row("before-restart").wait_for()
    visitor.select("before-restart").do("Edit")
    form = visitor.dialog("Edit virtual machine before-restart")
    visitor.fill(form, description="typed before the restart")
    solo.stop()
    try:
        see_away(visitor, "before-restart")
        visitor.shot("manager-away")
    finally:
        solo.start()
        admin.token = None
    again = page.get_by_role("dialog", name="Log in again")
    expect(again).to_be_visible(timeout=60000)
    again.get_by_label(re.compile("^Password")).fill(solo.password)
    again.get_by_role("button", name="Log in", exact=True).click()
    expect(again).to_have_count(0)
    see_live(visitor)
    expect(form.locator("#f-description")).to_have_value("typed before the restart")
    visitor.submit(form, "Save")
    add_vm(admin, "after-restart")
    visitor.row("after-restart").wait_for()
    assert page.evaluate("window.stayed") and admin.one("vms", "before-restart")["description"] == "typed before the restart"


def test_expired_password(solo, admin, visitors):
    """The Manager's word for it is played to the page once (it comes after half a year by itself); all that follows is real."""
    person(admin, "late", "SuperUser")
    visitor = visitors(solo, login=False).open("clusters")
    page, refused = visitor.page, []

    def refuse(route):
        if refused:
            return route.continue_()
        refused.append(1)
        return route.fulfill(status=400, content_type="application/json", body=json.dumps({
            "error_code": "access_denied", "reason": "password_expired",
            "error": "Cannot authenticate user 'late@internal': The password is out of date."}))
    page.route("**/sso/oauth/token", refuse)
    page.get_by_label("User name").fill("late")
    visitor.password().fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("The password is out of date. Choose a new one.")
    page.locator("#login-new").fill("another-one")
    page.locator("#login-again").fill("another-two")
    expect(page.get_by_text("The two are not the same.")).to_be_visible()
    button = page.get_by_role("button", name="Change password and log in")
    expect(button).to_be_disabled()
    visitor.shot("password-expired")
    assert not visitor.findings()
    page.locator("#login-again").fill("another-one")
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Clusters")
    assert rest.Rest(solo, "late@internal", PASSWORD).login().status_code == 400
    assert rest.Rest(solo, "late@internal", "another-one").login().status_code == 200


def test_what_is_not_permitted(solo, admin, visitors):
    """Who may only use a VM sees that one, is offered what he may do with it, and is told why not for the rest."""
    seen = add_vm(admin, "seen")
    add_vm(admin, "unseen")
    person(admin, "simple", "UserRole", f"vms/{seen}")
    visitor = visitors(solo, "simple@internal", PASSWORD, path="vms")
    page = visitor.page
    visitor.row("seen").wait_for()
    expect(visitor.rows()).to_have_count(1)
    visitor.select("seen")
    main = page.locator("main")
    expect(main.get_by_role("button", name="Run", exact=True)).not_to_have_attribute("aria-disabled", "true")
    for name in ("New", "Edit"):
        button = main.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-disabled", "true")
        button.hover()
        expect(page.get_by_role("tooltip").filter(has_text="You have no permission for it.")).to_be_visible()
        button.click(force=True)
        expect(page.get_by_role("dialog")).to_have_count(0)
    visitor.shot("not-permitted")
    answer = page.evaluate("""async id => {
        const answer = await fetch(`/ovirt-engine/api/vms/${id}`, {method: "PUT", body: JSON.stringify({description: "forced"}),
            headers: {"Content-Type": "application/json", Accept: "application/json", Authorization: "Bearer " + sessionStorage.getItem("hostler-token")}});
        return [answer.status, await answer.text()];
    }""", seen)
    assert answer[0] == 403 and "permi" in answer[1].lower(), answer
    assert admin.one("vms", "seen").get("description", "") == ""
    unseen = admin.one("vms", "unseen")["id"]
    visitor.go(f"vms/{unseen}")
    expect(page.get_by_role("heading", name="Virtual machine not found")).to_be_visible()
    expect(page.get_by_text("It does not exist, or you may not see it.")).to_be_visible()


def test_refused_all_the_same(solo, admin, visitors):
    """What was permitted when the form was opened and is not any more: the Manager's words are shown, and what was typed stays."""
    vm = add_vm(admin, "lent")
    user = person(admin, "borrower", "UserVmManager", f"vms/{vm}")
    visitor = visitors(solo, "borrower@internal", PASSWORD, path="vms")
    visitor.select("lent").do("Edit")
    form = visitor.dialog("Edit virtual machine lent")
    visitor.fill(form, description="mine now")
    given = next(p for p in admin.list(f"vms/{vm}/permissions") if p.get("user", {}).get("id") == user)
    admin.add(f"vms/{vm}/permissions", role={"name": "UserRole"}, user={"id": user})
    admin.remove("permissions", given["id"])
    form.get_by_role("button", name="Save", exact=True).click()
    refused = form.locator(".h-dialog-fault")
    expect(refused).to_contain_text("It was refused")
    expect(refused).to_contain_text(re.compile("permi", re.I))
    expect(form.locator("#f-description")).to_have_value("mine now")
    visitor.shot("refused")


def edit_together(solo, admin, visitors, name):
    """A form in which something was typed while somebody else saved."""
    vm = add_vm(admin, name, description="as it was", comment="as it was")
    visitor = visitors(solo, path="vms")
    visitor.select(name).do("Edit")
    form = visitor.dialog(f"Edit virtual machine {name}")
    visitor.fill(form, description="what I say")
    assert admin.call("PUT", f"/vms/{vm}", {"description": "what they say", "comment": "their comment"}).status_code == 200
    form.get_by_role("button", name="Save", exact=True).click()
    conflict = visitor.page.get_by_role("dialog", name="Somebody else changed this meanwhile")
    row = conflict.get_by_role("row").filter(has=visitor.page.get_by_role("rowheader", name="Description"))
    for text in ("as it was", "what they say", "what I say"):
        expect(row.get_by_role("cell", name=text)).to_be_visible()
    expect(conflict.get_by_role("row").filter(has_text="their comment")).to_be_visible()
    assert admin.one("vms", name)["description"] == "what they say"
    return visitor, form, conflict


def test_keep_mine(solo, admin, visitors):
    visitor, _, conflict = edit_together(solo, admin, visitors, "both1")
    visitor.shot("conflict")
    assert not visitor.findings()
    visitor.submit(conflict, "Keep mine and save")
    now = admin.one("vms", "both1")
    assert (now["description"], now["comment"]) == ("what I say", "their comment")


def test_take_theirs(solo, admin, visitors):
    visitor, form, conflict = edit_together(solo, admin, visitors, "both2")
    conflict.get_by_role("button", name="Take theirs").click()
    expect(form.locator("#f-description")).to_have_value("what they say")
    expect(form.locator("#f-comment")).to_have_value("their comment")
    visitor.fill(form, description="agreed")
    visitor.submit(form, "Save")
    now = admin.one("vms", "both2")
    assert (now["description"], now["comment"]) == ("agreed", "their comment")


def test_back_to_the_form(solo, admin, visitors):
    _, form, conflict = edit_together(solo, admin, visitors, "both3")
    conflict.get_by_role("button", name="Back to the form").click()
    expect(form.locator("#f-description")).to_have_value("what I say")
    assert admin.one("vms", "both3")["description"] == "what they say"

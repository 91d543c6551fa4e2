# SPDX-License-Identifier: Apache-2.0
"""Who is logged in, and the end of a session.

Shows T018.
"""
import re

import pytest
import rest
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def jane(solo):
    """She works with a token, and has done so already."""
    admin = rest.Rest(solo)
    user = admin.add("users", user_name="jane", password="Secret-12345", domain={"name": "internal-authz"})
    jane = rest.Rest(solo, "jane@internal", "Secret-12345")
    jane.id = user["id"]
    jane.get("/vms")
    return jane


def test_sessions(solo, jane, visitors):
    visitor = visitors(solo, path="sessions")
    page = visitor.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Active sessions")
    mine = page.get_by_role("row").filter(has_text="admin@internal").filter(has_text="this one")
    expect(mine).to_have_count(1)
    hers = page.get_by_role("row").filter(has_text="jane@internal").filter(has_text="127.0.0.1")
    expect(hers).to_have_count(1)
    visitor.shot("sessions")
    assert not visitor.findings()
    page.get_by_role("searchbox", name="Search").or_(page.get_by_label("Search", exact=True)).first.fill("jan")
    expect(mine).to_have_count(0)
    hers.get_by_role("button", name=re.compile("^End session")).click()
    form = visitor.dialog()
    expect(form).to_contain_text("has to log in again")
    form.get_by_role("button", name="API and CLI").click()
    expect(form.get_by_role("region", name="Command line")).to_contain_text("hostler api DELETE '/ovirt-engine/hostler/sessions/")
    visitor.shot("sessions-end")
    visitor.submit(form, "End session")
    visitor.toast("The session of jane")
    expect(hers).to_have_count(0)
    assert jane.call("GET", "/vms").status_code == 401


def test_sessions_of_one(solo, jane, visitors):
    """On the page of the user; none but his."""
    assert jane.login().status_code == 200
    jane.get("/vms")
    visitor = visitors(solo, path=f"users/{jane.id}/sessions")
    rows = visitor.page.get_by_role("tabpanel").get_by_role("row")
    expect(rows.filter(has_text="127.0.0.1")).to_have_count(1)
    expect(rows.filter(has_text="this one")).to_have_count(0)
    visitor.shot("sessions-of-one")


def test_own_session(solo, jane, visitors):
    """Said before, and then one has to log in again."""
    visitor = visitors(solo, path="sessions", user="jane@internal", password="Secret-12345")
    page = visitor.page
    page.get_by_role("row").filter(has_text="this one").get_by_role("button", name=re.compile("^End session")).click()
    expect(visitor.dialog()).to_contain_text("the session that you are working in")
    visitor.dialog().get_by_role("button", name="End session", exact=True).click()
    expect(visitor.password()).to_be_visible()

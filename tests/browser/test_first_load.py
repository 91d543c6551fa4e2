# SPDX-License-Identifier: Apache-2.0
"""The first load: what is transferred, how soon there is something to see."""
import pytest


@pytest.mark.parametrize("portal, limit", [("webadmin", 500_000), ("web-ui", 500_000)])
def test_first_load(solo, visitors, portal, limit):
    visitor = visitors(solo, portal=portal, login=False)
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("Network.enable")
    sizes = []
    session.on("Network.loadingFinished", lambda e: sizes.append(e["encodedDataLength"]))
    visitor.open()
    visitor.password().wait_for()
    at_login = sum(sizes)
    visitor.login()
    visitor.page.get_by_role("heading", level=1).first.wait_for()
    visitor.settle()
    print(f"{portal}: {at_login} bytes to the login page, {sum(sizes)} to the first page in {len(sizes)} answers")
    assert sum(sizes) < limit

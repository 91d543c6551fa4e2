# SPDX-License-Identifier: Apache-2.0
"""Ten thousand VMs in one list: it is there at once, and stays fluid."""
import http.client
import json
import os
import ssl
import threading
import time

import pytest
import rest
from playwright.sync_api import expect

MANY = 10000
CLIENTS = 6


def make_vms(manager, token, first, step):
    connection = http.client.HTTPSConnection(manager.address, manager.port, timeout=60, context=ssl.create_default_context(cafile=manager.ca))
    connection._context.check_hostname = False
    for i in range(first, MANY, step):
        body = {"name": f"vm{i:05}", "description": f"number {i}", "cluster": {"name": "Default"}, "template": {"name": "Blank"}}
        connection.request("POST", "/ovirt-engine/api/vms", json.dumps(body), {
            "Authorization": "Bearer " + token, "Content-Type": "application/json", "Accept": "application/json"})
        answer = connection.getresponse()
        assert answer.status in (201, 202), answer.read()
        answer.read()
    connection.close()


@pytest.fixture(scope="module")
def many(solo):
    """So many VMs, made by several clients at once."""
    ask = rest.Rest(solo)
    assert ask.login().status_code == 200
    begin = time.monotonic()
    threads = [threading.Thread(target=make_vms, args=(solo, ask.token, i, CLIENTS)) for i in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert ask.get("/ovirt-engine/hostler/search/count?collection=vms")["count"] == MANY
    print(f"{MANY} VMs made in {time.monotonic() - begin:.1f} s")
    return ask


LONG_TASKS = """() => {
    window.tasks = [];
    new PerformanceObserver(list => list.getEntries().forEach(e => window.tasks.push(e.duration))).observe({entryTypes: ["longtask"]});
}"""

# The place of the table is set frame by frame, as a wheel does; tells how long the frames took.
SCROLL = """async ([from, to, steps]) => {
    const box = document.querySelector(".h-table"), frames = [];
    let last = performance.now();
    for (let i = 0; i <= steps; i++) {
        box.scrollTop = from + (to - from) * i / steps;
        await new Promise(requestAnimationFrame);
        frames.push(performance.now() - last);
        last = performance.now();
    }
    return frames;
}"""

# Until the table's first row is called so; in the page, as a test would ask only now and then.
FIRST_ROW = """async ([name, action]) => {
    const begin = performance.now();
    const first = () => document.querySelector("tr[data-index='0'] .h-name")?.textContent;
    if (action) document.querySelector(action).click();
    while (first() !== name) {
        if (performance.now() - begin > 20000) throw new Error(`the first row is ${first()}`);
        await new Promise(requestAnimationFrame);
    }
    return performance.now() - begin;
}"""

# Before Enter is pressed: notes when that was, and when the first row was called so.
AWAIT_ROW = f"""name => {{
    addEventListener("keydown", () => {{ window.asked = performance.now(); }}, {{capture: true, once: true}});
    window.found = ({FIRST_ROW})([name, null]).then(() => performance.now());
}}"""


def count(visitor, text):
    expect(visitor.page.get_by_role("status").filter(has_text=text)).to_be_visible(timeout=20000)


@pytest.fixture
def visitor(solo, many, visitors):
    made = visitors(solo, path="clusters")
    made.settle()
    made.page.evaluate(LONG_TASKS)
    return made


def open_list(visitor):
    """Milliseconds until the first row can be read."""
    visitor.page.evaluate("location.hash = '#/vms'")
    took = visitor.page.evaluate(FIRST_ROW, ["vm00000", None])
    count(visitor, "10000 items" if visitor.page.get_by_text("10000 items").count() else "10,000 items")
    return took


def test_list_is_there(visitor):
    took = open_list(visitor)
    print(f"the list of {MANY} VMs could be read after {took:.0f} ms (aim: 1000 ms)")
    assert took < 1000
    rows = visitor.rows().count()
    assert 10 < rows < 200, rows
    visitor.shot("many-vms")


def scroll_through(visitor, height):
    """Slowly through some hundred rows, and in leaps through all of them. The longest time that the page stood still."""
    visitor.page.evaluate("window.tasks.length = 0")
    for name, way in ("slowly", [0, 12000, 150]), ("in leaps", [12000, height, 100]):
        frames = sorted(visitor.page.evaluate(SCROLL, way))
        print(f"scrolling {name}: frames of {frames[len(frames) // 2]:.0f} ms, 99 of 100 under {frames[int(len(frames) * 0.99)]:.0f} ms")
    expect(visitor.row(f"vm{MANY - 1:05}")).to_be_visible(timeout=20000)
    tasks = visitor.page.evaluate("window.tasks")
    print(f"longest task while scrolling: {max(tasks, default=0):.0f} ms, {len(tasks)} over 50 ms")
    return max(tasks, default=0)


def test_scrolling(visitor):
    """The page never stands still. The best of three counts; a machine that has other things to do may take as much longer."""
    open_list(visitor)
    visitor.settle()
    height = visitor.page.evaluate("document.querySelector('.h-table').scrollHeight")
    assert height > MANY * 20
    for _ in range(3):
        longest = scroll_through(visitor, height)
        limit = min(400, 200 * max(1, os.getloadavg()[0] / os.cpu_count()))
        if longest < limit:
            break
    visitor.shot("many-vms-end")
    assert longest < limit


def test_filter_and_sort(visitor):
    open_list(visitor)
    field = visitor.page.get_by_role("combobox", name="Search")
    field.fill("name = vm0123*")
    field.press("Escape")
    visitor.page.evaluate(AWAIT_ROW, "vm01230")
    field.press("Enter")
    took = visitor.page.evaluate("async () => await window.found - window.asked")
    count(visitor, "10 items")
    print(f"filter: {took:.0f} ms")
    assert took < 1000
    field.fill("77")
    field.press("Escape")
    field.press("Enter")
    count(visitor, f"{sum('77' in str(i) for i in range(MANY))} items")
    visitor.page.get_by_role("button", name="Clear search").click()
    visitor.page.evaluate(FIRST_ROW, ["vm00000", None])
    head = visitor.page.get_by_role("columnheader", name="Name", exact=True)
    head.evaluate("e => e.querySelector('button').id = 'by-name'")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    took = visitor.page.evaluate(FIRST_ROW, [f"vm{MANY - 1:05}", "#by-name"])
    print(f"sort: {took:.0f} ms")
    assert took < 1000
    expect(head).to_have_attribute("aria-sort", "descending")


def test_select_all(visitor):
    """Not more than what can be told apart in a dialog is chosen, and that is said."""
    open_list(visitor)
    visitor.page.get_by_role("checkbox", name="Select all").click()
    expect(visitor.page.get_by_text("Only the first 1000 are selected.").or_(visitor.page.get_by_text("Only the first 1,000 are selected."))).to_be_visible()
    visitor.do("Assign tags")
    dialog = visitor.dialog("Assign tags")
    dialog.get_by_role("button", name="Cancel").or_(dialog.get_by_role("button", name="Close")).first.click()
    visitor.page.get_by_role("button", name="Clear selection").click()
    count(visitor, "items")


def test_keyboard(visitor):
    """Arrows, pages, first and last; select, and open, without a mouse."""
    open_list(visitor)
    page = visitor.page
    page.locator("tr[data-index='0']").focus()

    def focused():
        return page.evaluate("Number(document.activeElement.dataset.index ?? -1)")

    for key, where in ("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", MANY - 1), ("Home", 0):
        page.keyboard.press(key)
        page.wait_for_function("i => Number(document.activeElement.dataset.index ?? -1) === i", arg=where)
    page.keyboard.press("PageDown")
    page.wait_for_function("() => Number(document.activeElement.dataset.index ?? -1) > 5")
    row = focused()
    page.keyboard.press(" ")
    expect(page.locator(f"tr[data-index='{row}']")).to_have_attribute("aria-selected", "true")
    count(visitor, "1 selected")
    page.keyboard.press("Shift+ArrowDown")
    count(visitor, "2 selected")
    page.keyboard.press("Escape")
    count(visitor, "items")
    page.keyboard.press("Home")
    page.wait_for_function("() => document.activeElement.dataset.index === '0'")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="vm00000").wait_for()

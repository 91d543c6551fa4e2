# SPDX-License-Identifier: Apache-2.0
"""A person before the portals: a browser, what it sees, and what went wrong in it."""
import contextlib
import os
import re

from playwright.sync_api import Error, expect, sync_playwright

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILT = os.environ.get("HOSTLER_PORTAL") or os.path.join(ROOT, "build/portal")
SCREENSHOTS = os.environ.get("HOSTLER_SCREENSHOTS") or os.path.join(ROOT, "build/screenshots")
AXE = os.path.join(ROOT, "portal/node_modules/axe-core/axe.min.js")
# What the browser says by itself of an answer that is not 2xx; pages tell of these in words. And of the machine's network cards.
ANSWERS = re.compile(r"Failed to load resource: (the server responded with a status of (400|401|403|404|409|412|503)|net::ERR_NETWORK_CHANGED)")


@contextlib.contextmanager
def chromium():
    """Debian's Chromium. It looks for no updates, and not into any sandbox: tests run as root."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[
            "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync"])
        yield browser
        browser.close()


class Visitor:
    """One browser window of a person of his own (no cookies or storage shared with others)."""

    def __init__(self, browser, manager, portal="webadmin", width=1400, height=900, dark=False):
        self.manager, self.portal, self.screenshots = manager, portal, SCREENSHOTS
        self.origin = f"https://{manager.address}:{manager.port}"
        # The certificate's CA is the Manager's own; that it is checked is shown where the API is tested.
        self.context = browser.new_context(ignore_https_errors=True, viewport={"width": width, "height": height}, locale="en-US",
                                           color_scheme="dark" if dark else "light", accept_downloads=True)
        self.context.set_default_timeout(15000)
        self.problems, self.foreign, self.forgiven = [], [], []
        self.context.on("request", self._on_request)
        self.context.on("page", self._on_page)
        self.page = self.context.new_page()

    def _on_page(self, page):
        page.on("console", lambda m: self._on_console(m))
        page.on("pageerror", lambda e: self.problems.append(f"script failed: {e}"))

    def _on_console(self, message):
        if message.type == "error" and not ANSWERS.match(message.text):
            self.problems.append(f"{message.text} ({message.location.get('url', '')})")

    def _on_request(self, request):
        if not request.url.startswith((self.origin + "/", "data:", "blob:" + self.origin, "about:", self.origin.replace("https:", "wss:") + "/")):
            self.foreign.append(request.url)

    def forgive(self, pattern):
        """Errors in the browser's console that are expected."""
        self.forgiven.append(re.compile(pattern))

    def url(self, path=""):
        """path: what stands behind '#/'."""
        return f"{self.origin}/ovirt-engine/{self.portal}/" + (f"#/{path}" if path else "")

    def open(self, path=""):
        self.page.goto(self.url(path))
        return self

    def go(self, path):
        """Another page without loading the portal anew."""
        self.page.evaluate("path => { location.hash = '#/' + path; }", path)
        return self

    def login(self, user="admin@internal", password=None, path=""):
        """At the login page, from a link to path."""
        self.open(path)
        name, _, profile = user.rpartition("@")
        self.page.get_by_label("User name").first.fill(name if profile == "internal" else user)
        self.password().fill(password or self.manager.password)
        self.page.get_by_role("button", name="Log in").click()
        self.password().wait_for(state="detached")
        return self

    def password(self):
        """The field for it at the login page; a required field's label has a mark behind it."""
        return self.page.get_by_label(re.compile("^Password"))

    # -- lists, actions and dialogs of the Administration Portal ------------------------------

    def list(self, path):
        """The list at path, once it is there (with rows, or with what stands for none)."""
        self.go(path)
        self.page.get_by_role("heading", level=1).first.wait_for()
        self.settle()
        return self

    def row(self, name):
        """The row of a list that is called so."""
        return self.page.locator("tr[data-index]").filter(has=self.page.locator(".h-name").get_by_text(name, exact=True))

    def rows(self):
        return self.page.locator("tr[data-index]")

    def see(self, name, word, timeout=60000):
        """Until the row says so; nothing is loaded anew for it."""
        expect(self.row(name)).to_contain_text(word, timeout=timeout)

    def select(self, *names):
        """Just these rows."""
        for i, name in enumerate(names):
            row = self.row(name)
            row.wait_for()
            box = row.get_by_role("checkbox")
            if i == 0:
                row.locator("td.h-cell").first.click()
            else:
                box.click()
            expect(box).to_be_checked()
        return self

    def do(self, label, within=None):
        """What can be done with the selected: the button, or the entry of the menu beside the buttons; the first such on the page."""
        place = within or self.page.locator("main")
        button = place.get_by_role("button", name=label, exact=True).first
        menu = place.get_by_role("button", name="More actions").first
        expect(button.or_(menu).first).to_be_visible()
        if button.count():
            expect(button).not_to_have_attribute("aria-disabled", "true")
            button.click()
            return
        menu.click()
        entry = self.page.get_by_role("menuitem", name=label, exact=True)
        expect(entry).not_to_have_attribute("aria-disabled", "true")
        entry.click()

    def dialog(self, title=None):
        """The dialog that is open; title: the words it begins with."""
        found = self.page.get_by_role("dialog", name=re.compile("^" + re.escape(title))) if title else self.page.get_by_role("dialog")
        found.first.wait_for()
        return found.first

    def fill(self, dialog, **values):
        """Fields of a form by the member that they are: name="vm1", memory_policy__max="1 GiB"."""
        for member, value in values.items():
            dialog.locator("#f-" + member.replace("__", "-")).fill(value)

    def choose(self, dialog, label, text):
        """Something in a field that offers what there is."""
        field = dialog.get_by_role("combobox", name=label, exact=True)
        field.fill(text)
        dialog.get_by_role("option", name=re.compile("^" + re.escape(text))).first.click()
        expect(field).to_have_value(text)

    def submit(self, dialog, label, timeout=60000):
        """Until the dialog is gone, with all the steps that it takes."""
        dialog.get_by_role("button", name=label, exact=True).click()
        expect(self.page.get_by_role("dialog")).to_have_count(0, timeout=timeout)

    def toast(self, text):
        """The message in the corner that says so."""
        found = self.page.get_by_role("list", name="Messages").get_by_text(text)
        expect(found.first).to_be_visible()
        return found.first

    def settle(self):
        """Until nothing on the page says that it is loading. (The stream of events is always open: the network is never idle.)"""
        self.page.wait_for_timeout(150)
        expect(self.page.locator(".pf-v6-c-spinner, .pf-v6-c-skeleton, [aria-busy=true]")).to_have_count(0, timeout=15000)
        self.page.wait_for_timeout(150)

    def shot(self, name):
        """A picture in build/screenshots."""
        os.makedirs(SCREENSHOTS, exist_ok=True)
        self.page.screenshot(path=os.path.join(SCREENSHOTS, f"{name}.png"))

    def look(self, name):
        """A picture of the dialog that is open, which axe finds nothing serious in."""
        self.shot(name)
        found = self.findings(".pf-v6-c-modal-box")
        assert not found, found

    def findings(self, within=None):
        """Serious findings of axe, as texts."""
        with open(AXE, encoding="utf-8") as f:
            self.page.evaluate(f.read() + "; 0")
        found = self.page.evaluate("within => axe.run(within || document, {resultTypes: ['violations']})", within)
        return [f"{v['id']}: {v['help']}: " + "; ".join(str(n["html"])[:160] for n in v["nodes"][:4])
                for v in found["violations"] if v["impact"] in ("serious", "critical")]

    def wrong(self):
        return [p for p in self.problems if not any(f.search(p) for f in self.forgiven)] + [f"left the Manager: {u}" for u in self.foreign]

    def close(self):
        self.context.close()


class Visitors:
    def __init__(self, browser):
        self.browser, self.all = browser, []

    def __call__(self, manager, user="admin@internal", password=None, path="", login=True, **options):
        made = Visitor(self.browser, manager, **options)
        self.all.append(made)
        return made.login(user, password, path) if login else made

    def leave(self, picture=None):
        """All windows are closed; picture: of what they show now, because a test failed."""
        wrong = [p for v in self.all for p in v.wrong()]
        for i, v in enumerate(self.all):
            if picture:
                with contextlib.suppress(Error):
                    v.shot(f"{picture}-{i}")
            v.close()
        assert not wrong, wrong

# SPDX-License-Identifier: Apache-2.0
"""What portals stand on: files with strict headers, the list of operations, completion of searches."""
import re

import pytest
import rest


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    files = tmp_path_factory.mktemp("portal")
    (files / "assets").mkdir()
    (files / "index.html").write_text("<!doctype html><title>portal</title>" + " " * 3000)
    (files / "web-ui.html").write_text("<!doctype html><title>own machines</title>")
    (files / "assets" / "a-1.js").write_text("void 0;\n" * 1000)
    (files / "secret.pem").write_text("no")
    made = rest.solo(tmp_path_factory.mktemp("manager"))
    made.options += ["--portal", str(files)]
    with made:
        yield made


@pytest.fixture(scope="module")
def ask(manager):
    return rest.Rest(manager)


def get(ask, path, **headers):
    return ask.session.get(ask.root + path, headers=headers, allow_redirects=False, timeout=30)


def test_files(ask):
    page = get(ask, "/webadmin/")
    assert page.status_code == 200 and "portal" in page.text and page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"] and "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff" and page.headers["Cache-Control"] == "no-cache"
    assert "own machines" in get(ask, "/web-ui/").text
    script = get(ask, "/web-ui/assets/a-1.js", **{"Accept-Encoding": "gzip"})
    assert script.status_code == 200 and "immutable" in script.headers["Cache-Control"]
    assert script.headers["Content-Encoding"] == "gzip"
    again = get(ask, "/webadmin/", **{"If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304 and not again.content


@pytest.mark.parametrize("path", ["/webadmin/secret.pem", "/webadmin/../api", "/webadmin/%2e%2e/%2e%2e/etc/passwd", "/webadmin/nothing.js",
                                  "/webadminx/", "/webadmin//etc/passwd"])
def test_no_other_files(ask, path):
    answer = get(ask, path)
    assert answer.status_code in (404, 400, 401) and b"root:" not in answer.content


def test_ways_in(ask):
    assert get(ask, "/webadmin").headers["Location"] == "/ovirt-engine/webadmin/"
    assert get(ask, "/").headers["Location"] == "/ovirt-engine/webadmin/"
    assert ask.session.post(ask.root + "/webadmin/", timeout=30).status_code == 405


def test_operations(ask):
    assert get(ask, "/hostler/operations").status_code == 401
    ask.login()
    names = get(ask, "/hostler/operations", Authorization=f"Bearer {ask.token}").json()
    assert "vms.list" in names and "vm.start" in names
    assert all(re.fullmatch(r"[a-z_0-9]+\.[a-z_0-9]+", n) for n in names)


def test_completion(ask):
    ask.login()

    def offers(text, **more):
        answer = ask.session.get(ask.root + "/hostler/search/complete", params={"text": text, **more}, timeout=30,
                                 headers={"Authorization": f"Bearer {ask.token}"})
        assert answer.status_code == 200
        got = answer.json()
        return got["from"], [c["text"] for c in got["choices"]]

    assert offers("sta", collection="vms") == (0, ["status"])
    assert offers("status = pow", collection="vms")[1] == ["poweringup", "poweringdown"]
    assert "vms" in offers("")[1] and "vms" in offers("v")[1]
    assert offers("x" * 5000, collection="vms")[1] == []
    missing = ask.session.get(ask.root + "/hostler/search/complete", params={"text": "", "collection": "nothing"}, timeout=30,
                              headers={"Authorization": f"Bearer {ask.token}"})
    assert missing.status_code == 404

# SPDX-License-Identifier: Apache-2.0
"""Requests beside the documents: methods, types, headers, versions, paths; bytes that are no requests at all."""
import socket
import ssl
import subprocess
import time
import uuid

import pytest

import rest

NIL = "00000000-0000-0000-0000-000000000000"
ROOT = "/ovirt-engine"


@pytest.fixture(scope="module")
def api(postgres, tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("http"), postgres) as manager:
        made = rest.Rest(manager)
        assert made.login().status_code == 200
        yield made


# -- methods and paths -----------------------------------------------------------------------


@pytest.mark.parametrize("method, path, expected", [
    ("GET", "/", 200), ("GET", "", 200), ("GET", "/vms/", 200), ("GET", "//vms", 200), ("GET", "/v4/vms", 200), ("GET", "/v4", 200),
    ("GET", "/v3/vms", 400), ("GET", "/v44", 400),
    ("GET", "/nothing", 404), ("GET", "/vms/x/nothing", 404), ("GET", "/vms/x/nics/y/z/a/b/c/d/e/f/g", 404),
    ("GET", "/vms/%zz", 404), ("GET", "/vms/%", 404), ("GET", "/vms/%4", 404), ("GET", "/;max=1", 200), ("GET", ";max=1", 200),
    ("GET", "/vms/..%2f..%2fetc%2fpasswd", 404), ("GET", "/tags/" + "x" * 2000, 404), ("GET", "/" + "a/" * 3000, 404),
    ("GET", "/tags/" + NIL, 200), ("GET", "/%74ags/" + NIL, 200), ("GET", "/tags/" + NIL.replace("0", "%30"), 200),
    ("PATCH", "/vms", 405), ("PUT", "/vms", 405), ("DELETE", "/vms", 405), ("DELETE", "", 405), ("POST", "/tags/" + NIL, 405),
    ("GET", f"/vms/{NIL}/start", 405), ("PUT", f"/vms/{NIL}/start", 405), ("TRACE", "/vms", 405), ("BREW", "/vms", 405),
])
def test_paths_and_methods(api, method, path, expected):
    answer = api.call(method, path)
    assert answer.status_code == expected, answer.text
    if expected == 404:
        assert answer.text == "" and "Content-Type" not in answer.headers and answer.headers["Content-Length"] == "0"
    if expected == 405:
        assert set(answer.headers["Allow"].split(", ")) >= {"OPTIONS"} and rest.fault(answer)[0]
    if expected == 400:
        assert "Version" in rest.fault(answer)[1]


@pytest.mark.parametrize("path", ["/vms/%00", "/vms/%0a", "/vms?search=%00"])
def test_escapes_that_no_text_has(api, path):
    answer = api.call("GET", path)
    assert answer.status_code == 400 and rest.fault(answer)[1]


@pytest.mark.parametrize("path", ["/api", "/api/vms", "/", "/ovirt-engine/apix", "/ovirt-engine/sso/oauth/tokens", "/ovirt-engine"])
def test_beside_the_base(api, path):
    answer = api.session.get(api.root[:-len(ROOT)] + path, allow_redirects=False)
    assert answer.status_code != 200 and answer.status_code < 500


@pytest.mark.parametrize("path, allowed", [
    ("/vms", "GET HEAD OPTIONS POST"), (f"/vms/{NIL}", "DELETE GET HEAD OPTIONS PUT"), (f"/vms/{NIL}/start", "OPTIONS POST"),
    ("", "GET HEAD OPTIONS POST"), ("/operatingsystems", "GET HEAD OPTIONS")])
def test_options(api, path, allowed):
    for token in True, None:
        answer = api.call("OPTIONS", path, token=token)
        assert answer.status_code == 200
        methods = sorted(answer.headers["Allow"].replace(" ", "").split(","))
        assert set(methods) - {"POST"} == set(allowed.split()) - {"POST"} if path == "" else methods == allowed.split()
        assert answer.text == answer.headers["Allow"]
    assert api.call("OPTIONS", "/nothing").status_code == 404


def test_head(api):
    for path in "", "/tags", "/tags/" + NIL, "/vms?max=1":
        head, get = api.call("HEAD", path), api.call("GET", path, headers={"Accept-Encoding": "identity"})
        assert head.status_code == get.status_code == 200 and head.content == b""
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert api.call("HEAD", "/tags/" + str(uuid.uuid4())).status_code == 404
    links = api.call("HEAD", "").headers["Link"].split(",")
    assert all(link.startswith(f"<https://127.0.0.1:{api.manager.port}/ovirt-engine/api/") for link in links)
    rels = [link.split("rel=")[1] for link in links]
    assert rels == sorted(rels) and {"vms", "hosts", "clusters", "datacenters", "storagedomains", "vmpools"} <= set(rels)
    assert "Link" not in api.call("HEAD", "/tags").headers


def test_ids_in_upper_case(api):
    made = api.add("tags", name="upper")
    assert api.get("/tags/" + made["id"].upper())["id"] == made["id"]
    api.remove("tags", made["id"].upper())


# -- types -----------------------------------------------------------------------------------


@pytest.mark.parametrize("accept, got", [
    (None, "application/xml"), ("*/*", "application/xml"), ("application/xml", "application/xml"), ("text/xml", "application/xml"),
    ("application/json", "application/json"), ("application/json, application/xml;q=0.9", "application/json"),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "application/xml"),
    ("text/html", None), ("image/png", None), ("application/yaml", None)])
def test_accept(api, accept, got):
    answer = api.call("GET", "/tags", headers={"Accept": accept})
    if got:
        assert answer.status_code == 200 and answer.headers["Content-Type"].split(";")[0] == got
    else:
        assert answer.status_code == 406 and answer.headers["Content-Type"].split(";")[0] == "application/xml"
        assert "application/json" in rest.fault(answer)[1]


def test_accept_in_the_query(api):
    assert api.call("GET", "/tags?accept=application/json").headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("given", [None, "text/plain", "application/octet-stream", "application/x-www-form-urlencoded", "application/jsonx",
                                   "multipart/form-data; boundary=x", ";;;"])
def test_content_type(api, given):
    before = api.everything()
    answer = api.call("POST", "/tags", "<tag><name>t</name></tag>", headers={"Content-Type": given})
    assert answer.status_code == 415 and "application/xml" in rest.fault(answer)[1]
    assert api.everything() == before


def test_types_are_independent(api):
    """XML in, JSON out, and the other way round."""
    answer = api.call("POST", "/tags", "<tag><name>both</name></tag>", headers={**rest.XML, "Accept": "application/json"})
    assert answer.status_code == 201 and answer.json()["name"] == "both"
    answer = api.call("PUT", "/tags/" + answer.json()["id"], '{"description":"x"}', headers={"Content-Type": "application/json; charset=utf-8",
                                                                                          "Accept": "application/xml"})
    assert answer.status_code == 200 and "<description>x</description>" in answer.text
    found = api.one("tags", "both")
    assert answer.headers["Content-Type"] == "application/xml;charset=UTF-8"
    assert api.call("DELETE", "/tags/" + found["id"], headers={"Accept": "application/json"}).json()["status"] == "complete"


def test_empty_actions(api):
    """All the ways to say nothing; the action itself answers that there is no such VM."""
    for body, headers in (("<action/>", rest.XML), ("<action></action>", rest.XML), ("{}", rest.JSON), ("", {}), (None, {})):
        assert api.call("POST", f"/vms/{NIL}/start", body, headers=headers).status_code == 404


# -- headers ---------------------------------------------------------------------------------


def test_version(api):
    assert api.call("GET", "/tags", headers={"Version": "4"}).status_code == 200
    for wrong in "3", "5", "four", "4.5", "\xe4":
        answer = api.call("GET", "/tags", headers={"Version": wrong.encode("latin-1")})
        assert answer.status_code == 400 and "Version" in rest.fault(answer)[1]
    assert '"/ovirt-engine/api/v4/tags/' in api.call("GET", "/v4/tags").text
    assert "/v4" not in api.call("GET", "/tags").text
    assert api.call("GET", "/v4", headers={"Accept": "application/json"}).json()["link"][0]["href"].startswith("/ovirt-engine/api/v4/")


@pytest.mark.parametrize("given, expected", [
    ("abc-DEF_1", "abc-DEF_1"), ("a b\tc/d<e>\"f", "abcdef"), ("x" * 100, "x" * 36), ("", None), ("///", None)])
def test_correlation_id(api, given, expected):
    answer = api.call("POST", "/tags", "<tag><name>corr</name></tag>", headers={**rest.XML, "Correlation-Id": given})
    got = answer.headers["Correlation-Id"]
    assert got == expected if expected else uuid.UUID(got)
    event = api.get("/events?max=1")["event"][0]
    assert event["correlation_id"] == got
    api.remove("tags", api.one("tags", "corr")["id"])


def test_correlation_id_of_refusals_and_query(api):
    for method, path, expected in ("GET", "/tags/" + str(uuid.uuid4()), 404), ("PATCH", "/tags", 405), ("GET", "/nothing", 404):
        answer = api.call(method, path, headers={"Correlation-Id": "given"})
        assert answer.status_code == expected and answer.headers["Correlation-Id"] == "given"
    assert api.call("GET", "/tags?correlation_id=q1").headers["Correlation-Id"] == "q1"
    assert api.call("GET", "/tags").headers["Correlation-Id"]


def test_matrix_parameters(api):
    made = [api.add("tags", name=f"m{i}") for i in range(3)]
    items = lambda path: len(api.get(path).get("tag", []))  # noqa: E731
    assert items("/tags;max=2") == 2 and items("/tags;max=2/") == 2 and items("/tags;x;max=1;y=2") == 1
    assert items("/tags?max=1") == 1 and items("/tags;max=3?max=1") == 1  # the query counts first
    assert items("/tags;max=0") == 0 and items("/tags;max=-1") >= 4 and items("/tags;max=nonsense") >= 4
    assert items("/tags;max=99999999999999999999") >= 4
    for tag in made:
        assert api.call("DELETE", f"/tags/{tag['id']};async=true;x").status_code == 200


def test_expect_and_chunks(api):
    body = b"<tag><name>chunked</name></tag>"
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, body[i:i + 1]) for i in range(len(body))) + b"0\r\n\r\n"
    data = api.raw(api.request_bytes("POST", "/tags", chunks, **{"Content-Type": "application/xml", "Transfer-Encoding": "chunked"}))
    assert rest.status(data) == 201
    api.remove("tags", api.one("tags", "chunked")["id"])
    with api.connect() as s:
        s.sendall(api.request_bytes("POST", "/tags", **{"Content-Type": "application/xml", "Content-Length": str(len(body)),
                                                      "Expect": "100-continue"}))
        assert b" 100 " in s.recv(1000)
        s.sendall(body)
        assert rest.status(rest.read_answer(s)) == 201
    api.remove("tags", api.one("tags", "chunked")["id"])


@pytest.mark.parametrize("text", [
    b"5\r\nab\r\n0\r\n\r\n", b"zz\r\nab\r\n0\r\n\r\n", b"-1\r\n\r\n", b"ffffffffffffffffff\r\nab\r\n", b"1\r\nabc\r\n0\r\n\r\n"],
    ids=["short", "no number", "negative", "huge", "long"])
def test_broken_chunks(api, text):
    before = api.everything()
    data = api.raw(api.request_bytes("POST", "/tags", text, **{"Content-Type": "application/xml", "Transfer-Encoding": "chunked"}), timeout=3)
    assert rest.status(data) in (0, 400, 413)
    assert api.everything() == before


@pytest.mark.parametrize("headers", [
    {"Content-Length": "5", "Transfer-Encoding": "chunked"}, {"Content-Length": "-5"}, {"Content-Length": "x"},
    {"Content-Length": "99999999999999999999"}, {"Transfer-Encoding": "gzip"}], ids=str)
def test_smuggling(api, headers):
    """Whatever two servers could understand differently is not carried out."""
    before = api.everything()
    body = b"<tag><name>smuggled</name></tag>"
    data = api.raw(api.request_bytes("POST", "/tags", body, **{"Content-Type": "application/xml", **headers}), timeout=3)
    assert rest.status(data) in (0, 400, 411, 413, 501)
    assert api.everything() == before


def test_header_limits(api):
    data = api.raw(api.request_bytes("GET", "/tags", **{"X-Large": "x" * 100000}), timeout=10)
    assert rest.status(data) in (0, 431, 400)
    data = api.raw(api.request_bytes("GET", "/tags", **{f"X-{i}": "x" for i in range(10000)}), timeout=10)
    assert rest.status(data) in (0, 431, 400)
    data = api.raw(b"GET /ovirt-engine/api/tags?search=" + b"x" * 200000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", timeout=10)
    assert rest.status(data) in (0, 414, 431, 400)
    assert api.call("GET", "/tags").status_code == 200


@pytest.mark.parametrize("text", [
    b"GET\r\n\r\n", b"\x00\x01\x02\x03\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"A" * 70000,
    b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /ovirt-engine/api HTTP/1.1\r\n\x00: x\r\nHost: x\r\n\r\n",
    b"GET /ovirt-engine/api HTTP/1.1\nHost: x\n\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], ids=range(9))
def test_no_http(api, text):
    data = api.raw(text, timeout=3)
    assert rest.status(data) in (0, 400, 401, 403, 404, 405, 414, 431, 501, 505), data[:200]
    assert api.call("GET", "/tags").status_code == 200


# -- TLS -------------------------------------------------------------------------------------


def test_garbage_on_the_tls_port(api):
    for text in b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 70000, b"\x00" * 1000, b"\x80\x2e\x01\x00\x02", b"":
        with socket.create_connection(("127.0.0.1", api.manager.port), timeout=5) as s:
            s.settimeout(3)
            s.sendall(text)
            try:
                assert b"HTTP/1.1 200" not in s.recv(1000)
            except (TimeoutError, ConnectionResetError):
                pass
    assert api.call("GET", "/tags").status_code == 200


def test_old_tls_is_refused(api):
    for name in "tls1", "tls1_1":
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{api.manager.port}", "-" + name, "-cipher", "ALL@SECLEVEL=0"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
        assert "Cipher is (NONE)" in done.stdout or "Cipher    : 0000" in done.stdout, done.stdout
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        context = ssl.create_default_context(cafile=api.manager.ca)
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(("127.0.0.1", api.manager.port)) as plain, context.wrap_socket(plain, server_hostname="localhost") as s:
            assert s.version() in ("TLSv1.2", "TLSv1.3")


def test_certificate_is_for_the_names_it_was_made_for(api):
    context = ssl.create_default_context(cafile=api.manager.ca)
    for name in "localhost", "127.0.0.1":
        with socket.create_connection(("127.0.0.1", api.manager.port)) as plain, context.wrap_socket(plain, server_hostname=name):
            pass
    with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection(("127.0.0.1", api.manager.port)) as plain:
        context.wrap_socket(plain, server_hostname="manager.example")


def test_slow_clients_do_not_hold_it(api):
    """Many who say little: others are served meanwhile, and the slow ones are sent away."""
    slow = []
    try:
        for i in range(100):
            s = api.connect(timeout=40)
            s.sendall(b"GET /ovirt-engine/api HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            slow.append(s)
        for _ in range(5):
            began = time.monotonic()
            assert api.call("GET", "/tags").status_code == 200
            assert time.monotonic() - began < 5
        end = time.monotonic() + 35
        for s in slow:
            s.settimeout(max(1, end - time.monotonic()))
            data = rest.read_answer(s)
            assert rest.status(data) in (0, 400, 408)
            assert time.monotonic() < end
    finally:
        for s in slow:
            s.close()


def test_connections_that_end_in_the_middle(api):
    before = api.everything()
    body = b"<tag><name>half</name></tag>"
    for cut in 1, 10, len(body) - 1:
        with api.connect() as s:
            s.sendall(api.request_bytes("POST", "/tags", body[:cut], **{"Content-Type": "application/xml", "Content-Length": str(len(body))}))
    for _ in range(20):  # asked, and gone before the answer
        with api.connect() as s:
            s.sendall(api.request_bytes("GET", "/clusterlevels"))
    assert api.everything() == before


def test_plain_http_gives_certificates_and_health_alone(postgres, tmp_path):
    port = rest.free_port()
    with rest.solo(tmp_path, postgres) as manager:
        manager.options += ["--http-listen", f"127.0.0.1:{port}"]
        manager.restart()
        base = f"http://127.0.0.1:{port}/ovirt-engine"
        get = lambda path, **more: rest.requests.get(base + path, timeout=10, allow_redirects=False, **more)  # noqa: E731
        assert "BEGIN CERTIFICATE" in get("/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA").text
        assert get("/services/health").status_code == 200
        assert "virt-viewer" in rest.requests.get(manager.url.replace("/api", "/services/files/console"), verify=manager.ca, timeout=10).text
        assert get("/api", auth=("admin@internal", manager.password)).status_code == 403
        form = {"grant_type": "password", "username": "admin@internal", "password": manager.password, "scope": "ovirt-app-api"}
        answer = rest.requests.post(base + "/sso/oauth/token", data=form, timeout=10)
        assert answer.status_code == 400 and "HTTPS" in answer.text and "access_token" not in answer.text

# SPDX-License-Identifier: Apache-2.0
"""Who is asking: tokens, basic authentication, logout; wrong passwords, with delay and lock-out."""
import base64
import json
import os
import threading
import time

import ovirtsdk4
import pytest

import rest

MESSAGE = "invalid_grant: The provided authorization grant for the auth code has expired."


@pytest.fixture(scope="module")
def api(postgres, tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("auth"), postgres) as manager:
        yield rest.Rest(manager)


@pytest.fixture
def fresh(postgres, tmp_path):
    """A Manager of one's own, for what locks its administrator out."""
    with rest.solo(tmp_path, postgres) as manager:
        yield rest.Rest(manager)


def test_token(api):
    answer = api.login()
    found = answer.json()
    assert answer.headers["Content-Type"] == "application/json"
    assert found["token_type"] == "bearer" and found["scope"] == "ovirt-app-api" and " " not in found["access_token"]
    assert isinstance(found["exp"], str) and int(found["exp"]) > time.time() * 1000
    assert api.call("GET", "").status_code == 200
    # in the query, too
    form = {"grant_type": "password", "scope": "ovirt-app-api", "username": api.user, "password": api.password}
    assert "access_token" in api.session.post(api.root + "/sso/oauth/token", params=form).json()
    assert "access_token" in api.session.get(api.root + "/sso/oauth/token", params=form).json()


@pytest.mark.parametrize("change, code", [
    ({"grant_type": None}, "invalid_request"), ({"grant_type": "magic"}, "unsupported_grant_type"), ({"username": None}, "invalid_request"),
    ({"password": None}, "invalid_request"), ({"username": "admin"}, "access_denied"), ({"username": "nobody@nowhere"}, "access_denied"),
    ({"username": "@"}, "access_denied"), ({"username": b"\xff\xfe@internal"}, "invalid_request"), ({"username": "x" * 100000 + "@internal"}, "access_denied"),
    ({"username": "ä" * 300 + "@internal"}, "access_denied"), ({"scope": b"\xff"}, None), ({"username": "admin@internal\x00x"}, None)])
def test_token_requests_that_are_wrong(api, change, code):
    form = {"grant_type": "password", "scope": "ovirt-app-api", "username": api.user, "password": "wrong password", **change}
    if code is None:
        form["password"] = "still wrong"
    form = {k: v for k, v in form.items() if v is not None}
    answer = api.session.post(api.root + "/sso/oauth/token", data=form, headers={"Accept": "application/json"})
    found = answer.json()
    assert answer.status_code == 400 and answer.headers["Content-Type"] == "application/json"
    assert found["error_code"] == (code or "access_denied") and found["error"] and "wrong" not in found["error"]
    api.login()  # a right one: failures do not add up to a lock-out


def test_error_form_of_other_scopes(api):
    found = api.session.post(api.root + "/sso/oauth/token", data={"grant_type": "magic", "scope": "openid"}).json()
    assert found["error"] == "unsupported_grant_type" and found["error_description"]


@pytest.mark.parametrize("header", [
    None, "", "Bearer", "Bearer ", "Bearer x", "Bearer " + "a" * 64, "Bearer " + "a" * 20000, "Basic", "Basic !!!", "Basic " + "A" * 5000,
    "Basic " + base64.b64encode(b"no colon").decode(), "Basic " + base64.b64encode(b"a\0b:c\0").decode(), "Negotiate abc", "Digest x",
    "Bearer a b c"])
def test_no_or_bad_credentials(api, header):
    for accept in "application/xml", "application/json":
        for method, path, body in (("GET", "", None), ("GET", "/vms", None), ("POST", "/tags", "<tag>"), ("DELETE", "/tags/x", None)):
            headers = {"Accept": accept, "Content-Type": "application/xml", **({"Authorization": header} if header is not None else {})}
            try:
                answer = api.session.request(method, api.root + "/api" + path, headers=headers, data=body)
            except rest.requests.exceptions.InvalidHeader:
                return
            assert answer.status_code == 401, answer.text
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="RESTAPI"'
            assert answer.headers["Content-Type"].startswith(accept)
            reason, detail = rest.fault(answer)
            assert reason and detail
            if header and header.startswith("Bearer x"):
                assert MESSAGE in detail


def test_unknown_operations_are_not_told_to_strangers(api):
    """What is not there, is not implemented or cannot be read: a stranger always hears the same."""
    for method, path in ("GET", "/katelloerrata"), ("POST", "/vms/x/export"), ("GET", "/tags/x"):
        assert api.call(method, path, token=None).status_code == 401


def test_logout(api):
    for how in ("post", "/services/sso-logout"), ("get", "/services/sso-logout"), ("post", "/sso/oauth/revoke"):
        api.login()
        assert api.call("GET", "").status_code == 200
        answer = getattr(api.session, how[0])(api.root + how[1], **{"data" if how[0] == "post" else "params": {"token": api.token, "scope": ""}})
        assert answer.status_code == 200 and answer.json() == {} and answer.headers["Content-Type"] == "application/json"
        gone = api.call("GET", "")
        assert gone.status_code == 401 and MESSAGE in rest.fault(gone)[1]
    for token in "", "unknown", None:
        answer = api.session.post(api.root + "/services/sso-logout", data={} if token is None else {"token": token, "scope": "ovirt-app-api"})
        assert answer.status_code == 200 and answer.json() == {}
    api.token = None


def test_token_info(api):
    api.login()
    found = api.session.post(api.root + "/sso/oauth/token-info", data={"token": api.token, "scope": "ovirt-ext=token-info:public"}).json()
    assert found["active"] is True and found["user_id"] == "admin@internal" and isinstance(found["exp"], str)
    for token in "", "unknown", "\xff":
        answer = api.session.post(api.root + "/sso/oauth/token-info", data={"token": token})
        assert answer.status_code == 400 and answer.json()["error_code"]
    assert api.session.get(api.root + "/sso/oauth/token-info", params={"token": api.token}).status_code == 405
    assert api.session.get(api.root + "/sso/status").json()["status"] == "active"


def test_basic(api):
    for path in "", "/tags":
        answer = api.call("GET", path, token=None, auth=(api.user, api.password))
        assert answer.status_code == 200
    began = time.monotonic()
    for _ in range(20):  # remembered: the password is not hashed each time
        assert api.call("GET", "/tags", token=None, auth=(api.user, api.password)).status_code == 200
    assert time.monotonic() - began < 5
    answer = api.call("GET", "", token=None, auth=(api.user, "wrong"))
    assert answer.status_code == 401 and "Cannot authenticate user" in rest.fault(answer)[1]
    api.login()


def test_cookies_alone_are_no_login(api):
    """Another site's page could send them along."""
    api.login()
    headers = {"Cookie": "JSESSIONID=" + api.token}
    assert api.call("GET", "", token=None, headers=headers).status_code == 401
    assert api.call("GET", "", token=None, headers={**headers, "Prefer": "persistent-auth"}).status_code == 200


def test_sdk_logs_in_again(api):
    """A token that has ended costs the SDK one request more, and nothing else."""
    connection = api.manager.connect()
    connection.system_service().get()
    api.session.post(api.root + "/services/sso-logout", data={"token": connection._sso_token})
    assert connection.system_service().get().product_info
    connection.close()


def test_wrong_password_as_the_sdk_sees_it(api):
    with pytest.raises(ovirtsdk4.AuthError) as caught:
        api.manager.connect(password="wrong").authenticate()
    assert "access_denied" in str(caught.value) or "Cannot authenticate" in str(caught.value)
    api.login()


def test_delay_and_lock_out(fresh):
    taken = []
    for _ in range(5):
        answer = fresh.login(password="wrong")
        assert answer.status_code == 400 and "The user name or password is incorrect." in answer.json()["error"]
        taken.append(answer.elapsed.total_seconds())
    assert taken[0] >= 0.5 and taken[4] >= 2.4 and taken == sorted(taken)
    locked = fresh.login()
    assert locked.status_code == 400 and "user account is disabled or locked" in locked.json()["error"]
    assert locked.json()["error_code"] == "access_denied"
    basic = fresh.call("GET", "", token=None, auth=(fresh.user, fresh.password))
    assert basic.status_code == 401 and "locked" in rest.fault(basic)[1]
    # it outlives a restart, and a new password ends it
    fresh.manager.restart()
    assert fresh.login().status_code == 400
    path = os.path.join(fresh.manager.state, "new-password")
    with open(path, "w") as f:
        f.write("another one\n")
    fresh.manager.stop()
    rest.products.subprocess.run([rest.products.HOSTLERD, "init", "--state", fresh.manager.state, "--password-file", path], check=True)
    fresh.manager.start()
    fresh.password = "another one"
    assert fresh.login().status_code == 200
    events = json.dumps(fresh.get("/events"))
    assert "could not log in" in events and "wrong" not in events


def test_sessions_go_on_while_the_account_is_locked(fresh):
    fresh.login()
    other = rest.Rest(fresh.manager)
    for _ in range(6):
        other.login(password="wrong")
    assert "locked" in other.login().json()["error"]
    assert fresh.call("GET", "").status_code == 200


def test_guesses_at_once(fresh):
    """However many are tried at once: after a handful the right one does not help any more."""
    answers = []

    def guess(number):
        one = rest.Rest(fresh.manager)
        answers.append((number, one.login(password=f"guess {number}" if number != 30 else fresh.password).status_code))
    fresh.login()
    threads = [threading.Thread(target=guess, args=(i,)) for i in range(60)]
    began = time.monotonic()
    for t in threads:
        t.start()
    assert fresh.call("GET", "/tags").status_code == 200  # and others are served
    assert time.monotonic() - began < 10
    for t in threads:
        t.join()
    assert sum(code == 200 for _, code in answers) <= 1
    assert "locked" in fresh.login().json()["error"]


def test_strangers_and_users_look_the_same(fresh):
    for user in "nobody@internal", "admin@internal":
        errors = [fresh.login(username=user, password="wrong").json()["error"].replace(user, "X") for _ in range(6)]
        assert errors[0] == errors[4] != errors[5]
        assert "locked" in errors[5]


def test_nothing_secret_in_the_log(api):
    api.login(password="Secret-That-Is-Wrong")
    api.call("GET", "", token=None, auth=(api.user, "Another-Wrong-Secret"))
    api.login()
    log = rest.log_of(api.manager)
    for word in "Secret-That-Is-Wrong", "Another-Wrong-Secret", api.password, api.token, base64.b64encode(api.password.encode()).decode():
        assert word not in log

"""Who may see the console, and what a browser is told about it."""

import re
from datetime import timedelta
from html import unescape

from serving.console.sessions import COOKIE, SESSION_SECONDS, Sessions
from tests.serving.console.conftest import PATH
from tests.support.waiting import wait_until

PAGES = ["/console/", PATH, f"{PATH}/report.html", f"{PATH}/report.csv", "/console/nothing"]


def token_in(page) -> str:
    return re.search(r'name="token" value="([^"]+)"', page.text)[1]


def log_in(client, key: str, **fields):
    token = token_in(client.get("/console/login"))
    return client.post("/console/login", data={"token": token, "key": key} | fields, follow_redirects=False)


def is_open(client) -> bool:
    return client.get("/console/", follow_redirects=False).status_code == 200


def sessions(client) -> Sessions:
    return Sessions(client.app.state.console_secret, client.app.state.services.clock)


def test_with_keys_every_page_leads_to_the_login_and_back(one_experiment):
    key = one_experiment.key("marketing")
    with one_experiment.shop.client() as client:
        for path in PAGES:
            client.cookies.clear()
            answer = client.get(path, follow_redirects=False)
            assert answer.status_code == 303, path
            login = client.get(answer.headers["location"])
            asked = re.search(r'name="next" value="([^"]+)"', login.text)[1]
            back = log_in(client, key, next=asked)
            assert (back.status_code, back.headers["location"]) == (303, path)
            assert client.get(path).status_code == (404 if path.endswith("nothing") else 200)


def test_the_login_speaks_the_language_asked_for_and_switches_without_forgetting_the_way(console):
    console.key("marketing")
    with console.shop.client() as client:
        page = client.get(f"{PATH}?lang=zh").text
        assert "<h1>登录</h1>" in page
        switch = unescape(re.search(r'href="([^"]+)" hreflang="en"', page)[1])
        page = client.get(switch).text
        assert "<h1>Log in</h1>" in page
        assert f'name="next" value="{PATH}"' in page


def test_a_key_for_marketing_opens(console):
    keys = [console.key(*scopes) for scopes in (["marketing"], ["admin"], ["storefront", "marketing"])]
    with console.shop.client() as client:
        for key in keys:
            client.cookies.clear()
            assert log_in(client, f" {key} ").status_code == 303
            assert is_open(client)


def test_every_other_key_is_refused_in_the_same_words(console):
    good, storefront, revoked = console.key("marketing"), console.key("storefront"), console.key("marketing")
    console.revoke(revoked)
    changed = good[:-1] + ("a" if good[-1] != "a" else "b")
    pages = set()
    with console.shop.client() as client:
        for key in ("", "nonsense", changed, storefront, revoked, good.replace("_", "-"), "密钥"):
            answer = log_in(client, key)
            assert answer.status_code == 403
            assert key not in answer.text or not key
            pages.add(re.sub(r'value="[^"]*"', "", answer.text))
            assert not is_open(client)
    assert len(pages) == 1, "nobody learns which keys exist"
    assert "it is wrong, revoked, or lacks the scope marketing" in pages.pop()


def test_an_api_key_in_the_header_is_no_session(console):
    key = console.key("marketing")
    with console.shop.client() as client:
        headers = {"authorization": f"Bearer {key}"}
        assert client.get("/console/", headers=headers, follow_redirects=False).status_code == 303


def test_the_cookie_is_kept_from_scripts_and_other_sites(console):
    key = console.key("marketing")
    with console.shop.client() as client:
        plain = log_in(client, key).headers["set-cookie"]
        client.base_url = "https://127.0.0.1"
        client.cookies.clear()
        secure = log_in(client, key).headers["set-cookie"]
    for attribute in ("HttpOnly", "SameSite=strict", "Path=/console", f"Max-Age={SESSION_SECONDS}"):
        assert attribute in plain
    assert "Secure" not in plain
    assert "Secure" in secure
    assert key not in plain
    assert key[-43:] not in plain


def test_a_session_ends_after_twelve_hours_of_the_apps_clock(console):
    key = console.key("marketing")
    with console.shop.client() as client:
        log_in(client, key)
        console.shop.clock.advance(hours=11, minutes=59)
        assert is_open(client)
        console.shop.clock.advance(minutes=1)
        assert not is_open(client)


def test_a_revoked_key_ends_its_session_and_no_other(console):
    first, second = console.key("marketing"), console.key("marketing")
    with console.shop.client() as client:
        log_in(client, first)
        kept = client.cookies.get(COOKIE)
        client.cookies.clear()
        log_in(client, second)
        console.revoke(second)
        wait_until(lambda: not is_open(client))
        client.cookies.clear()
        client.cookies.set(COOKIE, kept, path="/console")
        assert is_open(client)


def test_forged_cookies_are_refused(console):
    key = console.key("marketing")
    with console.shop.client() as client:
        log_in(client, key)
        value = client.cookies.get(COOKIE)
        payload, _, signature = value.rpartition(".")
        elsewhere = Sessions(b"another shop's secret" + bytes(11), console.shop.clock)
        key_id = key.split("_")[1]
        forged = [
            "",
            "x",
            payload,
            f"{payload}.",
            f"{payload}.{signature[::-1]}",
            f"{payload[1:]}.{signature}",
            f"{payload}x.{signature}",
            elsewhere._cookies.dumps([*"ab", 2**40]),
            elsewhere._cookies.dumps(["a", key_id, 2**40]),
            sessions(client)._forms.dumps(["a", key_id, 2**40]),
            sessions(client)._cookies.dumps("a string"),
            sessions(client)._cookies.dumps(["a", key_id, "2099"]),
        ]
        for attempt in forged:
            client.cookies.clear()
            client.cookies.set(COOKIE, attempt, path="/console")
            assert not is_open(client), attempt
        client.cookies.clear()
        client.cookies.set(COOKIE, value, path="/console")
        assert is_open(client), "the true one still holds"


def test_forms_of_other_sites_are_refused(console):
    key = console.key("marketing")
    with console.shop.client() as client:
        token = token_in(client.get("/console/login"))
        client.cookies.clear()
        client.get("/console/login")
        for attempt in (None, "", "nonsense", token, token_in(client.get("/console/login"))[:-1]):
            fields = {"key": key} | ({} if attempt is None else {"token": attempt})
            answer = client.post("/console/login", data=fields, follow_redirects=False)
            assert answer.status_code == 403, attempt
            assert "This form is out of date" in answer.text
        for body in (b"\xff\xfe", b"a=b&" * 100, b"{}", b""):
            assert client.post("/console/login", content=body).status_code == 403
        assert log_in(client, key).status_code == 303
        assert client.post("/console/logout", data={"token": token}).status_code == 403
        assert is_open(client), "nobody else can log a marketer out"


def test_a_form_is_bound_to_its_session(console):
    key = console.key("marketing")
    with console.shop.client() as client:
        before = token_in(client.get("/console/login"))
        log_in(client, key)
        assert client.post("/console/logout", data={"token": before}).status_code == 403
        after = token_in(client.get("/console/"))
        answer = client.post("/console/logout", data={"token": after}, follow_redirects=False)
        assert answer.headers["location"] == "/console/login"
        assert not is_open(client)


def test_a_form_may_lie_open_for_twelve_hours(console):
    key = console.key("marketing")
    with console.shop.client() as client:
        token = token_in(client.get("/console/login"))
        console.shop.clock.advance(hours=12)
        late = client.post("/console/login", data={"token": token, "key": key})
        assert late.status_code == 403


def test_the_way_back_never_leaves_the_console(console):
    key = console.key("marketing")
    elsewhere = [
        "https://evil.example/",
        "//evil.example",
        "/console/\\evil",
        "/v1/events",
        "javascript:alert(1)",
    ]
    with console.shop.client() as client:
        for target in elsewhere:
            client.cookies.clear()
            page = client.get("/console/login", params={"next": target})
            assert 'name="next" value="/console/"' in page.text
            assert log_in(client, key, next=target).headers["location"] == "/console/"


def test_who_is_logged_in_needs_no_form(console):
    key = console.key("marketing")
    with console.shop.client() as client:
        log_in(client, key)
        assert client.get("/console/login", follow_redirects=False).headers["location"] == "/console/"


def test_without_keys_this_machine_is_open_and_has_nothing_to_log_out_of(console):
    with console.shop.client() as client:
        page = client.get("/console/")
        assert page.status_code == 200
        assert "/console/logout" not in page.text


def test_without_keys_no_other_machine_and_no_other_name(console):
    paths = [*PAGES, "/console/login", "/console/style.css", "/console"]
    with console.shop.client(host="203.0.113.9") as client:
        for path in paths:
            answer = client.get(path, follow_redirects=False)
            assert answer.status_code == 401, path
            assert "huitou keys create --scope marketing" in answer.text
    with console.shop.client() as client:
        for path in paths:
            answer = client.get(path, headers={"host": "shop.example"}, follow_redirects=False)
            assert answer.status_code == 403, path
            assert answer.headers["content-type"].startswith("text/html")


def test_an_odd_host_breaks_no_page(console):
    hosts = ["[", "a b", "x:y:z", "<script>", ""]
    with console.shop.client() as client:
        for host in hosts:
            assert client.get("/console/", headers={"host": host}).status_code == 403, host
    console.key("marketing")
    with console.shop.client() as client:
        for host in hosts:
            answer = client.get("/console/login", headers={"host": host})
            assert answer.status_code == 200, host
            assert "<script" not in answer.text


def test_with_keys_another_machine_may_log_in(console):
    key = console.key("marketing")
    with console.shop.client(host="203.0.113.9") as client:
        client.base_url = "http://shop.example"
        assert log_in(client, key).status_code == 303
        assert is_open(client)


def test_a_session_says_nothing_to_the_api(console):
    key = console.key("admin")
    with console.shop.client() as client:
        log_in(client, key)
        assert client.get("/v1/customers/ada/profile").status_code == 401


def test_every_answer_forbids_scripts_frames_and_keeping(one_experiment):
    paths = [*PAGES, "/console/login", "/console/style.css"]
    with one_experiment.shop.client() as client:
        answers = [(path, client.get(path, follow_redirects=False)) for path in paths]
    one_experiment.key("marketing")
    with one_experiment.shop.client() as client:
        answers += [(path, client.get(path, follow_redirects=False)) for path in paths]
    for path, answer in answers:
        policy = answer.headers["content-security-policy"]
        for rule in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"):
            assert rule in policy, path
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        if not path.endswith(".css"):
            assert answer.headers["cache-control"] == "private, no-store"


def test_without_its_database_the_console_says_so(console):
    with console.shop.client() as client:
        assert is_open(client)
        console.shop.database_file.rename(console.shop.database_file.with_suffix(".gone"))
        answer = client.get("/console/?lang=en")
    assert answer.status_code == 503
    assert "The database is not answering" in answer.text


def test_while_the_database_was_never_reached_a_page_with_its_style_says_so(console):
    database = console.shop.settings.workspace / "nowhere" / "huitou.db"
    database.parent.write_text("a file, so no folder can be made")
    with console.shop.client(database={"url": f"sqlite:///{database}"}) as client:
        answer = client.get("/console/?lang=en")
        style = re.search(r'href="(/console/style.css[^"]*)"', answer.text)[1]
        assert client.get(style).status_code == 200
    assert answer.status_code == 503
    assert "The database is not answering" in answer.text


def test_a_session_is_random(console):
    made = Sessions(bytes(32), console.shop.clock)
    assert len({made.begin().id for _ in range(100)}) == 100
    until = console.shop.clock() + timedelta(seconds=SESSION_SECONDS)
    assert made.begin().until == int(until.timestamp())

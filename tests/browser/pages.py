"""Status page and sandbox page in a real browser: what a person does with them, by mouse, by keyboard, by assistive technology."""

from __future__ import annotations

import pytest
from conftest import TOKEN, let_in, overflows, picture, serving, violations
from harness import until

LOOKS = [(1280, False), (1280, True), (420, False), (420, True)]

every_look = pytest.mark.parametrize(("width", "dark"), LOOKS, ids=["wide", "wide, dark", "narrow", "narrow, dark"])


def focused(page):
    """What has the focus: its id, else its address, else its words."""
    return page.evaluate(
        "(({id, innerText, attributes}) => id || attributes.href?.value || innerText)(document.activeElement)"
    )


def tab_to(page, wanted):
    """Press Tab until this has the focus; an outline shows it. Fails when the keyboard does not reach it."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if focused(page) == wanted:
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    pytest.fail(f"the keyboard does not reach {wanted}")


def shows(page, message_id):
    page.wait_for_selector(f'a[href="/message/{message_id}"]', timeout=30_000)


def places(lived_in):
    return {
        "front": "/",
        "a state": "/?state=rejected",
        "refused": f"/message/{lived_in.rejected}",
        "sent": f"/message/{lived_in.accepted}",
        "answered": f"/message/{lived_in.answered}",
        "missing": "/message/" + "0" * 32,
    }


@every_look
@pytest.mark.parametrize("place", ["front", "a state", "refused", "sent", "answered", "missing"])
def test_a_status_page_has_no_barrier_in_any_look(tab, status, lived_in, place, width, dark):
    page = let_in(tab(width=width, dark=dark), status)
    page.goto(status + places(lived_in)[place])
    assert violations(page) == []
    assert not overflows(page)
    assert page.wrong == []


@every_look
def test_the_locked_page_has_no_barrier_in_any_look(tab, status, width, dark):
    page = tab(width=width, dark=dark)
    page.goto(status)
    assert violations(page) == []
    page.fill("#token", "wrong")
    page.press("#token", "Enter")
    page.wait_for_selector("#wrong")
    assert violations(page) == []
    assert not overflows(page)


def test_the_token_is_typed_and_stands_in_no_address(tab, status, lived_in):
    page = tab()
    seen = []
    page.on("request", lambda request: seen.append(request.url))
    let_in(page, status, f"/message/{lived_in.accepted}")
    assert page.url == f"{status}/message/{lived_in.accepted}"
    assert not any(TOKEN in url for url in seen)
    assert page.evaluate("document.cookie") == ""


def test_what_is_typed_and_where_one_is_outlasts_a_refresh(tab, status, lived_in):
    page = let_in(tab(), status)
    page.focus("#message")
    page.keyboard.type("abc")
    page.evaluate("window.scrollTo(0, 120)")
    shows(page, lived_in.enqueue("+33612370001"))
    assert (focused(page), page.input_value("#message"), page.evaluate("scrollY")) == ("message", "abc", 120)
    page.focus(f'a[href="/message/{lived_in.rejected}"]')
    shows(page, lived_in.enqueue("+33612370002"))
    assert focused(page) == f"/message/{lived_in.rejected}"
    assert page.wrong == []


def test_updates_can_be_paused(tab, status, lived_in):
    page = let_in(tab(), status)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_request(status + "/"):
        pass
    page.click("#pause")
    assert page.get_attribute("#pause", "aria-pressed") == "true"
    before = len(asked)
    page.wait_for_timeout(6_000)  # longer than between two looks
    assert len(asked) == before
    page.click("#pause")
    with page.expect_request(status + "/"):
        pass


def test_the_status_page_is_used_with_the_keyboard_alone(tab, status, lived_in):
    page = let_in(tab(), status)
    tab_to(page, "/?state=rejected")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?state=rejected")
    assert page.locator(".latest tbody tr").count() == 2
    assert page.locator('[aria-current="true"]').inner_text() == "rejected"
    tab_to(page, f"/message/{lived_in.rejected}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/message/{lived_in.rejected}")
    tab_to(page, "message")
    page.keyboard.type(lived_in.accepted)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/message/{lived_in.accepted}")


def test_a_page_whose_server_is_gone_says_so_and_recovers(tab, lived_in):
    with serving(lived_in.redis_url) as address:
        page = let_in(tab(), address)
        assert not page.is_visible("#stale")
        page.route("**/*", lambda route: route.abort())
        page.wait_for_selector("#stale", state="visible", timeout=30_000)
        assert violations(page) == []
        page.unroute("**/*")
        page.wait_for_selector("#stale", state="hidden", timeout=30_000)


@pytest.mark.parametrize(("width", "name"), [(1280, "status-wide.png"), (420, "status-narrow.png")])
def test_a_picture_of_the_status_page(tab, status, lived_in, width, name, tmp_path):
    picture(let_in(tab(width=width), status), name, tmp_path)


@every_look
def test_the_sandbox_page_has_no_barrier_in_any_look(tab, lived_in, width, dark):
    page = tab(width=width, dark=dark)
    page.goto(lived_in.sandbox_page)
    page.wait_for_selector(".phone")
    for panel in ("#panel-title", "#callbacks-title"):
        page.click(panel)
    page.wait_for_timeout(700)  # a bubble fades in for half a second, and faint words are no words of the page's
    assert violations(page) == []
    assert not overflows(page)
    assert page.wrong == []


@every_look
def test_the_empty_sandbox_page_has_no_barrier_in_any_look(tab, sandbox, width, dark):
    page = tab(width=width, dark=dark)
    page.goto(f"http://127.0.0.1:{sandbox.port}/")
    page.wait_for_selector("#empty", state="visible")
    assert violations(page) == []
    assert not overflows(page)


def test_what_is_typed_on_the_sandbox_page_outlasts_what_rings_meanwhile(tab, lived_in):
    page = tab()
    page.goto(lived_in.sandbox_page)
    page.wait_for_selector(".phone")
    answer = page.locator(".phone form input").first
    answer.fill("je viens")
    lived_in.ended(lived_in.enqueue("+33612380001", text="Celui-ci sonne"))
    page.wait_for_selector("text=Celui-ci sonne")
    assert page.locator(".phone form input >> nth=0").evaluate("(it) => document.activeElement.value") == "je viens"


def test_a_handset_is_found_by_number_and_by_text(tab, lived_in):
    lived_in.ended(lived_in.enqueue("+33612390001", text="Une aiguille"))
    page = tab()
    page.goto(lived_in.sandbox_page)
    page.wait_for_selector(".phone")
    for words in ("612390001", "aiguille"):
        page.fill("#search", words)
        # Looked at from outside: the page's own policy lets nobody evaluate a text in it.
        until(lambda: page.locator("#found").text_content().startswith("1 of "))
        assert page.locator(".phone").count() == 1
        assert focused(page) == "search"


def test_a_picture_of_the_sandbox_page(tab, lived_in, tmp_path):
    page = tab()
    page.goto(lived_in.sandbox_page)
    page.wait_for_selector(".phone")
    page.wait_for_timeout(700)
    picture(page, "sandbox.png", tmp_path)

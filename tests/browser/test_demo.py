"""`muster demo` as a newcomer meets it: a real process, a real browser, and nothing beyond this machine."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync""".split()
PATIENCE = 20_000  # ms that a page may take to show what was asked for
# A developer's own shell must not reach the demo.
BAD_SHELL = {
    "DATABASE_URL": "nonsense", "PORT": "nonsense", "SLACK_APP_TOKEN": "nonsense", "HOOK_TOKENS": "nonsense",
    "TWILIO_API_URL": "https://example.invalid", "HEARTBEAT_URL": "https://example.invalid", "ORG_SHORT": "NOTHERE",
}  # fmt: skip

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed, so the page was not looked at")


@pytest.fixture(scope="module")
def lines() -> Iterator[list[str]]:
    """What `muster demo` prints; it runs meanwhile, and ends in the end as by Ctrl-C."""
    command = [str(Path(sys.executable).with_name("muster")), "demo", "--port", "0", "--speed", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | BAD_SHELL) as demo:
        assert demo.stdout
        said = [demo.stdout.readline().rstrip("\n") for _ in range(9)]
        try:
            yield said
        finally:
            demo.send_signal(signal.SIGINT)
            assert demo.wait(timeout=20) == 0
    assert not Path(folder(said)).exists()


@pytest.fixture(scope="module")
def visited() -> list[str]:
    """Every address that the browser asked for."""
    return []


@pytest.fixture(scope="module")
def page(lines: list[str], visited: list[str]) -> Iterator[Page]:
    """The page, on which somebody has just declared."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: visited.append(request.url))
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        page.goto(lines[0])
        page.get_by_role("button", name="Declare: EHR and email are down").click()
        yield page
        browser.close()


@pytest.fixture(autouse=True)
def only_loopback_was_asked(visited: list[str]) -> Iterator[None]:
    yield
    assert {urlsplit(url).hostname for url in visited if not url.startswith("data:")} <= {"127.0.0.1"}


def folder(lines: list[str]) -> str:
    found = re.search(r"The database is in (\S+)\.", "\n".join(lines))
    assert found
    return found[1]


def phone(page: Page, part: str) -> Locator:
    return page.get_by_role("article", name=part)


def test_it_prints_the_address_first_and_then_what_to_try(lines):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", lines[0])
    assert "Declare" in lines[2]
    assert "one minute takes 3 seconds" in "\n".join(lines)
    assert Path(folder(lines)).is_dir()


def test_one_click_declares_and_the_units_appear(page):
    expect(page.get_by_role("status")).to_contain_text("O-1: declared, level 3", timeout=PATIENCE)
    expect(page.locator("#units > li")).to_have_count(10)
    expect(page.locator("#unit-5W")).to_contain_text("no answer")
    expect(page.get_by_role("button", name="Declare: EHR and email are down")).to_be_hidden()


def test_the_charge_nurse_answers_and_her_unit_turns_ok(page):
    charge = phone(page, "charge nurse, 5W")
    expect(charge).to_contain_text("Answer for 5W", timeout=PATIENCE)
    charge.get_by_role("button", name="1 OK").click()
    expect(page.locator("#unit-5W")).to_contain_text("✓ OK", timeout=PATIENCE)
    expect(page.locator("#journal")).to_contain_text("Nia Wick answered 1")


def test_simulated_staff_answer_by_themselves(page):
    expect(page.locator("#checkin [data-name=ok] .count")).not_to_have_text("0", timeout=PATIENCE)
    expect(page.locator("#checkin [data-name=ok] .count")).not_to_have_text("1", timeout=PATIENCE)


def test_a_managers_command_reaches_the_phones(page):
    page.get_by_label("Command", exact=True).fill("/outage update Vendor says 06:00")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#answers")).to_contain_text("Sent to", timeout=PATIENCE)
    expect(phone(page, "bedside nurse, 5W")).to_contain_text("Vendor says 06:00", timeout=PATIENCE)


def test_what_people_write_is_shown_and_never_run(page):
    bedside, written = phone(page, "bedside nurse, 5W"), "beds <img src=x onerror=\"document.title='run'\"> full"
    bedside.get_by_role("textbox").fill(written)
    bedside.get_by_role("button", name="Text").click()
    expect(bedside).to_contain_text(written, timeout=PATIENCE)
    expect(page.locator("#journal")).to_contain_text("<img", timeout=PATIENCE)
    assert page.locator("img").count() == 0
    assert page.title() == "Muster demo"


def test_a_call_is_answered_with_a_key(page):
    """The house supervisor has not taken what he was offered, so he is called."""
    supervisor = phone(page, "house supervisor")
    call = supervisor.get_by_role("alert")
    call.get_by_role("button", name="Answer").click(timeout=120_000)
    expect(call).to_contain_text("This is Mercy Hospital", timeout=PATIENCE)
    call.get_by_role("button", name=re.compile("^1 ")).click()
    expect(supervisor).to_contain_text("you pressed 1", timeout=PATIENCE)


def test_it_fits_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator("#units > li")).to_have_count(10, timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

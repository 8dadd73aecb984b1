"""A person at a real browser: files a goal, reads a pull request, tells AUTON what to do; a guest is refused."""

import base64

import pytest
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from bot.config import Config
from bot.forge.client import Forge
from bot.reconcile.tick import tick
from tests.localforge.pages.sample import EVERYTHING, client


@pytest.fixture
def at(forge, sample, chromium):
    """`at(path, login)` opens a page as a person, signed in by the link that the forge prints."""
    window = chromium.window

    def open_page(path: str, login: str = "you"):
        window.delete_all_cookies()
        window.get(f"{forge.forge.sign_in_url(login)}&next={path}")
        WebDriverWait(window, 30).until(lambda w: w.current_url == forge.url + path)
        return window

    chromium.errors()
    yield open_page
    assert chromium.errors() == []


def main(window) -> str:
    return window.find_element(By.TAG_NAME, "main").text


def press(window, label: str) -> None:
    window.find_element(By.XPATH, f"//button[normalize-space()='{label}']").click()


def wait(window, condition) -> None:
    WebDriverWait(window, 30, ignored_exceptions=[StaleElementReferenceException]).until(condition)


def test_files_a_goal(at, sample, api):
    window = at(f"/{sample.repo}")
    window.find_element(By.LINK_TEXT, "File a goal").click()
    window.find_element(By.ID, "title").send_keys("Print the date at boot")
    window.find_element(By.ID, "body").send_keys("In UTC.")
    window.find_element(By.XPATH, "//summary[contains(., 'Options')]").click()
    window.find_element(By.ID, "budget").send_keys("1.50")
    press(window, "File the goal")
    wait(window, lambda w: "Print the date at boot" in w.find_element(By.TAG_NAME, "h1").text)
    number = int(window.current_url.rpartition("/")[2])
    issue = api("GET", f"/issues/{number}")
    assert [label["name"] for label in issue["labels"]] == ["auton:goal"]
    assert issue["body"] == "In UTC.\n\n/auton plan budget=1.50"
    assert issue["user"]["login"] == "you"


def test_reads_a_pull_request_with_its_diff_and_verdicts(at, sample):
    window = at(f"/{sample.repo}/pull/{sample.pull}")
    rows = {
        row.find_element(By.TAG_NAME, "th").text: row.text
        for row in window.find_elements(By.CSS_SELECTOR, ".verdicts tbody tr")
    }
    assert list(rows) == ["x86_64", "aarch64", "riscv64"]
    assert "failed" in rows["riscv64"] and "expected 1, found 0" in rows["riscv64"]
    assert "One blocker" in main(window) and "not for eyes" not in main(window)
    window.find_element(By.PARTIAL_LINK_TEXT, "Files changed").click()
    added = window.execute_script(
        "return [...document.querySelectorAll('tr.add td.t')].map((cell) => cell.innerText)"
    )
    assert "\treturn (hal_timer_ticks() - boot_ticks) / hal_timer_hz();" in added
    changed = window.find_element(By.CSS_SELECTOR, "tr.add mark")
    assert changed.is_displayed()
    assert "before timer_init()" in window.find_element(By.CSS_SELECTOR, "tr.said").text
    folded = window.find_element(By.XPATH, "//details[contains(., 'table.inc')]")
    assert folded.get_attribute("open") is None


def test_comments_auton_retry(at, sample, api):
    window = at(f"/{sample.repo}/pull/{sample.pull}")
    press(window, "/auton retry")
    wait(window, lambda w: "#issuecomment-" in w.current_url)
    last = api("GET", f"/issues/{sample.pull}/comments?per_page=100")[-1]
    assert (last["body"], last["user"]["login"]) == ("/auton retry", "you")
    assert window.find_element(By.ID, f"issuecomment-{last['id']}").is_displayed()


def test_a_guest_is_refused_with_a_reason(at, sample, api):
    window = at(f"/{sample.repo}/pull/{sample.pull}", "guest")
    assert not window.find_element(By.XPATH, "//button[.='/auton retry']").is_enabled()
    assert "guest may only read and comment" in main(window)
    window.find_element(By.ID, "body").send_keys("/auton retry")
    press(window, "Comment")
    wait(window, lambda w: w.find_elements(By.CSS_SELECTOR, ".note"))
    assert "only from people with write permission" in window.find_element(By.CSS_SELECTOR, ".note").text


AGENT = """\
on:
  workflow_dispatch:
    inputs: {key: {}, goal: {}, task: {}, role: {}, attempt: {}}
jobs: {agent: {runs-on: ubuntu-latest, steps: [{run: "true"}]}}
"""


@pytest.fixture
def steered(at, forge):
    """`steered(login)(words)` types a comment on a goal's page and lets the bot look; gives the page's text by then."""
    repo = f"you/steered-{len(forge.forge.store.all('select id from repos'))}"
    you = client(forge.url, forge.tokens["you"], repo)
    you.http.post("/user/repos", json={"name": repo.partition("/")[2], "auto_init": True}).raise_for_status()
    you("PUT", "/contents/.github/workflows/auton-agent.yml",
        {"message": "The agent's workflow", "content": base64.b64encode(AGENT.encode()).decode()})
    goal = you("POST", "/issues", {"title": "A goal", "labels": ["auton:goal"]})
    job = forge.forge.mint(repo, EVERYTHING, 1)

    def sign_in(login: str):
        window = at(f"/{repo}/issues/{goal['number']}", login)

        def say(words: str, shows: str) -> None:
            old = window.current_url
            window.find_element(By.ID, "body").send_keys(words)
            press(window, "Comment")
            wait(window, lambda w: "#issuecomment-" in w.current_url and w.current_url != old)
            tick(Forge(forge.api, repo, job, server=forge.url), Config(), tell=lambda line: None)
            try:
                wait(window, lambda w: shows in main(w))
            except TimeoutException:
                raise AssertionError(f"{words}: expected {shows!r} on the page, found\n{main(window)}") from None

        say.window = window
        return say

    return sign_in


def facts(say) -> str:
    return say.window.find_element(By.CSS_SELECTOR, ".facts").text


def test_what_the_bot_answers_a_guest_shows_on_the_page(steered):
    say = steered("guest")
    for command in ("retry", "stop", "hold"):
        say(f"/auton {command}", f"/auton {command} is refused: @guest has no write permission here")
    assert "refused" in say.window.find_element(By.CSS_SELECTOR, ".reactions").text
    assert "planning" in facts(say)
    say("/auton help", "/auton unhold")
    say("/auton status", "Cost: $0.00 of")


def test_every_command_typed_on_the_page_is_answered_there(steered):
    say = steered("you")
    say("/auton help", "/auton unhold")
    say("/auton status", "Cost: $0.00 of")
    say("/auton rety", "did you mean /auton retry?")
    say("/auton hold", "auton:hold")
    say("/auton retry", "/auton retry is refused: no task of this goal waits for a person")
    say("/auton stop", "stopped by @you")


def test_a_page_follows_what_happens(at, sample, api):
    window = at(f"/{sample.repo}/issues/{sample.goal}")
    window.find_element(By.ID, "body").send_keys("half a thought")
    api("POST", f"/issues/{sample.goal}/comments", {"body": "news from elsewhere"})
    wait(window, lambda w: "news from elsewhere" in main(w))
    assert window.find_element(By.ID, "body").get_attribute("value") == "half a thought"


def test_signs_in_with_one_click_and_out(forge, sample, chromium):
    window = chromium.window
    window.delete_all_cookies()
    window.get(f"{forge.url}/{sample.repo}/issues")
    press(window, "Sign in as guest")
    wait(window, lambda w: w.current_url == f"{forge.url}/{sample.repo}/issues")
    assert "signed in as guest" in window.find_element(By.CSS_SELECTOR, ".who").text
    press(window, "Sign out")
    wait(window, lambda w: "Sign in" in w.title)


def test_follows_a_run_to_its_log(at, sample):
    window = at(f"/{sample.repo}/actions")
    wait(window, lambda w: "failed" in main(w))
    window.find_element(By.LINK_TEXT, "A kernel that boots").click()
    wait(window, lambda w: "boot (riscv64)" in main(w))
    assert "no console" in main(window) and "<script>alert(1)</script>" in main(window)

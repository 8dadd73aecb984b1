"""A real forge with a runner and a sample goal, and people who look at it: over HTTP, and with Chromium."""

import re
import shutil
from html import unescape
from types import SimpleNamespace

import httpx
import pytest

from bot.localforge.serve import serve_in_thread, write_record
from bot.runner import create as create_runner
from tests.localforge.pages.sample import client, fill


@pytest.fixture(scope="session")
def forge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    with serve_in_thread(folder / "forge", join=create_runner) as running:
        write_record(running.forge.data, running.url, running.tokens)
        yield running


@pytest.fixture(scope="session")
def sample(forge, tmp_path_factory):
    mint = lambda repo, permissions: forge.forge.mint(repo, permissions, 1)  # noqa: E731
    return fill(forge.url, forge.tokens["you"], mint, tmp_path_factory.mktemp("tree") / "lantern")


@pytest.fixture(scope="session")
def api(forge, sample):
    """The REST API of the sample's repository as its owner."""
    return client(forge.url, forge.tokens["you"], sample.repo)


class Browser:
    """A browser without a screen: keeps cookies, sends forms as a browser does."""

    def __init__(self, url: str, link: str = ""):
        """`link` signs it in."""
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=30)
        if link:
            assert self.http.get(link).status_code == 200

    def get(self, path: str, expect: int = 200) -> str:
        answer = self.http.get(path)
        assert answer.status_code == expect, f"{path}: {answer.status_code}\n{answer.text}"
        return answer.text

    def csrf(self, page: str = "/") -> str:
        return re.search(r'name="csrf" value="([^"]+)"', self.get(page))[1]

    def post(self, path: str, data: dict, **headers: str) -> httpx.Response:
        fields = {"csrf": self.csrf(), **data}
        return self.http.post(path, data=fields, headers={"Origin": self.url, **headers})


@pytest.fixture(scope="session")
def you(forge):
    return Browser(forge.url, forge.forge.sign_in_url("you"))


@pytest.fixture(scope="session")
def guest(forge):
    return Browser(forge.url, forge.forge.sign_in_url("guest"))


def text(html: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


@pytest.fixture(scope="session")
def says():
    return text


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A real browser. `chromium.errors()` are the errors on its console since the last look, such as a violated
    content policy."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    found = map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))
    program, driver = next(filter(None, found), None), shutil.which("chromedriver")
    assert program and driver, "expected chromium and chromedriver (apt-get install chromium chromium-driver)"
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    window = webdriver.Chrome(options=options, service=Service(driver))
    window.implicitly_wait(5)
    yield SimpleNamespace(
        window=window,
        errors=lambda: [line["message"] for line in window.get_log("browser") if line["level"] == "SEVERE"],
    )
    window.quit()

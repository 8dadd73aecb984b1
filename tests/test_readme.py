"""What the README says can be typed or opened is there: commands, make targets, files, links, slash commands."""

import re
import subprocess
from pathlib import Path

import pytest

from bot.cli import Commands
from bot.reconcile import slash

TOP = Path(__file__).resolve().parent.parent
PAGES = ["README.md", *sorted(str(p.relative_to(TOP)) for p in (TOP / "docs").glob("*.md"))]


def words(page: str) -> list[str]:
    """Everything between backticks and in code blocks, one piece each."""
    text = (TOP / page).read_text()
    blocks = re.findall(r"```\w*\n(.*?)```", text, flags=re.S)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    return inline + [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_auton_commands_exist(page):
    known = Commands().list_commands(None)
    for piece in words(page):
        for name in re.findall(r"(?:^|\s|bin/)auton ([a-z][a-z-]+)\b", piece):
            assert name in known, f"{page}: `{piece}`: there is no `auton {name}`"


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page):
    phony = set(re.findall(r"^([a-z][\w-]*):", (TOP / "Makefile").read_text(), flags=re.M))
    for piece in words(page):
        for name in re.findall(r"(?:^|\s)make ([a-z][a-z-]+)\b", piece):
            assert name in phony, f"{page}: `{piece}`: the Makefile has no target {name}"


@pytest.mark.parametrize("page", PAGES)
def test_slash_commands_exist(page):
    for piece in words(page):
        for name in re.findall(r"(?:^|\s)/auton ([a-z]+)", piece):
            assert name in slash.COMMANDS or name == "rety", f"{page}: `{piece}`"


@pytest.mark.parametrize("page", PAGES)
def test_files_and_links_exist(page):
    text = (TOP / page).read_text()
    tracked = subprocess.run(["git", "ls-files"], cwd=TOP, capture_output=True, text=True, check=True).stdout.split()
    folders = {str(parent) for file in tracked for parent in Path(file).parents}
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((TOP / page).parent / link).exists(), f"{page}: link to {link}"
    for piece in words(page):
        if re.fullmatch(r"(bot|kernels|SLM|specs|tests|docs|\.github)/[\w./-]*", piece) and "build" not in piece:
            path = piece.rstrip("/")
            assert path in tracked or path in folders, f"{page}: there is no {piece}"


def test_the_default_goal_is_the_recorded_one():
    import json

    goal = re.search(r"^GOAL = (.*?[^\\])$", (TOP / "Makefile").read_text(), flags=re.M | re.S)[1]
    goal = " ".join(goal.replace("\\\n", " ").split())
    assert json.loads((TOP / "bot/recordings/uptime.json").read_text())["goal"] == goal


def test_the_model_s_figures_are_those_of_its_manifest():
    import json

    free = json.loads((TOP / "SLM/models/manifest.json").read_text())["figures"]["host"]["free"]
    said = re.search(r"the intent of ([\d.]+) %, and the exact action of ([\d.]+) %", (TOP / "README.md").read_text())
    assert said.groups() == (f"{100 * free['accuracy']:.1f}", f"{100 * free['action_exact']:.1f}")

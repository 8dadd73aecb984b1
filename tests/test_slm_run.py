"""A model from its goal to the kernels, with everything real but the model's words and the model's size.

One architecture, a recipe of 60 steps, two tasks: the recipe, and its integration. The first attempt at that brings a model of
the agent's own; CI's alone may land. `make demo-slm` plays the whole recorded run.
"""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import pytest

from bot.forge.client import Forge
from bot.reconcile import sticky
from bot.run import local
from tests import demo
from tests.whole.tiny import APPROVED, ROOT, answer, git, planned, recording

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="the extra 'slm' is not installed")
GOAL = "Train a small SLM"
RECIPE = """\
[data]
size = 2000

[architecture]
config = "debug"
parameters = 279232

[training]
steps = 60

[evaluation]
limit = 60
min_macro_f1 = { test_families = 0.05 }

[quantization]
max_flips = 0.1

[export]
engines = ["torch", "host"]
rows = 20
agree = 0.9
"""
CONFIG = """\
[agents.models]
default = "replay/{said}"

[targets.x86_64]
build = "make -C kernels ARCH=x86_64"
boot = "env INITRD=SLM/models/slm.gguf kernels/boot x86_64"
image = "kernels/build/x86_64/kernel.elf"
"""


def task(key: str, title: str, *needs: str) -> dict:
    return {"key": key, "title": title, "role": "training_agent", "body": title, "depends_on": list(needs),
            "acceptance": ["auton/slm is green"]}


def integrate(model: str) -> tuple:
    return ("integrate_slm", {"model": model, "output": "SLM/models/small", "recipe": "SLM/recipes/small.toml"})


DONE = ("submit", {"summary": "The recipe says what it shall say; CI makes the model."})
RUNS = {
    ("manager", "", 1): planned(task("t1", "Write the small recipe"), task("t2", "Integrate the small model", "t1")),
    ("training_agent", "t1", 1): [answer(("write_file", {"path": "SLM/recipes/small.toml", "text": RECIPE})), answer(DONE)],
    ("training_agent", "t2", 1): [
        answer(("export_gguf", {"model": "SLM/build/small/model", "output": "SLM/build/mine.gguf", "kind": "F16"}),
               integrate("SLM/build/mine.gguf")), answer(DONE)],
    ("training_agent", "t2", 2): [answer(integrate("SLM/build/small/ship/slm.gguf")), answer(DONE)],
    ("reviewer", "t1", 1): APPROVED, ("reviewer", "t2", 2): APPROVED,
}


def checkout_of(folder: Path) -> Path:
    """A repository with this one's kernels, pipeline, specs and workflows, and a configuration of its own."""
    checkout, said = folder / "os", folder / "said.json"
    for path in git("ls-files", "kernels", "SLM", "specs", ".github", ".gitignore", cwd=ROOT).splitlines():
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, checkout / path)
    said.write_text(json.dumps({**recording(RUNS, GOAL), "mode": "slm_training"}))
    (checkout / "auton.toml").write_text(CONFIG.format(said=said))
    git("init", "-q", "-b", "main", cwd=checkout)
    git("add", "-A", cwd=checkout)
    git("commit", "-qm", "Begin", cwd=checkout)
    return checkout


class Run:
    """A run that has ended, and what its forge shows."""

    def __init__(self, folder: Path):
        self.before, self.data, checkout = "", folder / "forge", checkout_of(folder)
        self.before = git("rev-parse", "HEAD", cwd=checkout)
        done = subprocess.run([sys.executable, "-m", "bot", "run", "--mode", "slm_training", "--port", "0", "--data",
                               str(self.data), GOAL], cwd=checkout, capture_output=True, text=True, timeout=1500,
                              env={**demo.plain_environment(folder), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1",
                                   "PATH": f"{Path(sys.executable).parent}:{demo.plain_environment(folder)['PATH']}"})
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        self.told = told = json.loads((self.data / "forge.json").read_text())
        self.forge = Forge(told["api"], "you/auton", told["tokens"]["you"], server=told["url"])
        self.goal = int(re.search(r"goal +#(\d+) filed", done.stdout)[1])
        self.home, self.clone = folder / "home", folder / "clone"
        self.home.mkdir()
        demo.run("git", "clone", "-q", f"{told['url']}/you/auton.git", str(self.clone), cwd=folder, home=self.home)
        pulls = self.forge.wire.pages(f"{self.forge.at}/pulls", {"state": "all"})
        self.pulls = {pull["title"]: pull for pull in pulls}

    def comments(self, title: str) -> list[str]:
        """What was said of the model on a pull request, in order."""
        found = [one.body for one in self.forge.comments_on(self.pulls[title]["number"]) if one.author == demo.BOT]
        return [body for body in found if str((sticky.parse(body) or {}).get("key", "")).startswith("slm-")]


@pytest.mark.timeout(1600)
def test_a_model_from_its_goal_to_the_kernels(tmp_path, subtests):
    try:
        ended = Run(tmp_path)
        for check in (everything_is_done_once, every_verdict_is_on_the_heads, figures_and_plots_are_told,
                      only_the_model_that_ci_made_has_landed):
            with subtests.test(check.__name__):
                check(ended)
    finally:
        subprocess.run([sys.executable, "-m", "bot", "forge", "stop", "--data", str(tmp_path / "forge")], cwd=ROOT,
                       check=False, capture_output=True)


def everything_is_done_once(ended: Run) -> None:
    demo.all_done(ended.forge, ended.goal)
    demo.once_each(ended.forge, ended.goal)
    demo.one_merge_per_task(ended.clone, ended.forge, ended.goal, ended.before, ended.home)


def every_verdict_is_on_the_heads(ended: Run) -> None:
    for pull in ended.pulls.values():
        states = ended.forge.statuses(pull["head"]["sha"])
        assert {states[f"auton/{name}"] for name in ("slm", "build-x86_64", "boot-x86_64", "review")} == {"success"}


def figures_and_plots_are_told(ended: Run) -> None:
    [first] = ended.comments("Write the small recipe")
    assert re.search(r"\| test\\_families \| macro-F1 \| 0\.\d+ \| 0\.\d+ \| [-+]0\.\d+ ▼ \| 0\.\d+ \|", first)
    assert first.count("```mermaid\nxychart-beta") == 2 and "out of scope, AUROC" in first
    page = f"/you/auton/pull/{ended.pulls['Write the small recipe']['number']}"
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with browser.open(local.sign_in(ended.told, then=page)) as shown:
        assert shown.read().decode().count('<svg class="chart"') == 2
    refused, taken = ended.comments("Integrate the small model")
    assert "❌ FAIL" in refused and "integrate that one" in refused
    assert "✅ PASS" in taken and "kernel x86\\_64 | boots with it, and gives the host's 12 answers" in taken
    assert "SLM/models/small/slm.gguf` is what CI made" in taken and "a place of its own" in taken


def only_the_model_that_ci_made_has_landed(ended: Run) -> None:
    place = ended.clone / "SLM" / "models" / "small"
    said = tomllib.loads((ended.clone / "SLM" / "recipes" / "small.toml").read_text())["integration"]
    manifest = json.loads((place / "manifest.json").read_text())
    model = (place / "slm.gguf").read_bytes()
    assert said["place"] == "SLM/models/small" and len(model) == said["bytes"] == manifest["bytes"]
    assert hashlib.sha256(model).hexdigest() == said["sha256"] == manifest["sha256"]
    assert manifest["types"] == ["F32", "Q8_0"] and manifest["training"]["steps"] == 60
    shipped = "SLM/models/slm.gguf"
    assert (ended.clone / shipped).read_bytes() == (ROOT / shipped).read_bytes()

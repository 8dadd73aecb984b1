"""`auton judge`: make the model that a change's recipe describes, and put its figures beside those of main's.

Two checkouts lie side by side, as in `auton verify`: ours (main's) with the judge, the candidate with the recipe and the
pipeline that carries it out. The candidate's code sees its own SLM folder and the folder it writes to, nothing else; what
it made is then read as hostile by our code, which sees the candidate's recipe and files and never runs its code. A
model that is integrated is booted in the candidate's kernels, too.
"""

import contextlib
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from bot import hostile, plainfile, sandbox
from bot.config import Config
from bot.errors import MissingTool, Refused
from bot.handoff import SlmReport
from bot.slm import boots, store
from bot.slm import recipe as recipes
from bot.slm.recipe import MODELS, PIPELINE, RECIPES, SHIPPED, Keys, Recipe
from bot.spans import Span, noted
from bot.verify.run import environment, in_sandbox

HOURS = 5
"""How long the candidate's code may take; GitHub stops a job after six."""
TESTS = 20_000
"""Training rows of the set whose tests are asked: enough for the tests to have their full size."""
MISSING = 3
"""The pipeline's exit code when a package is missing."""
Fetch = Callable[[str, Path], bool]
"""Unpacks what CI has made under a key, if it has."""


class Stopped(Exception):
    """There is no more to look at; its arguments are what was wrong, for the report."""

    def __init__(self, *problems: str, verdict: str = "FAIL"):
        super().__init__(*problems)
        self.problems, self.verdict = list(problems), verdict


def judge(repo: Path, base: Path, out: Path, config: Config, fetch: Fetch = lambda key, folder: False) -> SlmReport:
    """Judge the candidate at `repo` by the code at `base` and the targets of `config`. Below `out`: `trained/` and `made/`,
    to be kept under the keys that the report names, and files that only we need. INFRA is what is not the change's fault."""
    began, waited = time.monotonic(), []
    repo, base, out = repo.resolve(), base.resolve(), out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    told: dict = {"tree": _git(repo)("rev-parse", "HEAD^{tree}").strip()}
    try:
        told |= {"verdict": "PASS", **_judge(repo, base, out, config, fetch, told, waited)}
    except Stopped as stopped:
        told |= {"verdict": stopped.verdict, "problems": [one[:2000] for one in stopped.problems[:40]]}
    return SlmReport(**told, seconds=round(time.monotonic() - began, 3), waited=waited)


def _judge(repo: Path, base: Path, out: Path, config: Config, fetch: Fetch, told: dict, waited: list[Span]) -> dict:
    ours, theirs = _git(base), _git(repo)
    before, after = recipes.listing(ours, "HEAD", MODELS), recipes.listing(theirs, "HEAD", MODELS)
    touched = recipes.changed(recipes.listing(ours, "HEAD", RECIPES), recipes.listing(theirs, "HEAD", RECIPES))
    if not touched:
        if before != after:
            raise Stopped(f"{MODELS}: it differs from main's, and no recipe of this change says why")
        return {"facts": {"recipe": "none is touched; the model that ships is main's"}}
    if len(touched) > 1:
        raise Stopped(f"expected one recipe in a change, found {', '.join(touched)}")
    try:
        wanted = recipes.read(theirs, "HEAD", touched[0])
    except Refused as error:
        raise Stopped(str(error)) from None
    keys = recipes.keys(theirs, "HEAD", wanted)
    told |= {"recipe": wanted.name, "stage": wanted.stage, "place": wanted.place if wanted.ships else ""}
    work = out / "work"
    kept = fetch(keys.trained, work / "model")
    with noted(waited):
        made = _pipeline(repo, repo / PIPELINE, [work], "make-recipe", wanted.path, "--output", work)
    facts = _facts(made, kept)
    told |= {"facts": facts}
    if made.get("problems"):
        raise Stopped(*map(str, made["problems"]))
    with noted(waited):
        judged = _by_us(repo, base, out, work, wanted)
    _keep(work, out, keys, kept, judged)
    told |= _checked(judged, facts)
    if keys.trained:
        told |= {"trained": "" if kept else keys.trained, "made": keys.made if (out / "made").is_dir() else ""}
    problems = [*map(str, judged.get("problems", [])), *_integrated(repo, base, wanted, before, after, out / "made", judged)]
    if problems:
        raise Stopped(*problems)
    if wanted.ships:
        with noted(waited):
            found = boots.boots(config.targets, repo, f"{wanted.place}/slm.gguf", _asked(judged), in_sandbox(repo), environment())
        told["facts"] |= {f"kernel {arch}": text[:300] or f"boots with it, and gives the host's {len(judged['asked'])} answers"
                          for arch, text in found.items()}
        if bad := [f"{arch}: booted with {wanted.place}/slm.gguf: {text}" for arch, text in found.items() if text]:
            raise Stopped(*bad)
    return {}


def _by_us(repo: Path, base: Path, out: Path, work: Path, wanted: Recipe) -> dict:
    """Our code over what was made: it may write where the C engine is built, and below `out`."""
    built = base / "kernels" / "build"
    built.mkdir(parents=True, exist_ok=True)
    writable, seen = [built, out], [repo / wanted.path]
    _pipeline(base, base, writable, "build-dataset", "--output", out / "tests", "--size", TESTS, visible=seen)
    return _pipeline(base, base, writable, "judge-recipe", repo / wanted.path, "--made", work, "--data", out / "tests",
                     "--ship", out / "ship", "--main", _beside(base, wanted), visible=seen)


def _beside(base: Path, wanted: Recipe) -> Path:
    """The model whose place it would take, if there is one; else the one that ships."""
    own = base / MODELS / wanted.name
    return own if wanted.place != MODELS and (own / SHIPPED[0]).is_file() else base / MODELS


def _pipeline(where: Path, root: Path, writable: list[Path], *words, visible: list[Path] | None = None) -> dict:
    """One verb of the pipeline as it is at `where`, in the sandbox; Stopped when it has no answer."""
    for folder in writable:
        folder.mkdir(parents=True, exist_ok=True)
    threads = str(len(os.sched_getaffinity(0)))
    done = sandbox.run([os.path.join(sys.prefix, "bin", "python"), "-m", "SLM", *map(str, words), "--json"], root=root, cwd=where,
                       writable=writable, visible=visible, timeout=HOURS * 3600,
                       env={"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONDONTWRITEBYTECODE": "1"})
    printed = next((line for line in reversed(done.output.splitlines()) if line.startswith("{")), "")
    try:
        answer = hostile.read_json(printed)
        if done.code in (0, 1) and isinstance(answer, dict):
            return answer
    except ValueError:
        pass
    said = [line for line in done.output.strip().splitlines() if "slm: error:" in line] or done.output.strip().splitlines()[-15:]
    if done.timed_out:
        raise Stopped(f"{words[0]}: not finished after {HOURS} hours")
    raise Stopped(f"{words[0]}: exit code {done.code}\n" + "\n".join(said)[-1500:],
                  verdict="INFRA" if done.code == MISSING else "FAIL")


def _facts(made: dict, kept: bool) -> dict[str, str]:
    """What make-recipe says of data, shape and training, in words."""
    out = {}
    rows = made.get("rows")
    if isinstance(rows, dict):
        out["rows"] = ", ".join(f"{name} {count}" for name, count in list(rows.items())[:12])
        out["train.jsonl"] = f"sha256 {made.get('train_sha256')}"
    for name, unit in (("parameters", ""), ("q8_0_bytes", " bytes at Q8_0"), ("question_flops", " a question of 32 tokens")):
        if made.get(name):
            out[name.replace("question_flops", "operations").replace("q8_0_bytes", "size")] = f"{made[name]:,}{unit}"
    training = made.get("training")
    if isinstance(training, dict):
        out["training"] = (f"{training.get('steps')} steps, {training.get('tokens')} tokens, {training.get('seconds')} s"
                           + (" (trained before, under the same key)" if kept else ""))
        out["val"] = f"accuracy {training.get('val_accuracy')}, loss {training.get('loss')}"
    if made.get("flips") is not None:
        out["quantization"] = f"{float(made['flips']):.2%} of the intents on val flip"
    return {name: text[:500] for name, text in out.items()}


def _checked(judged: dict, facts: dict[str, str]) -> dict:
    """Of our own code's answer what goes into the report; it quotes the candidate's files, so types are checked."""
    agreement = judged.get("agreement") or {}
    if agreement:
        facts = facts | {"same intent as the C engine": ", ".join(f"{name} {share:.1%}" for name, share in agreement.items())}
    if judged.get("bytes"):
        facts["bytes"] = f"{judged['bytes']:,}"
    told = {name: judged.get(name, default) for name, default in (
        ("config", ""), ("main_config", ""), ("regressions", []), ("figures", []), ("curve", []), ("sha256", ""))}
    try:
        SlmReport(tree="", verdict="PASS", facts=facts, **told)
    except ValidationError as error:
        raise Stopped(f"the figures can't be read: {error.errors()[0]['msg']}") from None
    return {**told, "facts": facts}


def _keep(work: Path, out: Path, keys: Keys, kept: bool, judged: dict) -> None:
    """What goes to the artifacts: plain files by name, of a model that nothing is wrong with."""
    if keys.trained and not kept:
        _copy(work, "model", out / "trained", store.FILES["trained"])
    if keys.made and not judged.get("problems"):
        _copy(out, "ship", out / "made", store.FILES["made"])


def _copy(root: Path, folder: str, target: Path, files: dict[str, int]) -> None:
    for name, most in files.items():
        with contextlib.suppress(plainfile.NotPlain), plainfile.opened(root, f"{folder}/{name}", most) as source:
            target.mkdir(parents=True, exist_ok=True)
            with (target / name).open("wb") as file:
                shutil.copyfileobj(source, file)


def _integrated(repo: Path, base: Path, wanted: Recipe, before: dict[str, str], after: dict[str, str], made: Path,
                judged: dict) -> list[str]:
    """Is what the change has in MODELS main's, but for the very model that the recipe integrates in the place that it may have?"""
    place = f"{wanted.place}/"
    others = [path for path in {*before, *after} if before.get(path) != after.get(path)
              and not (wanted.ships and path in {place + name for name in SHIPPED})]
    if others:
        return [f"{path}: it differs from main's, and no table [integration] of this change says why" for path in sorted(others)[:5]]
    if not wanted.ships:
        return []
    if not wanted.place:
        return [f"[integration] place: expected {MODELS} or {MODELS}/{wanted.name}"]
    if (wanted.place == MODELS or _beside(base, wanted) != base / MODELS) and judged.get("regressions"):
        return [f"it may not take the place of the model in {wanted.place}: that one is better", *map(str, judged["regressions"])]
    out = []
    for name in SHIPPED:
        ours, theirs = made / name, repo / wanted.place / name
        if not ours.is_file() or theirs.is_symlink() or not theirs.is_file():
            out.append(f"{place}{name}: expected it beside a recipe with [integration], found none")
        elif name == "manifest.json":  # its times differ from run to run
            if _manifest(theirs) != wanted.ships:
                out.append(f"{place}{name}: expected the sha256 of the recipe's [integration]")
        elif _digest(ours) != _digest(theirs):
            out.append(f"{place}{name}: it is not what CI makes of this recipe: integrate the model that CI made")
    return out


def _asked(judged: dict) -> list[boots.Asked]:
    return [boots.Asked(one["text"], one["intent"], one["action"], tuple(one["logits"])) for one in judged["asked"]]


def _manifest(path: Path) -> str:
    try:
        return str(hostile.read_json(path.read_bytes())["sha256"])
    except (ValueError, KeyError, TypeError):
        return ""


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def _git(repo: Path) -> recipes.Git:
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
           "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C.UTF-8"}

    def git(*words: str) -> str:
        try:
            done = subprocess.run(["git", "-c", "core.fsmonitor=false", "-C", str(repo), *words], capture_output=True, env=env,
                                  check=False)
        except FileNotFoundError:
            raise MissingTool("expected the program git, found none", "apt-get install git") from None
        if done.returncode:
            raise Refused(f"{repo}: git {words[0]}: {done.stderr.decode(errors='replace').strip()[:300]}",
                          "expected a git checkout with a commit")
        return done.stdout.decode("utf-8", "replace")

    return git

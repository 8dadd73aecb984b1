"""`auton report`: post what `auton verify` saw of a commit, as statuses for people and a check run for the tick.

So too what `auton judge` saw of a model, with a comment on its pull request. Statuses come first and the check run last,
because the tick waits for that. Doing it again changes nothing.
"""

from pathlib import Path

from bot.config import Config
from bot.errors import Refused
from bot.forge.client import Forge
from bot.handoff import ArchReport, Report, SlmReport, read
from bot.reconcile import memory, slmtexts, sticky, texts
from bot.reconcile import model as m
from bot.reconcile.act import comment
from bot.reconcile.snapshot import CHECK

MOST_FAILURES = 12
MOST_DETAIL = 2500  # characters of a check's detail that are kept; its tail
ROOM = 60_000  # characters of a check run's text, below GitHub's 65,535
SLM = "slm"
STATE = {"PASS": "success", "INFRA": "error"}
CONCLUSION = {"green": "success", "red": "failure", "infra": "cancelled"}


def report(forge: Forge, config: Config, folder: Path, sha: str, key: str, model: Path | None = None) -> m.VerifyRecord:
    """Post the reports below `folder` about commit `sha` under `key`; an architecture without one is INFRA. So is a model
    that was to be judged, and of which there is no slm.json below `model`."""
    if not (key == f"v-{sha}" or key.startswith(f"v-{sha}-")) or len(key) > 80:
        raise Refused(f"expected a key v-{sha[:40]}, found {key[:80]!r}")
    reports = [read(Report, path) for path in sorted(folder.rglob("*.json"))]
    by_arch = {arch.arch: arch for one in reports for arch in one.archs if arch.arch in config.targets}
    record = summary(key, by_arch, list(config.targets), reports[0].tree if reports else "",
                     sum(one.seconds for one in reports))
    judged = _model(forge, config, model, sha) if model else None
    if judged:
        record = record.but(archs=record.archs | {SLM: judged[0]}, failures=(*judged[2], *record.failures)[:MOST_FAILURES])
    if not any(check.external_id == key for check in forge.checks(sha, CHECK)):
        for arch in config.targets:
            for step, (state, text) in statuses(by_arch.get(arch)).items():
                forge.set_status(sha, f"auton/{step}-{arch}", state, text)
        if judged:
            forge.set_status(sha, f"auton/{SLM}", STATE.get(judged[0], "failure"), judged[1])
        text = sticky.render(texts.verify_text(record)[: ROOM // 2], memory.dump(record))
        if len(text) > ROOM:
            bare = record.but(failures=tuple(f.but(detail=f.detail[-300:]) for f in record.failures))
            text = sticky.render("The logs are too long to show; see the run's artifacts.", memory.dump(bare))
        forge.create_check(sha, CHECK, key, CONCLUSION[record.state], texts.verify_title(record),
                           texts.verify_title(record), text)
    return record


def _model(forge: Forge, config: Config, folder: Path, sha: str) -> tuple[str, str, tuple[m.Failure, ...]]:
    """Verdict, description and failure of the model; what there is to tell goes onto the pull request."""
    found = sorted(folder.rglob("slm.json"))
    if not found:
        failure = m.Failure(arch=SLM, name="judge", verdict="INFRA", detail="the job left no report")
        return "INFRA", "no report: the job did not get that far", (failure,)
    seen = read(SlmReport, found[0])
    pull = next((pull for pull in forge.pulls() if pull.head == sha), None)
    if pull and seen.recipe:
        say = f"slm-{sha}"
        own = [memory.hidden(one, config.forge.bot) or {} for one in forge.comments_on(pull.number)]
        if not any(state.get("key") == say for state in own):
            comment(forge, config, pull.number, memory.notice(slmtexts.comment(seen, sha), say))
    failures = () if seen.verdict == "PASS" else (m.Failure(arch=SLM, name=f"model {seen.recipe}"[:200], verdict=seen.verdict,
                                                            detail="\n".join(seen.problems)[:MOST_DETAIL]),)
    return seen.verdict, slmtexts.description(seen), failures


def summary(key: str, by_arch: dict[str, ArchReport], targets: list[str], tree: str, seconds: float) -> m.VerifyRecord:
    """The record of one verification: verdicts, figures, and the failed checks with their logs' tails."""
    failures = [m.Failure(arch=arch, name=check.name[:200], verdict=check.verdict, where=check.where[:200],
                          detail=check.detail[-MOST_DETAIL:])
                for arch, one in by_arch.items() for check in one.checks if check.verdict != "PASS"]
    failures += [m.Failure(arch=arch, name="report", verdict="INFRA", detail="the verify job left no report")
                 for arch in targets if arch not in by_arch]
    return m.VerifyRecord(
        key=key, tree=tree, seconds=round(seconds, 3), failures=tuple(failures[:MOST_FAILURES]),
        archs={arch: by_arch[arch].verdict if arch in by_arch else "INFRA" for arch in targets},
        figures={arch: one.figures for arch, one in by_arch.items() if one.figures})


def statuses(one: ArchReport | None) -> dict[str, tuple[str, str]]:
    """State and description of the statuses `build` and `boot` of one architecture."""
    if one is None:
        return {step: ("error", "no report: the job did not get that far") for step in ("build", "boot")}
    first = next((check for check in one.checks if check.verdict != "PASS"), None)
    bad = f"{one.verdict}: {first.name}" if first else one.verdict
    took = f"{one.verdict} in {one.seconds:.1f} s" + (" (cached)" if one.cached else "")
    if one.verdict == "PASS":
        return {"build": ("success", "built"), "boot": ("success", took)}
    if one.verdict == "BUILD":
        return {"build": ("failure", bad), "boot": ("failure", "not booted: the build failed")}
    if one.verdict == "INFRA":
        return {step: ("error", bad) for step in ("build", "boot")}
    return {"build": ("success", "built"), "boot": ("failure", bad)}

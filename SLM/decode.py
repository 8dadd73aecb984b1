"""From logits to an answer: the intent by its special tokens, then the action under the grammar.

The same for every engine that can say "the next token's logits after these ids". kernels/core/slm/answer.c does the same
in C: greedy, the best-scored token whose bytes keep the action possible; </s> where it may end.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from SLM import batches
from SLM.actions import QUOTING, Grammar, grammar, quotes
from SLM.intents import EOS, FIRST_INTENT, INTENTS
from SLM.text import clean, lower
from SLM.tokenizer import Tokenizer

MAX_ACTION_TOKENS = 64


class NextLogits(Protocol):
    """An engine under the decoder. `start` takes the whole prompt, `step` one more id; both give float32 (vocab,)."""

    def start(self, ids: list[int]) -> np.ndarray: ...
    def step(self, token: int) -> np.ndarray: ...


@dataclass
class Answer:
    intent: str
    probability: float
    action: str
    ms: float = 0.0
    logits: list[float] = field(default_factory=list)
    """Of the intents, in their order, before the temperature; empty for engines that have none."""


def intent_of(logits: np.ndarray, temperature: float) -> tuple[str, float, list[float]]:
    seven = np.asarray(logits[FIRST_INTENT:FIRST_INTENT + len(INTENTS)], dtype=np.float64)
    p = np.exp((seven - seven.max()) / temperature)
    best = int(seven.argmax())
    return INTENTS[best], float(p[best] / p.sum()), [float(x) for x in seven]


def answer(engine: NextLogits, tokenizer: Tokenizer, text: str, temperature: float = 1.0, action: bool = True) -> Answer:
    text = clean(text)
    intent, probability, seven = intent_of(engine.start(batches.prompt(tokenizer, text)), temperature)
    out = ""
    if action and intent != "NONE":
        out = decode_action(engine, tokenizer, intent, text)
    return Answer(intent, probability, out, logits=seven)


def decode_action(engine: NextLogits, tokenizer: Tokenizer, intent: str, text: str) -> str:
    """The action text (without the intent) that the engine prefers among those that the grammar allows."""
    g, low = grammar(), lower(text)
    logits = engine.step(FIRST_INTENT + INTENTS.index(intent))
    prefix = b""
    for _ in range(MAX_ACTION_TOKENS):
        token, piece = _best(g, tokenizer, logits, intent, low, prefix)
        if token == EOS:
            break
        prefix += piece
        more, end = g.state(intent, low, prefix.decode("utf-8", "ignore"))
        if not more and end:
            break
        logits = engine.step(token)
    found = prefix.decode("utf-8", "ignore")
    return restore_case(g, intent, found.strip(" "), text) if g.state(intent, low, found)[1] else ""


def _best(g: Grammar, tokenizer: Tokenizer, logits: np.ndarray, intent: str, low: str, prefix: bytes) -> tuple[int, bytes]:
    done = g.state(intent, low, prefix.decode("utf-8", "ignore"))[1]
    for token in np.argsort(-logits, kind="stable"):
        token = int(token)
        if token == EOS:
            if done:
                return EOS, b""
            continue
        piece = tokenizer.token_bytes[token]
        if piece:
            try:
                grown = (prefix + piece).decode()
            except UnicodeDecodeError:
                continue  # part of a character: an action is written in whole ones
            if any(g.state(intent, low, grown)):
                return token, piece
    return EOS, b""


def restore_case(g: Grammar, intent: str, action: str, text: str) -> str:
    """Put what an action quotes into the case that the sentence wrote it in."""
    op, _, rest = action.partition(" ")
    args = g.ops[intent][op]

    def walk(left: tuple, tail: str) -> str | None:
        if not tail:
            return "" if all(a.optional for a in left) else None
        for place, arg in enumerate(left):
            if tail.startswith(arg.lead):
                body = tail[len(arg.lead):]
                values = {lower(v): v for v in reversed(quotes(arg.kind, text))} if arg.kind in QUOTING \
                    else {v: v for v in g.types[arg.kind]}
                for said, meant in values.items():
                    if body.startswith(said) and (end := walk(left[place + 1:], body[len(said):])) is not None:
                        return arg.lead + meant + end
            if not arg.optional:
                break
        return None

    found = walk(args, " " + rest if rest else "")
    return op + (found or "")

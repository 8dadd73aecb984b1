"""What the loop needs of a model: one question, one answer, and what it cost.

`open_model` chooses between the two kinds there are: a recorded one (`replay/<name>`, bot/agents/replay.py) and
everything litellm speaks to (bot/agents/llm.py, imported only then). Tests bring scripted ones of their own.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.config import Config
from bot.handoff import Brief, Usage

Message = dict[str, Any]
"""A chat message as the OpenAI wire has it: role, content, tool_calls, tool_call_id."""


@dataclass(frozen=True)
class Call:
    """One tool call. `arguments` is JSON as the model wrote it, which may be no JSON at all."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Answer:
    text: str
    calls: list[Call] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    """Of this question, attempts that failed included."""

    def message(self) -> Message:
        """The answer as it stands in the history."""
        message: Message = {"role": "assistant", "content": self.text}
        if self.calls:
            message["tool_calls"] = [{"id": call.id, "type": "function",
                                      "function": {"name": call.name, "arguments": call.arguments}}
                                     for call in self.calls]
        return message


class ModelFailed(Exception):
    """No answer came. `usage` is what it cost all the same; `limit` if the run's own limits are the reason."""

    def __init__(self, message: str, usage: Usage | None = None, limit: bool = False):
        super().__init__(message)
        self.usage = usage or Usage()
        self.limit = limit


class Model(Protocol):
    name: str
    source: dict[str, Any]
    """Where the answers come from, for the trajectory: model, endpoint, prices; for a replay, what was recorded."""

    def ask(self, messages: list[Message], tools: list[dict[str, Any]], *, budget: float, seconds: float) -> Answer:
        """One answer for at most `budget` dollars within `seconds`; ModelFailed if there is none."""
        ...


def open_model(name: str, config: Config, brief: Brief) -> Model:
    """The model called `name`; AgentError if it can't be used or its price is not known."""
    if name.startswith("replay/"):
        from bot.agents.replay import Replay

        return Replay(name, brief)
    from bot.agents.llm import Hosted

    return Hosted(name, config)


def tokens(value: Any) -> int:
    """Our own, pessimistic count of the tokens in text or JSON: three bytes a token."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return len(text.encode("utf-8", "replace")) // 3 + 1


def add(first: Usage, second: Usage) -> Usage:
    return Usage(**{name: getattr(first, name) + getattr(second, name) for name in Usage.model_fields})

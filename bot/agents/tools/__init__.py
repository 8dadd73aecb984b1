"""The tools of the agents: one typed function each, registered by `@tool`, in the modules of this folder.

A tool's parameters are its schema: types with `Annotated[…, Field(description=…)]`, checked by pydantic before
the function runs. Its docstring is what the model reads about it. It gets the `Workplace` first, and returns
text; what goes wrong is a ToolError, whose text the model reads: expected, found, what to do.
"""

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from bot import hostile

QUICK = ("files", "git", "submit")
"""The modules whose tools are done in a moment."""
KEEP = 10_000
"""Characters of a tool's output that the model is shown; of more, the head and the tail."""


class ToolError(Exception):
    """A tool could not do what was asked; the message is for the model."""


class Malformed(ToolError):
    """The call itself was wrong: no such tool, no JSON, or arguments that its schema refuses."""


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    function: Callable[..., str]
    writes: bool
    """It changes the worktree, so read-only roles can't have it."""
    keep: int = KEEP
    """Characters that are shown of its output."""

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The function's parameters, but for the workplace, as a model that refuses whatever they don't allow."""
        parameters = list(inspect.signature(self.function, eval_str=True).parameters.values())[1:]
        fields: dict[str, Any] = {p.name: (p.annotation, ... if p.default is p.empty else p.default)
                                  for p in parameters}
        return create_model(f"{self.name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)

    @property
    def quick(self) -> bool:
        """Whether it only reads or edits: its time is the bot's own. All others run compilers, QEMU or training."""
        return self.function.__module__.removeprefix(f"{__name__}.") in QUICK

    def schema(self) -> dict[str, Any]:
        """The tool as the OpenAI wire describes one."""
        whole = self.arguments.model_json_schema()
        parameters = _plain(whole, whole.get("$defs", {}))
        return {"type": "function", "function": {"name": self.name, "description": self.description,
                                                 "parameters": parameters}}

    def call(self, workplace: Any, arguments: str) -> str:
        """Check `arguments` (JSON, as the model wrote it), run, and cut what comes back to size."""
        try:
            raw = hostile.read_json(arguments or "{}")
            if not isinstance(raw, dict):
                raise Malformed(f"{self.name}: expected the arguments as a JSON object, found {arguments[:80]}")
            if not _writable(raw):
                raise Malformed(f"{self.name}: the arguments hold a NUL character or half a surrogate pair")
            values = self.arguments.model_validate(raw)
        except json.JSONDecodeError as error:
            raise Malformed(f"{self.name}: the arguments are not valid JSON ({error}); "
                            "write them again, with every quote and newline escaped") from None
        except ValidationError as error:
            raise Malformed("\n".join(f"{self.name}: {'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}"
                                      f", found {json.dumps(e['input'], default=str)[:100]}"
                                      for e in error.errors()[:5])) from None
        return clip(self.function(workplace, **{name: getattr(values, name) for name in raw}), self.keep)


TOOLS: dict[str, Tool] = {}


def tool(*, writes: bool = False, name: str = "", keep: int = KEEP) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """Register a function as a tool under its own name (or `name`, for the kinds of `submit`)."""

    def register(function: Callable[..., str]) -> Callable[..., str]:
        description = " ".join(inspect.getdoc(function).split())
        TOOLS[function.__name__] = Tool(name or function.__name__, description, function, writes, keep)
        return function

    return register


def within(low: int, high: int | None, description: str) -> Any:
    """The type of a number whose bounds only save time or room: beyond them it is taken for the bound."""
    bounds = {"minimum": low} if high is None else {"minimum": low, "maximum": high}
    return Annotated[int, Field(description=description, json_schema_extra=bounds),
                     AfterValidator(lambda value: max(low, value if high is None else min(value, high)))]


def load() -> dict[str, Tool]:
    """Every tool there is, by the name of its function."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return TOOLS


def clip(text: str, keep: int = KEEP) -> str:
    """`text` if it is short, else its head and its tail with a note of what is missing."""
    if len(text) <= keep:
        return text
    head, tail = keep * 2 // 5, keep * 3 // 5
    return (f"{text[:head]}\n\n[… {len(text) - head - tail} characters left out; ask for less: "
            f"fewer lines, a narrower pattern, `| tail` …]\n\n{text[-tail:]}")


def _writable(value: Any) -> bool:
    """Can every text in `value` become bytes for a program? JSON allows more."""
    text = json.dumps(value, ensure_ascii=False)
    return "\\u0000" not in text and not re.search("[\ud800-\udfff]", text)


def _plain(schema: Any, shared: dict[str, Any]) -> Any:
    """A JSON schema with its references put in place (not every provider follows them), and without pydantic's
    titles, which say nothing and cost tokens."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            schema = shared[schema["$ref"].rpartition("/")[2]]
        return {key: _plain(value, shared) for key, value in schema.items()
                if key != "$defs" and not (key == "title" and isinstance(value, str))}
    return [_plain(value, shared) for value in schema] if isinstance(schema, list) else schema

"""YAML as GitHub reads workflow files: YAML 1.2's core schema, no duplicate keys, and the line of each key.

YAML 1.1 habits of the library are off: `on` is a string, dates stay text, there is no `<<` merge.
"""

import math
import re
from typing import Any

import yaml

MAX_BYTES = 512 << 10
MAX_NODES = 20_000  # after aliases are followed: a small file must not unfold into a large one


class YamlError(Exception):
    """The file is not YAML, or not such as GitHub accepts; `line` counts from 1."""

    def __init__(self, message: str, line: int = 1):
        super().__init__(message)
        self.message, self.line = message, line


class Map(dict):
    """A mapping that remembers on which line each of its keys stands."""

    def __init__(self, line: int = 1):
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] = {}


# What the library itself makes of plain text; any other tag stands in the file.
_TAGS = {"!", "str", "null", "bool", "int", "float", "map", "seq", "timestamp", "merge", "value"}
_NULL = re.compile(r"(?:null|Null|NULL|~|)")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)")
_INT = re.compile(r"[-+]?\d+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?", re.ASCII)
_SPECIAL = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def _scalar(node: yaml.ScalarNode) -> Any:
    text = node.value
    if node.style in ("'", '"', "|", ">") or node.tag == "!":
        return text
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text) and len(text) < 20:
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _SPECIAL.fullmatch(text):
        return math.nan if "n" in text.lower().replace("inf", "") else float(f"{match[1]}inf")
    return text


class _Builder:
    def __init__(self):
        self.nodes = 0

    def build(self, node: yaml.Node, depth: int = 0) -> Any:
        line = node.start_mark.line + 1
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > 50:
            raise YamlError("the file is too large or too deeply nested once its aliases are followed", line)
        if node.tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
            raise YamlError(f"unexpected tag {node.tag}", line)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(each, depth + 1) for each in node.value]
        result = Map(line)
        for key_node, value_node in node.value:
            key = self.build(key_node, depth + 1)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str | int | float | bool | None):
                raise YamlError("expected a plain key, found a list or a mapping", line)
            key = key_node.value
            if key in result:
                raise YamlError(f"'{key}' is already defined", line)
            result[key] = self.build(value_node, depth + 1)
            result.lines[key] = line
        return result


def load(text: str) -> Any:
    """The document in `text`; YamlError if it is not exactly one well-formed document."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise YamlError(f"expected at most {MAX_BYTES} bytes")
    try:
        node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(f"not YAML: {error.problem}", mark.line + 1 if mark else 1) from None
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise YamlError(f"not YAML: {str(error).splitlines()[0]}") from None
    return None if node is None else _Builder().build(node)

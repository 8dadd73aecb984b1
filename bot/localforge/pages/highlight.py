"""Source text as HTML: syntax colours as classes, characters that could mislead a reader made visible.

Bidirectional overrides and other invisible characters can make code read other than it runs (CVE-2021-42574), so
they show as their code points. Only languages on the list below are coloured, and only texts of a modest size.
"""

import re
from functools import lru_cache

from markupsafe import Markup, escape
from pygments import lexers
from pygments.token import STANDARD_TYPES

Run = tuple[str, str]  # CSS class, text

MOST = 300_000  # characters of a text that is coloured
LINE = 4_000  # characters of a line that are shown

SUFFIXES = {
    "c": "CLexer", "h": "CLexer", "cc": "CppLexer", "cpp": "CppLexer", "hpp": "CppLexer", "rs": "RustLexer",
    "s": "GasLexer", "S": "GasLexer", "py": "PythonLexer", "go": "GoLexer", "sh": "BashLexer", "mk": "MakefileLexer",
    "toml": "TOMLLexer", "json": "JsonLexer", "yml": "YamlLexer", "yaml": "YamlLexer", "md": "MarkdownLexer",
    "html": "HtmlLexer", "css": "CssLexer", "js": "JavascriptLexer", "ts": "TypeScriptLexer", "sql": "SqlLexer",
    "diff": "DiffLexer", "patch": "DiffLexer", "ini": "IniLexer", "cfg": "IniLexer", "zig": "ZigLexer",
    "asm": "NasmLexer", "nasm": "NasmLexer", "rst": "RstLexer", "xml": "XmlLexer", "dts": "DevicetreeLexer",
}
NAMES = {"Makefile": "mk", "GNUmakefile": "mk"}
LANGUAGES = {"python": "py", "bash": "sh", "shell": "sh", "console": "sh", "make": "mk", "makefile": "mk", "rust": "rs",
             "javascript": "js", "c++": "cpp", "asm": "s", "gas": "s", "markdown": "md"}

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def seen(text: str) -> Markup:
    """Escaped text whose control and invisible characters show as their code points."""
    return Markup(_HIDDEN.sub(lambda m: f'<span class="ctl">U+{ord(m[0]):04X}</span>', str(escape(text))))


def title(text: str) -> Markup:
    """A title: text with `code` set as such, and nothing else of Markdown."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # an odd number of backticks: none is special
        return seen(text)
    return Markup("").join(Markup("<code>{}</code>").format(seen(part)) if i % 2 else seen(part)
                           for i, part in enumerate(parts))


def suffix(filename: str) -> str:
    base = filename.rpartition("/")[2]
    return NAMES.get(base, base.rpartition(".")[2])


@lru_cache(maxsize=64)
def _lexer(kind: str):
    name = SUFFIXES.get(kind)
    return getattr(lexers, name)(stripnl=False, ensurenl=False) if name else None


@lru_cache(maxsize=512)
def _class(token) -> str:
    short = STANDARD_TYPES.get(token) or STANDARD_TYPES.get(token.parent, "")
    return f"h-{short}" if short else ""


@lru_cache(maxsize=128)
def lines(text: str, kind: str) -> list[list[Run]]:
    """The lines of `text` as runs of one class each; `kind` is a file suffix or a fence's language."""
    text = text.replace("\r\n", "\n")
    plain = [[("", line)] for line in text.split("\n")]
    lexer = _lexer(LANGUAGES.get(kind, kind)) if len(text) <= MOST else None
    if lexer is None or any(len(line[0][1]) > LINE for line in plain):
        return plain
    done: list[list[Run]] = [[]]
    for _, token, value in lexer.get_tokens_unprocessed(text):
        css = _class(token)
        first, *rest = value.split("\n")
        done[-1].append((css, first))
        for part in rest:
            done.append([(css, part)])
    return done if len(done) == len(plain) else plain


def html(runs: list[Run], mark: tuple[int, int] | None = None) -> Markup:
    """One line's runs as HTML; characters [start, end) of `mark` are set off as what changed in it."""
    out, at = [], 0
    start, end = mark or (0, 0)
    for css, text in runs:
        text = text[:max(0, LINE - at)]
        cuts = ((0, start - at, False), (start - at, end - at, True), (end - at, len(text), False))
        for low, high, changed in cuts:
            if piece := text[max(0, low):max(0, high)]:
                inner = Markup("<mark>{}</mark>").format(seen(piece)) if changed else seen(piece)
                out.append(Markup('<span class="{}">{}</span>').format(css, inner) if css else inner)
        at += len(text)
    if at >= LINE:
        out.append(Markup('<span class="ctl">line cut here</span>'))
    return Markup("").join(out)


def block(text: str, kind: str) -> Markup:
    """A whole text as the inside of a <pre>."""
    return Markup("\n").join(html(runs) for runs in lines(text, kind))

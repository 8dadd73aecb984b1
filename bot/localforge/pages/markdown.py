"""Markdown of issues, comments and README files as safe HTML.

Raw HTML is never passed through. Of it, comments vanish (the bot keeps its hidden state in them) and exactly the tags
<details>, <details open> and <summary>, as the bot folds logs with them, are written anew, always balanced;
everything else shows as text. Issue numbers, commit SHAs and bare URLs become links, as on GitHub.
"""

import re
from functools import lru_cache
from urllib.parse import quote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

from bot.localforge.pages import chart, highlight

MOST = 200_000  # characters that are rendered; a comment has at most 65,536

_PIECES = re.compile(r"(<!--.*?(?:-->|\Z)|</?details\s*>|<details open(?:=\"\")?\s*>|</?summary\s*>)", re.S | re.I)
_AUTO = re.compile(r"(?P<url>https?://[^\s<>\"'`]+[^\s<>\"'`.,:;!?)\]}*_~])|(?<![\w/#&])#(?P<issue>[1-9]\d{0,8})\b"
                   r"|(?<![\w/])(?P<sha>[0-9a-f]{40})\b")


def render(text: str | None, repo: str, base: str = "") -> Markup:
    """`text` as HTML. `repo` (owner/name) is where `#7` points to; `base` (`ref/folder/`) where relative links do."""
    if not text or not text.strip():
        return Markup("")
    return _render(text[:MOST], repo, base)


@lru_cache(maxsize=1024)
def _render(text: str, repo: str, base: str) -> Markup:
    return Markup(_PARSER.render(text, {"repo": repo, "base": base}))


def _fence(code: str, language: str, _attrs: str) -> str:
    shown = highlight.block(code.removesuffix("\n"), language.lower())
    return f'<pre class="code"><code>{shown}</code></pre>'


# Raw HTML.

def _tame_html(state) -> None:
    state.tokens = _tame(state.tokens, [])


def _tame(tokens: list[Token], opened: list[str]) -> list[Token]:
    """The same tokens with raw HTML made safe.

    `opened` is the stack of what is open: our tags by name, Markdown's own containers as "". A tag that is still open
    where its container ends is closed there, and an end tag without its start tag in the same container is dropped, so
    that no text can close an element of the page around it.
    """
    out: list[Token] = []
    floor = len(opened)
    for token in tokens:
        if token.type in ("html_block", "html_inline"):
            out.append(_raw("".join(_piece(part, opened) for part in _PIECES.split(token.content))))
            continue
        if token.children:
            opened.append("")
            token.children = _tame(token.children, opened)
            opened.pop()
        if token.nesting == -1:
            start = len(opened) - 1 - opened[::-1].index("")
            out.append(_raw(_close(opened, start + 1)))
            opened.pop()
        out.append(token)
        if token.nesting == 1:
            opened.append("")
    out.append(_raw(_close(opened, floor)))
    return out


def _raw(html: str) -> Token:
    return Token("raw", "", 0, content=html)


def _close(opened: list[str], keep: int) -> str:
    closing = "".join(f"</{tag}>" for tag in reversed(opened[keep:]))
    del opened[keep:]
    return closing


def _piece(part: str, opened: list[str]) -> str:
    """One piece of raw HTML as what may stand in the page for it."""
    if part.startswith("<!--"):
        return ""
    found = re.fullmatch(r"<(/?)(details|summary)( open(?:=\"\")?)?\s*>", part, re.I)
    if not found:
        return str(highlight.seen(part))
    end, tag, is_open = found[1], found[2].lower(), found[3]
    if not end:
        if len(opened) > 60 or (tag == "summary" and opened[-1:] != ["details"]):
            return ""
        opened.append(tag)
        return "<details open>" if is_open else f"<{tag}>"
    first = "</summary>" if tag == "details" and opened[-2:] == ["details", "summary"] else ""
    if first:
        opened.pop()
    if opened[-1:] != [tag]:
        return first
    opened.pop()
    return f"{first}</{tag}>"


# References and task lists, in the text of paragraphs.

def _link_text(state) -> None:
    for token in state.tokens:
        if token.type == "inline" and token.children:
            token.children = _link_children(token.children, state.env["repo"])
    for before, token in zip(state.tokens[1:], state.tokens[2:], strict=False):
        if token.type == "inline" and token.children and before.type == "paragraph_open":
            first = token.children[0]
            found = re.match(r"\[([ xX])\] ", first.content) if first.type == "text" else None
            item = state.tokens[state.tokens.index(before) - 1] if found else None
            if found and item.type == "list_item_open":
                first.content = first.content[found.end():]
                ticked = " checked" if found[1] != " " else ""
                token.children.insert(0, _raw(f'<input type="checkbox" disabled{ticked}> '))
                item.attrSet("class", "task")


def _link_children(children: list[Token], repo: str) -> list[Token]:
    out, inside = [], 0
    for child in children:
        inside += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type != "text" or inside:
            out.append(child)
            continue
        at = 0
        for found in _AUTO.finditer(child.content):
            out.append(Token("text", "", 0, content=child.content[at:found.start()]))
            out.append(_raw(_reference(found, repo)))
            at = found.end()
        out.append(Token("text", "", 0, content=child.content[at:]))
    return out


def _reference(found: re.Match, repo: str) -> str:
    if found["url"]:
        return f'<a href="{escape(found["url"])}" {_OUT}>{highlight.seen(found["url"])}</a>'
    if found["issue"]:
        return f'<a href="/{quote(repo)}/issues/{found["issue"]}">#{found["issue"]}</a>'
    return f'<a href="/{quote(repo)}/commit/{found["sha"]}"><code>{found["sha"][:7]}</code></a>'


# Rendering.

_OUT = 'rel="nofollow noopener noreferrer"'


def _target(url: str, env: dict, kind: str) -> str:
    """Where a link of a README leads: relative ones stay in the repository, at the same commit."""
    if not env["base"] or urlsplit(url).scheme or url.startswith(("/", "#")):
        return url.replace("#", "#md-", 1) if url.startswith("#") else url
    return f"/{quote(env['repo'])}/{kind}/{quote(env['base'])}{url}"


class _Renderer(RendererHTML):
    def text(self, tokens, idx, options, env):
        return str(highlight.seen(tokens[idx].content))

    def code_inline(self, tokens, idx, options, env):
        return f"<code>{highlight.seen(tokens[idx].content)}</code>"

    def fence(self, tokens, idx, options, env):
        token = tokens[idx]
        drawn = chart.svg(token.content) if token.info.strip().lower() == "mermaid" else None
        return f'<figure class="chart">{drawn}</figure>\n' if drawn else super().fence(tokens, idx, options, env)

    def raw(self, tokens, idx, options, env):
        return tokens[idx].content

    def link_open(self, tokens, idx, options, env):
        token = tokens[idx]
        token.attrSet("href", _target(token.attrGet("href") or "", env, "blob"))
        token.attrJoin("rel", "nofollow noopener noreferrer")
        return self.renderToken(tokens, idx, options, env)

    def image(self, tokens, idx, options, env):
        """A picture of the repository itself; from elsewhere only a link, so that reading a page calls nobody."""
        token = tokens[idx]
        url = token.attrGet("src") or ""
        target = _target(url, env, "raw")
        if target != url and target.startswith("/"):
            return f'<img src="{escape(target)}" alt="{escape(token.content)}">'
        return f'<a href="{escape(url)}" {_OUT}>{highlight.seen(token.content or url)}</a>'

    def th_open(self, tokens, idx, options, env):
        """A column's alignment as a class: the pages' policy forbids inline styles."""
        style = tokens[idx].attrs.pop("style", "")
        if style:
            tokens[idx].attrSet("class", str(style).partition(":")[2])
        return self.renderToken(tokens, idx, options, env)

    td_open = th_open

    def heading_open(self, tokens, idx, options, env):
        if env["base"]:
            words = re.sub(r"[^\w\s-]", "", tokens[idx + 1].content.lower()).split()
            tokens[idx].attrSet("id", "md-" + "-".join(words))
        return self.renderToken(tokens, idx, options, env)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "highlight": _fence}, renderer_cls=_Renderer)
    parser.enable(["table", "strikethrough"])
    parser.core.ruler.push("references", _link_text)
    parser.core.ruler.push("tame_html", _tame_html)
    return parser


_PARSER = _parser()

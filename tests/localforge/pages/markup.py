"""A strict reader of our pages: fails on anything that hostile text could have smuggled into them."""

from html.parser import HTMLParser

VOID = {"meta", "link", "input", "img", "br", "hr"}
TAGS = VOID | set(
    "html head body title script style p a nav header form strong span main footer section article div h1 "
    "h2 h3 h4 h5 h6 ul ol li code pre table thead tbody tr th td details summary time progress bdi button "
    "label textarea select option fieldset legend em s blockquote mark aside".split()
) - {"style"}
ATTRIBUTES = set(
    "href src class id rel name value type method action content charset lang title datetime for rows cols "
    "maxlength required readonly disabled checked selected open max scope colspan alt defer start "
    "placeholder autocomplete inputmode http-equiv formnovalidate aria-label aria-current aria-hidden role "
    "data-live data-refresh".split()
)


class Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, f"<{tag}> at {self.getpos()}"
        for name, value in attrs:
            assert name in ATTRIBUTES, f"{name}= of <{tag}> at {self.getpos()}"
            if name in ("href", "src", "action"):
                assert (value or "").startswith(
                    ("/", "#", "?", "http://", "https://", "mailto:")
                ) or ":" not in value, value
        if tag == "script":
            assert dict(attrs)["src"].startswith("/-/live.js")
        if tag not in VOID:
            self.open.append(tag)

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]} at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment at {self.getpos()}: {data[:80]}")


def read(html: str) -> str:
    """The text of a page or fragment, after checking every tag, attribute and address in it."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return "".join(reader.text)

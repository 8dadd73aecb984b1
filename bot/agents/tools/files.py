"""Reading, searching and editing the files of the worktree."""

import fnmatch
from typing import Annotated

from pydantic import Field

from bot.agents.tools import KEEP, ToolError, tool, within
from bot.agents.workplace import Workplace

FILES = 40
"""So many files of a broad search are named with the number of their hits."""
LINE = 300
"""Characters that are shown of a long line there."""
Path = Annotated[str, Field(max_length=1000, description="from the top of the repository: kernels/core/boot/main.c")]


@tool()
def read_file(at: Workplace, path: Path,
              start: within(1, None, "first line") = 1, count: within(1, 1000, "how many lines") = 300) -> str:
    """Read lines of a text file. Each is shown after its number and a tab, which are not part of the file."""
    return at.file(op="read", path=path, start=start, count=count)


@tool(writes=True)
def write_file(at: Workplace, path: Path, text: Annotated[str, Field(description="the whole new content")],
               executable: Annotated[bool, Field(description="only for scripts that begin with #!")] = False) -> str:
    """Create a file, or replace the whole of it; folders are made as needed. To change a part, use edit_file."""
    allowed(at, path)
    return at.file(op="write", path=path, text=text, executable=executable)


@tool(writes=True)
def edit_file(at: Workplace, path: Path,
              old: Annotated[str, Field(description="the exact text to replace, spaces and newlines included, "
                                                    "without line numbers; it must occur exactly once")],
              new: Annotated[str, Field(description="what stands there afterwards")],
              everywhere: Annotated[bool, Field(description="replace every occurrence")] = False) -> str:
    """Replace a piece of a file by another. Shows the changed lines."""
    allowed(at, path)
    return at.file(op="edit", path=path, old=old, new=new, everywhere=everywhere)


@tool()
def search_code(at: Workplace,
                pattern: Annotated[str, Field(min_length=1, max_length=2000, description="Perl-style regex")],
                path: Annotated[str, Field(description="a file, a folder or a glob to search in")] = ".",
                ignore_case: bool = False,
                context: within(0, 20, "lines shown around each match") = 0) -> str:
    """Search the files of the repository, untracked ones too (build results are left out). Shows path:line:text; of
    more than fits, how many lines match in each file, and the first of them."""
    options = ["--untracked", "-nI", f"-C{context}", *(["-i"] if ignore_case else [])]
    for flavour in ("-P", "-F"):
        done = at.run(["git", "grep", *options, flavour, "-e", pattern, "--", path], timeout=20)
        if done.timed_out:
            raise ToolError("the search took more than 20 s; use a simpler pattern or a narrower path")
        if done.code in (0, 1):
            break
    if done.code not in (0, 1):
        raise ToolError(done.output.strip())
    note = "" if flavour == "-P" else "[not a valid regular expression: searched for the plain text]\n"
    if len(done.output) <= KEEP:
        return note + (done.output or f"nothing matches in {path}")
    counted = at.run(["git", "grep", "-c", "--untracked", "-I", *(["-i"] if ignore_case else []), flavour, "-e", pattern,
                      "--", path], timeout=20)
    return note + _broad(counted.output, done.output)


def _broad(counts: str, hits: str) -> str:
    """What there is of a search with too many hits: `counts` as path:number, `hits` as they stand."""
    numbers = {name: int(number) for name, _, number in (line.rpartition(":") for line in counts.splitlines())
               if number.isdigit()}
    most = sorted(numbers, key=numbers.get, reverse=True)
    shown = "".join(f"{numbers[name]:>6}  {name}\n" for name in most[:FILES])
    more = f"        {len(most) - FILES} files with fewer\n" if len(most) > FILES else ""
    head = (f"[{sum(numbers.values())} lines match in {len(numbers)} files, more than fits: narrow the pattern or the path. "
            f"By file:]\n{shown}{more}[the first hits:]\n")
    lines, room = [], KEEP - len(head)
    for line in hits.split("\n"):
        line = line if len(line) <= LINE else f"{line[:LINE]} …"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    return head + "\n".join(lines)


@tool()
def list_files(at: Workplace,
               path: Annotated[str, Field(description="a folder, or a glob such as kernels/**/*.h")] = ".") -> str:
    """List the files of the repository below a folder, tracked or new (build results are left out). Of
    a folder with very many, its folders are shown with their counts."""
    folder = path.strip("/").removeprefix("./") or "."
    spec = f":(glob){folder}" if any(c in folder for c in "*?[") else folder
    listed = at.git("ls-files", "-co", "--exclude-standard", "-z", "--", spec).split("\0")
    names = sorted({name for name in listed if name})
    if not names:
        raise ToolError(f"{path}: no files there; list_files without a path shows the whole repository")
    if len(names) <= 150:
        return "\n".join(names)
    depth = 0 if folder == "." else folder.count("/") + 1
    groups: dict[str, int] = {}
    for name in names:
        parts = name.split("/")
        key = "/".join(parts[:depth + 2]) if len(parts) > depth + 2 else name
        groups[key + "/" if len(parts) > depth + 2 else key] = groups.get(key + "/", 0) + 1
    return "\n".join(f"{key}  ({count} files)" if key.endswith("/") else key for key, count in groups.items())


@tool()
def read_spec(at: Workplace,
              name: Annotated[str, Field(description="a spec such as kernel/console, or part of its name; empty "
                                                     "lists all of them")] = "") -> str:
    """Read what must be built: a file of specs/, whose front matter holds the acceptance checks that decide."""
    listed = at.git("ls-files", "-co", "--exclude-standard", "--", "specs").split()
    names = sorted(n for n in listed if n.endswith(".md"))
    wanted = name.removeprefix("specs/").removesuffix(".md").lower()
    exact = [n for n in names if n.lower() == f"specs/{wanted}.md"]
    found = exact or [n for n in names if wanted in n.lower()]
    if wanted and len(found) == 1:
        return f"{found[0]}\n" + at.file(op="read", path=found[0], start=1, count=1000)
    if not found:
        raise ToolError(f"expected the name of a spec, found {name!r}; there are: {', '.join(names) or 'none'}")
    return "\n".join(found)


def allowed(at: Workplace, path: str) -> None:
    """Tell the model at once when only a person may change `path`, rather than refuse its patch later."""
    clean = path.removeprefix(str(at.worktree) + "/").removeprefix("./")
    for pattern in [*at.config.screen.protected, ".git*", "**/.git*"]:
        if fnmatch.fnmatch(clean, pattern) or clean.split("/")[0] == ".git":
            raise ToolError(f"{clean}: only a person may change this ({pattern} is protected); "
                            "do without, or say in your summary what a person should change")

"""The file operations of the agents' tools, as a program that runs inside the sandbox.

`python -I -S inside.py` reads one JSON object {"op": …, …} on standard input and prints text for the model.
Exit code 1 means that the text is an error: what was expected, what was found, what to do. Standard library
only, and nothing of AUTON: what this file can't reach, no agent can read or change.
"""

import difflib
import json
import os
import sys

MAX_FILE = 2 << 20


class Wrong(Exception):
    """An error for the model to read."""


def located(path: str) -> str:
    """`path` below the current folder; absolute paths inside it are understood too."""
    here = os.getcwd()
    full = os.path.normpath(os.path.join(here, path))
    if full != here and not full.startswith(here + os.sep):
        raise Wrong(f"{path}: expected a path inside the repository, such as kernels/Makefile")
    return os.path.relpath(full, here)


def load(path: str) -> str:
    path = located(path)
    if os.path.isdir(path):
        raise Wrong(f"{path}: expected a file, found a folder; use list_files")
    try:
        size = os.stat(path).st_size
        if size > MAX_FILE:
            raise Wrong(f"{path}: expected at most {MAX_FILE} bytes, found {size}; use search_code or shell")
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        raise Wrong(f"{path}: no such file{near(path)}") from None
    if b"\0" in raw:
        raise Wrong(f"{path}: a binary file of {size} bytes; use shell (od, objdump, …) to look into it")
    return raw.decode("utf-8", "surrogateescape")


def near(path: str) -> str:
    """The names most like `path`, for an error message."""
    name, names = os.path.basename(path), []
    for folder, folders, files in os.walk("."):
        folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__", ".venv")]
        names += [os.path.relpath(os.path.join(folder, f)) for f in files]
        if len(names) > 20000:
            break
    alike = set(difflib.get_close_matches(name, {os.path.basename(n) for n in names}, 3, 0.6))
    found = [n for n in names if os.path.basename(n) in alike][:5]
    return f"; did you mean {', '.join(found)}?" if found else ""


def store(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o644
    partial = f"{path}.part~"
    with open(partial, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)
    os.chmod(partial, mode)
    os.replace(partial, path)


def read(path: str, start: int, count: int) -> str:
    lines = load(path).split("\n")
    if lines[-1] == "":
        lines.pop()
    if start > max(1, len(lines)):
        raise Wrong(f"{path}: expected a line up to {len(lines)}, found {start}")
    chosen = lines[start - 1:start - 1 + count]
    text = "\n".join(f"{number:>5}\t{line}" for number, line in enumerate(chosen, start))
    left = len(lines) - (start - 1 + len(chosen))
    return text + (f"\n[{left} more lines: start={start + len(chosen)}]" if left else "") or "[the file is empty]"


def write(path: str, text: str, executable: bool) -> str:
    path = located(path)
    if os.path.isdir(path):
        raise Wrong(f"{path}: expected a file, found a folder")
    there = os.path.exists(path)
    if text and not text.endswith("\n"):
        text += "\n"
    store(path, text)
    if executable:
        os.chmod(path, 0o755)
    return f"{path}: {'replaced' if there else 'created'}, {text.count(chr(10))} lines"


def edit(path: str, old: str, new: str, everywhere: bool) -> str:
    text = load(path)
    if not old:
        raise Wrong("expected the text to replace in `old`, found nothing; use write_file for a new file")
    if old == new:
        raise Wrong("`old` and `new` are the same: nothing would change")
    count = text.count(old)
    if count == 0:
        raise Wrong(f"{path}: `old` was not found{closest(text, old)}")
    if count > 1 and not everywhere:
        lines = [text[:i].count("\n") + 1 for i in positions(text, old)]
        raise Wrong(f"{path}: expected `old` once, found it {count} times (lines {', '.join(map(str, lines[:10]))}); "
                    "add lines around it, or say everywhere=true")
    first = text[:text.index(old)].count("\n") + 1
    changed = text.replace(old, new)
    path = located(path)
    store(path, changed)
    lines = changed.split("\n")
    begin, end = max(1, first - 2), min(len(lines), first + new.count("\n") + 2)
    shown = "\n".join(f"{n:>5}\t{lines[n - 1]}" for n in range(begin, min(end, begin + 30) + 1) if n <= len(lines))
    return f"{path}: {count if everywhere else 1} place{'s' if count > 1 else ''} changed\n{shown}"


def positions(text: str, old: str):
    at = text.find(old)
    while at >= 0:
        yield at
        at = text.find(old, at + len(old))


def closest(text: str, old: str) -> str:
    """Where the file comes nearest to `old`, so that the model can copy it as it really is."""
    lines, wanted = text.split("\n"), old.strip("\n").split("\n")
    if len(lines) > 20000 or len(wanted) > 200:
        return ""
    best, at = 0.0, 0
    for start in range(max(1, len(lines) - len(wanted) + 1)):
        matcher = difflib.SequenceMatcher(None, wanted[0].strip(), lines[start].strip(), autojunk=False)
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and matcher.ratio() > best:
            best, at = matcher.ratio(), start
    if best < 0.6:
        return "; read the file again, it may have changed"
    shown = "\n".join(f"{n + 1:>5}\t{lines[n]}" for n in range(at, min(len(lines), at + len(wanted) + 1)))
    return f"; the nearest lines are (numbers are not part of the file):\n{shown}"


OPERATIONS = {"read": read, "write": write, "edit": edit}


def main() -> int:
    request = json.load(sys.stdin)
    try:
        text = OPERATIONS[request.pop("op")](**request)
    except Wrong as error:
        text, code = str(error), 1
    except OSError as error:
        text, code = f"{error.filename or 'file'}: {error.strerror}", 1
        if error.errno == 30:
            text += " (this place is read-only for you)"
    else:
        code = 0
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    return code


if __name__ == "__main__":
    sys.exit(main())

"""What CI has made of the recipes at an agent's commit, put where its tools look for it: SLM/build/<recipe>/.

    model/   the trained model, as train-model leaves it     ship/   slm.gguf, manifest.json, tokenizer.json

So weights travel from task to task without being in a patch. Git ignores SLM/build.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

from bot.errors import AutonError
from bot.slm import recipe as recipes

BUILD = f"{recipes.PIPELINE}/build"
Fetch = Callable[[str, Path], bool]


def bring(worktree: Path, fetch: Fetch) -> list[str]:
    """Fill SLM/build of a fresh clone at `worktree`; the folders that were filled. What can't be had is not there."""
    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=worktree, capture_output=True, check=False)
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""

    filled = []
    for path in recipes.listing(git, "HEAD", recipes.RECIPES):
        try:
            recipe = recipes.read(git, "HEAD", path) if path.endswith(".toml") else None
            keys = recipes.keys(git, "HEAD", recipe) if recipe else recipes.Keys("", "")
            for key, name in ((keys.trained, "model"), (keys.made, "ship")):
                folder = worktree / BUILD / recipe.name / name if recipe else worktree
                if key and _plain(worktree, folder) and fetch(key, folder):
                    filled.append(str(folder.relative_to(worktree)))
        except AutonError:
            continue
    return filled


def _plain(worktree: Path, folder: Path) -> bool:
    """Whether no link of the repository leads the way to `folder` elsewhere."""
    return folder.resolve() == worktree.resolve() / folder.relative_to(worktree)

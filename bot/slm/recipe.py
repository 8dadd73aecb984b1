"""Recipes as the bot sees them: which there are at a commit, which a change touches, and the keys of what CI makes of them.

A model is named by what it is made from: the recipe's tables and the pipeline's code and data, as git has them. So an
artifact of CI that bears the key *is* the model of that commit, whichever run made it. What a recipe means is the
pipeline's business (SLM/recipe.py); here its tables are compared and never believed.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from bot import hostile
from bot.errors import Refused

PIPELINE, RECIPES, MODELS = "SLM", "SLM/recipes", "SLM/models"
SHIPPED = ("slm.gguf", "manifest.json", "tokenizer.json")
"""What a model's place holds: MODELS for the one that ships, MODELS/<recipe> for others. CI makes these, `auton apply` puts
them there, and no patch may touch them."""
TRAINED = ("data", "architecture", "training")
MADE = (*TRAINED, "quantization", "export")
MOST = 64 << 10  # bytes of a recipe
Git = Callable[..., str]
"""Runs git in the repository that is looked at, and returns what it prints."""


@dataclass(frozen=True)
class Recipe:
    name: str
    path: str
    tables: dict

    @property
    def stage(self) -> str:
        return next((name for name in reversed((*MADE[:3], "evaluation", *MADE[3:], "integration")) if name in self.tables), "")

    @property
    def ships(self) -> str:
        """The SHA-256 of the model that it integrates, or nothing."""
        return self._integration("sha256")

    @property
    def place(self) -> str:
        """Where that goes: MODELS, or a folder of its own there; nothing if it says anything else."""
        said = self._integration("place")
        return said if said in (MODELS, f"{MODELS}/{self.name}") else ""

    def _integration(self, key: str) -> str:
        said = self.tables.get("integration")
        return str(said.get(key, "")) if isinstance(said, dict) else ""


@dataclass(frozen=True)
class Keys:
    trained: str
    """Names the artifact with the trained model; empty before the recipe has [training]."""
    made: str
    """Names the one with what ships."""


def listing(git: Git, commit: str, path: str) -> dict[str, str]:
    """Blob by path, of the files below `path` at `commit`."""
    out = {}
    for entry in git("ls-tree", "-r", "-z", commit, "--", path).split("\0"):
        if entry.strip():
            about, _, name = entry.partition("\t")
            out[name] = about.split()[2]
    return out


def read(git: Git, commit: str, path: str) -> Recipe:
    """The recipe at `path` of `commit`; Refused if it is no TOML."""
    text = git("show", f"{commit}:{path}")
    try:
        if len(text) > MOST:
            raise ValueError(f"expected at most {MOST} characters, found {len(text)}")
        return Recipe(path.rpartition("/")[2].removesuffix(".toml"), path, hostile.read_toml(text))
    except ValueError as error:
        raise Refused(f"{path}: {error}", "a recipe is TOML with a table for each stage") from None


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Paths of the recipes that are other in the second of two listings of RECIPES."""
    return sorted(path for path, blob in after.items() if path.endswith(".toml") and before.get(path) != blob)


def keys(git: Git, commit: str, recipe: Recipe) -> Keys:
    """The keys of what CI makes of `recipe` with the pipeline as it is at `commit`."""
    code = {path: blob for path, blob in listing(git, commit, PIPELINE).items()
            if not path.startswith((f"{RECIPES}/", f"{MODELS}/"))}

    def key(tables: tuple[str, ...]) -> str:
        whole = json.dumps([code, {name: recipe.tables.get(name) for name in tables}], sort_keys=True, default=str)
        return hashlib.sha256(whole.encode()).hexdigest()[:20]

    if "training" not in recipe.tables:
        return Keys("", "")
    return Keys(f"slm-trained-{key(TRAINED)}", f"slm-made-{key(MADE)}")

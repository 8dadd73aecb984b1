"""The statistical baseline: TF-IDF of words and letters, logistic regression. No actions; trained on the spot.

Trained on train.jsonl (its first ROWS rows) of the dataset that stands at --model, and kept beside it: as arrays, since a
dataset may be a stranger's and a pickle in it would be a program.
"""

import time
import zipfile
from pathlib import Path

import numpy as np

from SLM.data.build import read
from SLM.decode import Answer
from SLM.errors import Missing, SlmError
from SLM.text import clean, lower

ROWS = 20000
KINDS = ({"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (2, 4), "max_features": 60000})
"""The two vectorizers."""


class Tfidf:
    def __init__(self, train: Path):
        try:
            from sklearn.feature_extraction.text import TfidfVectorizer
            from sklearn.linear_model import LogisticRegression
        except ImportError:
            raise Missing("--engine tfidf: the package scikit-learn is not installed (it is in the extra 'slm')") from None
        kept = train.with_name("tfidf.npz")
        self.vectorizers = [TfidfVectorizer(sublinear_tf=True, **kind) for kind in KINDS]
        self.regression = LogisticRegression(C=10, max_iter=100)
        if not (kept.exists() and kept.stat().st_mtime > train.stat().st_mtime and self._load(kept)):
            rows = read(train)[:ROWS]
            texts = [lower(r["text"]) for r in rows]
            for vectorizer in self.vectorizers:
                vectorizer.fit(texts)
            self.regression.fit(self._features(texts), [r["intent"] for r in rows])
            self._save(kept)

    def _features(self, texts: list[str]):
        from scipy.sparse import hstack

        return hstack([v.transform(texts) for v in self.vectorizers]).tocsr()

    def _save(self, path: Path) -> None:
        words = {f"words{i}": v.get_feature_names_out().astype(str) for i, v in enumerate(self.vectorizers)}
        weights = {f"idf{i}": v.idf_ for i, v in enumerate(self.vectorizers)}
        with path.open("wb") as file:
            np.savez_compressed(file, classes=self.regression.classes_.astype(str), coef=self.regression.coef_,
                                intercept=self.regression.intercept_, **words, **weights)

    def _load(self, path: Path) -> bool:
        """Take what `_save` kept; False if it is anything else."""
        parts = range(len(KINDS))
        try:
            with np.load(path, allow_pickle=False) as kept:
                words, weights = [[kept[f"{name}{i}"] for i in parts] for name in ("words", "idf")]
                classes, coef, intercept = (kept[name] for name in ("classes", "coef", "intercept"))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return False
        if not (all(w.dtype.kind == "U" and w.ndim == 1 and w.shape == i.shape and len(set(w)) == len(w) and i.dtype.kind == "f"
                    for w, i in zip(words, weights, strict=True)) and coef.dtype.kind == "f" and intercept.dtype.kind == "f"
                and coef.shape == (*classes.shape, sum(map(len, words))) and intercept.shape == classes.shape):
            return False
        for vectorizer, some, idf in zip(self.vectorizers, words, weights, strict=True):
            vectorizer.set_params(vocabulary=some.tolist())
            vectorizer.idf_ = idf
        self.regression.classes_, self.regression.coef_, self.regression.intercept_ = classes, coef, intercept
        return True

    def classify(self, text: str) -> Answer:
        began = time.perf_counter()
        classes = self.regression.classes_
        p = self.regression.predict_proba(self._features([lower(clean(text))]))[0]
        best = int(np.argmax(p))
        return Answer(str(classes[best]), float(p[best]), "", (time.perf_counter() - began) * 1000, none_probability(classes, p))

    def close(self) -> None:
        pass


def none_probability(classes, p) -> list[float]:
    """Log-probabilities in the order of INTENTS, so that the same measures apply as to logits."""
    from SLM.intents import INTENTS

    at = {str(name): i for i, name in enumerate(classes)}
    return [float(np.log(max(1e-9, p[at[name]]))) if name in at else -20.0 for name in INTENTS]


def open(model: Path, **_options) -> Tfidf:
    train = model / "train.jsonl" if model.is_dir() else model
    if not train.exists():
        raise SlmError(f"--engine tfidf: expected as --model a dataset of build-dataset (train.jsonl), found none at {model}")
    return Tfidf(train)

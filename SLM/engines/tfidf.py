"""The statistical baseline: TF-IDF of words and letters, logistic regression. No actions; trained on the spot.

Trained on train.jsonl (its first ROWS rows) of the dataset that stands at --model, and kept beside it.
"""

import pickle
import time
from pathlib import Path

import numpy as np

from SLM.data.build import read
from SLM.decode import Answer
from SLM.errors import Missing, SlmError
from SLM.text import clean, lower

ROWS = 20000


class Tfidf:
    def __init__(self, train: Path):
        try:
            from sklearn.feature_extraction.text import TfidfVectorizer
            from sklearn.linear_model import LogisticRegression
            from sklearn.pipeline import make_pipeline, make_union
        except ImportError:
            raise Missing("--engine tfidf: the package scikit-learn is not installed (it is in the extra 'slm')") from None
        kept = train.with_name("tfidf.pickle")
        if kept.exists() and kept.stat().st_mtime > train.stat().st_mtime:
            self.pipe = pickle.loads(kept.read_bytes())  # written by this very class, beside its own training rows
            return
        rows = read(train)[:ROWS]
        self.pipe = make_pipeline(
            make_union(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
                       TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, max_features=60000)),
            LogisticRegression(C=10, max_iter=100))
        self.pipe.fit([lower(r["text"]) for r in rows], [r["intent"] for r in rows])
        kept.write_bytes(pickle.dumps(self.pipe))

    def classify(self, text: str) -> Answer:
        began = time.perf_counter()
        p = self.pipe.predict_proba([lower(clean(text))])[0]
        best = int(np.argmax(p))
        return Answer(str(self.pipe.classes_[best]), float(p[best]), "", (time.perf_counter() - began) * 1000,
                      none_probability(self.pipe.classes_, p))

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
        raise SlmError(f"--engine tfidf: expected a dataset (train.jsonl) at {model}, found none")
    return Tfidf(train)

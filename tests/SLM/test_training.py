"""What training is made of: batches as one gather, hidden words, a teacher's probabilities, Muon in batches of matrices."""

import copy

import numpy as np
import torch
from torch import nn

from SLM import batches, config
from SLM.intents import ASK, BOS, EOS, FIRST_INTENT, INTENTS, UNK
from SLM.model import Slm
from SLM.muon import Muon
from SLM.tokenizer import Tokenizer
from SLM.train import loss_of

ROWS = [{"text": "restart nginx", "intent": "SYSTEM_MANAGE", "action": "restart nginx"},
        {"text": "what is tcp", "intent": "NONE", "action": ""},
        {"text": "the network card of this machine is slow", "intent": "TROUBLESHOOT", "action": None}]


def _examples(pipeline, rows=ROWS) -> batches.Examples:
    return batches.encode(rows, Tokenizer(pipeline / "model" / "tokenizer.json"), config.load("debug").train)


def test_a_batch_is_its_rows_padded(pipeline):
    examples = _examples(pipeline)
    ids, targets, weights = examples.batch(np.array([1, 0]))
    n = examples.lengths[0] - 1
    assert ids[1, 0] == BOS and targets[1, n - 1] == EOS and weights[1, n - 1] > 0
    assert (targets[0, examples.lengths[1] - 1:] == EOS).all() and (weights[0, examples.lengths[1] - 1:] == 0).all()
    asked = ids == ASK
    assert asked.sum() == 2 and (weights[asked] == 1).all()
    assert targets[asked].tolist() == [FIRST_INTENT + INTENTS.index(r["intent"]) for r in (ROWS[1], ROWS[0])]


def test_every_row_is_in_at_most_one_batch_and_batches_keep_the_budget(pipeline):
    examples = _examples(pipeline, ROWS * 400)
    plan = batches.plan(examples, 256, 7, 0)
    chosen = np.concatenate(plan)
    assert len(chosen) == len(set(chosen.tolist())) and len(chosen) > 0.95 * len(examples)
    assert all(examples.lengths[b].max() * len(b) <= 256 for b in plan)
    assert [b.tolist() for b in plan] == [b.tolist() for b in batches.plan(examples, 256, 7, 0)]
    assert [b.tolist() for b in plan] != [b.tolist() for b in batches.plan(examples, 256, 7, 1)]


def test_only_the_sentence_loses_words_and_its_action_is_not_asked_then(pipeline):
    torch.manual_seed(3)
    examples = _examples(pipeline, ROWS[:1] * 200)
    ids, _, weights = examples.batch(np.arange(200))
    hidden, changed = batches.without_some_words(ids, weights, 0.5)
    lost = hidden == UNK
    after = (ids == ASK).cumsum(1) > 0
    assert 0.15 < lost[:, 1:4].float().mean() < 0.35 and not lost[after].any() and not lost[:, 0].any()
    without = (changed * after != weights * after).any(1)
    assert (without >= lost.any(1)).all() and 0.3 < without.float().mean() < 0.7
    assert (changed[ids == ASK] == 1).all()


def test_a_teacher_moves_only_the_rows_that_have_one(pipeline):
    torch.manual_seed(1)
    net = Slm(config.load("debug").model).train()
    sure = [float(i == 6) for i in range(len(INTENTS))]
    examples = _examples(pipeline, [ROWS[0], {**ROWS[1], "soft": sure}])
    both = examples.batch(np.array([0, 1]))
    plain, _ = loss_of(net, *both)
    same, _ = loss_of(net, *both, examples.soft, 0.0)
    assert torch.allclose(plain, same)
    hard, _ = loss_of(net, *both, examples.soft, 1.0)
    hidden = net(both[0])[1]
    logits = net.logits(hidden[both[2][1] == 1])[0]
    moved = logits[FIRST_INTENT:FIRST_INTENT + 7].logsumexp(0) - logits.logsumexp(0)  # the label's loss, less the teacher's
    assert torch.allclose((hard - plain) * both[2].sum(), moved, atol=1e-3)


def test_muon_in_batches_is_torch_s_muon():
    torch.manual_seed(2)
    net = nn.Sequential(*(nn.Linear(a, b, bias=False) for a, b in ((32, 64), (64, 32), (32, 64), (64, 32))))
    twin = copy.deepcopy(net)
    ours = Muon(net.parameters(), lr=0.02, weight_decay=0.1)
    theirs = torch.optim.Muon(twin.parameters(), lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="original")
    for seed in range(4):
        x = torch.randn(16, 32, generator=torch.Generator().manual_seed(seed))
        for model, opt in ((net, ours), (twin, theirs)):
            opt.zero_grad()
            model(x).square().mean().backward()
            opt.step()
    for a, b in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(a, b, atol=2e-3)  # bfloat16 in the iteration

"""Muon: momentum whose update of a matrix is made nearly orthogonal by Newton-Schulz steps (K. Jordan, 2024).

The same arithmetic as torch.optim.Muon with adjust_lr_fn="original", but all matrices of one shape go through the
iteration as one batch: a model has few shapes and many matrices, and on a GPU starting kernels is what takes the time.
"""

import torch

A, B, C = 3.4445, -4.7750, 2.0315
"""Coefficients of the quintic iteration: steep at 0, so that few steps are enough."""


def orthogonal(g: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """(n, rows, cols) → the same matrices with singular values near 1, in bfloat16."""
    x = g.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / x.flatten(1).norm(dim=1).clamp(min=1e-7)[:, None, None]
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr: float, weight_decay: float, momentum: float = 0.95):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes: dict[torch.Size, list[torch.Tensor]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    if "momentum_buffer" not in self.state[p]:
                        self.state[p]["momentum_buffer"] = torch.zeros_like(p.grad)
                    shapes.setdefault(p.shape, []).append(p)
            for shape, params in shapes.items():
                grads = [p.grad for p in params]
                buffers = [self.state[p]["momentum_buffer"] for p in params]
                torch._foreach_lerp_(buffers, grads, 1 - group["momentum"])
                updates = orthogonal(torch.stack(torch._foreach_lerp(grads, buffers, group["momentum"])))  # Nesterov's
                torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
                rate = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
                torch._foreach_add_(params, list(updates.to(params[0].dtype).unbind(0)), alpha=-rate)

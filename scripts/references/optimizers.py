"""Writes test/optim/references/optimizers.json: the steps of torch.optim in float64, and Lion's by the formula of its paper.

Run once:  pip install torch==2.15.0 && python scripts/references/optimizers.py

Also test/optim/references/lbfgs.json: torch.optim.LBFGS on Rosenbrock's function, after each call of step(),
and plateaus.json: the rates of torch.optim.lr_scheduler.ReduceLROnPlateau.

Minimized is (1 + sin(3t) / 2) * sum((p - target)^2) at step t = 0, 1, ..., from `start`. Of each setting all parameters after each step.
"""

import json
import math
import pathlib

import torch

# PyTorch keeps rates and products of ASGD and NAdam in tensors of its default dtype.
torch.set_default_dtype(torch.float64)

START = [0.3, 0.7, -1.1]
TARGET = [1.0, -2.0, 0.5]
STEPS = 9

SETTINGS = [
    ("RMSprop", {}),
    ("RMSprop", dict(lr=0.05, alpha=0.8, momentum=0.9, weight_decay=0.1)),
    ("RMSprop", dict(lr=0.05, alpha=0.9, centered=True, eps=1e-3)),
    ("RMSprop", dict(lr=0.02, alpha=0.5, centered=True, momentum=0.5, eps=1e-2, maximize=True)),
    ("Adagrad", {}),
    ("Adagrad", dict(lr=0.3, lr_decay=0.1, weight_decay=0.2, initial_accumulator_value=0.5, eps=1e-4)),
    ("Adagrad", dict(lr=0.1, maximize=True)),
    ("Adadelta", {}),
    ("Adadelta", dict(lr=0.5, rho=0.7, eps=1e-3, weight_decay=0.1)),
    ("Adadelta", dict(lr=2.0, rho=0.95, eps=1e-2, maximize=True)),
    ("Adamax", {}),
    ("Adamax", dict(lr=0.1, betas=(0.8, 0.7), eps=1e-3, weight_decay=0.1)),
    ("Adamax", dict(lr=0.1, betas=(0.5, 0.9), maximize=True)),
    ("NAdam", {}),
    ("NAdam", dict(lr=0.1, betas=(0.8, 0.9), weight_decay=0.1, momentum_decay=0.05)),
    ("NAdam", dict(lr=0.1, weight_decay=0.2, decoupled_weight_decay=True, eps=1e-3, maximize=True)),
    ("RAdam", {}),
    ("RAdam", dict(lr=0.1, betas=(0.8, 0.9), weight_decay=0.1)),
    ("RAdam", dict(lr=0.1, betas=(0.9, 0.99), weight_decay=0.2, decoupled_weight_decay=True, eps=1e-3, maximize=True)),
    ("Rprop", {}),
    ("Rprop", dict(lr=0.5, etas=(0.4, 1.5), step_sizes=(1e-3, 0.8))),
    ("Rprop", dict(lr=0.05, maximize=True)),
    ("ASGD", {}),
    ("ASGD", dict(lr=0.1, lambd=0.5, alpha=0.6, t0=3, weight_decay=0.1)),
    ("ASGD", dict(lr=0.05, t0=0, maximize=True)),
]
LION = [{}, dict(lr=0.1, betas=(0.8, 0.6), weight_decay=0.3), dict(lr=0.05, weight_decay=0.1, maximize=True)]


def factor(t):
    return 1 + 0.5 * math.sin(3 * t)


def torch_steps(name, options):
    p = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    target = torch.tensor(TARGET, dtype=torch.float64)
    optimizer = getattr(torch.optim, name)([p], **options)
    steps = []
    for t in range(STEPS):
        optimizer.zero_grad()
        ((p - target).square().sum() * factor(t)).backward()
        optimizer.step()
        steps.append(p.tolist())
    state = {key: value.tolist() for key, value in optimizer.state[p].items() if value is not None}
    return steps, state


def lion_steps(lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, maximize=False):
    """Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2."""
    p, m, steps = list(START), [0.0] * 3, []
    for t in range(STEPS):
        for i in range(3):
            g = 2 * (p[i] - TARGET[i]) * factor(t) * (-1 if maximize else 1)
            c = betas[0] * m[i] + (1 - betas[0]) * g
            m[i] = betas[1] * m[i] + (1 - betas[1]) * g
            p[i] = p[i] - lr * ((c > 0) - (c < 0) + weight_decay * p[i])
        steps.append(list(p))
    return steps, {"exp_avg": m}


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


cases = [(name, options, *torch_steps(name, options)) for name, options in SETTINGS]
cases += [("Lion", options, *lion_steps(**options)) for options in LION]
rows = [
    dict(name=name, options={camel(k): v for k, v in options.items()}, steps=steps, state={camel(k): v for k, v in state.items()})
    for name, options, steps, state in cases
]
LBFGS = [dict(lr=0.1, max_iter=6), dict(lr=0.05, max_iter=8, history_size=2), dict(lr=0.1, max_iter=10, max_eval=5), dict(line_search_fn="strong_wolfe", max_iter=10)]


def lbfgs_steps(options):
    p = torch.tensor([-1.2, 1.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([p], **options)
    calls = 0

    def closure():
        nonlocal calls
        calls += 1
        optimizer.zero_grad()
        loss = 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2
        loss.backward()
        return loss

    rows = []
    for _ in range(5):
        loss = optimizer.step(closure)
        rows.append(dict(loss=loss.item(), p=p.tolist(), calls=calls))
    return rows


METRICS = [1.0, 0.8, 0.79999, 0.9, 0.7, 0.7, 0.75, math.nan, 0.72, 0.6995, 0.71, 0.8, 0.9, 1.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
PLATEAUS = [
    dict(patience=1, factor=0.5),
    dict(patience=2, cooldown=2, min_lr=0.004),
    dict(mode="max", patience=1, factor=0.3, threshold=0.05),
    dict(threshold=0.05, threshold_mode="abs", patience=0, factor=0.9, eps=0.005),
]


def plateau_rates(options):
    optimizer = torch.optim.SGD([dict(params=[torch.zeros(1)], lr=0.1), dict(params=[torch.zeros(1)], lr=0.02)])
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    rates = []
    for metric in METRICS:
        plateau.step(metric)
        rates.append([group["lr"] for group in optimizer.param_groups])
    return rates


plateaus = dict(
    metrics=[None if math.isnan(m) else m for m in METRICS],
    cases=[dict(options={camel(k): v for k, v in options.items()}, rates=plateau_rates(options)) for options in PLATEAUS],
)
(pathlib.Path(__file__).parents[2] / "test/optim/references/plateaus.json").write_text(json.dumps(plateaus) + "\n")

values = {"strong_wolfe": "strongWolfe"}
lbfgs = [dict(options={camel(k): values.get(v, v) for k, v in options.items()}, steps=lbfgs_steps(options)) for options in LBFGS]
(pathlib.Path(__file__).parents[2] / "test/optim/references/lbfgs.json").write_text(json.dumps(lbfgs, indent=1) + "\n")

out = pathlib.Path(__file__).parents[2] / "test/optim/references/optimizers.json"
out.parent.mkdir(exist_ok=True)
out.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")

"""Writes test/distributions/references/distributions.json with torch.distributions in float64 and, where torch has no such thing, SciPy.

Run once:  python scripts/references/distributions.py        (torch, scipy)

Of each family: parameters, places, log probabilities there with their gradients (of the sum, by place and by parameter), entropy, mean
and variance, cdf; of each pair the Kullback-Leibler divergence with its gradients by the parameters of both.
"""

import json
import pathlib

import torch
from scipy import special, stats
from torch import distributions as D

torch.set_default_dtype(torch.float64)
torch.distributions.Distribution.set_default_validate_args(False)


class Digamma(torch.autograd.Function):
    """torch's own derivative of it has 10 digits; SciPy's has 15."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tensor(special.digamma(x.detach().numpy()))

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * torch.tensor(special.polygamma(1, x.detach().numpy()))


torch.digamma = torch.Tensor.digamma = lambda x: Digamma.apply(x)
COV = [[2.0, 0.6, 0.1], [0.6, 1.0, -0.3], [0.1, -0.3, 0.5]]
COV2 = [[1.0, 0.2, 0.0], [0.2, 2.0, 0.4], [0.0, 0.4, 1.5]]
REAL = [-2.5, 0.3, 4.0]
POSITIVE = [0.2, 1.0, 7.5]
UNIT = [0.1, 0.5, 0.97]

# family, parameters by PyTorch's names, places, other parameters for the divergence
FAMILIES = [
    ("Normal", dict(loc=[0.5, -1.0, 2.0], scale=[0.3, 1.0, 4.0]), REAL, dict(loc=[0.0, 1.0, -2.0], scale=[1.0, 2.0, 0.5])),
    ("LogNormal", dict(loc=[0.5, -1.0, 0.2], scale=[0.3, 1.0, 0.7]), POSITIVE, dict(loc=[0.0, 1.0, -2.0], scale=[1.0, 2.0, 0.5])),
    ("Laplace", dict(loc=[0.5, -1.0, 2.0], scale=[0.3, 1.0, 4.0]), REAL, dict(loc=[0.0, 1.0, -2.0], scale=[1.0, 2.0, 0.5])),
    ("Exponential", dict(rate=[0.3, 1.0, 4.0]), POSITIVE, dict(rate=[1.0, 0.2, 3.0])),
    ("Uniform", dict(low=[-3.0, 0.0, 1.0], high=[-1.0, 1.0, 9.0]), REAL, dict(low=[-4.0, -1.0, 0.5], high=[0.0, 2.0, 10.0])),
    ("Gamma", dict(concentration=[0.3, 1.0, 5.5], rate=[2.0, 1.0, 0.4]), POSITIVE, dict(concentration=[1.5, 0.2, 3.0], rate=[1.0, 3.0, 0.7])),
    ("Beta", dict(concentration1=[0.3, 1.0, 5.5], concentration0=[2.0, 1.0, 0.4]), UNIT, dict(concentration1=[1.5, 0.2, 3.0], concentration0=[1.0, 3.0, 0.7])),
    ("StudentT", dict(df=[2.5, 4.0, 30.0], loc=[0.5, -1.0, 2.0], scale=[0.3, 1.0, 4.0]), REAL, None),
    ("Poisson", dict(rate=[0.3, 4.0, 90.0]), [0.0, 3.0, 101.0], dict(rate=[1.0, 0.2, 80.0])),
    ("Bernoulli", dict(probs=[0.1, 0.5, 0.9]), [0.0, 1.0, 1.0], dict(probs=[0.3, 0.2, 0.7])),
    ("Bernoulli", dict(logits=[-2.0, 0.0, 3.0]), [0.0, 1.0, 0.0], dict(logits=[0.3, 0.2, -0.7])),
    ("Categorical", dict(probs=[[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]]), [2, 0], dict(probs=[[0.3, 0.2, 0.5], [0.1, 0.1, 0.8]])),
    ("Categorical", dict(logits=[[0.1, 2.0, -0.7], [0.3, 0.3, 4.0]]), [2, 0], dict(logits=[[0.3, 0.2, 0.5], [0.1, -3.0, 0.8]])),
    ("Dirichlet", dict(concentration=[[0.5, 1.0, 3.0], [2.0, 2.0, 7.0]]), [[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]], dict(concentration=[[1.0, 1.5, 2.0], [0.3, 4.0, 5.0]])),
    ("MultivariateNormal", dict(loc=[0.1, -0.2, 0.3], covariance_matrix=COV), [[0.0, 1.0, 2.0], [-1.0, 0.5, 0.2]], dict(loc=[1.0, 0.0, -1.0], covariance_matrix=COV2)),
    ("MultivariateNormal", dict(loc=[0.1, -0.2, 0.3], scale_tril=[[1.5, 0.0, 0.0], [0.4, 0.9, 0.0], [-0.2, 0.3, 0.7]]), [[0.0, 1.0, 2.0], [-1.0, 0.5, 0.2]], dict(loc=[1.0, 0.0, -1.0], scale_tril=[[1.0, 0.0, 0.0], [0.1, 0.5, 0.0], [0.2, -0.3, 2.0]])),
    ("MultivariateNormal", dict(loc=[0.1, -0.2, 0.3], precision_matrix=COV), [[0.0, 1.0, 2.0], [-1.0, 0.5, 0.2]], dict(loc=[1.0, 0.0, -1.0], precision_matrix=COV2)),
]
PAIRS = [
    ("Exponential", dict(rate=[0.3, 1.0]), "Gamma", dict(concentration=[1.5, 0.2], rate=[1.0, 3.0])),
    ("Exponential", dict(rate=[0.3, 1.0]), "Normal", dict(loc=[1.5, 0.2], scale=[1.0, 3.0])),
    ("Gamma", dict(concentration=[1.5, 0.2], rate=[1.0, 3.0]), "Exponential", dict(rate=[0.3, 1.0])),
    ("Gamma", dict(concentration=[1.5, 0.2], rate=[1.0, 3.0]), "Normal", dict(loc=[1.5, 0.2], scale=[1.0, 3.0])),
    ("Laplace", dict(loc=[1.5, 0.2], scale=[1.0, 3.0]), "Normal", dict(loc=[0.0, -0.2], scale=[2.0, 0.5])),
    ("Normal", dict(loc=[1.5, 0.2], scale=[1.0, 3.0]), "Laplace", dict(loc=[0.0, -0.2], scale=[2.0, 0.5])),
    ("Uniform", dict(low=[-3.0, 0.0], high=[-1.0, 1.0]), "Normal", dict(loc=[0.0, -0.2], scale=[2.0, 0.5])),
]


def leaves(parameters):
    return {k: torch.tensor(v, requires_grad=True) for k, v in parameters.items()}


def listed(value):
    return [[None if v != v else ("inf" if v == float("inf") else "-inf" if v == -float("inf") else v) for v in value.detach().reshape(-1).tolist()], list(value.shape)]


def with_gradients(value, tensors):
    finite = value[value.isfinite()]
    grads = torch.autograd.grad(finite.sum(), list(tensors.values()), allow_unused=True, retain_graph=True)
    return dict(value=listed(value), gradients={k: listed(torch.zeros_like(t) if g is None else g) for (k, t), g in zip(tensors.items(), grads)})


def divergence(p, pp, q, qq):
    a, b = leaves(pp), leaves(qq)
    value = D.kl_divergence(getattr(D, p)(**a), getattr(D, q)(**b))
    return dict(p=p, q=q, parameters=[pp, qq], **with_gradients(value, {**{f"p.{k}": v for k, v in a.items()}, **{f"q.{k}": v for k, v in b.items()}}))


families, pairs = [], []
for name, parameters, at, other in FAMILIES:
    p = leaves(parameters)
    d = getattr(D, name)(**p)
    x = torch.tensor(at, requires_grad=name not in ("Categorical", "Poisson", "Bernoulli"))
    tensors = {**p, **({"x": x} if x.requires_grad else {})}
    log_prob = d.log_prob(x)
    if name == "Uniform":  # torch has the derivative of log((x >= low) & ...) only: written out
        inside = ((x >= p["low"]) & (x < p["high"])).detach()
        log_prob = torch.where(inside, -(p["high"] - p["low"]).log(), -torch.inf)
    row = dict(family=name, parameters=parameters, x=at, logProb=with_gradients(log_prob, tensors))
    if name == "Poisson":
        assert torch.allclose(log_prob.detach(), torch.tensor(stats.poisson.logpmf(at, parameters["rate"])))
    else:
        row["entropy"] = with_gradients(d.entropy(), p)
    if name != "Categorical":
        row["mean"], row["variance"] = listed(d.mean), listed(d.variance)
    if name in ("Normal", "LogNormal", "Laplace", "Exponential", "Uniform"):
        row["cdf"] = with_gradients(d.cdf(x), tensors)
    families.append(row)
    if other is not None:
        pairs.append(divergence(name, parameters, name, other))
pairs += [divergence(*pair) for pair in PAIRS]
out = pathlib.Path(__file__).parents[2] / "test/distributions/references/distributions.json"
out.parent.mkdir(parents=True, exist_ok=True)
rows = lambda values: "[\n" + ",\n".join(json.dumps(v, separators=(",", ":")) for v in values) + "\n]"
out.write_text('{"families":' + rows(families) + ',\n"pairs":' + rows(pairs) + "}\n")
print(len(families), len(pairs))

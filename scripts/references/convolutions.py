"""Writes test/ops/references/convolutions.json: convolutions and poolings of JAX, with gradients, in float64.

Run once:  pip install jax==0.5.3 && python scripts/references/convolutions.py
"""

import json
import pathlib

import jax
import jax.numpy as np

jax.config.update("jax_enable_x64", True)

# image, kernel, stride, padding, dilation, groups
CASES = [
    ([2, 3, 10], [4, 3, 3], [2], [1], [1], 1),
    ([1, 4, 12], [6, 2, 5], [1], [4], [2], 2),
    ([2, 1, 28, 28], [3, 1, 3, 3], [1, 1], [0, 0], [1, 1], 1),
    ([2, 3, 9, 8], [4, 3, 3, 2], [2, 3], [1, 0], [1, 2], 1),
    ([1, 6, 7, 7], [6, 1, 3, 3], [2, 2], [1, 1], [1, 1], 6),
    ([3, 4, 5, 5], [8, 2, 5, 5], [1, 1], [2, 2], [1, 1], 2),
    ([1, 2, 6, 20], [5, 2, 2, 16], [1, 1], [0, 0], [1, 1], 1),
    ([1, 2, 5, 4, 6], [3, 2, 2, 3, 2], [2, 1, 2], [0, 1, 1], [1, 1, 2], 1),
]


def numbers(shape, seed):
    # Whole numbers over 16: exact in every format.
    count = int(np.prod(np.array(shape)))
    return [((i * 37 + seed * 11) % 61 - 30) / 16 for i in range(count)]


def convolve(x, w, stride, padding, dilation, groups):
    return jax.lax.conv_general_dilated(
        x, w, stride, [(p, p) for p in padding], rhs_dilation=dilation, feature_group_count=groups,
        dimension_numbers=jax.lax.conv_dimension_numbers(x.shape, w.shape, None))


rows = []
for k, (image, kernel, stride, padding, dilation, groups) in enumerate(CASES):
    x = np.array(numbers(image, k)).reshape(image)
    w = np.array(numbers(kernel, k + 100)).reshape(kernel)
    f = lambda x, w: convolve(x, w, stride, padding, dilation, groups)
    y = f(x, w)
    c = np.array(numbers(list(y.shape), k + 200)).reshape(y.shape)
    loss = lambda x, w: np.sum(np.sin(f(x, w) * 0.1) * c)
    dx, dw = jax.grad(loss, (0, 1))(x, w)
    inner = lambda x, w: sum(np.sum(g * g) for g in jax.grad(loss, (0, 1))(x, w))
    ddx, ddw = jax.grad(inner, (0, 1))(x, w)
    total = lambda a: [float(np.sum(a)), float(np.sum(a * np.cos(np.arange(a.size)).reshape(a.shape)))]
    rows.append({
        "image": image, "kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation, "groups": groups,
        "shape": list(y.shape), "value": total(y), "gradients": [total(dx), total(dw)], "second": [total(ddx), total(ddw)],
    })

target = pathlib.Path(__file__).parents[2] / "test" / "ops" / "references" / "convolutions.json"
target.write_text(json.dumps(rows, indent=1) + "\n")

"""Writes test/ops/references/einsum.json: sums of products, tensordot, kron, cross and powers of matrices of NumPy, in float64 and int32.

Run once:  pip install numpy==2.4.6 && python scripts/references/einsum.py
"""

import json
import pathlib

import numpy as np

EQUATIONS = [
    ("ij,jk->ik", [[5, 7], [7, 3]]),
    ("ij,jk", [[5, 7], [7, 3]]),
    ("ba", [[3, 4]]),
    ("ii", [[6, 6]]),
    ("ii->i", [[6, 6]]),
    ("iji->j", [[4, 3, 4]]),
    ("...ii->...i", [[2, 3, 4, 4]]),
    ("ijk->", [[3, 4, 5]]),
    ("i,j", [[3], [4]]),
    ("ij,ij->i", [[3, 4], [3, 4]]),
    ("bqhd,bkhd->bhqk", [[2, 5, 3, 4], [2, 6, 3, 4]]),
    ("bhqk,bkhd->bqhd", [[2, 3, 5, 6], [2, 6, 3, 4]]),
    ("...ij,...jk->...ik", [[2, 1, 3, 4], [5, 4, 2]]),
    ("...,...", [[3, 1], [4]]),
    ("bn,anm,bm->ba", [[3, 4], [5, 4, 6], [3, 6]]),
    ("ea,fb,abcd,gc,hd->efgh", [[3, 4], [3, 4], [4, 4, 4, 4], [2, 4], [2, 4]]),
    ("ijk,ilm,njm,nlk,abc->", [[3, 2, 4], [3, 5, 2], [4, 2, 2], [4, 5, 4], [1, 2, 3]]),
    ("aab,bcc->ac", [[3, 3, 2], [2, 4, 4]]),
    ("xcy,cz->zyx", [[3, 4, 20], [4, 2]]),
    ("bxiy,biz->bxzy", [[2, 3, 4, 17], [2, 4, 2]]),
    ("bxiy,bzil->bxzyl", [[2, 3, 4, 17], [2, 3, 4, 18]]),
    ("ij,jk->ik", [[3, 1], [4, 2]]),
    ("ij,jk->ik", [[2, 0], [0, 3]]),
    ("Ab,bA->A", [[3, 2], [2, 3]]),
    (",i,->i", [[], [3], []]),
]
TENSORDOT = [
    (2, [[2, 3, 4], [3, 4, 5]]),
    (1, [[2, 3], [3, 4]]),
    (0, [[2, 3], [2]]),
    ([[1, 2], [1, 0]], [[2, 3, 4], [4, 3, 5]]),
    ([[-1], [0]], [[2, 3], [3, 2, 2]]),
    ([[0, 2], [3, 1]], [[2, 3, 4], [5, 4, 6, 2]]),
]
KRON = [[[2, 3], [4, 2]], [[3], [2]], [[2], [3, 1, 2]], [[], [2, 2]], [[2, 0], [1, 3]]]
CROSS = [([[3], [3]], -1), ([[4, 3], [3]], -1), ([[2, 1, 3], [5, 3]], -1), ([[3, 4], [3, 4]], 0), ([[2, 3, 4], [2, 3, 1]], 1)]
POWERS = [([3, 3], 0), ([3, 3], 1), ([3, 3], 2), ([2, 3, 3], 5), ([2, 2], 13), ([1, 1], 4), ([0, 0], 3)]

INVERSE_POWERS = [([3, 3], -1), ([2, 3, 3], -2), ([2, 2], -5), ([0, 0], -1)]


def numbers(shape, seed):
    # Whole numbers: exact in every format.
    count = int(np.prod(shape))
    return np.array([(i * 37 + seed * 11) % 13 - 6 for i in range(count)], dtype=np.int32).reshape(shape)


def row(inputs, f, **more):
    xs = [numbers(shape, k) for k, shape in enumerate(inputs)]
    whole = f(*xs)
    exact = f(*[x / 16 for x in xs])
    return {**more, "inputs": inputs, "shape": list(whole.shape), "int32": whole.ravel().tolist(), "float64": exact.ravel().tolist()}


def inverse_row(shape, n):
    x = numbers(shape, 0) / 16 + 2 * np.eye(shape[-1])
    return {"input": shape, "n": n, "float64": np.linalg.matrix_power(x, n).ravel().tolist()}


rows = {
    "einsum": [row(shapes, lambda *x: np.asarray(np.einsum(equation, *x)), equation=equation) for equation, shapes in EQUATIONS],
    "tensordot": [row(shapes, lambda a, b: np.tensordot(a, b, axes), axes=axes) for axes, shapes in TENSORDOT],
    "kron": [row(shapes, np.kron) for shapes in KRON],
    "cross": [row(shapes, lambda a, b: np.cross(a, b, axis=axis), axis=axis) for shapes, axis in CROSS],
    "matrixPower": [row([shape], lambda x: np.linalg.matrix_power(x, n), n=n) for shape, n in POWERS],
    "inversePower": [inverse_row(shape, n) for shape, n in INVERSE_POWERS],
}
target = pathlib.Path(__file__).parents[2] / "test" / "ops" / "references" / "einsum.json"
target.write_text(json.dumps(rows) + "\n")

"""Writes test/io/references.json: files of NumPy and safetensors, as base64, with what is in them.

Run once:  pip install numpy==2.4.6 safetensors==0.8.0 ml_dtypes==0.6.0 && python scripts/references/files.py
"""

import base64
import io
import json
import pathlib

import ml_dtypes
import numpy as np
from safetensors.numpy import save

ARRAYS = {
    "f32": np.array([[1.5, -0.0, np.inf], [np.nan, 2.0**-149, -3.4e38]], np.float32),
    "f64": np.array([np.pi, -5e-324, -np.inf, 0.1]),
    "i32": np.array([[2147483647], [-2147483648]], np.int32),
    "bool": np.array([True, False, True]),
    "f16": np.array([1, -2.5, 65504, 6e-8, -6.1e-5, np.inf, np.nan, -0.0], np.float16),
    "i64": np.array([2147483647, -2147483648, 0]),
    "u32": np.array([0, 7], np.uint32),
    "i16": np.array([-32768, 32767], np.int16),
    "u16": np.array([65535], np.uint16),
    "i8": np.array([-128, 127], np.int8),
    "u8": np.array([255, 0], np.uint8),
    "scalar": np.array(3.25, np.float32),
    "empty": np.zeros((0, 3), np.float32),
}
NPY_ONLY = {
    "big endian": np.arange(3, dtype=">f8"),
    "big endian i32": np.array([-2, 1000000], ">i4"),
    "big endian f16": np.array([1.5, -2], ">f2"),
    "fortran": np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
    "fortran i16": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
}
REFUSED = {
    "complex": np.array([1j]),
    "text": np.array(["a"]),
    "record": np.zeros(1, [("a", "f4"), ("b", "i4")]),
    "too large": np.array([2**31]),
}


def text(b):
    return base64.b64encode(b).decode()


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return text(out.getvalue())


def described(array):
    # Each number as the bytes of a float64: JSON has no NaN.
    return {"shape": list(array.shape), "values": text(np.ascontiguousarray(array.astype(np.float64)).tobytes())}


def npz(writer):
    out = io.BytesIO()
    writer(out, **{name: array for name, array in ARRAYS.items()})
    return text(out.getvalue())


bf16 = np.array([1.0, -3.140625, np.inf, 1e-40], ml_dtypes.bfloat16)
metadata = {"format": "pt", "näme": "ü \"quoted\" {"}
result = {
    "arrays": {name: described(a) for name, a in {**ARRAYS, **NPY_ONLY}.items()},
    "npy": {name: npy(a) for name, a in {**ARRAYS, **NPY_ONLY}.items()},
    "npy2": npy(ARRAYS["f32"], (2, 0)),
    "npy3": npy(ARRAYS["f32"], (3, 0)),
    "refused": {name: npy(a) for name, a in REFUSED.items()},
    "npz": npz(np.savez),
    "npzCompressed": npz(np.savez_compressed),
    "safetensors": text(save(ARRAYS, metadata=metadata)),
    "bf16": {"file": text(save({"bf16": bf16})), **described(bf16)},
    "metadata": metadata,
}
target = pathlib.Path(__file__).parents[2] / "test" / "io" / "references.json"
target.parent.mkdir(exist_ok=True)
target.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")

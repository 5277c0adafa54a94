"""Writes test/scientific/references/scipy.json: solutions of differential equations, integrals, roots and splines by SciPy.

Run once:  pip install scipy numpy && python scripts/references/scientific.py
"""

import json
import pathlib

import numpy as np
from scipy.integrate import quad, solve_ivp
from scipy.interpolate import CubicSpline
from scipy.optimize import root


def solved(name, f, y0, ts):
    found = solve_ivp(f, (ts[0], ts[-1]), y0, method="DOP853", t_eval=ts, rtol=1e-13, atol=1e-13)
    return {"name": name, "y0": y0, "ts": ts, "y": found.y.T.tolist()}


def main():
    predators = lambda t, y: [1.5 * y[0] - y[0] * y[1], y[0] * y[1] - 3 * y[1]]
    oscillator = lambda t, y: [y[1], (1 - y[0] ** 2) * y[1] - y[0]]
    forced = lambda t, y: [np.sin(3 * t) - 0.5 * y[0]]
    equations = [
        solved("predators", predators, [10.0, 5.0], [0.0, 0.5, 1.0, 2.5, 4.0]),
        solved("oscillator", oscillator, [2.0, 0.0], [0.0, 1.0, 5.0, 10.0]),
        solved("forced", forced, [1.0], [1.0, 1.25, 3.0]),
        solved("forced", forced, [1.0], [3.0, 2.0, 0.5]),
    ]
    integrals = [
        {"name": name, "a": str(a), "b": str(b), "value": quad(f, a, b, epsabs=1e-13, epsrel=1e-13)[0]}
        for name, f, a, b in [
            ("wave", lambda x: np.sin(30 * x) * np.exp(-x), 0.0, 3.0),
            ("peak", lambda x: 1 / (1e-4 + (x - 0.3) ** 2), 0.0, 1.0),
            ("bell", lambda x: np.exp(-x * x / 2), -np.inf, 1.0),
            ("bell", lambda x: np.exp(-x * x / 2), -np.inf, np.inf),
            ("tail", lambda x: 1 / (1 + x**3), 2.0, np.inf),
            ("wave", lambda x: np.sin(30 * x) * np.exp(-x), 3.0, 1.0),
        ]
    ]
    x, y = [0.0, 0.5, 1.5, 2.0, 3.5], [1.0, -1.0, 0.5, 2.0, 0.0]
    at = [-0.5, 0.0, 0.2, 1.0, 1.9, 3.0, 4.0]
    splines = [
        {"boundary": boundary, "x": x, "y": y, "at": at, "values": CubicSpline(x, y, bc_type=boundary)(at).tolist()}
        for boundary in ["not-a-knot", "natural", "clamped"]
    ]
    system = root(lambda v: [v[0] + 0.5 * (v[0] - v[1]) ** 3 - 1.0, 0.5 * (v[1] - v[0]) ** 3 + v[1]], [0, 0], tol=1e-14)
    folder = pathlib.Path(__file__).parents[2] / "test" / "scientific" / "references"
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"equations": equations, "integrals": integrals, "splines": splines, "root": system.x.tolist()}
    (folder / "scipy.json").write_text(json.dumps(tables, indent=1) + "\n")


main()

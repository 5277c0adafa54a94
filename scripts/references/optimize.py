"""Writes test/optimize/references/optimize.json: minima and fits of SciPy.

Run once:  pip install scipy==1.17.1 && python scripts/references/optimize.py
"""

import json
import pathlib

import numpy as np
from scipy.optimize import curve_fit, least_squares, minimize, rosen, rosen_der

beale = lambda v: (1.5 - v[0] + v[0] * v[1]) ** 2 + (2.25 - v[0] + v[0] * v[1] ** 2) ** 2 + (2.625 - v[0] + v[0] * v[1] ** 3) ** 2
himmelblau = lambda v: (v[0] ** 2 + v[1] - 11) ** 2 + (v[0] + v[1] ** 2 - 7) ** 2
WEIGHTS = 10.0 ** np.linspace(0, 6, 8)
CENTRE = np.arange(8) - 3.0
quadratic = lambda v: float(np.sum(WEIGHTS * (v - CENTRE) ** 2) / 2 + np.sum(v) ** 2)


def precise(f, x0, jac=None):
    """To the last digit that there is: BFGS, then Nelder and Mead where no gradient is given."""
    found = minimize(f, x0, jac=jac, method="BFGS", options=dict(gtol=1e-9))
    return minimize(f, found.x, method="Nelder-Mead", options=dict(xatol=1e-13, fatol=0, maxiter=20000, maxfev=40000))


minima = {
    "rosenbrock": (rosen, [-1.2, 1.0]),
    "rosenbrock6": (rosen, [1.3, 0.7, 0.8, 1.9, 1.2, 1.5]),
    "beale": (beale, [1.0, 1.0]),
    "himmelblau": (himmelblau, [0.0, 0.0]),
    "himmelblau2": (himmelblau, [-2.0, -3.0]),
}
rows = [dict(name=name, x0=x0, x=(r := precise(f, x0)).x.tolist(), value=float(r.fun)) for name, (f, x0) in minima.items()]
# The quadratic is solved.
matrix = np.diag(WEIGHTS) + 2 * np.ones((8, 8))
x = np.linalg.solve(matrix, WEIGHTS * CENTRE)
rows.append(dict(name="quadratic", x0=[1.0] * 8, x=x.tolist(), value=quadratic(x)))
counts = {m: int(minimize(rosen, [-1.2, 1.0], jac=rosen_der, method=m, options=dict(gtol=1e-6)).nfev) for m in ["BFGS", "L-BFGS-B"]}

# A decay with noise (made here, by a formula), with and without bounds and sigma.
t = np.linspace(0, 4, 17)
y = 2.5 * np.exp(-1.3 * t) + 0.5 + 0.05 * np.sin(7 * t + 1)
sigma = 0.02 + 0.01 * t
decay = lambda t, a, k, c: a * np.exp(-k * t) + c
popt, pcov = curve_fit(decay, t, y, p0=[1, 1, 0], xtol=1e-14, ftol=1e-14)
wopt, wcov = curve_fit(decay, t, y, p0=[1, 1, 0], sigma=sigma, xtol=1e-14, ftol=1e-14)
fits = dict(t=t.tolist(), y=y.tolist(), sigma=sigma.tolist(), x=popt.tolist(), covariance=pcov.tolist(), weighted=wopt.tolist(), weightedCovariance=wcov.tolist(), bounded=[])
for lower, upper, x0 in [([0, 0, 0.6], [np.inf, 3, 1], [1, 1, 0.7]), ([0, 0, -1], [2, 1, 1], [1, 0.5, 0]), ([3, -1, -1], [4, 5, 0.45], [3, 1, 0])]:
    r = least_squares(lambda p: decay(t, *p) - y, x0, bounds=(lower, upper), xtol=1e-15, ftol=1e-15, gtol=1e-15, jac="3-point")
    # trf stays inside of bounds; those it leans on are put on them.
    fits["bounded"].append(dict(lower=[float(v) for v in lower], upper=[None if v == np.inf else float(v) for v in upper], x0=[float(v) for v in x0], x=r.x.tolist(), cost=float(r.cost)))

out = pathlib.Path(__file__).parents[2] / "test/optimize/references/optimize.json"
out.write_text(json.dumps(dict(minima=rows, evaluations=counts, fits=fits), indent=1) + "\n")
print(counts, [(r["name"], r["value"]) for r in rows], fits["x"], fits["bounded"])

"""Values and derivatives of the elementary functions in 50 digits, for test/ops/derivatives.test.ts.

    pip install mpmath==1.3.0
    python scripts/references/derivatives.py > test/ops/references/derivatives.json

Each function gives its value and three derivatives by formulas of calculus, evaluated in 80 digits, where their cancellations
do no harm. A row of the result is [x, f(x), f'(x), f''(x), f'''(x)]; x is a float32 number where one is near, so that both dtypes
see the same point. null stands for what float64 cannot hold.
"""
import json
import struct
import sys

from mpmath import acos, acosh, asin, asinh, atan, atanh, cos, cosh, erf, erfc, erfinv, exp, expm1, log, log1p, loggamma, mp, mpf, npdf, pi, psi, sech, sin, sinh, sqrt, tan, tanh

mp.dps = 80


def float32(x):
    try:
        y = struct.unpack("f", struct.pack("f", x))[0]
    except OverflowError:
        return None
    return y if 1e-37 < abs(y) < 1e38 else None


def sigma(x):
    return 1 / (1 + exp(-x))


def softplus(x):
    return x + log1p(exp(-x)) if x > 0 else log1p(exp(x))


SMALL = [1e-20, -1e-20, 1e-10, -1e-5, 1e-3, -1e-3]
ORDINARY = [0.1, -0.3, 0.7, -0.9, 1.1, -1.7, 2.5, -3.2, 5.0, -7.5]
SATURATED = [9.0, -9.0, 17.0, -17.0, 20.0, -20.0, 40.0, -40.0, 80.0, -80.0, 300.0, -300.0]
LARGE = [1e4, -1e4, 1e10, -1e10, 1e18, -1e18, 1e120, -1e120]
EDGES = [0.99, -0.99, 0.999999, -0.999999, 0.99999994, -0.99999994, 1 - 2.0**-40, -1 + 2.0**-50]
POSITIVE = [1e-20, 1e-10, 1e-5, 0.1, 0.5, 0.9999, 1.0, 1.0001, 2.5, 10.0, 1e4, 1e10, 1e18]


def positive_and_huge():
    return POSITIVE + [1e-100, 1e100]


def power(p):
    return (lambda x: x**p, lambda x: p * x ** (p - 1), lambda x: p * (p - 1) * x ** (p - 2), lambda x: p * (p - 1) * (p - 2) * x ** (p - 3))


def logarithm(base):
    k = 1 / log(mpf(base)) if base else mpf(1)
    return (lambda x: k * log(x), lambda x: k / x, lambda x: -k / x**2, lambda x: 2 * k / x**3)


third = mpf(1) / 3


def s1(x):
    e = exp(-abs(x))
    return e / (1 + e) ** 2


def s2(x):
    return -s1(x) * tanh(x / 2)


def s3(x):
    return s1(x) * (tanh(x / 2) ** 2 - sech(x / 2) ** 2 / 2)


def g(x):
    return 2 / sqrt(pi) * exp(-x * x)


def hermite(k):
    return (lambda x: k * g(x), lambda x: -2 * k * x * g(x), lambda x: k * (4 * x * x - 2) * g(x))


def chain(x, u, f):
    """f(u(x)): values and derivatives up to the third from those of u and of f at u."""
    (u0, u1, u2, u3), (f0, f1, f2, f3) = u, f
    return (f0, f1 * u1, f2 * u1**2 + f1 * u2, f3 * u1**3 + 3 * f2 * u1 * u2 + f1 * u3)


def times_x(x, w):
    return (x * w[0], w[0] + x * w[1], 2 * w[1] + x * w[2], 3 * w[2] + x * w[3])


def sigmoid_at(x):
    return (sigma(x), s1(x), s2(x), s3(x))


def tanh_at(x):
    y, d = tanh(x), sech(x) ** 2
    return (y, d, -2 * y * d, d * (4 * y * y - 2 * d))


def mish(x):
    return times_x(x, chain(x, (softplus(x), sigma(x), s1(x), s2(x)), tanh_at(softplus(x))))


def gelu_tanh(x):
    k, c = 2 * sqrt(2 / pi), mpf("0.044715")
    u = (k * (x + c * x**3), k * (1 + 3 * c * x**2), 6 * k * c * x, 6 * k * c)
    return times_x(x, chain(x, u, sigmoid_at(u[0])))


def gelu(x):
    phi = npdf(x)
    return (x * erfc(-x / sqrt(2)) / 2, erfc(-x / sqrt(2)) / 2 + x * phi, phi * (2 - x * x), phi * (x**3 - 4 * x))


def erfinv_at(x):
    y = erfinv(x)
    d = sqrt(pi) / 2 * exp(y * y)
    return (y, d, 2 * y * d * d, d**3 * (2 + 8 * y * y))


def sinc_at(x):
    if x == 0:
        return (mpf(1), mpf(0), -(pi**2) / 3, mpf(0))
    with mp.workdps(160):
        u = pi * x
        s, c = sin(u), cos(u)
        return tuple(+v for v in (
            s / u,
            pi * (c / u - s / u**2),
            pi**2 * (-s / u - 2 * c / u**2 + 2 * s / u**3),
            pi**3 * (-c / u + 3 * s / u**2 + 6 * c / u**3 - 6 * s / u**4),
        ))


def elu_at(scale, alpha):
    return lambda x: (scale * x, scale, mpf(0), mpf(0)) if x > 0 else (scale * alpha * expm1(x),) + (scale * alpha * exp(x),) * 3


def inverse(sign_one, x):
    """1/√(x² + sign) and two derivatives."""
    q = x * x + sign_one
    return (q ** mpf("-0.5"), -x * q ** mpf("-1.5"), (2 * x * x - sign_one) * q ** mpf("-2.5"))


def asin_slopes(k, x):
    q = (1 - x) * (1 + x)
    return (k * q ** mpf("-0.5"), k * x * q ** mpf("-1.5"), k * (1 + 2 * x * x) * q ** mpf("-2.5"))


FUNCTIONS = {
    "square": (power(2), SMALL + ORDINARY + LARGE),
    "sqrt": (power(mpf("0.5")), positive_and_huge()),
    "rsqrt": (power(mpf("-0.5")), positive_and_huge()),
    "cbrt": (lambda x: (lambda s, a: (s * a**third, third * a ** (third - 1), -s * 2 * third**2 * a ** (third - 2), 10 * third**3 * a ** (third - 3)))(1 if x > 0 else -1, abs(x)), positive_and_huge() + [-0.3, -27.0, -1e5]),
    "reciprocal": (power(-1), positive_and_huge() + [-0.3, -27.0, -1e5]),
    "exp": ((exp,) * 4, SMALL + ORDINARY + [40.0, -40.0, 80.0, -80.0, 300.0, -300.0]),
    "exp2": (tuple((lambda k: lambda x: log(mpf(2)) ** k * mpf(2) ** x)(k) for k in range(4)), SMALL + ORDINARY + [80.0, -80.0]),
    "expm1": ((expm1, exp, exp, exp), SMALL + ORDINARY + [40.0, -40.0, 80.0, -80.0]),
    "log": (logarithm(None), positive_and_huge()),
    "log2": (logarithm(2), positive_and_huge()),
    "log10": (logarithm(10), positive_and_huge()),
    "log1p": ((log1p, lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2, lambda x: 2 / (1 + x) ** 3), SMALL + [0.1, -0.3, 0.7, -0.9, 5.0, 1e4, 1e10, -0.999999, -1 + 2.0**-40]),
    "sin": ((sin, cos, lambda x: -sin(x), lambda x: -cos(x)), SMALL + ORDINARY + [1e4, 1e6]),
    "cos": ((cos, lambda x: -sin(x), lambda x: -cos(x), sin), SMALL + ORDINARY + [1e4, 1e6]),
    "tan": (lambda x: (lambda y: (y, 1 + y * y, 2 * y * (1 + y * y), (2 + 6 * y * y) * (1 + y * y)))(tan(x)), SMALL + ORDINARY + [1.5, 1.57, 1.5707963, 4.7123890, 100.0]),
    "asin": (lambda x: (asin(x),) + asin_slopes(1, x), SMALL + [0.1, -0.3, 0.7, -0.9] + EDGES),
    "acos": (lambda x: (acos(x),) + asin_slopes(-1, x), SMALL + [0.1, -0.3, 0.7, -0.9] + EDGES),
    "atan": (lambda x: (atan(x), 1 / (1 + x * x), -2 * x / (1 + x * x) ** 2, (6 * x * x - 2) / (1 + x * x) ** 3), SMALL + ORDINARY + LARGE),
    "sinh": ((sinh, cosh, sinh, cosh), SMALL + ORDINARY + [20.0, -20.0, 80.0, 300.0]),
    "cosh": ((cosh, sinh, cosh, sinh), SMALL + ORDINARY + [20.0, -20.0, 80.0, 300.0]),
    "tanh": (tanh_at, SMALL + ORDINARY + SATURATED),
    "asinh": (lambda x: (asinh(x),) + inverse(1, x), SMALL + ORDINARY + LARGE),
    "acosh": (lambda x: (acosh(x),) + inverse(-1, x), [1 + 2.0**-40, 1.0000001, 1.001, 1.1, 2.5, 10.0, 1e4, 1e10, 1e18, 1e120, 1e160]),
    "atanh": (lambda x: (lambda q: (atanh(x), 1 / q, 2 * x / q**2, (2 + 6 * x * x) / q**3))((1 - x) * (1 + x)), SMALL + [0.1, -0.3, 0.7, -0.9] + EDGES),
    "erf": (lambda x: (erf(x),) + tuple(f(x) for f in hermite(1)), SMALL + ORDINARY + [9.0, -9.0, 20.0]),
    "erfc": (lambda x: (erfc(x),) + tuple(f(x) for f in hermite(-1)), SMALL + ORDINARY + [9.0, -9.0, 20.0]),
    "erfinv": (erfinv_at, SMALL + [0.1, -0.3, 0.7, -0.9] + EDGES),
    "lgamma": (lambda x: (loggamma(x).real, psi(0, x), psi(1, x), psi(2, x)), [1e-10, 1e-5, 0.1, 0.7, 1.0000001, 1.5, 1.999, 2.001, 5.0, 30.0, 1e4, 1e10, -0.3, -1.7, -5.5]),
    "digamma": (lambda x: (psi(0, x), psi(1, x), psi(2, x), psi(3, x)), [1e-10, 1e-5, 0.1, 0.7, 1.0, 1.5, 2.0, 5.0, 30.0, 1e4, 1e10, -0.3, -1.7, -5.5]),
    "sinc": (sinc_at, SMALL + [0.1, -0.3, 0.7, -0.9, 1.1, -1.7, 2.5, -3.2, -7.5, 20.25, 1000.5]),
    "sigmoid": (sigmoid_at, SMALL + ORDINARY + SATURATED),
    "softplus": (lambda x: (softplus(x), sigma(x), s1(x), s2(x)), SMALL + ORDINARY + SATURATED),
    "logSigmoid": (lambda x: (-softplus(-x), sigma(-x), -s1(x), -s2(x)), SMALL + ORDINARY + SATURATED),
    "silu": (lambda x: times_x(x, sigmoid_at(x)), SMALL + ORDINARY + SATURATED),
    "mish": (mish, SMALL + ORDINARY + SATURATED),
    "gelu": (gelu, SMALL + ORDINARY + [9.0, -9.0, 12.0, -12.0, 20.0, -20.0, 30.0, -30.0]),
    "geluTanh": (gelu_tanh, SMALL + ORDINARY + [9.0, -9.0, 12.0, 20.0]),
    "elu": (elu_at(mpf(1), mpf(1)), SMALL + ORDINARY + SATURATED),
    "selu": (elu_at(mpf("1.0507009873554804934193349852946"), mpf("1.6732632423543772848170429916717")), SMALL + ORDINARY + SATURATED),
    "pow2.5": (power(mpf("2.5")), [1e-10, 1e-5, 0.1, 0.7, 1.0, 3.0, 1e4, 1e10]),
    "pow-1.5": (power(mpf("-1.5")), [1e-10, 1e-5, 0.1, 0.7, 1.0, 3.0, 1e4, 1e10]),
    "pow3": (power(3), SMALL + ORDINARY + [1e10]),
    "hypot1": (lambda x: (sqrt(1 + x * x),) + (lambda q: (x * q, q**3, -3 * x * q**5))(inverse(1, x)[0]), SMALL + ORDINARY + LARGE),
    "atan2of1": (lambda x: (atan(1 / x) if x > 0 else atan(1 / x) + pi, -1 / (1 + x * x), 2 * x / (1 + x * x) ** 2, (2 - 6 * x * x) / (1 + x * x) ** 3), SMALL + ORDINARY + LARGE),
    "logaddexp0": (lambda x: (softplus(x), sigma(x), s1(x), s2(x)), SMALL + ORDINARY + SATURATED),
    "logsumexp0": (lambda x: (softplus(x), sigma(x), s1(x), s2(x)), ORDINARY + SATURATED),
    "softmax0": (sigmoid_at, ORDINARY + SATURATED),
    "logSoftmax0": (lambda x: (-softplus(-x), sigma(-x), -s1(x), -s2(x)), ORDINARY + SATURATED),
    "xlogy2": (lambda x: (2 * log(x), 2 / x, -2 / x**2, 4 / x**3), [1e-10, 1e-5, 0.1, 0.7, 1.0001, 3.0, 1e4, 1e10]),
}


def compact(v):
    """null where float64 overflows, 0 where it has no normal number."""
    v = float(v)
    if abs(v) == float("inf"):
        return None
    return v if abs(v) >= 1e-290 else 0.0


def row(f, x):
    x = mpf(x)
    values = f(x) if callable(f) else tuple(d(x) for d in f)
    return [compact(v) for v in values]


POINTS = [(2.0, 0.0), (3.0, 1.0), (0.5, -2.0), (1e-10, 2.5), (7.0, 0.5), (1.0, 1.0), (2.0**-40, 3.0), (3.0, 2.0**-40), (1e8, 0.75), (40.0, 0.0), (-3.0, 37.0)]
ORDERS = [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3)]

# Functions of two numbers: mpmath's differences, whose steps are as small as 80 digits allow.
PAIRS = {
    "pow": (lambda x, y: x**y, lambda x, y: x > 0 and x < 1e6),
    "hypot": (lambda x, y: sqrt(x * x + y * y), lambda x, y: True),
    "atan2": (lambda x, y: mp.atan2(x, y), lambda x, y: True),
    "xlogy": (lambda x, y: x * log(y), lambda x, y: y > 0),
    "logaddexp": (lambda x, y: log(exp(x) + exp(y)), lambda x, y: abs(x) < 100),
}


def mixed(f, x, y):
    """What the differences leave of a derivative that is 0 is far below every other value here."""
    with mp.workdps(200):
        values = [mp.diff(f, (mpf(x), mpf(y)), order) for order in ORDERS]
    return [compact(v) if abs(v) > 1e-100 else 0.0 for v in values]


one, two = {}, {}
for name, (f, points) in FUNCTIONS.items():
    rows = []
    for x in points:
        narrow = float32(x)
        wanted = narrow if narrow is not None and (abs(abs(x) - 1) > 1e-7 or abs(narrow) != 1) else x
        if not (name in ("asin", "acos", "atanh", "erfinv", "acosh", "log1p") and abs(wanted) == 1):
            rows.append([wanted] + row(f, wanted))
    one[name] = rows
for name, (f, defined) in PAIRS.items():
    points = [tuple(float32(v) if v else v for v in point) for point in POINTS if defined(*point)]
    two[name] = [[x, y] + mixed(f, x, y) for x, y in points + ([(0.0, 0.5), (0.0, 3.0)] if name == "xlogy" else [])]
json.dump({"one": one, "two": two}, sys.stdout, separators=(",", ":"))
sys.stdout.write("\n")

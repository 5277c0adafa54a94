"""Writes test/optimize/references/nist.json from the files of NIST's Statistical Reference Datasets for nonlinear regression.

    https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml (works of the US government, in the public domain); the folder NIST_STRD of
    the repository lmfit/lmfit-py, which the JSON was made from, holds the same files.

Run once:  python scripts/references/nist.py FOLDER_WITH_DAT_FILES

Of each problem: its level, both starts, the certified parameters with their standard deviations, the residual sum of squares, the rows
of the data (y first).
"""

import json
import pathlib
import re
import sys


def read(path):
    text = path.read_text()
    lines = text.splitlines()
    first, last = map(int, re.search(r"Data +\(lines (\d+) to (\d+)\)", text).groups())
    parameters = re.findall(r"^ *b\d+ = +(\S+) +(\S+) +(\S+) +(\S+)", text, re.M)
    columns = list(zip(*[[float(v) for v in row] for row in parameters]))
    return dict(
        name=path.stem,
        level=re.search(r"(\w+) +Level of Difficulty", text).group(1),
        starts=[list(columns[0]), list(columns[1])],
        parameters=list(columns[2]),
        deviations=list(columns[3]),
        squares=float(re.search(r"Residual Sum of Squares: +(\S+)", text).group(1)),
        data=[[float(v) for v in line.split()] for line in lines[first - 1 : last]],
    )


problems = [read(path) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.dat"))]
out = pathlib.Path(__file__).parents[2] / "test/optimize/references/nist.json"
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text("[\n" + ",\n".join(json.dumps(p, separators=(",", ":")) for p in problems) + "\n]\n")
for p in problems:
    print(p["name"], p["level"], len(p["parameters"]), len(p["data"]))

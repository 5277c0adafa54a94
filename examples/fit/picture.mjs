// The measurements, the curve and its band as an SVG.

const round = (v) => Math.round(v * 10) / 10;

/** Steps of 1, 2 or 5 times a power of ten, about `count` of them. */
function marks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((s) => s * power >= rough);
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9 * step; v += step) out.push(v);
  return out;
}

export function drawFit({ curve, data, title }) {
  const [width, height, left, top] = [640, 400, 56, 44];
  const [inner, tall] = [width - left - 24, height - top - 48];
  const [x0, x1] = [Math.min(...curve.x), Math.max(...curve.x)];
  const [y0, y1] = [Math.min(0, ...curve.low), Math.max(...curve.high, ...data.y)];
  const px = (x) => round(left + (inner * (x - x0)) / (x1 - x0));
  const py = (y) => round(top + tall - (tall * (y - y0)) / (y1 - y0));
  const along = (ys) => ys.map((y, i) => `${px(curve.x[i])} ${py(y)}`);
  const band = `M${[...along(curve.high), ...along(curve.low).reverse()].join("L")}Z`;
  const across = marks(x0, x1, 6).map(
    (x) => `<text x="${px(x)}" y="${top + tall + 20}" text-anchor="middle">${Number(x.toPrecision(6))}</text>`,
  );
  const up = marks(y0, y1, 6).map(
    (y) =>
      `<path d="M${left} ${py(y)}H${left + inner}" stroke="#e2e8f0"/><text x="${left - 8}" y="${py(y) + 4}" text-anchor="end">${Number(y.toPrecision(6))}</text>`,
  );
  const points = data.x.map((x, i) => `<circle cx="${px(x)}" cy="${py(data.y[i])}" r="3.5"/>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="#334155">
<rect width="${width}" height="${height}" fill="#fff"/><text x="${left}" y="26" font-size="15" font-weight="600">${title}</text>
${up.join("")}${across.join("")}
<path d="${band}" fill="#2563eb" fill-opacity="0.18"/><path d="M${along(curve.y).join("L")}" fill="none" stroke="#2563eb" stroke-width="2"/>
<g fill="#0f172a">${points.join("")}</g></svg>
`;
}

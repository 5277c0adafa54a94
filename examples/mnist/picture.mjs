// The result as an SVG: the loss curve, and a few digits with what the network took them for.

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const round = (v) => Math.round(v * 10) / 10;

/** Means of `size` values each. */
function smoothed(values, size) {
  const out = [];
  for (let i = 0; i < values.length; i += size) {
    const part = values.slice(i, i + size);
    out.push(part.reduce((a, b) => a + b, 0) / part.length);
  }
  return out;
}

function curve(losses, x, y, width, height) {
  const points = smoothed(losses, Math.max(1, Math.floor(losses.length / 240)));
  const [low, high] = [Math.min(...points), Math.max(...points)].map((v) => Math.log10(Math.max(v, 1e-6)));
  const px = (i) => x + (width * i) / Math.max(1, points.length - 1);
  const py = (v) => y + height - (height * (Math.log10(Math.max(v, 1e-6)) - low)) / Math.max(high - low, 1e-9);
  const marks = [];
  for (let e = Math.ceil(low * 3) / 3; e <= high; e += 1 / 3) {
    const at = round(py(10 ** e));
    marks.push(
      `<path d="M${x} ${at}H${x + width}" stroke="#e2e8f0"/><text x="${x - 8}" y="${at + 4}" text-anchor="end">${(10 ** e).toPrecision(2)}</text>`,
    );
  }
  const path = points.map((v, i) => `${i === 0 ? "M" : "L"}${round(px(i))} ${round(py(v))}`).join("");
  return `${marks.join("")}<path d="${path}" fill="none" stroke="#2563eb" stroke-width="2"/>
<text x="${x + width / 2}" y="${y + height + 34}" text-anchor="middle">training step (of ${losses.length})</text><text x="${x}" y="${y - 12}" font-weight="600">Loss, log scale</text>`;
}

/** One pixel a square; rows of equal brightness are joined to keep the file small. */
function digit({ pixels, label, prediction }, x, y, scale) {
  const squares = [];
  for (let row = 0; row < 28; row++) {
    for (let column = 0; column < 28; ) {
      const level = Math.round(pixels[row * 28 + column] * 15);
      let end = column + 1;
      while (end < 28 && Math.round(pixels[row * 28 + end] * 15) === level) end++;
      if (level > 0)
        squares.push(
          `<rect x="${round(x + column * scale)}" y="${round(y + row * scale)}" width="${round((end - column) * scale)}" height="${scale}" fill-opacity="${round(level / 15)}"/>`,
        );
      column = end;
    }
  }
  const right = label === prediction;
  return `<rect x="${x}" y="${y}" width="${28 * scale}" height="${28 * scale}" fill="#f8fafc" stroke="${right ? "#16a34a" : "#dc2626"}" stroke-width="1.5"/><g fill="#0f172a" shape-rendering="crispEdges">${squares.join("")}</g>
<text x="${x + 14 * scale}" y="${y + 28 * scale + 17}" text-anchor="middle" fill="${right ? "#15803d" : "#b91c1c"}">${prediction}${right ? "" : ` (is ${label})`}</text>`;
}

export function drawResult({ losses, digits, title }) {
  const [scale, gap, perRow] = [3, 20, 8];
  const cell = 28 * scale + gap;
  const rows = Math.ceil(digits.length / perRow);
  const width = 60 + perRow * cell;
  const height = 350 + rows * (cell + 14);
  const pictures = digits.map((d, i) => digit(d, 40 + (i % perRow) * cell, 350 + Math.floor(i / perRow) * (cell + 14), scale));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="#334155">
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="40" y="32" font-size="17" font-weight="700" fill="#0f172a">${escape(title)}</text>
${curve(losses, 70, 76, width - 120, 190)}
<text x="40" y="334" font-weight="600">Test digits and predictions</text>
${pictures.join("\n")}
</svg>
`;
}

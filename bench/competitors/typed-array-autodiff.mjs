// A reverse-mode autodiff in plain JavaScript on Float32Arrays, as a careful author would write one: closures on a
// tape, matrix loops in cache-friendly order, no allocation beyond the results.

class Node {
  constructor(data, rows, columns) {
    this.data = data;
    this.rows = rows;
    this.columns = columns;
    this.gradient = null;
  }
  grad() {
    return (this.gradient ??= new Float32Array(this.data.length));
  }
}

export class Tape {
  steps = [];

  leaf(data, rows, columns) {
    return new Node(data, rows, columns);
  }

  /** [n, k] · [k, m] */
  matmul(a, b) {
    const { rows: n, columns: k } = a;
    const m = b.columns;
    const out = new Node(new Float32Array(n * m), n, m);
    const [A, B, C] = [a.data, b.data, out.data];
    for (let i = 0; i < n; i++)
      for (let p = 0; p < k; p++) {
        const v = A[i * k + p];
        for (let j = 0; j < m; j++) C[i * m + j] += v * B[p * m + j];
      }
    this.steps.push(() => {
      const G = out.gradient;
      const [dA, dB] = [a.grad(), b.grad()];
      for (let i = 0; i < n; i++)
        for (let p = 0; p < k; p++) {
          let sum = 0;
          const v = A[i * k + p];
          for (let j = 0; j < m; j++) {
            const g = G[i * m + j];
            sum += g * B[p * m + j];
            dB[p * m + j] += v * g;
          }
          dA[i * k + p] += sum;
        }
    });
    return out;
  }

  /** Adds a row to every row. */
  addRow(a, row) {
    const { rows: n, columns: m } = a;
    const out = new Node(new Float32Array(n * m), n, m);
    for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out.data[i * m + j] = a.data[i * m + j] + row.data[j];
    this.steps.push(() => {
      const [dA, dRow, G] = [a.grad(), row.grad(), out.gradient];
      for (let i = 0; i < n; i++)
        for (let j = 0; j < m; j++) {
          dA[i * m + j] += G[i * m + j];
          dRow[j] += G[i * m + j];
        }
    });
    return out;
  }

  map(a, f, derivative) {
    const out = new Node(a.data.map(f), a.rows, a.columns);
    this.steps.push(() => {
      const [dA, G] = [a.grad(), out.gradient];
      for (let i = 0; i < dA.length; i++) dA[i] += G[i] * derivative(a.data[i], out.data[i]);
    });
    return out;
  }

  /** Mean of f(a_i, target_i), with df/da. */
  mean(a, f, derivative) {
    const n = a.data.length;
    let sum = 0;
    for (let i = 0; i < n; i++) sum += f(a.data[i], i);
    const out = new Node(Float32Array.of(sum / n), 1, 1);
    this.steps.push(() => {
      const [dA, g] = [a.grad(), out.gradient[0] / n];
      for (let i = 0; i < n; i++) dA[i] += g * derivative(a.data[i], i);
    });
    return out;
  }

  /** Mean cross entropy of logits [n, classes] and labels. */
  crossEntropy(a, labels) {
    const { rows: n, columns: m } = a;
    const weights = new Float32Array(n * m);
    let loss = 0;
    for (let i = 0; i < n; i++) {
      let top = -Infinity;
      for (let j = 0; j < m; j++) top = Math.max(top, a.data[i * m + j]);
      let sum = 0;
      for (let j = 0; j < m; j++) sum += weights[i * m + j] = Math.exp(a.data[i * m + j] - top);
      for (let j = 0; j < m; j++) weights[i * m + j] /= sum;
      loss += Math.log(sum) + top - a.data[i * m + labels[i]];
    }
    const out = new Node(Float32Array.of(loss / n), 1, 1);
    this.steps.push(() => {
      const [dA, g] = [a.grad(), out.gradient[0] / n];
      for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) dA[i * m + j] += g * (weights[i * m + j] - (labels[i] === j ? 1 : 0));
    });
    return out;
  }

  backward(loss) {
    loss.gradient = Float32Array.of(1);
    for (let i = this.steps.length - 1; i >= 0; i--) this.steps[i]();
  }
}

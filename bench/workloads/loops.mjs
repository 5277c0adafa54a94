// Matrix products of row-major arrays by plain loops, in the order that runs along memory.

/** C [n, m] += A [n, k] · B [k, m] */
export function addProduct(A, B, C, n, k, m) {
  for (let i = 0; i < n; i++)
    for (let p = 0; p < k; p++) {
      const v = A[i * k + p];
      for (let j = 0; j < m; j++) C[i * m + j] += v * B[p * m + j];
    }
}

/** C [k, m] += A [n, k]ᵀ · G [n, m] */
export function addProductLeft(A, G, C, n, k, m) {
  for (let i = 0; i < n; i++)
    for (let p = 0; p < k; p++) {
      const v = A[i * k + p];
      for (let j = 0; j < m; j++) C[p * m + j] += v * G[i * m + j];
    }
}

/** C [n, k] += G [n, m] · B [k, m]ᵀ */
export function addProductRight(G, B, C, n, k, m) {
  for (let i = 0; i < n; i++)
    for (let p = 0; p < k; p++) {
      let sum = 0;
      for (let j = 0; j < m; j++) sum += G[i * m + j] * B[p * m + j];
      C[i * k + p] += sum;
    }
}

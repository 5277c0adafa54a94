/**
 * Colourings that say which columns (rows) of a sparse matrix may share one derivative pass. Greedy, largest degree first:
 * Gebremedhin, Manne, Pothen, "What color is your Jacobian?", SIAM Review 47 (2005).
 */

/** A sparsity pattern in compressed rows: the columns of row i are `columns[rowStart[i] .. rowStart[i + 1]]`, ascending. */
export interface Pattern {
  readonly rows: number;
  readonly columns: number;
  readonly rowStart: Int32Array;
  readonly columnIndex: Int32Array;
}

/** A colour for each column (or row) and how many there are. */
export interface Colouring {
  readonly colours: Int32Array;
  readonly count: number;
}

/** The pattern of the transpose. */
export function transposePattern(pattern: Pattern): Pattern {
  const start = new Int32Array(pattern.columns + 1);
  for (const column of pattern.columnIndex) start[column + 1]!++;
  for (let i = 0; i < pattern.columns; i++) start[i + 1]! += start[i]!;
  const next = start.slice();
  const index = new Int32Array(pattern.columnIndex.length);
  for (let row = 0; row < pattern.rows; row++) {
    for (let k = pattern.rowStart[row]!; k < pattern.rowStart[row + 1]!; k++) index[next[pattern.columnIndex[k]!]!++] = row;
  }
  return { rows: pattern.columns, columns: pattern.rows, rowStart: start, columnIndex: index };
}

/** Vertices with many neighbours first: what they may still take is rarest. */
function byDegree(pattern: Pattern): Int32Array {
  const order = Int32Array.from({ length: pattern.rows }, (_, i) => i);
  const degree = (i: number) => pattern.rowStart[i + 1]! - pattern.rowStart[i]!;
  return order.sort((a, b) => degree(b) - degree(a) || a - b);
}

/**
 * Columns that share a row get different colours, so that the sum of the columns of one colour shows each of them
 * unmixed (a distance-2 colouring of the column side of the bipartite graph). Empty columns take colour 0.
 */
export function colourColumns(pattern: Pattern): Colouring {
  const byColumn = transposePattern(pattern);
  const colours = new Int32Array(pattern.columns).fill(-1);
  const forbidden = new Int32Array(pattern.columns + 1).fill(-1);
  let count = 0;
  for (const column of byDegree(byColumn)) {
    for (let k = byColumn.rowStart[column]!; k < byColumn.rowStart[column + 1]!; k++) {
      const row = byColumn.columnIndex[k]!;
      for (let m = pattern.rowStart[row]!; m < pattern.rowStart[row + 1]!; m++) {
        const other = colours[pattern.columnIndex[m]!]!;
        if (other >= 0) forbidden[other] = column;
      }
    }
    let colour = 0;
    while (forbidden[colour] === column) colour++;
    colours[column] = colour;
    count = Math.max(count, colour + 1);
  }
  return { colours, count };
}

/**
 * Star colouring of a symmetric pattern: neighbours differ, and every path on four vertices has at least three colours.
 * Then each off-diagonal entry (i, j) can be read from one Hessian-vector product without solving (`entryOf`).
 */
export function starColouring(pattern: Pattern): Colouring {
  const n = pattern.rows;
  const colours = new Int32Array(n).fill(-1);
  const forbidden = new Int32Array(n + 1).fill(-1);
  let count = 0;
  const neighbours = (v: number) => pattern.columnIndex.subarray(pattern.rowStart[v]!, pattern.rowStart[v + 1]!);
  for (const v of byDegree(pattern)) {
    for (const w of neighbours(v)) {
      if (w === v) continue;
      if (colours[w]! >= 0) forbidden[colours[w]!] = v;
      for (const x of neighbours(w)) {
        if (x === v || x === w || colours[x]! < 0) continue;
        if (colours[w]! < 0) {
          // v and x would meet in w once it gets its colour: they must differ.
          forbidden[colours[x]!] = v;
        } else {
          // v - w - x - y with colour(y) = colour(w) would be a path of two colours if v took x's.
          for (const y of neighbours(x)) {
            if (y !== w && y !== x && colours[y] === colours[w]) {
              forbidden[colours[x]!] = v;
              break;
            }
          }
        }
      }
    }
    let colour = 0;
    while (forbidden[colour] === v) colour++;
    colours[v] = colour;
    count = Math.max(count, colour + 1);
  }
  return { colours, count };
}

/**
 * Where entry (i, j) of a star-coloured symmetric matrix stands in the compressed products B[row, colour] = (H s)_row:
 * at row i under j's colour when no other neighbour of i has that colour, else at row j under i's colour.
 */
export function entryOf(pattern: Pattern, { colours }: Colouring, i: number, j: number): [row: number, colour: number] {
  const wanted = colours[j]!;
  for (let k = pattern.rowStart[i]!; k < pattern.rowStart[i + 1]!; k++) {
    const other = pattern.columnIndex[k]!;
    if (other !== j && colours[other] === wanted) return [j, colours[i]!];
  }
  return [i, wanted];
}

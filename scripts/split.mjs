// Splits a WebAssembly file in two: what every page needs, and what is loaded when it is first asked for. Both work on one memory and one
// function table. Where the first half calls into the second, it calls through places of the table that the second half fills.

import { createHash } from "node:crypto";

/** Reads the numbers of the binary format. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return this.bytes[this.at++];
  }

  unsigned() {
    let result = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      result += (byte & 127) * scale;
      if (byte < 128) return result;
    }
  }

  /** Past numbers of the variable length that all immediates but floats have. */
  skip(count = 1) {
    for (let i = 0; i < count; i++) while (this.byte() >= 128);
  }

  name() {
    const length = this.unsigned();
    this.at += length;
    return Buffer.from(this.bytes.subarray(this.at - length, this.at)).toString();
  }
}

const unsigned = (value) => {
  const bytes = [];
  let rest = value;
  do {
    bytes.push(rest > 127 ? (rest % 128) + 128 : rest);
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
};

/** A signed number that is not negative. */
const constant = (value) => {
  const bytes = unsigned(value);
  if ((bytes.at(-1) & 64) !== 0) {
    bytes[bytes.length - 1] += 128;
    bytes.push(0);
  }
  return bytes;
};

const text = (string) => [...unsigned(Buffer.byteLength(string)), ...Buffer.from(string)];
const list = (items) => [...unsigned(items.length), ...items.flat()];
const SECTION = { type: 1, import: 2, function: 3, table: 4, memory: 5, global: 6, export: 7, element: 9, code: 10, name: 0 };
const KIND = { function: 0, table: 1, memory: 2, global: 3 };
const FUNCREF = 0x70;

/** Immediates of the instructions that begin with 0xfd (vectors) and 0xfc, by the number behind that. */
function vector(r, number) {
  if (number <= 11 || number === 92 || number === 93) r.skip(2);
  else if (number <= 13) r.at += 16;
  else if (number >= 21 && number <= 34) r.at++;
  else if (number >= 84 && number <= 91) {
    r.skip(2);
    r.at++;
  }
}

function extended(r, number) {
  if (number <= 7) return;
  if (number > 17) throw new Error(`split: instruction 0xfc ${number} is not known`);
  r.skip([8, 10, 12, 14].includes(number) ? 2 : 1);
}

/** Calls `found` with each function index that an instruction names, and where it stands. */
function walk(bytes, from, to, found) {
  const r = new Reader(bytes, from);
  while (r.at < to) {
    const code = r.byte();
    if (code === 0x10 || code === 0x12 || code === 0xd2) {
      const start = r.at;
      found(r.unsigned(), start, r.at);
    } else if (code === 0x11 || code === 0x13 || (code >= 0x28 && code <= 0x3e)) r.skip(2);
    else if ([0x02, 0x03, 0x04, 0x0c, 0x0d, 0x3f, 0x40, 0x41, 0x42].includes(code) || (code >= 0x20 && code <= 0x26)) r.skip();
    else if (code === 0x0e) r.skip(r.unsigned() + 1);
    else if (code === 0x43) r.at += 4;
    else if (code === 0x44) r.at += 8;
    else if (code === 0x1c) r.skip(r.unsigned());
    else if (code === 0xd0) r.at++;
    else if (code === 0xfc) extended(r, r.unsigned());
    else if (code === 0xfd) vector(r, r.unsigned());
    else if (!(code <= 0x01 || [0x05, 0x0b, 0x0f, 0x1a, 0x1b, 0xd1].includes(code) || (code >= 0x45 && code <= 0xc4)))
      throw new Error(`split: instruction ${code} is not known`);
  }
}

function limits(r) {
  const flags = r.byte();
  const minimum = r.unsigned();
  return { minimum, maximum: flags & 1 ? r.unsigned() : undefined };
}

/** What is needed of a module; its parts stay bytes. */
function parse(bytes) {
  const module = {
    bytes,
    sections: [],
    types: [],
    signatures: [],
    imports: 0,
    tables: [],
    globals: [],
    exports: [],
    elements: [],
    bodies: [],
    names: new Map(),
  };
  const each = (r, read) => Array.from({ length: r.unsigned() }, () => read(r));
  const readers = {
    [SECTION.type]: (r) => {
      module.types = each(r, () => {
        if (r.byte() !== 0x60) throw new Error("split: a type that is no function's");
        const parameters = each(r, () => r.byte()).length;
        each(r, () => r.byte());
        return parameters;
      });
    },
    [SECTION.import]: (r) => {
      each(r, () => {
        r.name();
        r.name();
        if (r.byte() !== KIND.function) throw new Error("split: only functions may be imported");
        module.signatures.push(r.unsigned());
        module.imports++;
      });
    },
    [SECTION.function]: (r) => module.signatures.push(...each(r, () => r.unsigned())),
    [SECTION.table]: (r) => {
      module.tables = each(r, () => ({ type: r.byte(), ...limits(r) }));
    },
    [SECTION.memory]: (r) => {
      [module.memory] = each(r, () => limits(r));
    },
    [SECTION.global]: (r) => {
      module.globals = each(r, () => {
        const global = [r.byte(), r.byte()];
        // The initial value: one constant.
        const code = r.byte();
        if (code === 0x41 || code === 0x42) r.skip();
        else throw new Error("split: a global that does not begin as an integer");
        if (r.byte() !== 0x0b) throw new Error("split: a global that begins as a formula");
        return global;
      });
    },
    [SECTION.export]: (r) => {
      module.exports = each(r, () => ({ name: r.name(), kind: r.byte(), index: r.unsigned() }));
    },
    [SECTION.element]: (r) => {
      each(r, () => {
        const flags = r.unsigned();
        if (flags === 2) r.skip();
        else if (flags !== 0) throw new Error(`split: elements of kind ${flags} are not known`);
        if (r.byte() !== 0x41) throw new Error("split: elements whose place is not a number");
        r.skip();
        r.at += flags === 2 ? 2 : 1;
        module.elements.push(...each(r, () => r.unsigned()));
      });
    },
    [SECTION.code]: (r) => {
      module.bodies = each(r, () => {
        const size = r.unsigned();
        r.at += size;
        return { from: r.at - size, to: r.at };
      });
    },
    [SECTION.name]: (r, to) => {
      if (r.name() !== "name") return;
      while (r.at < to) {
        const [kind, size] = [r.byte(), r.unsigned()];
        const end = r.at + size;
        if (kind === 1) each(r, () => module.names.set(r.unsigned(), r.name()));
        r.at = end;
      }
    },
  };
  const r = new Reader(bytes, 8);
  while (r.at < bytes.length) {
    const [id, size] = [r.byte(), r.unsigned()];
    const [from, to] = [r.at, r.at + size];
    module.sections.push({ id, from, to });
    readers[id]?.(new Reader(bytes, from), to);
    r.at = to;
  }
  for (const body of module.bodies) {
    const start = new Reader(bytes, body.from);
    // Its local variables: how many of each type.
    for (let i = start.unsigned(); i > 0; i--) start.skip(2);
    body.code = start.at;
    body.calls = new Set();
    walk(bytes, body.code, body.to, (index) => body.calls.add(index));
  }
  return module;
}

/**
 * The functions of the first half: what its exports and the entries of the function table reach. The name of an entry is no proof, as functions of
 * one code are merged under one of their names: an entry that does nothing but what the first half can do anyway is there too.
 */
function firstHalf({ names, imports, exports, elements, bodies }, isLater) {
  const reached = new Set();
  const reach = (start) => {
    const waiting = [start];
    while (waiting.length > 0) {
      const index = waiting.pop();
      if (reached.has(index)) continue;
      reached.add(index);
      waiting.push(...(bodies[index - imports]?.calls ?? []));
    }
  };
  const isRoot = (index) => !isLater(names.get(index) ?? "");
  for (const { kind, index } of exports) if (kind === KIND.function && isRoot(index)) reach(index);
  elements.filter(isRoot).forEach(reach);
  const harmless = (index) => !reached.has(index) && [...(bodies[index - imports]?.calls ?? [])].every((called) => reached.has(called));
  for (let more = elements.filter(harmless); more.length > 0; more = elements.filter(harmless)) more.forEach(reach);
  return reached;
}

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const section = (id, content) => [id, ...unsigned(content.length), ...content];
const concat = (parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const sized = (body) => concat([unsigned(body.length), body]);
const bigSection = (id, parts) => {
  const content = concat(parts);
  return concat([[id], unsigned(content.length), content]);
};

/** The second half imports from a module of this name what the first exports, under names that begin with a sign that no other export has. */
const FIRST = "core";
const shared = (kind, index) => `#${kind[0]}${index}`;

/**
 * The two halves of a module with names: exports and entries of the function table whose name `isLater`, and what only they need, are the second.
 * They fit each other and no others.
 */
export function split(bytes, isLater) {
  const module = parse(bytes);
  const { types, signatures, imports, tables, memory, globals, exports, elements, bodies } = module;
  // Another build's half would be linked and call something else: the memory's name tells them apart.
  const memoryName = shared("memory", createHash("sha256").update(bytes).digest("hex").slice(0, 12));
  const table = tables.findIndex(({ type }) => type === FUNCREF);
  const reached = firstHalf(module, isLater);
  const later = bodies.map((_, i) => i + imports).filter((index) => !reached.has(index));
  const isSecond = (index) => index >= imports && !reached.has(index);

  // What the first half needs of the second: a place in the table each.
  const entries = new Set(elements.filter(isSecond));
  for (const { kind, index } of exports) if (kind === KIND.function && isSecond(index)) entries.add(index);
  for (const index of reached) for (const called of bodies[index - imports]?.calls ?? []) if (isSecond(called)) entries.add(called);
  const first = tables[table].minimum;
  const places = new Map([...entries].map((index, i) => [index, first + i]));
  // And the second of the first.
  const used = [...new Set(later.flatMap((index) => [...bodies[index - imports].calls]))]
    .filter((index) => !isSecond(index))
    .sort((a, b) => a - b);

  const through = (index) => {
    const place = places.get(index);
    // Nobody calls it in this half.
    if (place === undefined) return [0, 0x00, 0x0b];
    const parameters = Array.from({ length: types[signatures[index]] }, (_, i) => [0x20, ...unsigned(i)]).flat();
    return [0, ...parameters, 0x41, ...constant(place), 0x11, ...unsigned(signatures[index]), ...unsigned(table), 0x0b];
  };
  const handed = [
    ...used.map((index) => [...text(shared("function", index)), KIND.function, ...unsigned(index)]),
    ...globals.map((_, i) => [...text(shared("global", i)), KIND.global, ...unsigned(i)]),
    [...text(shared("table", 0)), KIND.table, ...unsigned(table)],
    [...text(memoryName), KIND.memory, 0],
  ];
  const written = ({ minimum, maximum }) => [
    maximum === undefined ? 0 : 1,
    ...unsigned(minimum),
    ...(maximum === undefined ? [] : unsigned(maximum)),
  ];
  const replaced = {
    [SECTION.table]: () => [
      section(
        SECTION.table,
        list(tables.map((t, i) => [t.type, ...written(i === table ? { ...t, minimum: t.minimum + places.size } : t)])),
      ),
    ],
    [SECTION.export]: () => [
      section(SECTION.export, list([...exports.map(({ name, kind, index }) => [...text(name), kind, ...unsigned(index)]), ...handed])),
    ],
    [SECTION.code]: () => [
      bigSection(SECTION.code, [
        unsigned(bodies.length),
        ...bodies.map(({ from, to }, i) => sized(isSecond(i + imports) ? through(i + imports) : bytes.subarray(from, to))),
      ]),
    ],
    [SECTION.name]: () => [],
  };
  const core = [HEADER];
  for (const { id, from, to } of module.sections) core.push(...(replaced[id]?.() ?? [[id], unsigned(to - from), bytes.subarray(from, to)]));

  const numbers = new Map([...used, ...later].map((index, i) => [index, i]));
  const renumbered = ({ from, code, to }) => {
    const parts = [bytes.subarray(from, code)];
    let at = code;
    walk(bytes, code, to, (index, start, end) => {
      parts.push(bytes.subarray(at, start), unsigned(numbers.get(index)));
      at = end;
    });
    return sized(concat([...parts, bytes.subarray(at, to)]));
  };
  const from = (name, kind, type) => [...text(FIRST), ...text(name), kind, ...type];
  const { from: typesFrom, to: typesTo } = module.sections.find(({ id }) => id === SECTION.type);
  const second = [
    HEADER,
    bigSection(SECTION.type, [bytes.subarray(typesFrom, typesTo)]),
    section(
      SECTION.import,
      list([
        ...used.map((index) => from(shared("function", index), KIND.function, unsigned(signatures[index]))),
        from(shared("table", 0), KIND.table, [FUNCREF, ...written({ minimum: first + places.size })]),
        from(memoryName, KIND.memory, written({ minimum: memory.minimum, maximum: memory.maximum })),
        ...globals.map((global, i) => from(shared("global", i), KIND.global, global)),
      ]),
    ),
    section(SECTION.function, list(later.map((index) => unsigned(signatures[index])))),
    section(
      SECTION.element,
      list([[0, 0x41, ...constant(first), 0x0b, ...list([...places.keys()].map((index) => unsigned(numbers.get(index))))]]),
    ),
    bigSection(SECTION.code, [unsigned(later.length), ...later.map((index) => renumbered(bodies[index - imports]))]),
  ];
  return { core: concat(core), second: concat(second), places: places.size, handed: handed.length };
}

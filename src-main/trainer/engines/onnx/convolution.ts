/**
 * Convolutions and their gradients as matrix products. ONNX Runtime's own Conv with changing weights reaches a third of the speed of
 * its MatMul on a CPU, so pixels are gathered into a matrix of patches first, [output pixels, kernel height * width * channels], in
 * pieces of the batch that stay in the cache. All index tables are constants of the graph.
 */
import type { Graph, Value } from './graph.ts';

/** Sizes of one convolution; the padding at the bottom and right follows from the output's size. */
export interface Geometry {
  batch: number;
  /** [height, width] of the image side. */
  image: readonly [number, number];
  imageChannels: number;
  /** [height, width] of the side that the convolution gives. */
  output: readonly [number, number];
  outputChannels: number;
  kernel: readonly [number, number];
  stride: readonly [number, number];
  /** Zeros above and left. */
  padding: readonly [number, number];
}

/** A matrix of patches larger than this falls out of the second-level cache and is better made in pieces. */
const cacheBytes = 4 * 2 ** 20;
/** Fewer rows than this do not keep the matrix product busy. */
const fewestRows = 1024;

interface Span {
  from: number;
  to: number;
}

/** Pieces of the batch, in images. */
function spans(g: Geometry): Span[] {
  const rows = g.output[0] * g.output[1];
  const bytes = rows * taps(g) * g.imageChannels * 4;
  const images = Math.max(Math.floor(cacheBytes / bytes), Math.ceil(fewestRows / rows), 1);
  const count = Math.ceil(g.batch / images);
  return Array.from({ length: count }, (_, i) => ({
    from: Math.floor((i * g.batch) / count),
    to: Math.floor(((i + 1) * g.batch) / count),
  }));
}

const taps = (g: Geometry) => g.kernel[0] * g.kernel[1];
const outputPixels = (g: Geometry) => g.output[0] * g.output[1];
const imagePixels = (g: Geometry) => g.image[0] * g.image[1];
const describe = (g: Geometry) => [...g.image, ...g.output, ...g.kernel, ...g.stride, ...g.padding].join(' ');

/** Row numbers to gather; -1 stands for a row of zeros. */
interface Table {
  rows: Int32Array;
  /** Tells the table apart from others. */
  key: string;
}

function isIdentity(rows: Int32Array, count: number): boolean {
  return rows.length === count && rows.every((row, i) => row === i);
}

/** Rows of a [count, channels] matrix, in the table's order; the zero row, where one is needed, comes first. */
function gather(graph: Graph, x: Value, table: Table, use: string): Value {
  const [count, channels] = x.shape as [number, number];
  const { rows, key } = table;
  if (isIdentity(rows, count)) return x;
  const shape = [rows.length, channels];
  const take = (from: Value, indices: Value) =>
    graph.node('Gather', [from, indices], shape, axis0, 'float32', use);
  if (!rows.includes(-1)) return take(x, graph.constant(rows, [rows.length], key));
  const shifted = graph.constant(
    rows.map((row) => row + 1),
    [rows.length],
    `${key} after zeros`,
  );
  return take(withZeroRow(graph, x), shifted);
}

const axis0 = { axis: { int: 0 } };

function withZeroRow(graph: Graph, x: Value): Value {
  const [count, channels] = x.shape as [number, number];
  const zeros = graph.constant(new Float32Array(channels), [1, channels]);
  return graph.node('Concat', [zeros, x], [count + 1, channels], axis0);
}

export function reshape(graph: Graph, x: Value, shape: readonly number[]): Value {
  if (x.shape.length === shape.length && x.shape.every((side, i) => side === shape[i])) return x;
  if (x.splat !== undefined) return { ...x, shape };
  return graph.node('Reshape', [x, graph.ints(shape)], shape, {}, x.type);
}

/** Rows of a matrix, piece by piece. */
function split(graph: Graph, x: Value, lengths: readonly number[]): Value[] {
  if (lengths.length === 1) return [x];
  const [, columns] = x.shape as [number, number];
  const outputs = lengths.map((length) => ({ shape: [length, columns] }));
  return graph.nodes('Split', [x, graph.ints(lengths)], outputs, axis0);
}

function join(graph: Graph, pieces: readonly Value[]): Value {
  if (pieces.length === 1) return pieces[0]!;
  const rows = pieces.reduce((sum, piece) => sum + piece.shape[0]!, 0);
  return graph.node('Concat', pieces, [rows, pieces[0]!.shape[1]!], axis0);
}

/** For each output pixel of the images `from` to `to` and each tap of the kernel, the pixel that it looks at. */
function patchTable(g: Geometry, { from, to }: Span): Table {
  const rows = new Int32Array((to - from) * outputPixels(g) * taps(g));
  let at = 0;
  for (let image = from; image < to; image += 1) {
    for (let oy = 0; oy < g.output[0]; oy += 1) {
      for (let ox = 0; ox < g.output[1]; ox += 1) {
        for (let ky = 0; ky < g.kernel[0]; ky += 1) {
          const y = oy * g.stride[0] - g.padding[0] + ky;
          for (let kx = 0; kx < g.kernel[1]; kx += 1) {
            const x = ox * g.stride[1] - g.padding[1] + kx;
            const inside = y >= 0 && y < g.image[0] && x >= 0 && x < g.image[1];
            rows[at] = inside ? (image * g.image[0] + y) * g.image[1] + x : -1;
            at += 1;
          }
        }
      }
    }
  }
  return { rows, key: `patches ${from} ${to} of ${describe(g)}` };
}

/**
 * The matrix of patches of some images: [output pixels, taps * channels], columns in the order of a kernel's [ky, kx, channel].
 * The forward pass and the kernel's gradient each gather their own: it is too large to wait in memory from one to the other.
 */
function patches(graph: Graph, g: Geometry, x: Value, span: Span, use: 'forward' | 'gradient'): Value {
  const pixels = reshape(graph, x, [g.batch * imagePixels(g), g.imageChannels]);
  const gathered = gather(graph, pixels, patchTable(g, span), use);
  return reshape(graph, gathered, [(span.to - span.from) * outputPixels(g), taps(g) * g.imageChannels]);
}

/** When each patch is the image itself nothing grows, and one product over the whole batch is best. */
function pieces(g: Geometry): Span[] {
  const all = { from: 0, to: g.batch };
  const untouched = taps(g) * outputPixels(g) === imagePixels(g);
  return untouched && isIdentity(patchTable(g, { from: 0, to: 1 }).rows, imagePixels(g)) ? [all] : spans(g);
}

const kernelMatrix = (graph: Graph, g: Geometry, kernel: Value) =>
  reshape(graph, kernel, [taps(g) * g.imageChannels, g.outputChannels]);

/**
 * @param x [batch, height, width, channels] @param kernel [height, width, in, out]
 * @returns [batch, output height, output width, output channels]
 */
export function convolve(graph: Graph, g: Geometry, x: Value, kernel: Value): Value {
  const matrix = kernelMatrix(graph, g, kernel);
  const products = pieces(g).map((span) => {
    const rows = patches(graph, g, x, span, 'forward');
    return graph.node('MatMul', [rows, matrix], [rows.shape[0]!, g.outputChannels]);
  });
  return reshape(graph, join(graph, products), [g.batch, ...g.output, g.outputChannels]);
}

/** Gradient of the kernel: the patches' transpose times `dy`, summed over the pieces by Gemm's own addend. */
export function kernelGradient(graph: Graph, g: Geometry, x: Value, dy: Value): Value {
  const shape = [taps(g) * g.imageChannels, g.outputChannels];
  const cut = pieces(g);
  const rowsOfDy = split(
    graph,
    reshape(graph, dy, [g.batch * outputPixels(g), g.outputChannels]),
    cut.map((span) => (span.to - span.from) * outputPixels(g)),
  );
  let sum: Value | null = null;
  cut.forEach((span, i) => {
    const inputs = [patches(graph, g, x, span, 'gradient'), rowsOfDy[i]!, ...(sum === null ? [] : [sum])];
    sum = graph.node('Gemm', inputs, shape, { transA: { int: 1 } });
  });
  return reshape(graph, sum!, [...g.kernel, g.imageChannels, g.outputChannels]);
}

/**
 * For each pixel of `images` images, the products that add up to it: one table for each of the at most ceil(k / s)^2 of them. A product is
 * a row of [output pixels * taps, channels].
 */
function contributionTables(g: Geometry, images: number): Table[] {
  const slots = [Math.ceil(g.kernel[0] / g.stride[0]), Math.ceil(g.kernel[1] / g.stride[1])] as const;
  const tables: Table[] = [];
  for (let sy = 0; sy < slots[0]; sy += 1) {
    for (let sx = 0; sx < slots[1]; sx += 1) {
      const rows = new Int32Array(images * imagePixels(g)).fill(-1);
      let at = 0;
      for (let image = 0; image < images; image += 1) {
        for (let y = 0; y < g.image[0]; y += 1) {
          const [oy, ky] = reach(y, sy, g, 0);
          for (let x = 0; x < g.image[1]; x += 1) {
            const [ox, kx] = reach(x, sx, g, 1);
            if (oy >= 0 && ox >= 0) {
              rows[at] = ((image * g.output[0] + oy) * g.output[1] + ox) * taps(g) + ky * g.kernel[1] + kx;
            }
            at += 1;
          }
        }
      }
      tables.push({ rows, key: `contributions ${sy} ${sx} to ${images} of ${describe(g)}` });
    }
  }
  return tables;
}

/** The output pixel and the tap that reach pixel `at` in the `slot`-th way; [-1, -1] when none does. */
function reach(at: number, slot: number, g: Geometry, axis: 0 | 1): [number, number] {
  const shifted = at + g.padding[axis];
  const tap = (shifted % g.stride[axis]) + slot * g.stride[axis];
  const from = (shifted - tap) / g.stride[axis];
  return tap < g.kernel[axis] && from >= 0 && from < g.output[axis] ? [from, tap] : [-1, -1];
}

/** Gradient of the input, and a transposed convolution's forward pass: `dy` times the kernel's transpose, added up pixel by pixel. */
export function inputGradient(graph: Graph, g: Geometry, dy: Value, kernel: Value): Value {
  const matrix = kernelMatrix(graph, g, kernel);
  const cut = pieces(g);
  const lengths = cut.map((span) => (span.to - span.from) * outputPixels(g));
  const flat = reshape(graph, dy, [g.batch * outputPixels(g), g.outputChannels]);
  const columns = taps(g) * g.imageChannels;
  const images = split(graph, flat, lengths).map((rows, i) => {
    const { from, to } = cut[i]!;
    const tables = contributionTables(g, to - from);
    const zeros = tables.some((table) => table.rows.includes(-1));
    // Zeros are cheaper to add to dy, before the product, than to the product itself.
    const padded = zeros ? withZeroRow(graph, rows) : rows;
    const products = graph.node('Gemm', [padded, matrix], [padded.shape[0]!, columns], {
      transB: { int: 1 },
    });
    const contributions = reshape(graph, products, [padded.shape[0]! * taps(g), g.imageChannels]);
    const gathered = tables.map(({ rows: table, key }) => {
      const moved = zeros ? table.map((row) => (row < 0 ? 0 : row + taps(g))) : table;
      return gather(graph, contributions, { rows: moved, key: `${key}${zeros ? ' after zeros' : ''}` }, '');
    });
    return gathered.length === 1 ? gathered[0]! : graph.node('Sum', gathered, gathered[0]!.shape);
  });
  return reshape(graph, join(graph, images), [g.batch, ...g.image, g.imageChannels]);
}

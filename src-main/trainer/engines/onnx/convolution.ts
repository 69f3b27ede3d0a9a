/**
 * Convolutions and their gradients as matrix products. ONNX Runtime's own Conv with changing weights reaches a third of the speed of
 * its MatMul on a CPU, so pixels are gathered into a matrix of patches first, [output pixels, kernel height * width * channels], in
 * pieces that stay in the cache: some images, or a band of one. Index tables are constants of the graph and stand for one image or
 * one piece, so that they do not grow with the batch.
 */
import type { Graph, Value } from './graph.ts';
import type { Target } from './target.ts';

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

interface Span {
  from: number;
  to: number;
}

/** Some whole images, or rows of pixels of one image. */
interface Piece {
  images: Span;
  rows: Span;
}

const length = ({ from, to }: Span) => to - from;

/** Cuts `total` into `count` parts of nearly the same length. */
function parts(total: number, count: number): Span[] {
  return Array.from({ length: count }, (_, i) => ({
    from: Math.floor((i * total) / count),
    to: Math.floor(((i + 1) * total) / count),
  }));
}

/** @param height of the side whose rows are handed out */
function pieces(g: Geometry, height: number, { pieceBytes, fewestRows }: Target): Piece[] {
  const whole = { from: 0, to: height };
  // When each patch is the image itself nothing grows, and one product over the whole batch is best.
  if (looksOnce(g)) return [{ images: { from: 0, to: g.batch }, rows: whole }];
  const pixels = outputPixels(g);
  const bytes = pixels * taps(g) * g.imageChannels * 4;
  if (bytes > pieceBytes && pixels >= 2 * fewestRows) {
    const count = Math.min(Math.ceil(bytes / pieceBytes), Math.floor(pixels / fewestRows), height);
    const bands = parts(height, count);
    return parts(g.batch, g.batch).flatMap((images) => bands.map((rows) => ({ images, rows })));
  }
  const images = Math.max(Math.floor(pieceBytes / bytes), Math.ceil(fewestRows / pixels), 1);
  return parts(g.batch, Math.ceil(g.batch / images)).map((some) => ({ images: some, rows: whole }));
}

const taps = (g: Geometry) => g.kernel[0] * g.kernel[1];
const outputPixels = (g: Geometry) => g.output[0] * g.output[1];
const imagePixels = (g: Geometry) => g.image[0] * g.image[1];
const describe = (g: Geometry) => [...g.image, ...g.output, ...g.kernel, ...g.stride, ...g.padding].join(' ');

/** Whether the patches, one after the other, are just the pixels of the image. */
function looksOnce(g: Geometry): boolean {
  return (
    taps(g) * outputPixels(g) === imagePixels(g) && isIdentity(patchTable(g, { from: 0, to: g.output[0] }))
  );
}

function isIdentity(table: Int32Array): boolean {
  return table.every((row, i) => row === i);
}

const axis0 = { axis: { int: 0 } };

/** A row of zeros before the others; [count, channels]. */
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

/** Some rows of a matrix; ONNX Runtime learns how many only when it runs (see {@link Graph.unforeseen}). */
function rowsOf(graph: Graph, x: Value, { from, to }: Span): Value {
  const columns = x.shape[1]!;
  if (!graph.target.hidesSizes && from === 0 && to === x.shape[0]) return x;
  const bounds = [graph.unforeseen([from]), graph.unforeseen([to])];
  return graph.node('Slice', [x, ...bounds, graph.ints([0])], [to - from, columns], {}, x.type);
}

function join(graph: Graph, parts: readonly Value[]): Value {
  if (parts.length === 1) return parts[0]!;
  const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
  return graph.node('Concat', parts, [rows, parts[0]!.shape[1]!], axis0);
}

/** For each output pixel of some rows and each tap of the kernel, the pixel of the image that it looks at; -1 is a zero. */
function patchTable(g: Geometry, { from, to }: Span): Int32Array {
  const table = new Int32Array((to - from) * g.output[1] * taps(g));
  let at = 0;
  for (let oy = from; oy < to; oy += 1) {
    for (let ox = 0; ox < g.output[1]; ox += 1) {
      for (let ky = 0; ky < g.kernel[0]; ky += 1) {
        const y = oy * g.stride[0] - g.padding[0] + ky;
        for (let kx = 0; kx < g.kernel[1]; kx += 1) {
          const x = ox * g.stride[1] - g.padding[1] + kx;
          const inside = y >= 0 && y < g.image[0] && x >= 0 && x < g.image[1];
          table[at] = inside ? y * g.image[1] + x : -1;
          at += 1;
        }
      }
    }
  }
  return table;
}

/**
 * Matrices of patches, a function of the piece: [output pixels, taps * channels], columns in the order of a kernel's [ky, kx, channel].
 * The forward pass and the kernel's gradient each gather their own: it is too large to wait in memory from one to the other.
 */
function patches(graph: Graph, g: Geometry, x: Value, use: 'forward' | 'gradient'): (piece: Piece) => Value {
  const whole = { from: 0, to: g.output[0] };
  const table = patchTable(g, whole);
  const columns = taps(g) * g.imageChannels;
  if (looksOnce(g)) return () => reshape(graph, x, [g.batch * outputPixels(g), columns]);
  // Every image gets a row of zeros of its own, so that the table of one serves all.
  const zeros = table.includes(-1);
  const height = imagePixels(g) + Number(zeros);
  const images = reshape(graph, x, [g.batch, imagePixels(g), g.imageChannels]);
  const shape = [g.batch, height, g.imageChannels];
  const padded = zeros
    ? graph.node(
        'Concat',
        [graph.whole(graph.splat(0, shape.with(1, 1))), images],
        shape,
        { axis: { int: 1 } },
        'float32',
        use,
      )
    : images;
  const pixels = reshape(graph, padded, [g.batch * height, g.imageChannels]);
  const perRow = g.output[1] * taps(g);
  const startsOf = ({ from, to }: Span): Value => {
    const starts = Int32Array.from({ length: g.batch }, (_, i) => i * height);
    if (graph.target.hidesSizes) return rowsOf(graph, graph.constant(starts, [g.batch, 1]), { from, to });
    return graph.constant(starts.slice(from, to), [to - from, 1]);
  };
  const known = new Map<number, Value>();
  const tableOf = ({ from, to }: Span): Value => {
    const part = table.subarray(from * perRow, to * perRow).map((row) => row + Number(zeros));
    return graph.constant(part, [1, part.length], `patches ${from} ${to} of ${describe(g)}`);
  };
  return (piece) => {
    const { from, to } = piece.rows;
    const ofOne = known.get(from) ?? tableOf(piece.rows);
    known.set(from, ofOne);
    const count = length(piece.images);
    const indices = graph.node(
      'Add',
      [ofOne, startsOf(piece.images)],
      [count, ofOne.shape[1]!],
      {},
      'int32',
      // Written again where they are needed: together they would be as large as tables for the whole batch.
      `${use} of ${x.name}`,
    );
    const gathered = graph.node(
      'Gather',
      [pixels, indices],
      [count, ofOne.shape[1]!, g.imageChannels],
      axis0,
      'float32',
      use,
    );
    return reshape(graph, gathered, [count * (to - from) * g.output[1], columns]);
  };
}

const kernelMatrix = (graph: Graph, g: Geometry, kernel: Value) =>
  reshape(graph, kernel, [taps(g) * g.imageChannels, g.outputChannels]);

/**
 * @param x [batch, height, width, channels] @param kernel [height, width, in, out]
 * @returns [batch, output height, output width, output channels]
 */
export function convolve(graph: Graph, g: Geometry, x: Value, kernel: Value): Value {
  const matrix = kernelMatrix(graph, g, kernel);
  const patchesOf = patches(graph, g, x, 'forward');
  const products = pieces(g, g.output[0], graph.target).map((piece) => {
    const rows = patchesOf(piece);
    return graph.node('MatMul', [rows, matrix], [rows.shape[0]!, g.outputChannels]);
  });
  return reshape(graph, join(graph, products), [g.batch, ...g.output, g.outputChannels]);
}

/** Rows of the matrix [images * height * width, channels] that belong to some rows of pixels. */
function pixelsOf({ images, rows }: Piece, [height, width]: readonly [number, number]): Span {
  return {
    from: (images.from * height + rows.from) * width,
    to: ((images.to - 1) * height + rows.to) * width,
  };
}

/** Gradient of the kernel: the patches' transpose times `dy`, summed over the pieces by Gemm's own addend. */
export function kernelGradient(graph: Graph, g: Geometry, x: Value, dy: Value): Value {
  const shape = [taps(g) * g.imageChannels, g.outputChannels];
  const flat = reshape(graph, dy, [g.batch * outputPixels(g), g.outputChannels]);
  const patchesOf = patches(graph, g, x, 'gradient');
  const factors = pieces(g, g.output[0], graph.target).map(
    (piece) => [patchesOf(piece), rowsOf(graph, flat, pixelsOf(piece, g.output))] as const,
  );
  // Only now the products: ONNX Runtime computes the youngest of a node's inputs first, which must not be all the patches at once.
  let sum: Value | null = null;
  for (const factor of factors) {
    sum = graph.node('Gemm', [...factor, ...(sum === null ? [] : [sum])], shape, { transA: { int: 1 } });
  }
  return reshape(graph, sum!, [...g.kernel, g.imageChannels, g.outputChannels]);
}

/** The rows of the output that add to some rows of the image, one at the least. */
function reaching(g: Geometry, { from, to }: Span): Span {
  const first = Math.ceil((from + g.padding[0] - g.kernel[0] + 1) / g.stride[0]);
  const last = Math.floor((to - 1 + g.padding[0]) / g.stride[0]);
  const start = Math.min(Math.max(first, 0), g.output[0] - 1);
  return { from: start, to: Math.max(Math.min(last + 1, g.output[0]), start + 1) };
}

/**
 * For each pixel of some rows of `images` images, the products that add up to it: one table for each of the at most ceil(k / s)^2 of
 * them. A product is a row of [output pixels * taps, channels], the output pixels being those of the rows `outputs`; -1 is a zero.
 */
function contributionTables(g: Geometry, images: number, rows: Span, outputs: Span): Int32Array[] {
  const slots = [Math.ceil(g.kernel[0] / g.stride[0]), Math.ceil(g.kernel[1] / g.stride[1])] as const;
  const tables: Int32Array[] = [];
  for (let sy = 0; sy < slots[0]; sy += 1) {
    for (let sx = 0; sx < slots[1]; sx += 1) {
      const table = new Int32Array(images * length(rows) * g.image[1]).fill(-1);
      let at = 0;
      for (let image = 0; image < images; image += 1) {
        for (let y = rows.from; y < rows.to; y += 1) {
          const [oy, ky] = reach(y, sy, g, 0);
          const row = image * length(outputs) + oy - outputs.from;
          for (let x = 0; x < g.image[1]; x += 1) {
            const [ox, kx] = reach(x, sx, g, 1);
            if (oy >= 0 && ox >= 0) {
              table[at] = (row * g.output[1] + ox) * taps(g) + ky * g.kernel[1] + kx;
            }
            at += 1;
          }
        }
      }
      tables.push(table);
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

/** {@link contributionTables} as constants; `zeros` says whether the products begin with those of a row of zeros. */
function contributions(graph: Graph, g: Geometry, images: number, rows: Span, outputs: Span) {
  const tables = contributionTables(g, images, rows, outputs);
  const zeros = tables.some((table) => table.includes(-1));
  const products = images * length(outputs) * g.output[1] * taps(g);
  const constants = tables.map((table, slot) => {
    if (table.length === products && isIdentity(table)) return null;
    const moved = zeros ? table.map((row) => (row < 0 ? 0 : row + taps(g))) : table;
    const key = `contributions ${slot} ${rows.from} ${rows.to} to ${images} of ${describe(g)}`;
    return graph.constant(moved, [moved.length], key);
  });
  return { constants, zeros };
}

/**
 * Gradient of the input, and a transposed convolution's forward pass: `dy` times the kernel's transpose, added up pixel by pixel. Bands
 * of an image compute the products of the output rows that they share twice: cheaper than to keep them.
 */
export function inputGradient(graph: Graph, g: Geometry, dy: Value, kernel: Value): Value {
  const matrix = kernelMatrix(graph, g, kernel);
  const flat = reshape(graph, dy, [g.batch * outputPixels(g), g.outputChannels]);
  const columns = taps(g) * g.imageChannels;
  if (looksOnce(g)) {
    const products = graph.node('Gemm', [flat, matrix], [flat.shape[0]!, columns], { transB: { int: 1 } });
    return reshape(graph, products, [g.batch, ...g.image, g.imageChannels]);
  }
  const known = new Map<string, ReturnType<typeof contributions>>();
  const images = pieces(g, g.image[0], graph.target).map((piece) => {
    const count = length(piece.images);
    const outputs =
      length(piece.rows) === g.image[0] ? { from: 0, to: g.output[0] } : reaching(g, piece.rows);
    const key = `${count} ${piece.rows.from}`;
    const { constants, zeros } = known.get(key) ?? contributions(graph, g, count, piece.rows, outputs);
    known.set(key, { constants, zeros });
    const rows = rowsOf(graph, flat, pixelsOf({ images: piece.images, rows: outputs }, g.output));
    // Zeros are cheaper to add to dy, before the product, than to the product itself.
    const padded = zeros ? withZeroRow(graph, rows) : rows;
    const products = graph.node('Gemm', [padded, matrix], [padded.shape[0]!, columns], {
      transB: { int: 1 },
    });
    const pixels = reshape(graph, products, [padded.shape[0]! * taps(g), g.imageChannels]);
    const gathered = constants.map((indices) =>
      indices === null
        ? pixels
        : graph.node('Gather', [pixels, indices], [indices.shape[0]!, g.imageChannels], axis0),
    );
    return graph.sum(gathered);
  });
  return reshape(graph, join(graph, images), [g.batch, ...g.image, g.imageChannels]);
}

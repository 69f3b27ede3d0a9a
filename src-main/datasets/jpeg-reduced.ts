import { ENDS, huffmanTable, type HuffmanTable, LOOK_BITS } from './jpeg-tables.ts';
import type { Pixels } from './fit.ts';

/**
 * Decodes a JPEG to an eighth of its size, reading only the lowest frequencies of each block: what libjpeg
 * does when it shrinks while decoding, but passing over several of the other coefficients with one table access.
 * It takes half of sharp's time for photographs that become small.
 */

interface Component {
  id: number;
  /** Blocks a minimum coded unit (MCU), horizontally and vertically. */
  h: number;
  v: number;
  quantization: Uint16Array;
  dc: HuffmanTable | null;
  ac: HuffmanTable | null;
  /** Cells that each block becomes, along each axis: 1, or 2 where its pixels are twice as large. */
  cells: number;
  /** Decoded samples, and samples a row. */
  plane: Uint8ClampedArray;
  stride: number;
  /** DC value of the block before. */
  previous: number;
}

interface Frame {
  width: number;
  height: number;
  components: Component[];
  restartInterval: number;
  /** Where the entropy-coded data starts. */
  dataStart: number;
}

/** Last of the places in zigzag order of the 2 x 2 lowest frequencies: 0 the mean, 1 across, 2 down, 4 both. */
const LAST_LOW = 4;

/** How much frequency 1 adds to the first half of a block: its cosine, averaged over it. The second half is its mirror. */
const HALF = [1, 3, 5, 7].reduce((sum, odd) => sum + Math.cos((odd * Math.PI) / 16), 0) / 4 / Math.sqrt(32);

const SHIFT = 32 - LOOK_BITS;

/** Bits of a window that may be used up while enough for another table access remain; 25 are there at least. */
const SPARE_BITS = 25 - LOOK_BITS;

/**
 * Decodes a baseline JPEG at an eighth of its size (rounded up). Null for what this does not read (progressive,
 * several scans, unusual sampling) and for damaged data: another decoder then decides.
 */
export function decodeReducedJpeg(bytes: Buffer): Pixels | null {
  const frame = readFrame(bytes);
  if (frame === null) return null;
  const data = withoutStuffing(bytes, frame.dataStart);
  if (data === null || !decodeBlocks(frame, data)) return null;
  return toRgb(frame);
}

function readFrame(bytes: Buffer): Frame | null {
  const quantizations: Uint16Array[] = [];
  const tables: (HuffmanTable | null)[] = [];
  let frame: Frame | null = null;
  let restartInterval = 0;
  for (let at = 2; at + 4 <= bytes.length;) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) return null;
    const segment = bytes.subarray(at + 4, end);
    if (marker === 0xdb && !readQuantizations(segment, quantizations)) return null;
    else if (marker === 0xc4 && !readHuffmanTables(segment, tables)) return null;
    else if (marker === 0xdd && segment.length >= 2) restartInterval = segment.readUInt16BE(0);
    else if (marker === 0xc0 || marker === 0xc1) frame = frameOf(segment, quantizations);
    else if (marker >= 0xc2 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
      return null;
    else if (marker === 0xda) {
      if (frame === null || !assignTables(frame, segment, tables)) return null;
      frame.restartInterval = restartInterval;
      frame.dataStart = end;
      return frame;
    }
    at = end;
  }
  return null;
}

function readQuantizations(segment: Buffer, quantizations: Uint16Array[]): boolean {
  for (let at = 0; at < segment.length;) {
    const isWide = segment[at]! >> 4 !== 0;
    const values = new Uint16Array(64);
    const id = segment[at]! & 15;
    at++;
    if (at + (isWide ? 128 : 64) > segment.length) return false;
    for (let k = 0; k < 64; k++, at += isWide ? 2 : 1)
      values[k] = isWide ? segment.readUInt16BE(at) : segment[at]!;
    quantizations[id] = values;
  }
  return true;
}

/** Tables lie at their class (0 DC, 1 AC) x 4 + their number. */
function readHuffmanTables(segment: Buffer, tables: (HuffmanTable | null)[]): boolean {
  for (let at = 0; at + 17 <= segment.length;) {
    const slot = (segment[at]! >> 4) * 4 + (segment[at]! & 3);
    const counts = segment.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    at += 17 + total;
    if (at > segment.length) return false;
    tables[slot] = huffmanTable(counts, segment.subarray(at - total, at), slot >= 4);
  }
  return true;
}

function frameOf(segment: Buffer, quantizations: readonly Uint16Array[]): Frame | null {
  const count = segment[5]!;
  if (segment[0] !== 8 || (count !== 1 && count !== 3) || segment.length < 6 + 3 * count) return null;
  const [height, width] = [segment.readUInt16BE(1), segment.readUInt16BE(3)];
  if (width === 0 || height === 0) return null;
  const raw = Array.from({ length: count }, (_, i) => segment.subarray(6 + 3 * i, 9 + 3 * i));
  const samplings =
    count === 1 ? [[1, 1] as const] : raw.map((part) => [part[1]! >> 4, part[1]! & 15] as const);
  const [mostH, mostV] = samplings[0]!;
  const isUsual = (n: number): boolean => n === 1 || n === 2;
  if (!isUsual(mostH) || !isUsual(mostV) || samplings.slice(1).some(([h, v]) => h !== 1 || v !== 1))
    return null;
  const components: Component[] = [];
  for (const [i, part] of raw.entries()) {
    const [h, v] = samplings[i]!;
    const quantization = quantizations[part[2]!];
    if (quantization === undefined) return null;
    const cells = i === 0 ? 1 : Math.max(mostH, mostV);
    const stride = Math.ceil(width / (8 * mostH)) * h * cells;
    const plane = new Uint8ClampedArray(stride * Math.ceil(height / (8 * mostV)) * v * cells);
    components.push({
      id: part[0]!,
      h,
      v,
      quantization,
      dc: null,
      ac: null,
      cells,
      plane,
      stride,
      previous: 0,
    });
  }
  return { width, height, components, restartInterval: 0, dataStart: 0 };
}

function assignTables(frame: Frame, segment: Buffer, tables: readonly (HuffmanTable | null)[]): boolean {
  if (segment[0] !== frame.components.length) return false;
  return frame.components.every((component, i) => {
    const selector = segment[2 + 2 * i]!;
    component.dc = tables[selector >> 4] ?? null;
    component.ac = tables[4 + (selector & 15)] ?? null;
    return segment[1 + 2 * i] === component.id && component.dc !== null && component.ac !== null;
  });
}

/** The data without the zero that follows each 0xFF; `starts` are where its parts between restart markers begin. */
interface EntropyData {
  view: DataView;
  starts: number[];
  end: number;
}

/** Zeros after the data: more than a damaged block can read beyond its end before that is noticed. */
const TAIL = 512;

let scratch = Buffer.alloc(0);

function withoutStuffing(bytes: Buffer, start: number): EntropyData | null {
  if (scratch.length < bytes.length + TAIL) scratch = Buffer.alloc(bytes.length + (1 << 16));
  const starts = [0];
  let to = 0;
  for (let from = start; ;) {
    const mark = bytes.indexOf(0xff, from);
    if (mark === -1 || mark + 1 >= bytes.length) return null;
    const next = bytes[mark + 1]!;
    if (next === 0) {
      to += bytes.copy(scratch, to, from, mark + 1);
      from = mark + 2;
    } else if (next === 0xff) {
      to += bytes.copy(scratch, to, from, mark);
      from = mark + 1;
    } else {
      to += bytes.copy(scratch, to, from, mark);
      if (next < 0xd0 || next > 0xd7) {
        if (next !== 0xd9) return null;
        scratch.fill(0, to, to + TAIL);
        return { view: new DataView(scratch.buffer, scratch.byteOffset, to + TAIL), starts, end: to };
      }
      starts.push(to);
      from = mark + 2;
    }
  }
}

/** Fills the components' planes; false when the data is damaged. */
function decodeBlocks(frame: Frame, { view, starts, end }: EntropyData): boolean {
  const { components, restartInterval } = frame;
  const luma = components[0]!;
  const across = luma.stride / (luma.h * luma.cells);
  const down = luma.plane.length / luma.stride / (luma.v * luma.cells);
  const interval = restartInterval === 0 ? across * down : restartInterval;
  if (starts.length !== Math.ceil((across * down) / interval)) return false;
  let unit = 0;
  for (const [part, start] of starts.entries()) {
    const partEnd = 8 * (starts[part + 1] ?? end);
    let position = 8 * start;
    for (const component of components) component.previous = 0;
    const unitEnd = Math.min(across * down, unit + interval);
    for (; unit < unitEnd; unit++) {
      const column = unit % across;
      const row = (unit - column) / across;
      for (let c = 0; c < components.length; c++) {
        const component = components[c]!;
        const { h, v, cells, stride } = component;
        for (let by = 0; by < v; by++) {
          for (let bx = 0; bx < h; bx++) {
            const to = (row * v + by) * cells * stride + (column * h + bx) * cells;
            position = decodeBlock(view, position, component, to);
            if (position < 0 || position > partEnd) return false;
          }
        }
      }
    }
  }
  return true;
}

/** Decodes the block at bit `position` into the component's plane at `to`; gives where it ends, -1 when damaged. */
function decodeBlock(view: DataView, position: number, component: Component, to: number): number {
  const dc = component.dc!;
  const window = view.getUint32(position >>> 3) << (position & 7);
  let entry = dc.symbols[window >>> SHIFT]!;
  if (entry === 0) entry = longSymbol(dc, window);
  const size = entry & 255;
  const length = entry >> 8;
  if (entry === 0 || size > 11) return -1;
  if (size > 0) component.previous += extend((window << length) >>> (32 - size), size);
  position += length + size;
  const mean = component.previous * component.quantization[0]!;
  if (component.cells !== 1) return decodeCells(view, position, component, mean, to);
  component.plane[to] = mean / 8 + 128;
  return skipCoefficients(view, position, component.ac!, 1);
}

/** Passes over the coefficients of a block from number `k` on; gives where it ends, -1 when damaged. */
function skipCoefficients(view: DataView, position: number, ac: HuffmanTable, k: number): number {
  const { skips } = ac;
  while (k < 64) {
    const window = view.getUint32(position >>> 3) << (position & 7);
    const skip = skips[window >>> SHIFT]!;
    const after = k + ((skip >> 5) & 127);
    if (after < 64 && skip !== 0) {
      const bits = skip & 31;
      position += bits;
      if (skip >= ENDS) return position;
      k = after;
      if (bits > SPARE_BITS) continue;
      const second = skips[(window << bits) >>> SHIFT]!;
      const afterSecond = k + ((second >> 5) & 127);
      if (afterSecond >= 64) continue;
      position += second & 31;
      if (second >= ENDS) return position;
      k = afterSecond;
      continue;
    }
    let entry = ac.symbols[window >>> SHIFT]!;
    if (entry === 0) entry = longSymbol(ac, window);
    if (entry === 0) return -1;
    const size = entry & 15;
    position += (entry >> 8) + size;
    const run = (entry >> 4) & 15;
    if (size === 0 && run !== 15) return position;
    k += run + 1;
  }
  return k > 64 ? -1 : position;
}

/** Decodes the low frequencies of a block, of which `mean` is the lowest, and turns them into its cells. */
function decodeCells(
  view: DataView,
  position: number,
  component: Component,
  mean: number,
  to: number,
): number {
  const { quantization } = component;
  const ac = component.ac!;
  const { symbols } = ac;
  let across = 0;
  let down = 0;
  let both = 0;
  let k = 1;
  while (k <= LAST_LOW) {
    const window = view.getUint32(position >>> 3) << (position & 7);
    let entry = symbols[window >>> SHIFT]!;
    if (entry === 0) entry = longSymbol(ac, window);
    if (entry === 0) return -1;
    const size = entry & 15;
    position += entry >> 8;
    const run = (entry >> 4) & 15;
    if (size === 0) {
      if (run !== 15) {
        k = 64;
        break;
      }
      k += 16;
      continue;
    }
    k += run;
    if (k <= LAST_LOW && k !== 3) {
      const bits = view.getUint32(position >>> 3) << (position & 7);
      const value = extend(bits >>> (32 - size), size) * quantization[k]! * HALF;
      if (k === 1) across = value;
      else if (k === 2) down = value;
      else both = value * HALF * 8;
    }
    position += size;
    k++;
  }
  const { plane, stride } = component;
  const middle = mean / 8 + 128;
  plane[to] = middle + across + down + both;
  plane[to + 1] = middle - across + down - both;
  plane[to + stride] = middle + across - down - both;
  plane[to + stride + 1] = middle - across - down + both;
  return k > 64 ? -1 : skipCoefficients(view, position, ac, k);
}

/** The value of `size` bits as JPEG writes signed numbers. */
const extend = (bits: number, size: number): number =>
  bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits;

/** A symbol whose code is longer than the table looks at: length << 8 | symbol, or 0 for none. */
function longSymbol(table: HuffmanTable, window: number): number {
  for (let length = LOOK_BITS + 1; length <= 16; length++) {
    const code = window >>> (32 - length);
    if (code > table.largest[length]!) continue;
    return (length << 8) | (table.values[table.offsets[length]! + code] ?? 0);
  }
  return 0;
}

function toRgb({ width, height, components }: Frame): Pixels {
  const [outWidth, outHeight] = [Math.ceil(width / 8), Math.ceil(height / 8)];
  const [luma, blue, red] = components;
  if (blue === undefined || red === undefined) {
    const data = new Uint8Array(outWidth * outHeight);
    for (let y = 0; y < outHeight; y++) {
      data.set(luma!.plane.subarray(y * luma!.stride, y * luma!.stride + outWidth), y * outWidth);
    }
    return { data, width: outWidth, height: outHeight, channels: 1 };
  }
  const { h, v } = luma!;
  const finest = Math.max(h, v);
  const [perX, perY] = [finest / h, finest / v];
  const data = new Uint8ClampedArray(outWidth * outHeight * 3);
  for (let y = 0, to = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++, to += 3) {
      const light = luma!.plane[y * luma!.stride + x]!;
      const at = y * perY * blue.stride + x * perX;
      let cb = blue.plane[at]!;
      let cr = red.plane[at]!;
      if (perX === 2 || perY === 2) {
        const other = at + (perX === 2 ? 1 : blue.stride);
        cb = (cb + blue.plane[other]!) / 2;
        cr = (cr + red.plane[other]!) / 2;
      }
      cb -= 128;
      cr -= 128;
      data[to] = light + 1.402 * cr;
      data[to + 1] = light - 0.344136 * cb - 0.714136 * cr;
      data[to + 2] = light + 1.772 * cb;
    }
  }
  return { data: new Uint8Array(data.buffer), width: outWidth, height: outHeight, channels: 3 };
}

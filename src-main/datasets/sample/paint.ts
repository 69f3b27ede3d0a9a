/** A colour, each part 0 to 255. */
export type Colour = readonly [number, number, number];

/** Signed distance from a point to a shape's edge: negative inside. */
export interface Shape {
  distance: (x: number, y: number) => number;
  /** Nothing of the shape lies outside: left, top, right, bottom. */
  box: readonly [number, number, number, number];
}

/** Samples a pixel along each axis; each is smoothed over its own width besides. */
const SAMPLES = 2;

/** A square picture that shapes are painted on. It reaches from -1 to 1 along both axes, y downwards. */
export class Canvas {
  private readonly side: number;
  private readonly size: number;
  private readonly colours: Float32Array;

  constructor(size: number) {
    this.size = size;
    this.side = size * SAMPLES;
    this.colours = new Float32Array(this.side * this.side * 3);
  }

  /** Fills everything, from one colour at the top to another at the bottom. */
  background(top: Colour, bottom: Colour): void {
    const { side, colours } = this;
    for (let y = 0, at = 0; y < side; y++) {
      const t = y / (side - 1);
      for (let x = 0; x < side; x++) {
        for (let c = 0; c < 3; c++) colours[at++] = top[c]! + (bottom[c]! - top[c]!) * t;
      }
    }
  }

  /** Paints a shape with soft edges; `opacity` from 0 to 1. With `clip`, only inside that other shape. */
  fill(shape: Shape, colour: Colour, opacity = 1, clip?: Shape): void {
    const { side, colours } = this;
    const step = 2 / side;
    const [left, top, right, bottom] = shape.box;
    const first = (edge: number): number => Math.max(0, Math.floor((edge + 1) / step) - 1);
    const last = (edge: number): number => Math.min(side - 1, Math.ceil((edge + 1) / step));
    const [x0, x1, y0, y1] = [first(left), last(right), first(top), last(bottom)];
    for (let py = y0; py <= y1; py++) {
      const y = (py + 0.5) * step - 1;
      for (let px = x0; px <= x1; px++) {
        const x = (px + 0.5) * step - 1;
        let coverage = 0.5 - shape.distance(x, y) / step;
        if (coverage <= 0) continue;
        if (coverage > 1) coverage = 1;
        if (clip !== undefined) coverage *= Math.max(0, Math.min(1, 0.5 - clip.distance(x, y) / step));
        const amount = coverage * opacity;
        const at = (py * side + px) * 3;
        for (let c = 0; c < 3; c++) colours[at + c]! += (colour[c]! - colours[at + c]!) * amount;
      }
    }
  }

  /** The picture as size x size x 3 bytes. */
  toPixels(): Uint8Array {
    const { size, side, colours } = this;
    const pixels = new Uint8Array(size * size * 3);
    for (let y = 0, to = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const from = (y * SAMPLES * side + x * SAMPLES) * 3;
        for (let c = from; c < from + 3; c++) {
          const below = c + side * 3;
          pixels[to++] = (colours[c]! + colours[c + 3]! + colours[below]! + colours[below + 3]!) / 4 + 0.5;
        }
      }
    }
    return pixels;
  }
}

export function ellipse(cx: number, cy: number, rx: number, ry: number): Shape {
  const distance = (x: number, y: number): number => {
    const dx = (x - cx) / rx;
    const dy = (y - cy) / ry;
    const reach = Math.sqrt(dx * dx + dy * dy);
    const slope = Math.sqrt((dx * dx) / (rx * rx) + (dy * dy) / (ry * ry));
    return slope === 0 ? -Math.min(rx, ry) : (reach * (reach - 1)) / slope;
  };
  return { distance, box: [cx - rx, cy - ry, cx + rx, cy + ry] };
}

export const circle = (cx: number, cy: number, r: number): Shape => ellipse(cx, cy, r, r);

/** A box of half sizes `hx`, `hy` with rounded corners. */
export function roundBox(cx: number, cy: number, hx: number, hy: number, corner: number): Shape {
  const distance = (x: number, y: number): number => {
    const dx = Math.abs(x - cx) - hx + corner;
    const dy = Math.abs(y - cy) - hy + corner;
    return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - corner;
  };
  return { distance, box: [cx - hx, cy - hy, cx + hx, cy + hy] };
}

/** A thick line with round ends; `r` is half its thickness. */
export function line(ax: number, ay: number, bx: number, by: number, r: number): Shape {
  const [dx, dy] = [bx - ax, by - ay];
  const square = dx * dx + dy * dy;
  const distance = (x: number, y: number): number => {
    const along = square === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / square));
    return Math.hypot(x - ax - along * dx, y - ay - along * dy) - r;
  };
  return {
    distance,
    box: [Math.min(ax, bx) - r, Math.min(ay, by) - r, Math.max(ax, bx) + r, Math.max(ay, by) + r],
  };
}

/**
 * A curved line through (cx - half, cy), (cx, cy + bend) and (cx + half, cy), `r` half as thick: bend > 0 smiles.
 */
export function curve(cx: number, cy: number, half: number, bend: number, r: number): Shape {
  const pieces = 6;
  const at = (i: number): readonly [number, number] => {
    const t = (2 * i) / pieces - 1;
    return [cx + half * t, cy + bend * (1 - t * t)];
  };
  const lines = Array.from({ length: pieces }, (_, i) => line(...at(i), ...at(i + 1), r));
  return union(...lines);
}

/** A triangle with rounded corners. */
export function triangle(
  ax: number,
  ay: number,
  bx: number,
  by: number,
  cx: number,
  cy: number,
  corner: number,
): Shape {
  const isClockwise = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax) > 0;
  const edges = [line(ax, ay, bx, by, 0), line(bx, by, cx, cy, 0), line(cx, cy, ax, ay, 0)];
  const side = (x: number, y: number, px: number, py: number, qx: number, qy: number): boolean =>
    (qx - px) * (y - py) - (qy - py) * (x - px) > 0 === isClockwise;
  const distance = (x: number, y: number): number => {
    const inside = side(x, y, ax, ay, bx, by) && side(x, y, bx, by, cx, cy) && side(x, y, cx, cy, ax, ay);
    const edge = Math.min(edges[0]!.distance(x, y), edges[1]!.distance(x, y), edges[2]!.distance(x, y));
    return (inside ? -edge : edge) - corner;
  };
  const [left, right] = [Math.min(ax, bx, cx), Math.max(ax, bx, cx)];
  const [top, bottom] = [Math.min(ay, by, cy), Math.max(ay, by, cy)];
  return { distance, box: [left - corner, top - corner, right + corner, bottom + corner] };
}

export function union(...shapes: Shape[]): Shape {
  const distance = (x: number, y: number): number => {
    let nearest = Infinity;
    for (const shape of shapes) nearest = Math.min(nearest, shape.distance(x, y));
    return nearest;
  };
  const edge = (i: 0 | 1 | 2 | 3): number[] => shapes.map(({ box }) => box[i]);
  return {
    distance,
    box: [Math.min(...edge(0)), Math.min(...edge(1)), Math.max(...edge(2)), Math.max(...edge(3))],
  };
}

/** What of `shape` lies above (y smaller than) a height. */
export function above(shape: Shape, height: number): Shape {
  const [left, top, right, bottom] = shape.box;
  return {
    distance: (x, y) => Math.max(shape.distance(x, y), y - height),
    box: [left, top, right, Math.min(bottom, height)],
  };
}

/** What of `shape` lies below (y larger than) a height. */
export function below(shape: Shape, height: number): Shape {
  const [left, top, right, bottom] = shape.box;
  return {
    distance: (x, y) => Math.max(shape.distance(x, y), height - y),
    box: [left, Math.max(top, height), right, bottom],
  };
}

/** A colour between two: `amount` 0 gives the first, 1 the second. */
export const mix = (a: Colour, b: Colour, amount: number): Colour => [
  a[0] + (b[0] - a[0]) * amount,
  a[1] + (b[1] - a[1]) * amount,
  a[2] + (b[2] - a[2]) * amount,
];

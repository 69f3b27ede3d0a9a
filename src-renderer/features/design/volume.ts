/** A tensor as a little box: its front as high and wide as the image, its depth the channels. Scales that let 4 be seen beside 64, and 1024 fit. */
import type { Shape } from '../../../src-shared/gan/block.ts';

export interface Box {
  /** Front, and how far the back is moved right and up, in CSS pixels. */
  width: number;
  height: number;
  depthX: number;
  depthY: number;
}

const side = (length: number) =>
  6.6 * Math.sqrt(Math.min(length, 64)) + 8 * Math.log2(Math.max(1, length / 64));

export function boxOf(shape: Shape): Box {
  const depth = 2 + 4.5 * Math.log2(shape.channels);
  return { width: side(shape.width), height: side(shape.height), depthX: depth * 0.75, depthY: depth * 0.35 };
}

const at = (...points: readonly (readonly [number, number])[]) =>
  `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')}Z`;

/** The faces as SVG paths, the front's lower left corner at (x, y). The front's halves are the two networks' colours. */
export function facesOf({ width, height, depthX, depthY }: Box, x: number, y: number) {
  const [middle, right, top] = [x + width / 2, x + width, y - height];
  return {
    left: at([x, y], [middle, y], [middle, top], [x, top]),
    right: at([middle, y], [right, y], [right, top], [middle, top]),
    top: at([x, top], [right, top], [right + depthX, top - depthY], [x + depthX, top - depthY]),
    side: at([right, y], [right + depthX, y - depthY], [right + depthX, top - depthY], [right, top]),
  };
}

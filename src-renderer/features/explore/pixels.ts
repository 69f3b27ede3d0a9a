/** Sizes of images on the screen. */

interface Size {
  width: number;
  height: number;
}

/** By how much to enlarge an image so that it fits: a whole number, so that pixels stay square; less than 1 where there is no room. */
export function fittingScale(image: Size, room: Size): number {
  const scale = Math.min(room.width / image.width, room.height / image.height);
  return scale >= 1 ? Math.floor(scale) : scale;
}

/** How a grid of an image fits into a width: few enough to be seen, at least `least` a row. */
export function fittingRow(side: number, width: number, least: number): { count: number; scale: number } {
  const scale = fittingScale({ width: least * side, height: 1 }, { width, height: Infinity });
  return { count: Math.max(least, Math.floor(width / (side * scale) + 1e-6)), scale };
}

/** CSS of one cell of a picture of many, which is laid out row by row without gaps. */
export function cellStyle(src: string, columns: number, index: number, cell: Size): string {
  const left = (index % columns) * cell.width;
  const top = Math.floor(index / columns) * cell.height;
  return `background: url("${src}") ${-left}px ${-top}px / ${columns * cell.width}px auto`;
}

/** A seed that nobody has looked at. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

export interface SizeBin {
  /** First and last length of the shorter side, in pixels. */
  from: number;
  to: number;
  count: number;
}

const binsADoubling = 2;
const bin = (side: number) => Math.floor(Math.log2(Math.max(1, side)) * binsADoubling);
const start = (index: number) => Math.ceil(2 ** (index / binsADoubling) - 1e-9);

/**
 * Images by the length of their shorter side, in bins that each reach half a doubling further; empty ones between are kept.
 * @param sizes `[width, height, count]`
 */
export function sizeBins(sizes: readonly (readonly [number, number, number])[]): SizeBin[] {
  if (sizes.length === 0) return [];
  const indices = sizes.map(([width, height]) => bin(Math.min(width, height)));
  const first = Math.min(...indices);
  const last = Math.max(...indices);
  const bins = Array.from({ length: last - first + 1 }, (_, i) => ({
    from: start(first + i),
    to: start(first + i + 1) - 1,
    count: 0,
  }));
  sizes.forEach(([, , count], i) => (bins[indices[i]! - first]!.count += count));
  // Between 1 and 2 pixels half a doubling holds no length at all.
  return bins.filter(({ from, to }) => from <= to);
}

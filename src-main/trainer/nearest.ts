/** The images of a dataset that look most like a given one, by their pixels. */
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Shape } from '../../src-shared/gan/block.ts';
import { formatShape, sameShape, size } from '../../src-shared/gan/shape.ts';
import { openImages, readWhole } from './prepared-images.ts';

/** Images are compared at most so wide and high: what is finer hardly counts for likeness, and costs time. */
const comparedSide = 32;
/** Bytes that are read at once. */
const chunkBytes = 4 * 2 ** 20;

export interface Neighbour {
  /** In the order of the dataset. */
  index: number;
  /** Mean squared difference of the values compared, with bytes scaled to -1..1: 0 for the same image, at most 4. */
  distance: number;
}

/** Side of the squares whose pixels are averaged before images of this size are compared; 1 up to 32x32. */
function cellSide({ height, width }: Shape): number {
  return Math.ceil(Math.max(height, width) / comparedSide);
}

/**
 * A function that averages an image over cells of `cell` x `cell` pixels, channel by channel; those at the right and lower edge may be smaller.
 * It gives the same array each time.
 */
export function boxAverage(
  { height, width, channels }: Shape,
  cell: number,
): (pixels: Uint8Array) => Float32Array {
  const columns = Math.ceil(width / cell);
  const averages = new Float32Array(Math.ceil(height / cell) * columns * channels);
  /** Which average each value goes into. */
  const into = Uint32Array.from({ length: height * width * channels }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / channels), i % channels];
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    return (Math.floor(y / cell) * columns + Math.floor(x / cell)) * channels + channel;
  });
  const counts = new Uint32Array(averages.length);
  for (const place of into) counts[place]! += 1;
  const shares = Float32Array.from(counts, (values) => 1 / values);
  return (pixels) => {
    averages.fill(0);
    for (let i = 0; i < into.length; i += 1) averages[into[i]!]! += pixels[i]!;
    for (let i = 0; i < averages.length; i += 1) averages[i]! *= shares[i]!;
    return averages;
  };
}

/** Sum of squared differences; once it is at or above `limit`, anything that is. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>, limit: number): number {
  let sum = 0;
  for (let from = 0; from < a.length && sum < limit; from += 256) {
    const to = Math.min(from + 256, a.length);
    for (let i = from; i < to; i += 1) sum += (a[i]! - b[i]!) ** 2;
  }
  return sum;
}

/**
 * The images of the dataset with the least mean squared difference from `image`, exactly: every one is looked at. Images wider or higher
 * than 32 pixels are averaged over squares first, so that none of their sides is longer.
 * @param image bytes, [height, width, channels]
 * @param onProgress told how many images have been looked at; called between reads, when other work of the process gets its turn
 * @returns `count` of them or all there are, the nearest first; of two equally near ones that of the lower index
 * @throws AppError `explore.other-size`, `dataset.cache-missing`, `dataset.cache-damaged`, and what `onProgress` throws
 */
export async function nearest(
  image: Uint8Array,
  shape: Shape,
  dataset: PreparedDataset,
  count: number,
  onProgress: (done: number) => void,
): Promise<Neighbour[]> {
  if (!sameShape(shape, dataset.settings)) {
    throw new AppError(
      'explore.other-size',
      `The generator's images are ${formatShape(shape)}, those of the dataset ${formatShape(dataset.settings)}: they cannot be compared.`,
    );
  }
  const cell = cellSide(shape);
  const average = boxAverage(shape, cell);
  const seen = (pixels: Uint8Array) => (cell === 1 ? pixels : average(pixels));
  const wanted = seen(image).slice();
  const found: Neighbour[] = [];
  const bytesEach = size(shape);
  const atOnce = Math.max(1, Math.floor(chunkBytes / bytesEach));
  const { file } = await openImages(dataset);
  try {
    const chunk = new Uint8Array(atOnce * bytesEach);
    for (let first = 0; first < dataset.count; first += atOnce) {
      onProgress(first);
      const images = Math.min(atOnce, dataset.count - first);
      await readWhole(file, chunk.subarray(0, images * bytesEach), first * bytesEach);
      for (let i = 0; i < images; i += 1) {
        const worst = found.length < count ? Infinity : found.at(-1)!.distance;
        const distance = difference(wanted, seen(chunk.subarray(i * bytesEach, (i + 1) * bytesEach)), worst);
        if (distance >= worst) continue;
        const place = found.findIndex((other) => other.distance > distance);
        found.splice(place < 0 ? found.length : place, 0, { index: first + i, distance });
        if (found.length > count) found.pop();
      }
    }
    onProgress(dataset.count);
  } finally {
    await file.close();
  }
  const scale = 1 / (wanted.length * 127.5 ** 2);
  return found.map(({ index, distance }) => ({ index, distance: distance * scale }));
}

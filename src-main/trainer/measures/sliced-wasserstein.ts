/**
 * The sliced Wasserstein distance between the patches of two sets of images, by ProGAN's protocol (Karras et al. 2018, section 5;
 * tkarras/progressive_growing_of_gans metrics/sliced_wasserstein.py): 128 patches of 7x7 an image from every level of a Laplacian pyramid,
 * normalised per channel by the own set's mean and standard deviation, projected onto 4 times 128 random directions. It is blind to a shift of
 * colour or contrast that a whole set has, by that normalisation; see colour-gap.ts.
 */
import type { Shape } from '../../../src-shared/gan/block.ts';
import type { Engine } from '../engines/engine.ts';
import { Random } from '../random.ts';
import type { Images } from './images.ts';
import type { Level } from './laplacian-pyramid.ts';
import { laplacianPyramid } from './laplacian-pyramid.ts';
import { RadixSort } from './radix-sort.ts';
import { RowProducts } from './row-products.ts';

const side = 7;
export const patchesPerImage = 128;
export const directionCount = 512;
/** Directions that are looked along at once; more take more memory. */
const directionsAtOnce = 64;
/** Descriptors that are projected at once. */
const rowsAtOnce = 4096;

/** Whether images are large enough for one patch. */
export function hasPatches({ height, width }: Shape): boolean {
  return Math.min(height, width) >= side;
}

/** Rows and columns of the patches' upper left corners, [patches, 2], drawn evenly from all places. */
export function patchPlaces({ count, shape }: Level, random: Random): Uint16Array {
  const places = new Uint16Array(count * patchesPerImage * 2);
  for (let i = 0; i < places.length; i += 2) {
    places[i] = Math.floor(random.uniform() * (shape.height - side + 1));
    places[i + 1] = Math.floor(random.uniform() * (shape.width - side + 1));
  }
  return places;
}

/** Random directions of length 1: [directions, width]. */
export function unitDirections(width: number, random: Random): Float32Array {
  const directions = random.normal(new Float32Array(directionCount * width));
  for (let from = 0; from < directions.length; from += width) {
    const direction = directions.subarray(from, from + width);
    const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
    for (let i = 0; i < width; i += 1) direction[i]! /= length;
  }
  return directions;
}

/** The patches of a level as vectors: channel by channel, row by row. A grey image counts three times, as it does in the protocol. */
class Descriptors {
  readonly count: number;
  readonly width: number;
  readonly #level: Level;
  readonly #places: Uint16Array;
  readonly #channels: readonly number[];
  readonly #means: readonly number[];
  readonly #scales: readonly number[];

  constructor(level: Level, places: Uint16Array) {
    const { channels } = level.shape;
    this.#level = level;
    this.#places = places;
    this.#channels = channels === 1 ? [0, 0, 0] : Array.from({ length: channels }, (_, c) => c);
    this.count = places.length / 2;
    this.width = this.#channels.length * side * side;
    const sums = new Float64Array(channels);
    const squares = new Float64Array(channels);
    for (let patch = 0; patch < this.count; patch += 1) {
      const corner = this.#cornerOf(patch);
      for (let y = 0; y < side; y += 1) {
        const row = corner + y * level.shape.width * channels;
        for (let i = 0; i < side * channels; i += 1) {
          const value = level.values[row + i]!;
          sums[i % channels]! += value;
          squares[i % channels]! += value * value;
        }
      }
    }
    const values = this.count * side * side;
    this.#means = Array.from(sums, (sum) => sum / values);
    this.#scales = Array.from(squares, (sum, c) => {
      const variance = sum / values - this.#means[c]! ** 2;
      // A channel of one single value has nothing to be compared.
      return variance > 1e-12 ? 1 / Math.sqrt(variance) : 0;
    });
  }

  #cornerOf(patch: number): number {
    const { height, width, channels } = this.#level.shape;
    const image = Math.floor(patch / patchesPerImage);
    return ((image * height + this.#places[2 * patch]!) * width + this.#places[2 * patch + 1]!) * channels;
  }

  /** Writes descriptors from the given one on, as many as there is room for. */
  fill(into: Float32Array, from: number): void {
    const { width, channels } = this.#level.shape;
    const { values } = this.#level;
    const end = Math.min(this.count, from + into.length / this.width);
    for (let patch = from, to = 0; patch < end; patch += 1) {
      const corner = this.#cornerOf(patch);
      for (const c of this.#channels) {
        const [mean, scale] = [this.#means[c]!, this.#scales[c]!];
        for (let y = 0; y < side; y += 1) {
          const row = corner + y * width * channels + c;
          for (let x = 0; x < side; x += 1, to += 1) into[to] = (values[row + x * channels]! - mean) * scale;
        }
      }
    }
  }
}

/** Writes projections of all descriptors onto directions: [directions, descriptors]. @param room for {@link rowsAtOnce} descriptors */
async function project(
  products: RowProducts,
  directions: Float32Array,
  descriptors: Descriptors,
  room: Float32Array,
  all: Float32Array,
): Promise<void> {
  const { count, width } = descriptors;
  for (let from = 0; from < count; from += rowsAtOnce) {
    const some = room.subarray(0, Math.min(rowsAtOnce, count - from) * width);
    descriptors.fill(some, from);
    await products.each(directions, some, ({ i, rows, columns, stride, products: part }) => {
      for (let row = 0; row < rows; row += 1)
        all.set(part.subarray(row * stride, row * stride + columns), (i + row) * count + from);
    });
  }
}

async function levelDistance(
  engine: Engine,
  a: Descriptors,
  b: Descriptors,
  directions: Float32Array,
): Promise<number> {
  const { count, width } = a;
  const products = await RowProducts.create(engine, width, directionsAtOnce, rowsAtOnce);
  const sorter = new RadixSort(count);
  const room = new Float32Array(rowsAtOnce * width);
  const ofA = new Float32Array(directionsAtOnce * count);
  const ofB = new Float32Array(directionsAtOnce * count);
  let sum = 0;
  for (let first = 0; first < directionCount; first += directionsAtOnce) {
    const some = directions.subarray(first * width, (first + directionsAtOnce) * width);
    await project(products, some, a, room, ofA);
    await project(products, some, b, room, ofB);
    for (let from = 0; from < ofA.length; from += count) {
      const [x, y] = [ofA.subarray(from, from + count), ofB.subarray(from, from + count)];
      sorter.sort(x);
      sorter.sort(y);
      for (let i = 0; i < count; i += 1) sum += Math.abs(x[i]! - y[i]!);
    }
  }
  await products.dispose();
  return sum / (directionCount * count);
}

export interface LevelDistance {
  /** Height of the level in pixels. */
  resolution: number;
  /** Times 1000, as is usual. */
  distance: number;
}

/** Purposes of the random numbers, by which they can be drawn again. */
export const purposes = {
  patchesOfA: 'swd patches',
  patchesOfB: 'swd other patches',
  directions: 'swd directions',
};

/**
 * One distance a level, the finest first; the protocol's one number is their mean.
 * @param a, b as many images each, of 7x7 pixels or more
 * @param seed decides patches and directions
 */
export async function slicedWasserstein(
  engine: Engine,
  a: Images,
  b: Images,
  seed: number,
): Promise<LevelDistance[]> {
  const [levelsOfA, levelsOfB] = [laplacianPyramid(a), laplacianPyramid(b)];
  const distances: LevelDistance[] = [];
  for (const [i, level] of levelsOfA.entries()) {
    const other = levelsOfB[i]!;
    const ofA = new Descriptors(level, patchPlaces(level, new Random(seed, purposes.patchesOfA, i)));
    const ofB = new Descriptors(other, patchPlaces(other, new Random(seed, purposes.patchesOfB, i)));
    const directions = unitDirections(ofA.width, new Random(seed, purposes.directions, i));
    const distance = 1000 * (await levelDistance(engine, ofA, ofB, directions));
    distances.push({ resolution: level.shape.height, distance });
  }
  return distances;
}

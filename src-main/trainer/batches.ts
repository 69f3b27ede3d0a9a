/** The real images of a run, batch by batch, in an order that depends on the seed alone. */
import type { FileHandle } from 'node:fs/promises';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { openImages, readWhole } from './prepared-images.ts';
import { Random } from './random.ts';

/** Datasets up to this size are held in memory; larger ones are read image by image. */
const memoryLimit = 2 ** 30;

/**
 * An endless sequence of images: one random permutation of the whole dataset after the other, so that every image is seen equally
 * often. A batch may reach from one epoch into the next.
 */
export class Batches {
  readonly #file: FileHandle;
  readonly #memory: Uint8Array | null;
  readonly #dataset: PreparedDataset;
  readonly #seed: number;
  readonly #imageBytes: number;
  readonly #flips: boolean;
  /** What is read of a file too large for memory while the step before is computed. */
  #ahead: { position: number; bytes: Promise<Uint8Array> } | null = null;
  #epoch = -1;
  #order: Uint32Array = new Uint32Array(0);

  private constructor(
    file: FileHandle,
    memory: Uint8Array | null,
    dataset: PreparedDataset,
    seed: number,
    flips: boolean,
  ) {
    this.#file = file;
    this.#memory = memory;
    this.#dataset = dataset;
    this.#seed = seed;
    this.#flips = flips;
    const { height, width, channels } = dataset.settings;
    this.#imageBytes = height * width * channels;
  }

  /**
   * @param flips whether every other image comes as in a mirror, at random, and not the same in every epoch
   * @throws AppError `dataset.cache-missing`, `dataset.cache-damaged`
   */
  static async open(dataset: PreparedDataset, seed: number, flips = false): Promise<Batches> {
    const { file, bytes } = await openImages(dataset);
    try {
      if (bytes > memoryLimit) return new Batches(file, null, dataset, seed, flips);
      const memory = new Uint8Array(bytes);
      await readWhole(file, memory, 0);
      return new Batches(file, memory, dataset, seed, flips);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  #indexAt(position: number): number {
    const { count } = this.#dataset;
    const epoch = Math.floor(position / count);
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#order = new Random(this.#seed, 'order', epoch).permutation(count);
    }
    return this.#order[position % count]!;
  }

  /**
   * @param position images seen before
   * @returns `batch` images as [batch, height, width, channels], bytes scaled to -1..1 as (x / 255 - 0.5) / 0.5
   */
  async at(position: number, batch: number): Promise<Float32Array> {
    const bytes = await this.#bytes(position, batch);
    const values = new Float32Array(bytes.length);
    for (let i = 0; i < bytes.length; i += 1) values[i] = bytes[i]! / 127.5 - 1;
    for (let i = 0; this.#flips && i < batch; i += 1) {
      if (new Random(this.#seed, 'flip', position + i).uniform() < 0.5)
        this.#mirror(values.subarray(i * this.#imageBytes, (i + 1) * this.#imageBytes));
    }
    return values;
  }

  /** Turns an image's left and right around, where it is. */
  #mirror(image: Float32Array): void {
    const { width, channels } = this.#dataset.settings;
    const row = width * channels;
    for (let start = 0; start < image.length; start += row) {
      for (let x = 0; x < width >> 1; x += 1) {
        const left = start + x * channels;
        const right = start + (width - 1 - x) * channels;
        for (let c = 0; c < channels; c += 1) {
          const kept = image[left + c]!;
          image[left + c] = image[right + c]!;
          image[right + c] = kept;
        }
      }
    }
  }

  async #bytes(position: number, batch: number): Promise<Uint8Array> {
    if (this.#memory !== null) return this.#fromMemory(this.#memory, position, batch);
    const length = batch * this.#imageBytes;
    const ahead = this.#ahead?.position === position ? await this.#ahead.bytes : null;
    const bytes = ahead?.length === length ? ahead : await this.#fromFile(position, batch);
    // All reads are under way at once, so they go on while the step keeps this thread.
    this.#ahead = { position: position + batch, bytes: this.#fromFile(position + batch, batch) };
    // Whoever takes it hears of what goes wrong.
    this.#ahead.bytes.catch(() => undefined);
    return bytes;
  }

  #fromMemory(memory: Uint8Array, position: number, batch: number): Uint8Array {
    const bytes = new Uint8Array(batch * this.#imageBytes);
    for (let i = 0; i < batch; i += 1) {
      const from = this.#indexAt(position + i) * this.#imageBytes;
      bytes.set(memory.subarray(from, from + this.#imageBytes), i * this.#imageBytes);
    }
    return bytes;
  }

  async #fromFile(position: number, batch: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(batch * this.#imageBytes);
    const reads = Array.from({ length: batch }, (_, i) => {
      const from = this.#indexAt(position + i) * this.#imageBytes;
      const to = i * this.#imageBytes;
      return readWhole(this.#file, bytes.subarray(to, to + this.#imageBytes), from);
    });
    await Promise.all(reads);
    return bytes;
  }

  async close(): Promise<void> {
    await this.#ahead?.bytes.catch(() => undefined);
    await this.#file.close();
  }
}

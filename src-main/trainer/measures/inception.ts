/** Features from a network that the user brings as an ONNX file: Inception, for FID and KID. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import '../engines/onnx/no-telemetry.ts';
import * as ort from 'onnxruntime-node';
import { AppError } from '../../../src-shared/errors.ts';
import type { Shape } from '../../../src-shared/gan/block.ts';
import { size } from '../../../src-shared/gan/shape.ts';
import type { Features } from './features.ts';
import type { Images } from './images.ts';

/** Side of the images that Inception looks at, where the file leaves it open. */
const usualSide = 299;
/** Images that pass the network at once, where the file leaves it open. */
const usualBatch = 16;

/**
 * Bilinear interpolation between the centres of pixels, as mseitzer/pytorch-fid resizes (`interpolate` without aligned corners): to
 * [channels, height, width], -1..1, grey as three equal channels.
 */
export function resized(bytes: Uint8Array, shape: Shape, height: number, width: number): Float32Array {
  const values = new Float32Array(3 * height * width);
  const along = (length: number, from: number) =>
    Array.from({ length }, (_, i) => {
      const place = Math.max(0, ((i + 0.5) * from) / length - 0.5);
      const low = Math.min(Math.floor(place), from - 1);
      return { low, high: Math.min(low + 1, from - 1), share: place - low };
    });
  const [rows, columns] = [along(height, shape.height), along(width, shape.width)];
  for (let c = 0, to = 0; c < 3; c += 1) {
    const channel = shape.channels < 3 ? 0 : c;
    const at = (y: number, x: number) => bytes[(y * shape.width + x) * shape.channels + channel]!;
    for (const { low: top, high: bottom, share: down } of rows) {
      for (const { low: left, high: right, share: across } of columns) {
        const above = at(top, left) * (1 - across) + at(top, right) * across;
        const below = at(bottom, left) * (1 - across) + at(bottom, right) * across;
        values[to] = (above * (1 - down) + below * down) / 127.5 - 1;
        to += 1;
      }
    }
  }
  return values;
}

export class Inception {
  /** SHA-256 of the file, hex: two numbers compare where it is the same. */
  readonly sha256: string;
  readonly #session: ort.InferenceSession;
  readonly #batch: number;
  readonly #height: number;
  readonly #width: number;

  private constructor(
    session: ort.InferenceSession,
    sha256: string,
    dimensions: readonly (number | string)[],
  ) {
    const given = (i: number, usual: number) => {
      const dimension = dimensions[i];
      return typeof dimension === 'number' && dimension > 0 ? dimension : usual;
    };
    this.#session = session;
    this.sha256 = sha256;
    this.#batch = given(0, usualBatch);
    this.#height = given(2, usualSide);
    this.#width = given(3, usualSide);
  }

  /**
   * @param threads of ONNX Runtime
   * @throws AppError `measure.no-inception` when the file is none that takes images as [N, 3, height, width], float32
   */
  static async open(file: string, threads: number): Promise<Inception> {
    const unfit = (why: string, cause?: unknown) =>
      new AppError(
        'measure.no-inception',
        `${file} cannot be used for FID and KID: ${why}. It must be an ONNX model that takes images as [N, 3, height, width] in float32, -1..1, and gives a vector for each.`,
        { file },
        { cause },
      );
    let session: ort.InferenceSession;
    let sha256: string;
    try {
      session = await ort.InferenceSession.create(file, {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
      });
      sha256 = await hashOf(file);
    } catch (error) {
      throw unfit('ONNX Runtime cannot read it', error);
    }
    const [input, ...others] = session.inputMetadata;
    if (input === undefined || others.length > 0) throw unfit(`it has ${others.length + 1} inputs`);
    if (!input.isTensor || input.type !== 'float32' || input.shape.length !== 4 || input.shape[1] !== 3) {
      const shape = input.isTensor ? `${input.type} [${input.shape.join(', ')}]` : 'no tensor';
      throw unfit(`its input is ${shape}`);
    }
    return new Inception(session, sha256, input.shape);
  }

  /** @param onImages hears how many images have passed */
  async features({ count, shape, bytes }: Images, onImages: (done: number) => void): Promise<Features> {
    const each = size(shape);
    const [input] = this.#session.inputNames as [string];
    const [output] = this.#session.outputNames as [string];
    const pixels = 3 * this.#height * this.#width;
    const all: Float32Array[] = [];
    for (let from = 0; from < count; from += this.#batch) {
      const images = Math.min(this.#batch, count - from);
      const values = new Float32Array(this.#batch * pixels);
      for (let i = 0; i < images; i += 1) {
        const image = bytes.subarray((from + i) * each, (from + i + 1) * each);
        values.set(resized(image, shape, this.#height, this.#width), i * pixels);
      }
      const dimensions = [this.#batch, 3, this.#height, this.#width];
      const results = await this.#session.run({ [input]: new ort.Tensor('float32', values, dimensions) });
      const data = results[output]!.data as Float32Array;
      all.push(data.slice(0, (data.length / this.#batch) * images));
      onImages(from + images);
    }
    const width = all[0]!.length / Math.min(this.#batch, count);
    const values = new Float32Array(count * width);
    let at = 0;
    for (const part of all) {
      values.set(part, at);
      at += part.length;
    }
    return { count, width, values };
  }

  dispose(): Promise<void> {
    return this.#session.release();
  }
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

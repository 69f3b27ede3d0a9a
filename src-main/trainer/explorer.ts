/** A generator that is held ready to draw points of its latent space, beside whatever else the machine does. */
import { availableParallelism } from 'node:os';
import { AppError, toErrorData } from '../../src-shared/errors.ts';
import type { Design, Shape } from '../../src-shared/gan/block.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { size } from '../../src-shared/gan/shape.ts';
import type { LatentPoint } from '../../src-shared/latent-point.ts';
import type { ExploreRequest, TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import { encodeAnimation } from './animation.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { Direction } from './directions.ts';
import { directionsOf } from './directions.ts';
import type { Engine, Program } from './engines/engine.ts';
import { writeQuickly } from './files.ts';
import { toLatents } from './latent.ts';
import { nearest } from './nearest.ts';
import { encodeGrid, layOutBytes, toBytes } from './sample-grid.ts';
import { Sampler, prepareImages } from './sampler.ts';

/** Latents that pass the generator at once: as quick an image as 64 at once, and others get their turn in between. */
const batch = 8;
/** Most bytes of all the images of one picture. */
const maxPictureBytes = 2 ** 28;

/** Threads that drawing may take: half the cores, since a run may be training on them, and no more than small batches can use. */
export function explorerThreads(): number {
  return Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)));
}

type Answer = Extract<TrainerEvent, { type: 'drawn' | 'nearest' }>;

export class Explorer {
  readonly description: Extract<TrainerEvent, { type: 'exploring' }>;
  readonly #design: Design;
  readonly #image: Shape;
  readonly #directions: readonly Direction['vector'][];
  readonly #one: Program;
  readonly #many: Program;
  readonly #emit: (event: TrainerEvent) => void;
  /** Ends a request that is under way. */
  readonly #endings = new Map<number, AbortController>();

  private constructor(
    step: number,
    design: Design,
    directions: readonly Direction[],
    programs: { one: Program; many: Program },
    emit: (event: TrainerEvent) => void,
  ) {
    this.#design = design;
    this.#image = mirror(design.discriminator, design.latentDim).blocks.at(-1)!.output;
    this.#directions = directions.map(({ vector }) => vector);
    this.#one = programs.one;
    this.#many = programs.many;
    this.#emit = emit;
    this.description = {
      type: 'exploring',
      step,
      latentDim: design.latentDim,
      image: this.#image,
      directions: directions.length,
    };
  }

  /**
   * Loads a checkpoint's generator as `ganvas sample` shows it; the checkpoint is not needed any more afterwards.
   * @param emit is given progress and answers
   * @throws AppError of `readCheckpoint`, `engine.*`
   */
  static async open(
    checkpoint: string,
    engine: Engine,
    emit: (event: TrainerEvent) => void,
  ): Promise<Explorer> {
    const tell = (phase: string, done: number, total: number | null) =>
      emit({ type: 'progress', phase, done, total });
    tell('reading the weights', 0, null);
    const { info, state } = await readCheckpoint(checkpoint);
    const sampler = await Sampler.create(engine, info.design);
    const weights = await sampler.weights(state, (done, total) =>
      tell('measuring batch statistics', done, total),
    );
    await sampler.dispose();
    const one = await prepareImages(engine, info.design, 1);
    const many = await prepareImages(engine, info.design, batch);
    one.write(weights);
    many.write(weights);
    return new Explorer(info.step, info.design, directionsOf(info.design, weights), { one, many }, emit);
  }

  /** Does what is asked and tells the answer, or why there is none. */
  async answer(request: ExploreRequest): Promise<void> {
    const { id } = request;
    const ending = new AbortController();
    this.#endings.set(id, ending);
    try {
      this.#emit(await this.#answerTo(request, ending.signal));
    } catch (error) {
      this.#emit({ type: 'failed', id, error: toErrorData(error) });
    } finally {
      this.#endings.delete(id);
    }
  }

  /** Ends a request that is under way; others are left alone. */
  cancel(id: number): void {
    this.#endings.get(id)?.abort(new AppError('cancelled', 'This was cancelled before it was done.'));
  }

  async #answerTo(request: ExploreRequest, signal: AbortSignal): Promise<Answer> {
    const { id } = request;
    /** Throws when the request was cancelled. */
    const progress = (phase: string, total: number | null) => (done: number) => {
      signal.throwIfAborted();
      this.#emit({ type: 'progress', id, phase, done, total });
    };
    switch (request.type) {
      case 'draw': {
        const { points, file } = request;
        const columns = Math.min(request.columns, points.length);
        const images = await this.#draw(points, progress('drawing images', points.length));
        const png = await encodeGrid(layOutBytes(images, points.length, this.#image, columns), this.#image);
        // These pictures come by the dozen a second, and none outlives its explorer.
        await writeQuickly(file, png);
        return { type: 'drawn', id, columns, bytes: png.length };
      }
      case 'animate': {
        const { points, framesPerSecond, format, file } = request;
        const frames = await this.#draw(points, progress('drawing images', points.length));
        progress('writing the animation', null)(0);
        const encoding = encodeAnimation(frames, points.length, this.#image, framesPerSecond, format);
        const animation = await unlessAborted(encoding, signal);
        await writeQuickly(file, animation);
        return { type: 'drawn', id, columns: 1, bytes: animation.length };
      }
      case 'nearest': {
        const { point, dataset, count } = request;
        const image = toBytes(await this.#images([point]));
        const onProgress = progress('comparing images', dataset.count);
        return {
          type: 'nearest',
          id,
          images: await nearest(image, this.#image, dataset, count, onProgress),
        };
      }
    }
  }

  /** Images as bytes, [points, height, width, channels]. @throws AppError `explore.too-large`, and what `onProgress` throws */
  async #draw(points: readonly LatentPoint[], onProgress: (done: number) => void): Promise<Uint8Array> {
    const bytesEach = size(this.#image);
    if (points.length * bytesEach > maxPictureBytes) {
      const most = Math.floor(maxPictureBytes / bytesEach);
      throw new AppError(
        'explore.too-large',
        `${points.length} images of this size are too many for one picture: at most ${most} fit.`,
        { most },
      );
    }
    const pixels = new Uint8Array(points.length * bytesEach);
    for (let done = 0; done < points.length; done += batch) {
      onProgress(done);
      pixels.set(toBytes(await this.#images(points.slice(done, done + batch))), done * bytesEach);
      // Requests arrive while the process waits for its next turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    onProgress(points.length);
    return pixels;
  }

  /** Images of one batch of points or less, as floats. */
  async #images(points: readonly LatentPoint[]): Promise<Float32Array> {
    const { latentDim } = this.#design;
    const z = toLatents(points, latentDim, this.#directions);
    if (points.length === 1) return (await this.#one.run({ z })).images!;
    const filled = new Float32Array(batch * latentDim);
    filled.set(z);
    const { images } = await this.#many.run({ z: filled });
    return images!.subarray(0, points.length * size(this.#image));
  }
}

/** What `work` comes to, or the signal's reason at once; then `work` goes on, but nobody waits for it. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

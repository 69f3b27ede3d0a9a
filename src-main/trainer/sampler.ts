/** Images from a generator, as it is shown and exported: averaged weights, with batch norm's statistics measured for them. */
import * as tf from '@tensorflow/tfjs';
import type { Design, Shape } from '../../src-shared/gan/block.ts';
import type { Generator } from '../../src-shared/gan/mirror.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import type { Engine, Program } from './engines/engine.ts';
import type { Pass, Tensors } from './network.ts';
import { generate, powerIterations } from './network.ts';
import type { Arrays } from './parameters.ts';
import { networkTensors } from './parameters.ts';
import { Random } from './random.ts';

/** Latents that batch norm's statistics are measured on, the same for every run and none of those that a sample is made from. */
const statisticsCount = 1024;
const statisticsSeed = 0;

/** Latents that pass the generator at once; 64 of 1024 pixels would take gigabytes. */
function batchOf({ height, width }: Shape): number {
  return height * width <= 128 ** 2 ? 64 : 16;
}

/** The generator's tensors of `networkTensors(design, 'generator')`, ready to be used. */
export type GeneratorWeights = Arrays;

/** z of the `index`-th sample of a seed, one after the other: [count, latentDim]. */
export function latents(seed: number, count: number, latentDim: number): Float32Array {
  return new Random(seed, 'latents').normal(new Float32Array(count * latentDim));
}

/** Parameters of the generator to use: the average where there is one, else the live ones. */
function parametersOf(design: Design, state: Arrays): Arrays {
  return Object.fromEntries(
    networkTensors(design, 'generator').map(({ name }) => [name, state[`ema.${name}`] ?? state[name]!]),
  );
}

function passOf(
  generator: Generator,
  tensors: Tensors,
  batchStatistics: Pass['batchStatistics'],
  observe?: Pass['observe'],
): Pass {
  return {
    tensors,
    batchStatistics,
    observe,
    singularVectors: powerIterations(generator.blocks, 'generator', tensors),
  };
}

/** All that a program of the generator depends on; see `Engine.prepare`. */
function aboutGenerator(what: string, { discriminator, latentDim }: Design): string {
  return JSON.stringify([what, discriminator, latentDim]);
}

/**
 * The program that makes images of so many latents at once: its state are {@link GeneratorWeights}, its input is `z`, its output `images`
 * ([batch, height, width, channels], -1..1).
 */
export function prepareImages(engine: Engine, design: Design, batch: number): Promise<Program> {
  const generator = mirror(design.discriminator, design.latentDim);
  return engine.prepare(
    (tensors, { z }) => ({
      state: {},
      outputs: { images: generate(generator, passOf(generator, tensors, 'stored'), z as tf.Tensor2D) },
    }),
    networkTensors(design, 'generator'),
    [{ name: 'z', shape: [batch, design.latentDim] }],
    aboutGenerator('images', design),
  );
}

export class Sampler {
  readonly image: Shape;
  readonly #batch: number;
  readonly #design: Design;
  readonly #images: Program;
  /** Null where nothing is batch normalised. */
  readonly #statistics: Program | null;

  private constructor(design: Design, images: Program, statistics: Program | null) {
    this.#design = design;
    this.#images = images;
    this.#statistics = statistics;
    this.image = mirror(design.discriminator, design.latentDim).blocks.at(-1)!.output;
    this.#batch = batchOf(this.image);
  }

  static async create(engine: Engine, design: Design): Promise<Sampler> {
    const generator = mirror(design.discriminator, design.latentDim);
    const batch = batchOf(generator.blocks.at(-1)!.output);
    const images = await prepareImages(engine, design, batch);
    if (!generator.blocks.some((block) => block.norm === 'batch')) return new Sampler(design, images, null);
    const statistics = await engine.prepare(
      (tensors, { z }) => {
        const outputs: Tensors = {};
        const factors: Record<string, number> = {};
        const observe: Pass['observe'] = (prefix, { mean, variance }, count) => {
          outputs[`${prefix}.mean`] = mean;
          outputs[`${prefix}.variance`] = variance;
          factors[`${prefix}.variance`] = count / Math.max(count - 1, 1);
        };
        generate(generator, passOf(generator, tensors, 'batch', observe), z as tf.Tensor2D);
        for (const [name, factor] of Object.entries(factors)) {
          const biased = outputs[name]!;
          outputs[name] = tf.mul(biased, factor);
          biased.dispose();
        }
        return { state: {}, outputs };
      },
      networkTensors(design, 'generator'),
      [{ name: 'z', shape: [batch, design.latentDim] }],
      aboutGenerator('statistics', design),
    );
    return new Sampler(design, images, statistics);
  }

  /**
   * The generator of a training state, ready to be used. Batch norm's moving statistics follow the live weights, not the averaged ones, so
   * they are measured anew on fixed latents; the outcome depends on the weights alone.
   * @param onLatents hears on how many latents they have been measured, and of how many
   */
  async weights(
    state: Arrays,
    onLatents: (done: number, total: number) => void = () => undefined,
  ): Promise<GeneratorWeights> {
    const weights = parametersOf(this.#design, state);
    if (this.#statistics === null) return weights;
    this.#statistics.write(weights);
    const { latentDim } = this.#design;
    const random = new Random(statisticsSeed, 'batch norm statistics');
    const z = random.normal(new Float32Array(statisticsCount * latentDim));
    const size = this.#batch * latentDim;
    const batches = statisticsCount / this.#batch;
    const sums: Record<string, Float64Array> = {};
    for (let i = 0; i < batches; i += 1) {
      const part = z.subarray(i * size, (i + 1) * size);
      for (const [name, values] of Object.entries(await this.#statistics.run({ z: part }))) {
        const sum = (sums[name] ??= new Float64Array(values.length));
        values.forEach((value, j) => (sum[j]! += value / batches));
      }
      onLatents((i + 1) * this.#batch, statisticsCount);
    }
    for (const [name, sum] of Object.entries(sums)) weights[name] = Float32Array.from(sum);
    return weights;
  }

  /**
   * @param z [count, latentDim]
   * @returns [count, height, width, channels], -1..1
   */
  async images(weights: GeneratorWeights, z: Float32Array): Promise<Float32Array> {
    const { latentDim } = this.#design;
    const count = z.length / latentDim;
    const pixels = this.image.height * this.image.width * this.image.channels;
    const all = new Float32Array(count * pixels);
    const batch = this.#batch;
    this.#images.write(weights);
    for (let from = 0; from < count; from += batch) {
      const part = new Float32Array(batch * latentDim);
      part.set(z.subarray(from * latentDim, (from + batch) * latentDim));
      const { images } = await this.#images.run({ z: part });
      all.set(images!.subarray(0, Math.min(batch, count - from) * pixels), from * pixels);
    }
    return all;
  }

  async dispose(): Promise<void> {
    await this.#images.dispose();
    await this.#statistics?.dispose();
  }
}

/**
 * One training step as a pure function over TensorFlow.js operations: it reads no value back, draws no random number and knows no
 * engine. What is random or depends on the step's number comes in as inputs, so that the function can be recorded once and replayed.
 *
 * The order is the DCGAN tutorial's (pytorch/tutorials dcgan_faces_tutorial.py): the discriminator on reals and on fakes, in
 * separate batches, one step of Adam on the sum; then the generator against the discriminator just updated, with the same fakes.
 */
import * as tf from '@tensorflow/tfjs';
import type { Design } from '../../src-shared/gan/block.ts';
import type { Generator } from '../../src-shared/gan/mirror.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { discriminatorShapes } from '../../src-shared/gan/shape.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';
import type { BatchStatistics, SingularVectors } from './layers.ts';
import { movingStatistics } from './layers.ts';
import { losses } from './losses.ts';
import type { Pass, Tensors } from './network.ts';
import { discriminate, generate, powerIterations } from './network.ts';
import { adam, adamFactors } from './optimizer.ts';
import type { Arrays, NetworkName } from './parameters.ts';
import { elements, networkTensors } from './parameters.ts';
import { Random } from './random.ts';
import type { TensorFunction } from './engines/engine.ts';

/** The discriminator passes of a step that need dropout of their own. */
const passes = ['reals', 'fakes', 'generator'] as const;

/** Everything fixed that a step depends on. */
export interface StepPlan {
  design: Design;
  generator: Generator;
  hyperparameters: Hyperparameters;
  trainable: Record<NetworkName, string[]>;
}

export function stepPlan(design: Design, hyperparameters: Hyperparameters): StepPlan {
  const names = (network: NetworkName) =>
    networkTensors(design, network)
      .filter((spec) => spec.trainable)
      .map((spec) => spec.name);
  return {
    design,
    generator: mirror(design.discriminator, design.latentDim),
    hyperparameters,
    trainable: { discriminator: names('discriminator'), generator: names('generator') },
  };
}

/** Name and shape of one input of a step. */
export interface InputSpec {
  name: string;
  shape: number[];
}

interface DropoutInput extends InputSpec {
  rate: number;
}

/** A mask for every block with dropout and every pass through it. Name: `dropout.<pass>.<block's prefix>`. */
function dropoutInputs(plan: StepPlan): DropoutInput[] {
  const { design, generator, hyperparameters } = plan;
  const { batch } = hyperparameters;
  const shapes = discriminatorShapes(design.discriminator);
  const ofDiscriminator = design.discriminator.blocks.flatMap((block, i) => {
    const { height, width, channels } = shapes[i]!.output;
    return passes.map((pass) => ({
      name: `dropout.${pass}.discriminator.${i}`,
      shape: [batch, height, width, channels],
      rate: block.dropout,
    }));
  });
  const ofGenerator = generator.blocks.map((block, i) => ({
    name: `dropout.generate.generator.${i}`,
    shape: [batch, block.output.height, block.output.width, block.output.channels],
    rate: block.dropout,
  }));
  return [...ofDiscriminator, ...ofGenerator].filter((input) => input.rate > 0);
}

const scalars = [
  'discriminator.stepSize',
  'discriminator.epsilon',
  'generator.stepSize',
  'generator.epsilon',
  'ema.beta',
] as const;

/** What a step reads beside the state: `reals`, `z`, dropout's masks and the scalars that change from step to step. */
export function stepInputs(plan: StepPlan): InputSpec[] {
  const { batch } = plan.hyperparameters;
  const { height, width, channels } = plan.design.discriminator.image;
  return [
    { name: 'reals', shape: [batch, height, width, channels] },
    { name: 'z', shape: [batch, plan.design.latentDim] },
    ...dropoutInputs(plan).map(({ name, shape }) => ({ name, shape })),
    ...scalars
      .filter((name) => name !== 'ema.beta' || plan.hyperparameters.ema.halfLifeKimg !== null)
      .map((name) => ({ name, shape: [] })),
  ];
}

/**
 * Weight of the old average after a step: 0.5^(batch / half-life in images), the half-life being limited by the ramp-up
 * (NVlabs/stylegan2-ada-pytorch training/training_loop.py).
 * @param imagesSeen before this step
 */
export function emaBeta(hyperparameters: Hyperparameters, imagesSeen: number): number {
  const { halfLifeKimg, rampUp } = hyperparameters.ema;
  if (halfLifeKimg === null) return 0;
  const full = halfLifeKimg * 1000;
  const halfLife = rampUp === null ? full : Math.min(full, imagesSeen * rampUp);
  return 0.5 ** (hyperparameters.batch / Math.max(halfLife, 1e-8));
}

/**
 * The inputs of one step, `reals` excepted: all of them functions of the seed and the step.
 * @param step 1 for the first
 */
export function drawInputs(plan: StepPlan, seed: number, step: number, imagesSeen: number): Arrays {
  const { hyperparameters, design } = plan;
  const inputs: Arrays = {
    z: new Random(seed, 'z', step).normal(new Float32Array(hyperparameters.batch * design.latentDim)),
  };
  for (const { name, shape, rate } of dropoutInputs(plan)) {
    inputs[name] = new Random(seed, name, step).dropout(new Float32Array(elements(shape)), rate);
  }
  for (const network of ['discriminator', 'generator'] as const) {
    const factors = adamFactors(hyperparameters[network], step);
    inputs[`${network}.stepSize`] = Float32Array.of(factors.stepSize);
    inputs[`${network}.epsilon`] = Float32Array.of(factors.epsilon);
  }
  if (hyperparameters.ema.halfLifeKimg !== null) {
    inputs['ema.beta'] = Float32Array.of(emaBeta(hyperparameters, imagesSeen));
  }
  return inputs;
}

/** Order of the numbers in a step's one output, `losses`. */
export const lossOrder = ['lossD', 'lossG', 'dReal', 'dFake'] as const;

function named(names: readonly string[], tensors: readonly tf.Tensor[]): Tensors {
  return Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));
}

function pick(tensors: Tensors, names: readonly string[]): tf.Tensor[] {
  return names.map((name) => {
    const tensor = tensors[name];
    if (tensor === undefined) throw new Error(`The state has no ${name}.`);
    return tensor;
  });
}

function dropoutOf(inputs: Tensors, pass: string): Tensors {
  const prefix = `dropout.${pass}.`;
  return Object.fromEntries(
    Object.entries(inputs)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, mask]) => [name.slice(prefix.length), mask]),
  );
}

/** `u` of every kernel with spectral norm after a power iteration, by tensor name. */
function iterated(vectors: Record<string, SingularVectors>): Tensors {
  return Object.fromEntries(Object.entries(vectors).map(([prefix, { u }]) => [`${prefix}.u`, u]));
}

/** The moving statistics of one network, gathered from its forward passes in the order in which they happened. */
class Observed {
  readonly #batches: { prefix: string; statistics: BatchStatistics; count: number }[] = [];

  readonly observe = (prefix: string, statistics: BatchStatistics, count: number): void => {
    this.#batches.push({ prefix, statistics, count });
  };

  /** The statistics after all observed batches; what `observe` was given is disposed. */
  move(state: Tensors): Tensors {
    const moved: Tensors = {};
    for (const { prefix, statistics, count } of this.#batches) {
      const [mean, variance] = [`${prefix}.mean`, `${prefix}.variance`];
      const old = { mean: moved[mean] ?? state[mean], variance: moved[variance] ?? state[variance] };
      const next = movingStatistics(old as BatchStatistics, statistics, count);
      moved[mean] = next.mean;
      moved[variance] = next.variance;
      statistics.mean.dispose();
      statistics.variance.dispose();
    }
    return moved;
  }
}

/** One step of Adam on every parameter of a network: the new parameters and moments, by tensor name. */
function adamOn(
  plan: StepPlan,
  network: NetworkName,
  state: Tensors,
  inputs: Tensors,
  gradients: readonly tf.Tensor[],
): Tensors {
  const [stepSize, epsilon] = pick(inputs, [`${network}.stepSize`, `${network}.epsilon`]) as [
    tf.Scalar,
    tf.Scalar,
  ];
  const next: Tensors = {};
  plan.trainable[network].forEach((name, i) => {
    const [parameter, m, v] = pick(state, [name, `adam.m.${name}`, `adam.v.${name}`]) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const moved = adam({ parameter, m, v }, gradients[i]!, plan.hyperparameters[network], stepSize, epsilon);
    next[name] = moved.parameter;
    next[`adam.m.${name}`] = moved.m;
    next[`adam.v.${name}`] = moved.v;
  });
  return next;
}

/**
 * @param state every tensor of `parameters.ts`' `stateTensors`; not disposed
 * @param inputs every tensor of {@link stepInputs}; not disposed
 * @returns the new state, complete; and `losses`, [4] in {@link lossOrder}. Call it inside `tf.tidy`.
 */
export function trainStep(
  plan: StepPlan,
  state: Tensors,
  inputs: Tensors,
): { state: Tensors; losses: tf.Tensor1D } {
  const { discriminator } = plan.design;
  const loss = losses[plan.hyperparameters.loss];
  const [reals, z] = pick(inputs, ['reals', 'z']) as [tf.Tensor4D, tf.Tensor2D];
  const names = plan.trainable;

  const generatorVectors = powerIterations(plan.generator.blocks, 'generator', state);
  const generatorPass = (tensors: Tensors, observe?: Pass['observe']): Pass => ({
    tensors,
    batchStatistics: 'batch',
    singularVectors: generatorVectors,
    dropout: dropoutOf(inputs, 'generate'),
    observe,
  });
  const ofGenerator = new Observed();
  const fakes = generate(plan.generator, generatorPass(state, ofGenerator.observe), z);

  const ofDiscriminator = new Observed();
  const discriminatorPass = (
    pass: (typeof passes)[number],
    tensors: Tensors,
    singularVectors: Record<string, SingularVectors>,
  ): Pass => ({
    tensors,
    batchStatistics: 'batch',
    observe: ofDiscriminator.observe,
    singularVectors,
    dropout: dropoutOf(inputs, pass),
  });

  const vectorsOnReals = powerIterations(discriminator.blocks, 'discriminator', state);
  const afterReals = { ...state, ...iterated(vectorsOnReals) };
  const vectorsOnFakes = powerIterations(discriminator.blocks, 'discriminator', afterReals);
  const opinions: tf.Scalar[] = [];
  const discriminatorStep = tf.valueAndGrads((...parameters: tf.Tensor[]) => {
    const tensors = { ...state, ...named(names.discriminator, parameters) };
    const a = discriminate(discriminator, discriminatorPass('reals', tensors, vectorsOnReals), reals);
    const b = discriminate(discriminator, discriminatorPass('fakes', tensors, vectorsOnFakes), fakes);
    opinions.push(tf.keep(loss.opinion(a)), tf.keep(loss.opinion(b)));
    return tf.add(loss.discriminatorOnReals(a), loss.discriminatorOnFakes(b));
  })(pick(state, names.discriminator));
  const updated = {
    ...state,
    ...iterated(vectorsOnFakes),
    ...adamOn(plan, 'discriminator', state, inputs, discriminatorStep.grads),
  };

  const vectors = powerIterations(discriminator.blocks, 'discriminator', updated);
  const generatorStep = tf.valueAndGrads((...parameters: tf.Tensor[]) => {
    const tensors = { ...state, ...named(names.generator, parameters) };
    // The same fakes again, so that the gradient reaches the generator; a recorded step shares the work.
    const images = generate(plan.generator, generatorPass(tensors), z);
    return loss.generator(
      discriminate(discriminator, discriminatorPass('generator', updated, vectors), images),
    );
  })(pick(state, names.generator));
  const next = {
    ...updated,
    ...iterated(vectors),
    ...iterated(generatorVectors),
    ...ofDiscriminator.move(state),
    ...ofGenerator.move(state),
    ...adamOn(plan, 'generator', state, inputs, generatorStep.grads),
  };

  if (plan.hyperparameters.ema.halfLifeKimg !== null) {
    const [beta] = pick(inputs, ['ema.beta']) as [tf.Scalar];
    for (const name of names.generator) {
      const average = state[`ema.${name}`]!;
      next[`ema.${name}`] = tf.add(next[name]!, tf.mul(tf.sub(average, next[name]!), beta));
    }
  }
  const numbers = tf.stack([discriminatorStep.value, generatorStep.value, ...opinions]) as tf.Tensor1D;
  tf.dispose(opinions);
  return { state: next, losses: numbers };
}

/** {@link trainStep} as engines take it: one output, `losses`. */
export function stepFunction(plan: StepPlan): TensorFunction {
  return (state, inputs) => {
    const { state: next, losses: numbers } = trainStep(plan, state, inputs);
    return { state: next, outputs: { losses: numbers } };
  };
}

/** All that {@link stepFunction} depends on, its code excepted; see `Engine.prepare`. */
export function aboutStep({ design, hyperparameters }: StepPlan): string {
  return JSON.stringify(['step', design.discriminator, design.latentDim, hyperparameters]);
}

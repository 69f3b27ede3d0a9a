/**
 * One training step as a pure function over TensorFlow.js operations: it reads no value back, draws no random number and knows no
 * engine. What is random or depends on the step's number comes in as inputs, so that the function can be recorded once and replayed.
 *
 * The order is the DCGAN tutorial's (pytorch/tutorials dcgan_faces_tutorial.py): the discriminator on reals and on fakes, in
 * separate batches, one update on the sum; then the generator against the discriminator just updated, with the same fakes. Where the
 * discriminator is updated more than once in a step, each update has reals and fakes of its own, and the generator takes the last fakes.
 */
import * as tf from '@tensorflow/tfjs';
import { augment } from './augment.ts';
import type { TensorFunction } from './engines/engine.ts';
import type { BatchStatistics, SingularVectors } from './layers.ts';
import { movingStatistics } from './layers.ts';
import { losses } from './losses.ts';
import type { Pass, Tensors } from './network.ts';
import { discriminate, generate, powerIterations } from './network.ts';
import { clipped, optimizers } from './optimizer.ts';
import type { NetworkName } from './parameters.ts';
import { penalties } from './penalties.ts';
import { factorNames } from './step-inputs.ts';
import type { PassName, StepPlan } from './step-plan.ts';
import { numbered, passesOf, updatesOf } from './step-plan.ts';

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

/** The inputs whose names begin with a prefix, under the rest of their names. */
function under(inputs: Tensors, prefix: string): Tensors {
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

/** One update of every parameter of a network: the new parameters and moments, by tensor name. */
function optimise(
  plan: StepPlan,
  network: NetworkName,
  state: Tensors,
  inputs: Tensors,
  gradients: readonly tf.Tensor[],
  update = 0,
): Tensors {
  const settings = plan.hyperparameters[network];
  const factors = named(
    factorNames(plan, network),
    pick(
      inputs,
      factorNames(plan, network).map((factor) => numbered(`${network}.${factor}`, update)),
    ),
  );
  const taken = settings.clipNorm === null ? gradients : clipped(gradients, settings.clipNorm);
  const next: Tensors = {};
  plan.trainable[network].forEach((name, i) => {
    const [parameter, m, v] = pick(state, [name, `adam.m.${name}`, `adam.v.${name}`]) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const moved = optimizers[settings.kind].follow({ parameter, m, v }, taken[i]!, settings, factors);
    next[name] = moved.parameter;
    next[`adam.m.${name}`] = moved.m;
    next[`adam.v.${name}`] = moved.v;
  });
  return next;
}

/** Mean sign of verdicts, -1 to 1. */
function meanSign(verdicts: tf.Tensor1D): tf.Scalar {
  return tf.sub(tf.mul(tf.mean(tf.step(verdicts)), 2), 1);
}

/** The part of an input that belongs to one of the discriminator's updates: as many rows as a batch has. */
function ofUpdate<T extends tf.Tensor>(plan: StepPlan, input: T, update: number): T {
  const { batch, discriminatorSteps } = plan.hyperparameters;
  if (discriminatorSteps === 1) return input;
  const [, ...sides] = input.shape;
  return tf.slice(input, [update * batch, ...sides.map(() => 0)], [batch, ...sides]);
}

/** What both networks do in a step, and what is remembered from pass to pass. */
class Step {
  readonly #plan: StepPlan;
  readonly #inputs: Tensors;
  /** Of the passes through each network, in their order. */
  readonly observed = { discriminator: new Observed(), generator: new Observed() };

  constructor(plan: StepPlan, inputs: Tensors) {
    this.#plan = plan;
    this.#inputs = inputs;
  }

  /** A power iteration for each kernel with spectral norm, as every pass in PyTorch's training mode makes one. */
  iterate(
    network: NetworkName,
    state: Tensors,
  ): { vectors: Record<string, SingularVectors>; state: Tensors } {
    const { design, generator } = this.#plan;
    const { blocks } = network === 'discriminator' ? design.discriminator : generator;
    const vectors = powerIterations(blocks, network, state);
    return { vectors, state: { ...state, ...iterated(vectors) } };
  }

  /** @param observed whether its batch statistics move the stored ones */
  generate(
    tensors: Tensors,
    vectors: Record<string, SingularVectors>,
    update: number,
    observed: boolean,
  ): tf.Tensor4D {
    const [z] = pick(this.#inputs, ['z']) as [tf.Tensor2D];
    const pass: Pass = {
      tensors,
      batchStatistics: 'batch',
      singularVectors: vectors,
      dropout: under(this.#inputs, `dropout.${numbered('generate', update)}.`),
      observe: observed ? this.observed.generator.observe : undefined,
    };
    return generate(this.#plan.generator, pass, ofUpdate(this.#plan, z, update));
  }

  /** The images as the discriminator sees them in a pass: with noise and augmented, if that is wanted. */
  shown(images: tf.Tensor4D, pass: PassName, update = 0): tf.Tensor4D {
    const name = numbered(pass, update);
    const noise = this.#inputs[`noise.${name}`];
    const noisy = noise === undefined ? images : tf.add<tf.Tensor4D>(images, noise);
    return augment(noisy, this.#plan.hyperparameters.augmentation, under(this.#inputs, `augment.${name}.`));
  }

  discriminate(
    tensors: Tensors,
    vectors: Record<string, SingularVectors>,
    name: PassName,
    update: number,
    images: tf.Tensor4D,
    twice = false,
  ): tf.Tensor1D {
    const pass: Pass = {
      tensors,
      batchStatistics: 'batch',
      singularVectors: vectors,
      dropout: under(this.#inputs, `dropout.${numbered(name, update)}.`),
      observe: this.observed.discriminator.observe,
      twice,
    };
    return discriminate(this.#plan.design.discriminator, pass, images);
  }

  /**
   * One update of the discriminator.
   * @returns the state after it, and its loss without penalties, D(x), D(G(z)) and the mean sign of the verdicts on reals, which are kept
   * beyond any `tf.tidy`
   */
  updateDiscriminator(state: Tensors, update: number): { state: Tensors; told: tf.Scalar[] } {
    const plan = this.#plan;
    const { loss: lossName, labelSmoothing, weightClip } = plan.hyperparameters;
    const loss = losses[lossName];
    const names = plan.trainable.discriminator;
    const ofGenerator = this.iterate('generator', state);
    const made = this.generate(state, ofGenerator.vectors, update, true);
    const [given] = pick(this.#inputs, ['reals']) as [tf.Tensor4D];
    const onReals = this.iterate('discriminator', ofGenerator.state);
    const onFakes = this.iterate('discriminator', onReals.state);
    const images: Partial<Record<PassName, tf.Tensor4D>> = {
      reals: this.shown(ofUpdate(plan, given, update), 'reals', update),
      fakes: this.shown(made, 'fakes', update),
    };
    const vectors: Partial<Record<PassName, Record<string, SingularVectors>>> = {
      reals: onReals.vectors,
      fakes: onFakes.vectors,
    };
    let iteratedState = onFakes.state;
    if (passesOf(plan).includes('mixed')) {
      const [mix] = pick(this.#inputs, [numbered('mix', update)]) as [tf.Tensor4D];
      const { reals, fakes } = images as Record<'reals' | 'fakes', tf.Tensor4D>;
      images.mixed = tf.add(fakes, tf.mul(mix, tf.sub(reals, fakes)));
      const onMixed = this.iterate('discriminator', iteratedState);
      vectors.mixed = onMixed.vectors;
      iteratedState = onMixed.state;
    }
    const told: tf.Scalar[] = [];
    const { grads } = tf.valueAndGrads((...parameters: tf.Tensor[]) => {
      const tensors = { ...state, ...named(names, parameters) };
      const verdicts = (pass: PassName, twice = false, at = images[pass]!) =>
        this.discriminate(tensors, vectors[pass]!, pass, update, at, twice);
      const a = verdicts('reals');
      const b = verdicts('fakes');
      const adversarial = tf.add<tf.Scalar>(
        loss.discriminatorOnReals(a, labelSmoothing),
        loss.discriminatorOnFakes(b),
      );
      told.push(
        ...[adversarial, loss.opinion(a), loss.opinion(b), meanSign(a)].map((number) =>
          tf.keep(tf.clone(number)),
        ),
      );
      const weighed = plan.penalties.map(([name, weight]) => {
        const { at, of } = penalties[name];
        // A recorded step shares this pass with that of the loss.
        const slopes = tf.grad((x: tf.Tensor) => tf.sum(verdicts(at, true, x as tf.Tensor4D)))(images[at]!);
        return tf.mul<tf.Scalar>(of(tf.sum(tf.square(slopes), [1, 2, 3])), weight);
      });
      return weighed.reduce((sum, penalty) => tf.add(sum, penalty), adversarial);
    })(pick(state, names));
    const updated = optimise(plan, 'discriminator', state, this.#inputs, grads, update);
    if (weightClip !== null) {
      for (const name of names) updated[name] = tf.clipByValue(updated[name]!, -weightClip, weightClip);
    }
    return { state: { ...iteratedState, ...updated }, told };
  }
}

/**
 * @param state every tensor of `parameters.ts`' `stateTensors`; not disposed
 * @param inputs every tensor of {@link stepInputs}; not disposed
 * @returns the new state, complete; `losses`, [4] in {@link lossOrder}; and `signs`, the mean sign of the last verdicts on reals, which
 * adaptive augmentation goes by. Call it inside `tf.tidy`.
 */
export function trainStep(
  plan: StepPlan,
  state: Tensors,
  inputs: Tensors,
): { state: Tensors; losses: tf.Tensor1D; signs: tf.Scalar } {
  const loss = losses[plan.hyperparameters.loss];
  const names = plan.trainable;
  const step = new Step(plan, inputs);
  let before = state;
  let updated = state;
  let told: tf.Scalar[] = [];
  for (const update of updatesOf(plan)) {
    tf.dispose(told);
    before = updated;
    ({ state: updated, told } = step.updateDiscriminator(before, update));
  }

  const last = plan.hyperparameters.discriminatorSteps - 1;
  const generatorVectors = step.iterate('generator', before).vectors;
  const { vectors, state: iteratedState } = step.iterate('discriminator', updated);
  const generatorStep = tf.valueAndGrads((...parameters: tf.Tensor[]) => {
    const tensors = { ...state, ...named(names.generator, parameters) };
    // The same fakes again, so that the gradient reaches the generator; a recorded step shares the work.
    const images = step.shown(step.generate(tensors, generatorVectors, last, false), 'generator');
    return loss.generator(step.discriminate(updated, vectors, 'generator', 0, images));
  })(pick(state, names.generator));
  const next = {
    ...iteratedState,
    ...step.observed.discriminator.move(state),
    ...step.observed.generator.move(state),
    ...optimise(plan, 'generator', state, inputs, generatorStep.grads),
  };

  if (plan.hyperparameters.ema.halfLifeKimg !== null) {
    const [beta] = pick(inputs, ['ema.beta']) as [tf.Scalar];
    for (const name of names.generator) {
      const average = state[`ema.${name}`]!;
      next[`ema.${name}`] = tf.add(next[name]!, tf.mul(tf.sub(average, next[name]!), beta));
    }
  }
  const [lossD, dReal, dFake, sign] = told as [tf.Scalar, tf.Scalar, tf.Scalar, tf.Scalar];
  const numbers = tf.stack([lossD, generatorStep.value, dReal, dFake]) as tf.Tensor1D;
  const signs = tf.clone(sign);
  tf.dispose(told);
  return { state: next, losses: numbers, signs };
}

/** {@link trainStep} as engines take it: the outputs are `losses` and, where augmentation adapts, `signs`. */
export function stepFunction(plan: StepPlan): TensorFunction {
  const adapts = plan.hyperparameters.augmentation.adaptive !== null;
  return (state, inputs) => {
    const { state: next, losses: numbers, signs } = trainStep(plan, state, inputs);
    if (adapts) return { state: next, outputs: { losses: numbers, signs } };
    signs.dispose();
    return { state: next, outputs: { losses: numbers } };
  };
}

/** What a training step reads beside the state: its names and shapes, and how it is drawn from the seed. */
import { discriminatorShapes } from '../../src-shared/gan/shape.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';
import { imagesPerStep, isAugmented } from '../../src-shared/training.ts';
import { augmentInputs, drawAugmentation } from './augment.ts';
import { optimizers, rateLeft } from './optimizer.ts';
import type { Arrays, NetworkName } from './parameters.ts';
import { elements } from './parameters.ts';
import { Random } from './random.ts';
import type { StepPlan } from './step-plan.ts';
import { numbered, passesOf, updatesOf } from './step-plan.ts';

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
  const updates = updatesOf(plan);
  const passes = [
    ...updates.flatMap((update) => passesOf(plan).map((pass) => numbered(pass, update))),
    'generator',
  ];
  const ofDiscriminator = design.discriminator.blocks.flatMap((block, i) => {
    const { height, width, channels } = shapes[i]!.output;
    return passes.map((pass) => ({
      name: `dropout.${pass}.discriminator.${i}`,
      shape: [batch, height, width, channels],
      rate: block.dropout,
    }));
  });
  const ofGenerator = generator.blocks.flatMap((block, i) =>
    updates.map((update) => ({
      name: `dropout.${numbered('generate', update)}.generator.${i}`,
      shape: [batch, block.output.height, block.output.width, block.output.channels],
      rate: block.dropout,
    })),
  );
  return [...ofDiscriminator, ...ofGenerator].filter((input) => input.rate > 0);
}

/** Every pass through the discriminator but `mixed`, which mixes images as the others see them. */
function passesWithImages(plan: StepPlan): string[] {
  const ofUpdates = updatesOf(plan).flatMap((update) => [
    numbered('reals', update),
    numbered('fakes', update),
  ]);
  return [...ofUpdates, 'generator'];
}

/** Noise for the images of a pass. Name: `noise.<pass>`. */
function noiseInputs(plan: StepPlan): InputSpec[] {
  const { batch, instanceNoise } = plan.hyperparameters;
  if (instanceNoise.stddev === 0) return [];
  const { height, width, channels } = plan.design.discriminator.image;
  return passesWithImages(plan).map((pass) => ({
    name: `noise.${pass}`,
    shape: [batch, height, width, channels],
  }));
}

/** What augments the images of each pass. Name: `augment.<pass>.<what>`. */
function augmentationInputs(plan: StepPlan): InputSpec[] {
  const { augmentation, batch } = plan.hyperparameters;
  const inputs = augmentInputs(augmentation, batch, plan.design.discriminator.image);
  return passesWithImages(plan).flatMap((pass) =>
    inputs.map(({ name, shape }) => ({ name: `augment.${pass}.${name}`, shape })),
  );
}

/** Where between real and fake each mixed image lies, one input an update. */
function mixInputs(plan: StepPlan): InputSpec[] {
  if (!passesOf(plan).includes('mixed')) return [];
  const shape = [plan.hyperparameters.batch, 1, 1, 1];
  return updatesOf(plan).map((update) => ({ name: numbered('mix', update), shape }));
}

/** The names of the optimiser's factors. */
export function factorNames(plan: StepPlan, network: NetworkName): string[] {
  const settings = plan.hyperparameters[network];
  return Object.keys(optimizers[settings.kind].factors(settings, 1));
}

/** Numbers that change from step to step, those of the optimisers from update to update. */
function scalarsOf(plan: StepPlan): string[] {
  const factors = (network: NetworkName, update: number) =>
    factorNames(plan, network).map((factor) => numbered(`${network}.${factor}`, update));
  return [
    ...updatesOf(plan).flatMap((update) => factors('discriminator', update)),
    ...factors('generator', 0),
    ...(plan.hyperparameters.ema.halfLifeKimg === null ? [] : ['ema.beta']),
  ];
}

/** What a step reads beside the state: `reals`, `z`, what is random in its passes, and the scalars that change from step to step. */
export function stepInputs(plan: StepPlan): InputSpec[] {
  const images = imagesPerStep(plan.hyperparameters);
  const { height, width, channels } = plan.design.discriminator.image;
  return [
    { name: 'reals', shape: [images, height, width, channels] },
    { name: 'z', shape: [images, plan.design.latentDim] },
    ...dropoutInputs(plan).map(({ name, shape }) => ({ name, shape })),
    ...noiseInputs(plan),
    ...augmentationInputs(plan),
    ...mixInputs(plan),
    ...scalarsOf(plan).map((name) => ({ name, shape: [] })),
  ];
}

/**
 * Weight of the old average after a step: 0.5^(images a step / half-life in images), the half-life being limited by the ramp-up
 * (NVlabs/stylegan2-ada-pytorch training/training_loop.py).
 * @param imagesSeen before this step
 */
export function emaBeta(hyperparameters: Hyperparameters, imagesSeen: number): number {
  const { halfLifeKimg, rampUp } = hyperparameters.ema;
  if (halfLifeKimg === null) return 0;
  const full = halfLifeKimg * 1000;
  const halfLife = rampUp === null ? full : Math.min(full, imagesSeen * rampUp);
  return 0.5 ** (imagesPerStep(hyperparameters) / Math.max(halfLife, 1e-8));
}

/** Standard deviation of the instance noise. @param imagesSeen before this step */
function noiseStddev({ instanceNoise }: Hyperparameters, imagesSeen: number): number {
  const { stddev, fadeKimg } = instanceNoise;
  return fadeKimg === null ? stddev : stddev * Math.max(0, 1 - imagesSeen / (fadeKimg * 1000));
}

/**
 * The inputs of one step, `reals` excepted: all of them functions of the seed and the step.
 * @param step 1 for the first
 * @param probability of augmentation
 */
export function drawInputs(
  plan: StepPlan,
  seed: number,
  step: number,
  imagesSeen: number,
  probability = plan.hyperparameters.augmentation.probability,
): Arrays {
  const { hyperparameters, design } = plan;
  const images = imagesPerStep(hyperparameters);
  const inputs: Arrays = {
    z: new Random(seed, 'z', step).normal(new Float32Array(images * design.latentDim)),
  };
  for (const { name, shape, rate } of dropoutInputs(plan)) {
    inputs[name] = new Random(seed, name, step).dropout(new Float32Array(elements(shape)), rate);
  }
  const stddev = noiseStddev(hyperparameters, imagesSeen);
  for (const { name, shape } of noiseInputs(plan)) {
    inputs[name] = new Random(seed, name, step).normal(new Float32Array(elements(shape)), 0, stddev);
  }
  const { augmentation, batch } = hyperparameters;
  for (const pass of isAugmented(augmentation) ? passesWithImages(plan) : []) {
    const random = new Random(seed, `augment.${pass}`, step);
    const { image } = design.discriminator;
    const drawn = drawAugmentation(augmentation, batch, image, random, probability);
    for (const [name, values] of Object.entries(drawn)) inputs[`augment.${pass}.${name}`] = values;
  }
  for (const { name, shape } of mixInputs(plan)) {
    const random = new Random(seed, name, step);
    inputs[name] = new Float32Array(elements(shape)).map(() => random.uniform());
  }
  const left = rateLeft(hyperparameters, imagesSeen);
  const factorInputs = (network: NetworkName, update: number, count: number) => {
    const settings = hyperparameters[network];
    const scheduled = { ...settings, learningRate: settings.learningRate * left };
    for (const [factor, value] of Object.entries(optimizers[settings.kind].factors(scheduled, count)))
      inputs[numbered(`${network}.${factor}`, update)] = Float32Array.of(value);
  };
  const updates = updatesOf(plan);
  for (const update of updates)
    factorInputs('discriminator', update, (step - 1) * updates.length + update + 1);
  factorInputs('generator', 0, step);
  if (hyperparameters.ema.halfLifeKimg !== null) {
    inputs['ema.beta'] = Float32Array.of(emaBeta(hyperparameters, imagesSeen));
  }
  return inputs;
}

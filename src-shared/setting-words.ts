/** Settings of a training in words, for tables and messages. */
import type { Augmentation, Hyperparameters, LossName, Optimizer, OptimizerName } from './training.ts';
import { augmentationKinds } from './training.ts';

/** A setting: what it is called, and its value. */
export type SettingInWords = readonly [name: string, value: string];

export const lossWords: Record<LossName, string> = {
  ns: 'non-saturating',
  ls: 'least squares',
  hinge: 'hinge',
  wasserstein: 'Wasserstein',
};

export const optimizerWords: Record<OptimizerName, string> = {
  adam: 'Adam',
  adamw: 'AdamW',
  rmsprop: 'RMSprop',
  sgd: 'SGD',
};

function networkInWords(letter: 'D' | 'G', settings: Optimizer): SettingInWords[] {
  return [
    [`optimiser of ${letter}`, optimizerWords[settings.kind]],
    [`learning rate of ${letter}`, String(settings.learningRate)],
    [`beta1 of ${letter}`, String(settings.beta1)],
    [`beta2 of ${letter}`, String(settings.beta2)],
    [`epsilon of ${letter}`, String(settings.epsilon)],
    [`weight decay of ${letter}`, orOff(settings.weightDecay)],
    [`longest gradient of ${letter}`, settings.clipNorm === null ? 'any' : String(settings.clipNorm)],
  ];
}

const orNever = (value: number | null) => (value === null ? 'never' : String(value));
const orOff = (value: number) => (value === 0 ? 'off' : String(value));

function augmentationInWords({ adaptive, probability, ...kinds }: Augmentation): string {
  const chosen = augmentationKinds.filter((kind) => kinds[kind]);
  if (chosen.length === 0) return 'off';
  const often = adaptive === null ? `${probability} of the images` : `adaptive from ${probability}`;
  return `${chosen.join(', ')}; ${often}`;
}

/** All of them, in the order in which people ask for them. */
export function settingsInWords(chosen: Hyperparameters): SettingInWords[] {
  const { discriminator, generator, schedule, ema, penalties, weightClip, instanceNoise } = chosen;
  const { stddev, fadeKimg } = instanceNoise;
  const fades = fadeKimg === null ? '' : `, gone after ${fadeKimg} kimg`;
  return [
    ['loss', lossWords[chosen.loss]],
    ['batch', String(chosen.batch)],
    ['updates of D a step', String(chosen.discriminatorSteps)],
    ['gradient penalty', orOff(penalties.gp)],
    ['R1 penalty', orOff(penalties.r1)],
    ['R2 penalty', orOff(penalties.r2)],
    ['penalties every', String(penalties.every)],
    ['weights of D held within', weightClip === null ? 'off' : `±${weightClip}`],
    ['label smoothing', orOff(chosen.labelSmoothing)],
    ['instance noise', stddev === 0 ? 'off' : `${stddev}${fades}`],
    ['augmentation', augmentationInWords(chosen.augmentation)],
    ['mirror flips', chosen.mirrorFlips ? 'on' : 'off'],
    ...networkInWords('D', discriminator),
    ...networkInWords('G', generator),
    [
      'learning rates',
      schedule.kind === 'constant' ? 'constant' : `${schedule.kind}, zero at ${schedule.kimg} kimg`,
    ],
    ['average of G, half-life', ema.halfLifeKimg === null ? 'off' : `${ema.halfLifeKimg} kimg`],
    ['average of G, ramp-up', ema.rampUp === null ? 'off' : String(ema.rampUp)],
    ['spread of first weights', String(chosen.initStddev)],
    ['grid every', orNever(chosen.sampleEvery)],
    ['images in a grid', String(chosen.sampleCount)],
    ['checkpoint every', orNever(chosen.checkpointEvery)],
    ['checkpoints kept', String(chosen.keepCheckpoints)],
  ];
}

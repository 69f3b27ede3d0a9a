/** Settings of a training in words, for tables and messages. */
import type { Hyperparameters, LossName } from './training.ts';

/** A setting: what it is called, and its value. */
export type SettingInWords = readonly [name: string, value: string];

export const lossWords: Record<LossName, string> = {
  ns: 'non-saturating',
  ls: 'least squares',
  hinge: 'hinge',
  wasserstein: 'Wasserstein',
};

const orNever = (value: number | null) => (value === null ? 'never' : String(value));
const orOff = (value: number) => (value === 0 ? 'off' : String(value));

/** All of them, in the order in which people ask for them. */
export function settingsInWords(chosen: Hyperparameters): SettingInWords[] {
  const { discriminator, generator, ema, penalties, weightClip, instanceNoise } = chosen;
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
    ['learning rate of D', String(discriminator.learningRate)],
    ['learning rate of G', String(generator.learningRate)],
    ['beta1 of D', String(discriminator.beta1)],
    ['beta1 of G', String(generator.beta1)],
    ['beta2 of D', String(discriminator.beta2)],
    ['beta2 of G', String(generator.beta2)],
    ['epsilon of D', String(discriminator.epsilon)],
    ['epsilon of G', String(generator.epsilon)],
    ['average of G, half-life', ema.halfLifeKimg === null ? 'off' : `${ema.halfLifeKimg} kimg`],
    ['average of G, ramp-up', ema.rampUp === null ? 'off' : String(ema.rampUp)],
    ['spread of first weights', String(chosen.initStddev)],
    ['grid every', orNever(chosen.sampleEvery)],
    ['images in a grid', String(chosen.sampleCount)],
    ['checkpoint every', orNever(chosen.checkpointEvery)],
    ['checkpoints kept', String(chosen.keepCheckpoints)],
  ];
}

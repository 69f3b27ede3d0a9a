/** What the train place calls things, and what it says of them to someone who asks. */
import type { Run, StateChange } from '../../../src-shared/library.ts';
import type { RunState } from '../../../src-shared/training.ts';
import { ago } from '../../ui/words.ts';

export const stateWords: Record<RunState, string> = {
  queued: 'waiting',
  running: 'training',
  paused: 'paused',
  stopped: 'stopped',
  done: 'done',
  failed: 'failed',
  interrupted: 'interrupted',
};

/** When a run ended, or when it was begun while it has not. @param now milliseconds since 1970; absent: the present */
export function whenWords(
  { state, createdAt, endedAt }: Pick<Run, 'state' | 'createdAt' | 'endedAt'>,
  now?: number,
): string {
  if (endedAt === null) return `begun ${ago(createdAt, now)}`;
  return `${state === 'paused' ? 'paused' : 'ended'} ${ago(endedAt, now)}`;
}

/**
 * Minutes that a run has left of those that it was last given, where it broke off before they were over; else as many again.
 * @param history its states, the oldest first
 */
export function minutesLeft(minutes: number, history: readonly Pick<StateChange, 'state' | 'at'>[]): number {
  const began = history.findLastIndex(({ state }) => state === 'running');
  const [start, end] = [history[began], history[began + 1]];
  if (start === undefined || end === undefined || end.state === 'done') return minutes;
  const left = minutes - (end.at - start.at) / 60_000;
  return left < 0.1 ? minutes : Math.round(left * 10) / 10;
}

export const terms = {
  losses:
    'What each network tries to make small. They work against each other, so neither goes to zero and stays there: curves that keep moving against each other are healthy, and a low loss is no sign of good images.',
  verdicts:
    'D(x): how real the discriminator takes real images to be. D(G(z)): the same of the generated ones. Far apart: the discriminator tells them apart easily. Close together: it is being fooled, or has learned nothing.',
  speed: 'Real images that go through a step in one second, everything included.',
  grid: 'The same random numbers at every saved step: each place in the grid shows how one image has come about.',
  length:
    'When training ends by itself. Whatever you choose, it can be stopped and gone on with at any time.',
  batch: 'Images that go through the networks at once in a step. More make a step steadier and slower.',
  loss: 'The formula by which the networks judge. Non-saturating is the original one and works nearly everywhere; hinge goes well with spectral norm; least squares is gentle.',
  engine: 'What computes. "Automatic" takes the fastest that this machine has and says which.',
  learningRate:
    'How far the weights move in a step. Too high: curves explode or swing wildly. Too low: nothing happens.',
  beta1: 'How much of the former direction an update keeps (Adam). GANs want it low: 0.5, or 0.',
  beta2: 'How long the size of past gradients is remembered (Adam).',
  ema: 'The generator that you see is an average over the last steps, which looks better than any single one. After this many thousand images, an old weight counts half; 0 switches the average off.',
  initStddev: 'How widely the first random weights are spread.',
  sampleEvery:
    'Steps between two saved grids. A few come earlier: the beginning goes fast. 0 saves only the first and the last.',
  checkpointEvery:
    'Steps between two checkpoints, from which a run can be explored and go on when something happens to it; the first comes at step 100 already. 0 writes one only at the end.',
  keepCheckpoints: 'How many of the newest checkpoints stay on the disk.',
  seed: 'Decides every random number. The same seed on the same engine gives the same run, bit for bit. Empty: a new one.',
  kimg: 'Thousands of real images that the discriminator has seen.',
  fork: 'A new run that goes on from a checkpoint of this one, with the settings as they stand in this experiment now. This run stays as it is.',
} as const;

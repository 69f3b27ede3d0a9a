/** What the train place calls things, and what it says of them to someone who asks. */
import type { Run } from '../../../src-shared/library.ts';
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
export function whenWords({ createdAt, endedAt }: Pick<Run, 'createdAt' | 'endedAt'>, now?: number): string {
  return endedAt === null ? `begun ${ago(createdAt, now)}` : `ended ${ago(endedAt, now)}`;
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
    'Steps between two checkpoints, from which a run can go on when something happens to it; 0 writes one only at the end.',
  keepCheckpoints: 'How many of the newest checkpoints stay on the disk.',
  measure:
    'Compares the newest checkpoint with the training images: distances, diversity, copies. The numbers are kept and drawn below the losses.',
  measureEvery:
    'Checkpoints that are so many steps apart are measured against the training images, in what the training leaves over of the machine. 0 measures none.',
  measureImages:
    'Generated images, and as many real ones, that a measurement looks at: more make it steadier and slower. Numbers of other counts do not compare. At most half of the dataset.',
  keepBest:
    'The best checkpoint by this measure stays on the disk, beside the newest ones. GANs often end worse than they once were.',
  patience:
    'The run ends when so many checkpoints measured after the best one were no better. 0: it never ends for that.',
  checkpointMegabytes:
    'What all checkpoints of a run together may take. Older ones go first; the newest and the best always stay.',
  seed: 'Decides every random number. The same seed on the same engine gives the same run, bit for bit. Empty: a new one.',
  kimg: 'Thousands of real images that the discriminator has seen.',
  fork: 'A new run that goes on from a checkpoint of this one, with the settings as they stand in this experiment now. This run stays as it is.',
} as const;

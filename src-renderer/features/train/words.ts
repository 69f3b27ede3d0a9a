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
  loss: 'The formula by which the networks judge. Non-saturating is the original one and works nearly everywhere; least squares is gentle; hinge comes with spectral norm; the Wasserstein losses compare reals and fakes as a whole, and need something that holds the discriminator back. What belongs to a loss moves with it, and is told.',
  discriminatorSteps:
    'How often the discriminator is updated, on other images each time, before the generator is once. Wasserstein losses want 5.',
  weightClip:
    'After every update, each weight of the discriminator is held between this number and its negative. The first Wasserstein GAN used 0.01; 0 switches it off.',
  gp: 'Weight of the penalty that wants the discriminator to rise by 1 for each step of 1 between a fake and a real image. 10 is usual with the Wasserstein loss; 0 switches it off.',
  r1: 'Weight of the penalty on how steeply the verdict changes around real images. It calms training down: 10 is a start for small images, more for large ones. 0 switches it off.',
  r2: 'The same around generated images.',
  penaltiesEvery:
    'Penalties are costly. Taken in one step of this many, with as many times the weight, they do nearly the same for less.',
  labelSmoothing:
    'The discriminator is to call reals 1 minus this, not 1, which keeps it from being too sure. 0.1 is usual; with the non-saturating and the least-squares loss only.',
  instanceNoise:
    'Random noise of this strength on every image that the discriminator sees, real or not, which makes them harder to tell apart. 0 switches it off.',
  noiseFade: 'Thousands of images after which the noise has faded away. 0: it stays.',
  colour:
    'Brightness, saturation and contrast of what the discriminator sees change at random: for few images, which it would otherwise learn by heart. The generator learns through the change, and does not take it over.',
  translation: 'What the discriminator sees is moved by up to an eighth of its side.',
  cutout: 'A square of half the side is cut out of what the discriminator sees.',
  chance:
    'How likely each of these changes an image. 1 is usual for hundreds of images; with much of it, and many images, changes can show in what is generated.',
  adaptive:
    'The chance goes up while the discriminator is sure of the real images, and down when it is not (ADA). It begins at the chance above.',
  adaptiveTarget:
    'How sure the discriminator may be of real images before the chance grows: the mean sign of its verdicts. 0.6 is usual.',
  adaptiveKimg: 'Thousands of images in which the chance goes from 0 to 1 at the fastest.',
  mirrorFlips:
    'Half of the images, by chance, are shown as in a mirror: twice as many images, where left and right do not matter. Not for letters or digits.',
  engine: 'What computes. "Automatic" takes the fastest that this machine has and says which.',
  learningRate:
    'How far the weights move in a step. Too high: curves explode or swing wildly. Too low: nothing happens.',
  optimizer:
    'How weights follow their gradients. Adam is usual; AdamW also lets weights shrink; RMSprop is Adam without memory of the direction; SGD takes gradients as they are.',
  beta1:
    'How much of the former direction an update keeps: Adam, and the momentum of SGD. GANs want it low: 0.5, or 0.',
  beta2: 'How long the size of past gradients is remembered (Adam, RMSprop).',
  weightDecay: 'What each weight loses in an update, as a share of it, times the learning rate.',
  clipNorm:
    'Gradients of all weights together that are longer than this are shortened to it, so that one bad batch does little harm. 0: any length.',
  schedule: 'Whether learning rates stay, or fall to zero while training goes on.',
  scheduleKimg:
    'Thousands of real images after which the learning rates are zero: how long you mean to train.',
  rampUp:
    'While training is young, the average reaches back over at most this share of the images seen so far. 0: over its whole length from the start.',
  ema: 'The generator that you see is an average over the last steps, which looks better than any single one. After this many thousand images, an old weight counts half; 0 switches the average off.',
  initStddev: 'How widely the first random weights are spread.',
  sampleEvery:
    'Steps between two saved grids. A few come earlier: the beginning goes fast. 0 saves only the first and the last.',
  checkpointEvery:
    'Steps between two checkpoints, from which a run can be explored and go on when something happens to it; the first comes at step 100 already. 0 writes one only at the end.',
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

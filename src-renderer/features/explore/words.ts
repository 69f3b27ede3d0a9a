/** What the explore place calls things, and what it says of them to someone who asks. */
import type { Run } from '../../../src-shared/library.ts';
import type { LatentPoint } from '../../../src-shared/latent-point.ts';

export const terms = {
  latent:
    'What the generator starts from: a list of random numbers, z, seen as one point. Every point gives one image, and points that lie close together give images that look alike.',
  seed: 'A number that stands for a random point. The same seed gives the same image from the same checkpoint, also with "ganvas sample --seed".',
  path: 'The images on the way from one point to another. It keeps to the arc between them (slerp): a straight line would lead through points that are unlike those the generator was trained on, and look washed out.',
  plane:
    'A flat piece of the latent space around the chosen point, along two random directions at right angles. Distances are standard deviations: 1 is small.',
  directions:
    'The directions in which this generator’s first layer changes most, the strongest first. What each of them does, nobody has told it: try them.',
  nearest:
    'The training images that differ least from the sample, pixel by pixel. If these look the same as the sample, it has been memorised; if they only resemble it, the generator has learned what they have in common.',
  follow: 'Opens each checkpoint of this run as soon as it is written, with everything that you chose.',
} as const;

/** A number with the digits that count, without a minus that a screen reader skips. */
export const amount = (value: number) => `${value < 0 ? '−' : ''}${Number(Math.abs(value).toFixed(2))}`;

function place(point: LatentPoint): string {
  switch (point.kind) {
    case 'seed':
      return `seed ${point.seed}`;
    case 'between':
      return `${Math.round(point.t * 100)} % of the way from ${placeAndMoves(point.from)} to ${placeAndMoves(point.to)}`;
    case 'plane':
      return `${placeAndMoves(point.centre)}, moved by ${amount(point.x)} and ${amount(point.y)}`;
  }
}

function placeAndMoves(point: LatentPoint): string {
  const moves = (point.along ?? []).filter((by) => by !== 0).length;
  if (moves === 0) return place(point);
  return `${place(point)}, along ${moves} direction${moves === 1 ? '' : 's'}`;
}

/** What a point is called: `Seed 17`, `42 % of the way from seed 3 to seed 9`. */
export function pointWords(point: LatentPoint): string {
  const words = placeAndMoves(point);
  return words[0]!.toUpperCase() + words.slice(1);
}

/** A file name that says what is in it: `drawn-faces-step-1200-seed-17.png`. */
export function fileName(run: Pick<Run, 'name'>, step: number, what: string, ending: string): string {
  const words = `${run.name} step ${step} ${what}`.toLowerCase().replaceAll('−', 'minus ');
  return `${words.replace(/[^\p{L}\p{N}.]+/gu, '-').slice(0, 120)}.${ending}`;
}

/**
 * What a training run's own numbers say when something is known to go wrong: each note names what was seen and what to try. A rule looks at
 * more than one signal; a discriminator's loss near zero alone says nothing (GANs that end well pass through it).
 */
import type { Metric } from './library.ts';
import { comparable } from './measures.ts';
import type { LossName } from './training.ts';

/** Means over successive equal stretches of a run, the oldest first. */
export interface Stretch {
  /** Last step of the stretch. */
  step: number;
  lossD: number;
  lossG: number;
  dReal: number;
  dFake: number;
  imagesPerSecond: number;
}

export interface HealthNote {
  code:
    | 'discriminator-far-ahead'
    | 'discriminator-blind'
    | 'generator-frozen'
    | 'collapsed'
    | 'oscillating'
    | 'exploding'
    | 'overfitting'
    | 'slower';
  /** What was seen, in numbers. */
  seen: string;
  /** What it means and what can be tried. */
  advice: string;
}

/** What the rules look at. */
export interface Signs {
  /** The newest {@link stretches} stretches of the run. */
  last: readonly Stretch[];
  loss: LossName;
  /** What has been measured of it, in the order of steps. */
  metrics: readonly Metric[];
  /** Images in its dataset. */
  images: number;
  /** How often each of them has been seen. */
  epochs: number;
}

/** Stretches that a rule looks at: fewer say too little. */
export const stretches = 6;
/** Steps that must lie behind: before, every GAN is unsteady. */
const youngest = 300;

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const digits = (value: number) => value.toFixed(2);

type Signal = Exclude<keyof Stretch, 'step'>;
const over = (all: readonly Stretch[], signal: Signal) => mean(all.map((stretch) => stretch[signal]));

/** Losses of a discriminator that is certain, where its verdicts are no probabilities; other losses have no such thing. */
const certainBelow: Readonly<Partial<Record<LossName, number>>> = { ls: 0.01, hinge: 0.05 };

/** The signs, with what several rules ask of them. */
class Evidence {
  readonly last: readonly Stretch[];
  readonly early: readonly Stretch[];
  readonly late: readonly Stretch[];
  readonly loss: LossName;
  readonly images: number;
  readonly epochs: number;
  readonly #metrics: readonly Metric[];

  constructor({ last, loss, metrics, images, epochs }: Signs) {
    this.last = last;
    this.early = last.slice(0, stretches / 2);
    this.late = last.slice(stretches / 2);
    this.loss = loss;
    this.images = images;
    this.epochs = epochs;
    this.#metrics = metrics;
  }

  /** Where the stretches lie, in words. */
  get span(): string {
    return `From step ${this.last[0]!.step} to ${this.last.at(-1)!.step}`;
  }

  /** The last values of a measure, taken in one way; null where there are not so many from a step on at which a GAN has settled. */
  values(name: string, count: number): Metric[] | null {
    const settled = comparable(this.#metrics, name).filter(({ step }) => step >= youngest);
    return settled.length < count ? null : settled.slice(-count);
  }

  /** What real images give for a measure; null where that was not measured. */
  real(name: string): number | null {
    return comparable(this.#metrics, name).at(-1)?.value ?? null;
  }

  /** The best sliced Wasserstein distance and the present one, where this is clearly worse and was worse the time before, too. */
  get worse(): { best: Metric; now: Metric } | null {
    const all = comparable(this.#metrics, 'swd');
    const [before, now] = all.slice(-2);
    if (before === undefined || now === undefined) return null;
    const best = all.reduce((least, metric) => (metric.value < least.value ? metric : least));
    return Math.min(before.value, now.value) > 1.15 * best.value ? { best, now } : null;
  }

  /** Whether anything has been measured twice: then a rule that can look at the images does. */
  get isMeasured(): boolean {
    return comparable(this.#metrics, 'swd').length >= 2;
  }

  /** Whether the discriminator is as good as certain of every image, as far as its loss has such a thing. */
  get isCertain(): boolean {
    const all = (holds: (stretch: Stretch) => boolean) => this.last.every(holds);
    if (this.loss === 'ns') return all(({ dReal, dFake }) => dReal > 0.93 && dFake < 0.07);
    const least = certainBelow[this.loss];
    return least !== undefined && all(({ lossD }) => lossD < least);
  }
}

type Rule = (evidence: Evidence) => HealthNote | null;

const farAhead: Rule = (evidence) => {
  const { last, early, late, span, worse } = evidence;
  if (!evidence.isCertain) return null;
  const [before, after] = [over(early, 'lossG'), over(late, 'lossG')];
  const certainty = `${span}, D(x) stayed at ${digits(over(last, 'dReal'))} and D(G(z)) at ${digits(over(last, 'dFake'))}`;
  const advice =
    'The discriminator is so sure that the generator learns little from it. Try a lower learning rate for the discriminator, dropout or spectral norm in it, or a smaller one.';
  if (worse !== null) {
    const { best, now } = worse;
    return {
      code: 'discriminator-far-ahead',
      seen: `${certainty}, while the sliced Wasserstein distance rose from ${digits(best.value)} at step ${best.step} to ${digits(now.value)} at step ${now.step}.`,
      advice: `${advice} The checkpoint of step ${best.step} is better than the present one.`,
    };
  }
  // What the images look like counts more than what the losses say.
  if (evidence.isMeasured || after <= before * 1.1) return null;
  return {
    code: 'discriminator-far-ahead',
    seen: `${certainty}, while the generator's loss rose from ${digits(before)} to ${digits(after)}.`,
    advice,
  };
};

const blind: Rule = ({ last, loss, span }) => {
  // D(x) and D(G(z)) are probabilities with this loss only.
  if (loss !== 'ns') return null;
  const chance = 2 * Math.LN2;
  const guesses = last.every(
    ({ dReal, dFake, lossD }) =>
      Math.abs(dReal - 0.5) < 0.02 && Math.abs(dFake - 0.5) < 0.02 && Math.abs(lossD - chance) < 0.02,
  );
  if (!guesses) return null;
  return {
    code: 'discriminator-blind',
    seen: `${span}, D(x) and D(G(z)) both stayed at 0.50 and the discriminator's loss at ${digits(chance)}, which is guessing.`,
    advice:
      'The discriminator tells nothing apart, so there is nothing to learn from it. Try a higher learning rate for it, or a larger discriminator; look whether the images are what you think.',
  };
};

/** How far the values of a measure lie apart, as a share of the largest. */
function spreadOf(metrics: readonly Metric[]): number {
  const values = metrics.map(({ value }) => value);
  const largest = Math.max(...values);
  return largest === 0 ? 0 : (largest - Math.min(...values)) / largest;
}

const frozen: Rule = (evidence) => {
  const [distances, alike] = [evidence.values('swd', 3), evidence.values('pairwise', 3)];
  const floor = evidence.real('swd-floor');
  if (distances === null || alike === null || floor === null) return null;
  const now = distances.at(-1)!;
  if (spreadOf(distances) > 0.01 || spreadOf(alike) > 0.01 || now.value < 2 * floor) return null;
  return {
    code: 'generator-frozen',
    seen: `From step ${distances[0]!.step} to ${now.step}, the generated images hardly changed: their sliced Wasserstein distance stayed at ${digits(now.value)} (real images: ${digits(floor)}), and so did their distances from each other.`,
    advice:
      'The generator does not learn. Try a higher learning rate for it, look whether it is zero, or begin anew: with least squares and hinge, a discriminator that is certain leaves the generator nothing to follow.',
  };
};

const collapsed: Rule = (evidence) => {
  const [apart, alike] = [evidence.values('pairwise', 2), evidence.values('ms-ssim', 2)];
  const [realApart, realAlike] = [evidence.real('pairwise-real'), evidence.real('ms-ssim-real')];
  if (apart === null || alike === null || realApart === null || realAlike === null) return null;
  const close = apart.every(({ value }) => value < 0.85 * realApart);
  const same = alike.every(({ value }) => value > realAlike + 0.4 * (1 - realAlike));
  const [before, likeness] = alike as [Metric, Metric];
  const distance = apart.at(-1)!;
  // In its beginning every generator draws alike, and less so, or better, from one checkpoint to the next.
  const [was, is] = (evidence.values('swd', 2) ?? []).map(({ value }) => value);
  const getsBetter = was !== undefined && is !== undefined && is < 0.97 * was;
  if (!close || !same || getsBetter || likeness.value < 0.97 * before.value) return null;
  return {
    code: 'collapsed',
    seen: `At step ${distance.step} the generated images look alike: MS-SSIM is ${digits(likeness.value)} (real images: ${digits(realAlike)}), and the mean distance between two of them ${digits(distance.value)} (real images: ${digits(realApart)}).`,
    advice:
      'The generator draws few different images. Go back to a checkpoint from before and try a lower learning rate for the generator, a beta1 of 0.5 or less, larger batches, or hinge loss with spectral norm.',
  };
};

/** How often the values of a measure turn from rising to falling or back, by more than a share of their mean. */
function turns(metrics: readonly Metric[], share: number): number {
  const values = metrics.map(({ value }) => value);
  const least = share * mean(values);
  const moves = values.slice(1).map((value, i) => value - values[i]!);
  const large = moves.filter((move) => Math.abs(move) > least);
  return large.slice(1).filter((move, i) => Math.sign(move) !== Math.sign(large[i]!)).length;
}

const oscillating: Rule = (evidence) => {
  const [distances, apart] = [evidence.values('swd', 7), evidence.values('pairwise', 7)];
  if (distances === null || apart === null) return null;
  // Both must turn: one alone may be the noise of its measurement.
  if (turns(distances, 0.15) < 2 || turns(apart, 0.15) < 2) return null;
  const range = (metrics: readonly Metric[]) => {
    const values = metrics.map(({ value }) => value);
    return `${digits(Math.min(...values))} and ${digits(Math.max(...values))}`;
  };
  return {
    code: 'oscillating',
    seen: `From step ${distances[0]!.step} to ${distances.at(-1)!.step} the sliced Wasserstein distance went up and down between ${range(distances)}, and the mean distance between two generated images between ${range(apart)}.`,
    advice:
      'The two networks chase each other instead of getting better. Try lower learning rates, a beta1 of 0.5 or less, or a longer average of the generator.',
  };
};

/** Losses that no GAN that learns has; where they have no bound, as those of a Wasserstein GAN, the images must get no better besides. */
const hugeLoss = 50;

const exploding: Rule = (evidence) => {
  const { early, late, span } = evidence;
  const size = (all: readonly Stretch[]) =>
    mean(all.map(({ lossD, lossG }) => Math.max(Math.abs(lossD), Math.abs(lossG))));
  const [before, after] = [size(early), size(late)];
  const distances = evidence.values('swd', 3)?.map(({ value }) => value) ?? null;
  const getsBetter = distances !== null && distances.at(-1)! < 0.97 * distances[0]!;
  const grows = after > 1.5 * before;
  if (after < hugeLoss || getsBetter || (distances === null && !grows)) return null;
  return {
    code: 'exploding',
    seen: `${span}, the larger of the two losses ${grows ? `grew from ${digits(before)} to` : 'stayed at'} ${digits(after)}${distances === null ? '' : `, and the sliced Wasserstein distance got no better (${digits(distances[0]!)}, now ${digits(distances.at(-1)!)})`}.`,
    advice:
      'The weights run away. Go back to a checkpoint from before with lower learning rates, a beta1 of 0.5, or spectral norm in the discriminator.',
  };
};

/** How often each training image must have been seen before anything is learnt by heart. */
const manyEpochs = 100;

const overfitting: Rule = (evidence) => {
  const { early, late, epochs, images, span } = evidence;
  const distances = evidence.values('swd', 6);
  if (distances === null || epochs < manyEpochs) return null;
  // The verdicts part where the discriminator knows its images one by one; their scale is the loss's own, so only their growth counts.
  const gap = (all: readonly Stretch[]) => over(all, 'dReal') - over(all, 'dFake');
  const [before, after] = [gap(early), gap(late)];
  const best = (some: readonly Metric[]) => Math.min(...some.map(({ value }) => value));
  const [bestBefore, bestNow] = [best(distances.slice(0, 3)), best(distances.slice(3))];
  if (after < 1.08 * before || bestNow < 0.97 * bestBefore) return null;
  const copied = evidence.values('copies', 1)?.[0];
  const repeats =
    copied === undefined
      ? ''
      : ` ${Math.round(100 * copied.value)} % of the generated images are near copies.`;
  return {
    code: 'overfitting',
    seen: `${span}, D(x) and D(G(z)) went further apart, from ${digits(before)} to ${digits(after)}, while the sliced Wasserstein distance got no better (${digits(bestBefore)}, then ${digits(bestNow)}). Each of the ${images} training images has been seen ${Math.round(epochs)} times.${repeats}`,
    advice:
      'The discriminator learns its images by heart, and the generator nothing more from it. Add images, take the best checkpoint, or try a smaller discriminator with dropout.',
  };
};

const slower: Rule = ({ early, late }) => {
  const [fast, slow] = [over(early, 'imagesPerSecond'), over(late, 'imagesPerSecond')];
  if (!late.every(({ imagesPerSecond }) => imagesPerSecond < fast * 0.6)) return null;
  return {
    code: 'slower',
    seen: `Training went from ${Math.round(fast)} to ${Math.round(slow)} images a second.`,
    advice: 'Another program probably uses the processor, or the machine is getting hot or saving power.',
  };
};

const rules: readonly Rule[] = [
  farAhead,
  blind,
  frozen,
  collapsed,
  oscillating,
  exploding,
  overfitting,
  slower,
];

/** What is to be said of a run; nothing while it is young. */
export function healthNotes(signs: Signs): HealthNote[] {
  const { last } = signs;
  if (last.length < stretches || last.at(-1)!.step < youngest) return [];
  const evidence = new Evidence(signs);
  return rules.flatMap((rule) => rule(evidence) ?? []);
}

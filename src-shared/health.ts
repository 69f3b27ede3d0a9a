/**
 * What a training run's own numbers say when something is known to go wrong: each note names what was seen and what to try. A rule looks at
 * more than one signal; a discriminator's loss near zero alone says nothing (GANs that end well pass through it).
 */
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
  code: 'discriminator-far-ahead' | 'discriminator-blind' | 'slower';
  /** What was seen, in numbers. */
  seen: string;
  /** What it means and what can be tried. */
  advice: string;
}

/** Stretches that a rule looks at: fewer say too little. */
export const stretches = 6;
/** Steps that must lie behind: before, every GAN is unsteady. */
const youngest = 300;

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const digits = (value: number) => value.toFixed(2);

/** @param last the newest {@link stretches} stretches of a run */
export function healthNotes(last: readonly Stretch[], loss: LossName): HealthNote[] {
  if (last.length < stretches || last.at(-1)!.step < youngest) return [];
  const early = last.slice(0, stretches / 2);
  const late = last.slice(stretches / 2);
  const from = last[0]!.step;
  const to = last.at(-1)!.step;
  const over = (all: readonly Stretch[], signal: Exclude<keyof Stretch, 'step'>) =>
    mean(all.map((stretch) => stretch[signal]));
  const notes: HealthNote[] = [];

  // D(x) and D(G(z)) are probabilities with this loss only.
  if (loss === 'ns') {
    const certain = last.every(({ dReal, dFake }) => dReal > 0.97 && dFake < 0.03);
    const [before, after] = [over(early, 'lossG'), over(late, 'lossG')];
    if (certain && after > before * 1.1) {
      notes.push({
        code: 'discriminator-far-ahead',
        seen: `From step ${from} to ${to}, D(x) stayed at ${digits(over(last, 'dReal'))} and D(G(z)) at ${digits(over(last, 'dFake'))}, while the generator's loss rose from ${digits(before)} to ${digits(after)}.`,
        advice:
          'The discriminator is so sure that the generator learns little from it. Try a lower learning rate for the discriminator, dropout or spectral norm in it, or a smaller one.',
      });
    }
    const blind = last.every(
      ({ dReal, dFake }) => Math.abs(dReal - 0.5) < 0.02 && Math.abs(dFake - 0.5) < 0.02,
    );
    const chance = 2 * Math.LN2;
    if (blind && last.every(({ lossD }) => Math.abs(lossD - chance) < 0.02)) {
      notes.push({
        code: 'discriminator-blind',
        seen: `From step ${from} to ${to}, D(x) and D(G(z)) both stayed at 0.50 and the discriminator's loss at ${digits(chance)}, which is guessing.`,
        advice:
          'The discriminator tells nothing apart, so there is nothing to learn from it. Try a higher learning rate for it, or a larger discriminator; look whether the images are what you think.',
      });
    }
  }

  const [fast, slow] = [over(early, 'imagesPerSecond'), over(late, 'imagesPerSecond')];
  if (late.every(({ imagesPerSecond }) => imagesPerSecond < fast * 0.6)) {
    notes.push({
      code: 'slower',
      seen: `Training went from ${Math.round(fast)} to ${Math.round(slow)} images a second.`,
      advice: 'Another program probably uses the processor, or the machine is getting hot or saving power.',
    });
  }
  return notes;
}

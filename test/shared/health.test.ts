import { describe, expect, it } from 'vitest';
import type { Stretch } from '../../src-shared/health.ts';
import { healthNotes, stretches } from '../../src-shared/health.ts';

/** Stretches of 100 steps, each like the one before but for what `change` says. */
function course(change: (i: number) => Partial<Stretch> = () => ({}), first = 400): Stretch[] {
  return Array.from({ length: stretches }, (_, i) => ({
    step: first + 100 * i,
    lossD: 0.6,
    lossG: 2,
    dReal: 0.8,
    dFake: 0.2,
    imagesPerSecond: 1000,
    ...change(i),
  }));
}
const codes = (last: readonly Stretch[], loss: 'ns' | 'ls' | 'hinge' = 'ns') =>
  healthNotes(last, loss).map(({ code }) => code);

describe('health', () => {
  it('says nothing of a run whose networks keep each other busy', () => {
    expect(codes(course())).toEqual([]);
  });

  it('says nothing of a young run, whatever its numbers', () => {
    const sick = (i: number) => ({ dReal: 1, dFake: 0, lossG: 2 + i });
    expect(codes(course(sick, -300))).toEqual([]);
    expect(codes(course(sick).slice(1))).toEqual([]);
  });

  it('names a discriminator that is certain while the generator gets worse, with what was seen', () => {
    const [note] = healthNotes(
      course((i) => ({ dReal: 0.99, dFake: 0.01, lossG: 3 + i })),
      'ns',
    );
    expect(note?.code).toBe('discriminator-far-ahead');
    expect(note?.seen).toBe(
      "From step 400 to 900, D(x) stayed at 0.99 and D(G(z)) at 0.01, while the generator's loss rose from 4.00 to 7.00.",
    );
  });

  it('needs both signals: certainty alone, or a rising loss alone, is no failure', () => {
    expect(codes(course(() => ({ dReal: 0.99, dFake: 0.01, lossD: 0.01 })))).toEqual([]);
    expect(codes(course((i) => ({ lossG: 3 + i })))).toEqual([]);
  });

  it('does not take the verdicts of other losses for probabilities', () => {
    const sick = course((i) => ({ dReal: 1, dFake: 0, lossG: 3 + i }));
    expect(codes(sick, 'hinge')).toEqual([]);
    expect(codes(sick, 'ls')).toEqual([]);
  });

  it('names a discriminator that guesses', () => {
    expect(codes(course(() => ({ dReal: 0.5, dFake: 0.5, lossD: 2 * Math.LN2 })))).toEqual([
      'discriminator-blind',
    ]);
    expect(codes(course(() => ({ dReal: 0.5, dFake: 0.5, lossD: 1.2 })))).toEqual([]);
  });

  it('notices that training has become slow, not that it wavers', () => {
    expect(
      codes(
        course((i) => ({ imagesPerSecond: i < 3 ? 1000 : 500 })),
        'hinge',
      ),
    ).toEqual(['slower']);
    expect(codes(course((i) => ({ imagesPerSecond: i === 4 ? 300 : 1000 })))).toEqual([]);
  });
});

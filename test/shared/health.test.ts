import { describe, expect, it } from 'vitest';
import type { Stretch } from '../../src-shared/health.ts';
import { healthNotes, stretches } from '../../src-shared/health.ts';
import type { Metric } from '../../src-shared/library.ts';
import type { Recorded, RecordedName } from './health/recorded.ts';
import { readRecorded, recordedNames } from './health/recorded.ts';

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
const signs = (last: readonly Stretch[], loss: 'ns' | 'ls' | 'hinge' = 'ns', metrics: Metric[] = []) => ({
  last,
  loss,
  metrics,
  images: 600,
  epochs: 50,
});
const codes = (...given: Parameters<typeof signs>) => healthNotes(signs(...given)).map(({ code }) => code);
const metric = (step: number, name: string, value: number): Metric => ({
  step,
  name,
  value,
  protocol: { images: 64, seed: 0 },
});

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
    const [note] = healthNotes(signs(course((i) => ({ dReal: 0.99, dFake: 0.01, lossG: 3 + i }))));
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

describe('a certain discriminator, where the images were measured', () => {
  const certain = course((i) => ({ dReal: 0.99, dFake: 0.01, lossD: 0.01, lossG: 3 + i }));

  it('is no failure while they get better, whatever the losses do', () => {
    const better = [metric(300, 'swd', 40), metric(600, 'swd', 30), metric(900, 'swd', 20)];
    expect(codes(certain, 'ns', better)).toEqual([]);
  });

  it('is one when they get worse', () => {
    const worse = [metric(300, 'swd', 20), metric(600, 'swd', 30), metric(900, 'swd', 40)];
    const [note] = healthNotes(signs(certain, 'ns', worse));
    expect(note?.code).toBe('discriminator-far-ahead');
    expect(note?.seen).toContain('rose from 20.00 at step 300 to 40.00 at step 900');
    expect(codes(course(), 'ns', worse)).toEqual([]);
  });
});

/** What is said of a recorded run at the end of every bin: the codes, in the order of time. */
function said({ bins, metrics, loss, images, batch }: Recorded): string[] {
  return bins.flatMap((_, i) => {
    const last = bins
      .slice(Math.max(0, i + 1 - stretches), i + 1)
      .map((bin) => ({ ...bin, imagesPerSecond: 1000 }));
    const { step: now } = last.at(-1)!;
    const known = metrics.filter(({ step }) => step <= now);
    const epochs = (now * batch) / images;
    return healthNotes({ last, loss, metrics: known, images, epochs }).map(({ code }) => code);
  });
}

describe('recorded runs', () => {
  it('of a healthy one nothing is ever said', () => {
    const recorded = readRecorded('healthy');
    expect(recorded.ended).toBe('done');
    expect(recorded.bins.length).toBeGreaterThan(2 * stretches);
    expect(said(recorded)).toEqual([]);
  });

  it('of one whose discriminator loss is near zero while the images get better nothing is said either', () => {
    const recorded = readRecorded('certain');
    const losses = recorded.bins.map(({ lossD }) => lossD);
    expect(losses.reduce((sum, loss) => sum + loss, 0) / losses.length).toBeLessThan(0.15);
    const distances = recorded.metrics.filter(({ name }) => name === 'swd').map(({ value }) => value);
    expect(distances.at(-1)!).toBeLessThan(0.5 * distances[0]!);
    expect(said(recorded)).toEqual([]);
  });

  it.each([
    ['far-ahead', 'discriminator-far-ahead'],
    ['frozen', 'generator-frozen'],
    ['collapsed', 'collapsed'],
    ['oscillating', 'oscillating'],
    ['exploding', 'exploding'],
    ['overfitting', 'overfitting'],
  ] as const)('of one that was made sick (%s) it is said what it has', (name, code) => {
    const recorded = readRecorded(name);
    expect(new Set(said(recorded))).toContain(code);
  });

  it('each can be repeated by its command', () => {
    const repeated = (name: RecordedName) => readRecorded(name).command;
    for (const name of recordedNames)
      expect(repeated(name)).toBe(`node test/shared/health/record.ts ${name}`);
  });
});

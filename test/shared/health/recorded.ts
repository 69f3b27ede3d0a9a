/** Courses of real runs, as record.ts has written them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metric } from '../../../src-shared/library.ts';
import type { LossName } from '../../../src-shared/training.ts';

export const recordedNames = [
  'healthy',
  'certain',
  'far-ahead',
  'frozen',
  'collapsed',
  'oscillating',
  'exploding',
  'overfitting',
] as const;
export type RecordedName = (typeof recordedNames)[number];

/** Steps that are one in what is recorded, and between two measurements. */
export const binSteps = 100;

/** What is recorded of the steps. How fast they were says something about the machine alone. */
export const signals = ['lossD', 'lossG', 'dReal', 'dFake'] as const;

export interface Recorded {
  /** What repeats it. */
  command: string;
  loss: LossName;
  /** In the dataset. */
  images: number;
  batch: number;
  /** `done`, or the code of the error that ended it. */
  ended: string;
  /** Means over successive {@link binSteps} steps. */
  bins: ({ step: number } & Record<(typeof signals)[number], number>)[];
  metrics: Metric[];
}

export const fileOf = (name: RecordedName) => join(import.meta.dirname, `${name}.json`);

export function readRecorded(name: RecordedName): Recorded {
  return JSON.parse(readFileSync(fileOf(name), 'utf8')) as Recorded;
}

/** The options that say how a training is measured, and what follows from it. */
import type { Measuring } from '../../../src-shared/measures.ts';
import { defaultMeasuring, fewestImages, RankingMeasure } from '../../../src-shared/measures.ts';
import type { Words } from './options.ts';

/** What the words say, else the usual. @throws UsageError */
export function measuringOf(words: Words): Measuring {
  const defaults = defaultMeasuring();
  const every = words.integer('measure-every', 0, 1_000_000);
  return {
    every: every === 0 ? null : (every ?? defaults.every),
    images: words.integer('measure-images', fewestImages, 16_384) ?? defaults.images,
    best: words.choice('keep-best', RankingMeasure) ?? defaults.best,
    patience: words.integer('patience', 1, 10_000) ?? defaults.patience,
    checkpointMegabytes:
      words.integer('checkpoint-megabytes', 1, 100_000_000) ?? defaults.checkpointMegabytes,
  };
}

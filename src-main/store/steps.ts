/** Every step's losses and speed. */
import * as v from 'valibot';
import type { Series } from '../../src-shared/library.ts';
import { StepStats } from '../../src-shared/training.ts';
import type { Database, Table } from './database.ts';
import { missingRun, type Progress } from './runs.ts';
import { createStepBins, type SeriesOptions } from './series.ts';

export interface Steps {
  /**
   * Adds steps that follow those already there and brings the run's step, images seen and training time up to them, in one
   * transaction.
   * @returns where the run is then
   * @throws AppError `run.missing`
   */
  append(run: string, stats: readonly StepStats[]): Progress;
  /** The steps from `from` to `to`, both included, in order; all of them without. */
  list(run: string, range?: { from?: number; to?: number }): StepStats[];
  /** The last step; null before the first. */
  last(run: string): StepStats | null;
  /** Curves over many steps; see {@link Series}. */
  series(run: string, options: SeriesOptions): Series;
}

export function createSteps(database: Database): Steps {
  const bins = createStepBins(database);
  const table: Table<StepStats> = { name: 'steps', key: ['run', 'step'], row: StepStats };
  const range = database.query(
    table,
    'SELECT step, lossD, lossG, dReal, dFake, imagesPerSecond FROM steps ' +
      'WHERE run = :run AND step BETWEEN :from AND :to ORDER BY step',
  );
  const newest = database.query(
    table,
    'SELECT step, lossD, lossG, dReal, dFake, imagesPerSecond FROM steps WHERE run = :run ORDER BY step DESC LIMIT 1',
  );
  const progress = database.query(
    {
      name: 'runs',
      key: ['id'],
      row: v.object({ imagesSeen: v.number(), trainingSeconds: v.number(), perStep: v.number() }),
    },
    "SELECT id, imagesSeen, trainingSeconds, (hyperparameters ->> '$.batch') * " +
      "coalesce(hyperparameters ->> '$.discriminatorSteps', 1) AS perStep FROM runs WHERE id = :run",
  );
  const insert = database.command(
    'INSERT INTO steps (run, step, lossD, lossG, dReal, dFake, imagesPerSecond, seconds) ' +
      'VALUES (:run, :step, :lossD, :lossG, :dReal, :dFake, :imagesPerSecond, :seconds)',
  );
  const advance = database.command(
    'UPDATE runs SET step = :step, imagesSeen = :imagesSeen, trainingSeconds = :trainingSeconds WHERE id = :run',
  );

  return {
    append: (run, stats) =>
      database.transaction(() => {
        const before = progress.one({ run });
        if (before === null) throw missingRun(run);
        let { imagesSeen, trainingSeconds } = before;
        const timed = stats.map((step) => {
          imagesSeen += before.perStep;
          if (step.imagesPerSecond > 0) trainingSeconds += before.perStep / step.imagesPerSecond;
          return { ...step, seconds: trainingSeconds };
        });
        for (const step of timed) insert({ run, ...step });
        bins.add(run, timed);
        const last = timed.at(-1);
        if (last !== undefined) advance({ run, step: last.step, imagesSeen, trainingSeconds });
        return { imagesSeen, trainingSeconds };
      }),
    list: (run, { from = 0, to = Number.MAX_SAFE_INTEGER } = {}) => range.all({ run, from, to }),
    last: (run) => newest.one({ run }),
    series: (run, options) => bins.series(run, options),
  };
}

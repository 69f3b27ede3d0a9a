/** Every step's losses and speed. */
import { StepStats } from '../../src-shared/training.ts';
import type { Database, Table } from './database.ts';
import { missingRun } from './runs.ts';

export interface Steps {
  /**
   * Adds steps that follow those already there and brings the run's step, images seen and training time up to them, in one
   * transaction.
   * @throws AppError `run.missing`
   */
  append(run: string, stats: readonly StepStats[]): void;
  /** The steps from `from` to `to`, both included, in order; all of them without. */
  list(run: string, range?: { from?: number; to?: number }): StepStats[];
  /** The last step; null before the first. */
  last(run: string): StepStats | null;
}

export function createSteps(database: Database): Steps {
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
  const insert = database.command(
    'INSERT INTO steps (run, step, lossD, lossG, dReal, dFake, imagesPerSecond) ' +
      'VALUES (:run, :step, :lossD, :lossG, :dReal, :dFake, :imagesPerSecond)',
  );
  const advance = database.command(
    "UPDATE runs SET step = :step, imagesSeen = :step * (hyperparameters ->> '$.batch'), " +
      "trainingSeconds = trainingSeconds + :secondsPerImage * (hyperparameters ->> '$.batch') WHERE id = :run",
  );

  return {
    append(run, stats) {
      const last = stats.at(-1);
      if (last === undefined) return;
      let secondsPerImage = 0;
      for (const { imagesPerSecond } of stats)
        if (imagesPerSecond > 0) secondsPerImage += 1 / imagesPerSecond;
      database.transaction(() => {
        if (advance({ run, step: last.step, secondsPerImage }) === 0) throw missingRun(run);
        for (const { step, lossD, lossG, dReal, dFake, imagesPerSecond } of stats) {
          insert({ run, step, lossD, lossG, dReal, dFake, imagesPerSecond });
        }
      });
    },
    list: (run, { from = 0, to = Number.MAX_SAFE_INTEGER } = {}) => range.all({ run, from, to }),
    last: (run) => newest.one({ run }),
  };
}

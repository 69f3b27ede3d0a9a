/** Taking a run back to an earlier step. */
import { existsSync, readdirSync } from 'node:fs';
import * as v from 'valibot';
import type { Database } from './database.ts';
import { describeFileError, type LibraryFolder } from './library-folder.ts';
import { createStepBins } from './series.ts';
import { remove, type Trash } from './trash.ts';

/** Forgets what a run has after a step, rows and files; exports stay, they are no part of the run's course. */
export type Rewind = (run: string, step: number) => void;

export function createRewind(database: Database, folder: LibraryFolder, trash: Trash): Rewind {
  const bins = createStepBins(database);
  const laterCheckpoints = database.query(
    { name: 'checkpoints', key: ['run', 'step'], row: v.object({ step: v.number() }) },
    'SELECT run, step FROM checkpoints WHERE run = :run AND step > :step',
  );
  const forget = [
    database.command('DELETE FROM steps WHERE run = :run AND step > :step'),
    database.command('DELETE FROM metrics WHERE run = :run AND step > :step'),
    database.command('DELETE FROM samples WHERE run = :run AND step > :step'),
    database.command(
      'UPDATE runs SET step = min(step, :step), imagesSeen = coalesce(forkedFromImages, 0) + ' +
        "(min(step, :step) - coalesce(forkedFromStep, 0)) * (hyperparameters ->> '$.batch') * " +
        "coalesce(hyperparameters ->> '$.discriminatorSteps', 1), " +
        'trainingSeconds = coalesce((SELECT max(seconds) FROM steps WHERE run = :run), forkedFromSeconds, 0) ' +
        'WHERE id = :run',
    ),
  ];

  return (run, step) => {
    // Also files without a row: the trainer may have written them just before everything was killed.
    const samples = stepsIn(folder.samplesFolder(run)).filter((found) => found > step);
    const checkpoints = new Set([
      ...laterCheckpoints.all({ run, step }).map((row) => row.step),
      ...stepsIn(folder.checkpointsFolder(run)).filter((found) => found > step),
    ]);
    trash.discard(
      [...checkpoints].map((found) => ({ kind: 'checkpoint', run, step: found })),
      () => {
        for (const command of forget) command({ run, step });
        bins.rewind(run, step);
      },
    );
    // After the rows, so that none ever shows a picture that is gone.
    for (const found of samples) remove(folder.sampleFile(run, found));
  };
}

/** The steps that files or folders in a folder are named after; none when it is not there. */
function stepsIn(path: string): number[] {
  try {
    if (!existsSync(path)) return [];
    return readdirSync(path).flatMap((name) =>
      /^\d{8,10}(\.png)?$/.test(name) ? [Number.parseInt(name, 10)] : [],
    );
  } catch (error) {
    throw describeFileError(error, path);
  }
}

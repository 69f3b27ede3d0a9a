/** Taking a run back to an earlier step. */
import { rmSync } from 'node:fs';
import * as v from 'valibot';
import type { Database } from './database.ts';
import type { LibraryFolder } from './library-folder.ts';
import type { Trash } from './trash.ts';

/** Forgets what a run has after a step, rows and files; exports stay, they are no part of the run's course. */
export type Rewind = (run: string, step: number) => void;

export function createRewind(database: Database, folder: LibraryFolder, trash: Trash): Rewind {
  const row = v.object({ step: v.number() });
  const laterCheckpoints = database.query(
    { name: 'checkpoints', key: ['run', 'step'], row },
    'SELECT run, step FROM checkpoints WHERE run = :run AND step > :step',
  );
  const laterSamples = database.query(
    { name: 'samples', key: ['run', 'step'], row },
    'SELECT run, step FROM samples WHERE run = :run AND step > :step',
  );
  const forget = [
    database.command('DELETE FROM steps WHERE run = :run AND step > :step'),
    database.command('DELETE FROM metrics WHERE run = :run AND step > :step'),
    database.command('DELETE FROM samples WHERE run = :run AND step > :step'),
    database.command(
      'UPDATE runs SET step = min(step, :step), ' +
        "imagesSeen = min(step, :step) * (hyperparameters ->> '$.batch'), " +
        "trainingSeconds = (SELECT coalesce(sum(1 / nullif(imagesPerSecond, 0)), 0) FROM steps WHERE run = :run) * (hyperparameters ->> '$.batch') " +
        'WHERE id = :run',
    ),
  ];

  return (run, step) => {
    const samples = laterSamples.all({ run, step });
    const checkpoints = laterCheckpoints.all({ run, step });
    trash.discard(
      checkpoints.map((checkpoint) => ({ kind: 'checkpoint', run, step: checkpoint.step })),
      () => {
        for (const command of forget) command({ run, step });
      },
    );
    // After the rows, so that none ever shows a picture that is gone. What a crash leaves here goes with the run,
    // or is written over when it comes to that step again.
    for (const sample of samples) rmSync(folder.sampleFile(run, sample.step), { force: true });
  };
}

/** Deleting for good what was deleted some time ago. */
import * as v from 'valibot';
import type { Database } from './database.ts';
import { Id } from './ids.ts';
import type { Runs } from './runs.ts';

/** What is gone for good: ids. */
export interface Purged {
  experiments: string[];
  runs: string[];
  /** Where their images came from; others may still use these sources. */
  sources: string[];
}

/** Deletes runs and experiments, with their files, that were deleted at or before a time (milliseconds since 1970). */
export type Purge = (before: number) => Purged;

export function createPurge(database: Database, runs: Runs): Purge {
  const row = v.object({ id: Id, source: v.nullable(v.string()) });
  const oldRuns = database.query(
    { name: 'runs', key: ['id'], row },
    'SELECT id, datasetSource AS source FROM runs WHERE deletedAt <= :before ORDER BY number',
  );
  // One that has runs of which somebody still wants to know stays.
  const oldExperiments = database.query(
    { name: 'experiments', key: ['id'], row },
    'SELECT id, source FROM experiments WHERE deletedAt <= :before AND NOT EXISTS (SELECT 1 FROM runs WHERE experiment = experiments.id)',
  );
  const forgetExperiment = database.command('DELETE FROM experiments WHERE id = :id');

  return (before) => {
    const gone: Purged = { experiments: [], runs: [], sources: [] };
    const sources = new Set<string>();
    for (const { id, source } of oldRuns.all({ before })) {
      runs.delete(id);
      gone.runs.push(id);
      if (source !== null) sources.add(source);
    }
    for (const { id, source } of oldExperiments.all({ before })) {
      forgetExperiment({ id });
      gone.experiments.push(id);
      if (source !== null) sources.add(source);
    }
    return { ...gone, sources: [...sources] };
  };
}

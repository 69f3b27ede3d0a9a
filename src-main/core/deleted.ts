/** What has been deleted, and can still be brought back, is not worked on. */
import { AppError } from '../../src-shared/errors.ts';
import type { Experiment, Run } from '../../src-shared/library.ts';

/** @throws AppError `experiment.deleted` */
export function requireExperiment({ id, name, deletedAt }: Experiment): void {
  if (deletedAt === null) return;
  throw new AppError('experiment.deleted', `"${name}" has been deleted. Bring it back first.`, {
    experiment: id,
  });
}

/** @throws AppError `run.deleted` */
export function requireRun({ id, name, deletedAt }: Run): void {
  if (deletedAt === null) return;
  throw new AppError('run.deleted', `The run "${name}" has been deleted. Bring it back first.`, { run: id });
}

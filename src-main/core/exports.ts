/** Generators and images for use elsewhere: in the library, or where the command line wants them. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiEvent } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Export, Run } from '../../src-shared/library.ts';
import type { ExportFormat } from '../../src-shared/trainer-protocol.ts';
import type { StoredCheckpoint } from '../store/checkpoints.ts';
import type { NewExport, StoredExport } from '../store/exports.ts';
import { newId } from '../store/ids.ts';
import { describeFileError } from '../store/library-folder.ts';
import type { Store } from '../store/open-store.ts';
import { askWithCheckpoint, chooseCheckpoint } from './checkpoint-choice.ts';
import { requireRun } from './deleted.ts';
import type { Content } from './files.ts';
import type { AskOptions } from './ask-trainer.ts';
import type { TrainerHost } from './trainer-host.ts';

export interface SampleOptions {
  /** Images in the grid. */
  count: number;
  /** Chooses the latents. */
  seed: number;
  /** PNG to write; must not be there yet. */
  file: string;
}

/** What has just been written: it was tried. */
export type Written = StoredExport & { difference: number };

/** `step` null is the newest checkpoint. What needs one throws AppError `run.missing`, `checkpoint.none`, `checkpoint.missing`. */
export interface Exports {
  checkpointOf(run: string, step: number | null): StoredCheckpoint;
  /** Writes a grid of images of a checkpoint as PNG. @throws AppError `disk.*`, `cancelled` */
  sample(run: string, step: number | null, options: SampleOptions & AskOptions): Promise<void>;
  /** Writes a generator to a path outside of the library. @throws AppError `export.*`, `disk.*`, `cancelled` */
  write(
    run: string,
    step: number | null,
    format: ExportFormat,
    path: string,
    options?: AskOptions,
  ): Promise<Written>;
  /** Writes a generator into the library. @throws AppError `export.*`, `disk.*`, `cancelled` */
  create(run: string, step: number | null, format: ExportFormat, options?: AskOptions): Promise<Export>;
  list(): Export[];
  /** @throws AppError `export.missing` */
  delete(id: number): void;
  /** Absolute path of an export that is there. @throws AppError `export.missing` */
  pathOf(id: number): string;
  /** See `Files.export`. */
  content(id: number): { content: Content; name: string };
}

/** What the interface is told of an export. */
export function withoutPath({ path: _, folder: __, ...entry }: StoredExport): Export {
  return entry;
}

export function createExports(
  store: Store,
  host: TrainerHost,
  broadcast: (event: ApiEvent) => void,
): Exports {
  const checkpointOf = (id: string, step: number | null): StoredCheckpoint => {
    const run = store.runs.get(id).id;
    const checkpoint = chooseCheckpoint(store, run, step);
    if (checkpoint !== null) return checkpoint;
    throw new AppError(
      'checkpoint.none',
      'The run has no checkpoint yet: nothing has been trained that could be used.',
      { run },
    );
  };

  const make = async (
    run: Run,
    step: number | null,
    format: ExportFormat,
    placeOf: (step: number) => { place: NewExport['place']; path: string },
    options: AskOptions,
  ): Promise<Written> => {
    const checkpoint = checkpointOf(run.id, step);
    const { place, path } = placeOf(checkpoint.step);
    const of = { run: run.id, step: checkpoint.step };
    const command = { type: 'export', checkpoint: checkpoint.folder, engine: 'auto', format, path } as const;
    const { bytes, difference } = await askWithCheckpoint(store, host, of, command, 'exported', options);
    // It may have been deleted for good in the meantime.
    store.runs.get(run.id);
    const entry = store.exports.add(run.id, { step: of.step, format, place, bytes, difference });
    broadcast({ type: 'export', export: withoutPath(entry) });
    return { ...entry, difference };
  };

  const thereOf = (id: number) => {
    const entry = store.exports.get(id);
    if (entry.present) return entry;
    throw new AppError('export.missing', `${entry.name} is not there any more. Export it again.`, {
      export: id,
    });
  };

  return {
    checkpointOf,
    async sample(run, wanted, { count, seed, file, ...options }) {
      const { folder, step } = checkpointOf(run, wanted);
      const command = { type: 'sample', checkpoint: folder, engine: 'auto', count, seed, file } as const;
      await askWithCheckpoint(store, host, { run, step }, command, 'sampled', options);
    },
    write: (run, step, format, path, options = {}) =>
      make(store.runs.get(run), step, format, () => ({ place: { path }, path }), options),
    async create(id, step, format, options = {}) {
      const run = store.runs.get(id);
      requireRun(run);
      checkpointOf(id, step);
      const folder = newId();
      const dir = store.paths.exportFolder(folder);
      const placeOf = (of: number) => {
        const name = nameOf(run, of, format);
        return { place: { folder, name }, path: join(dir, name) };
      };
      try {
        await mkdir(dir);
        return withoutPath(await make(run, step, format, placeOf, options));
      } catch (error) {
        await rm(dir, { recursive: true, force: true }).catch(() => undefined);
        throw error instanceof AppError ? error : describeFileError(error, dir);
      }
    },
    list: () => store.exports.list().map(withoutPath),
    delete(id) {
      store.exports.delete(id);
      broadcast({ type: 'exports' });
    },
    pathOf: (id) => thereOf(id).path,
    content(id) {
      const { path, name, folder, format } = thereOf(id);
      if (folder === null) {
        throw new AppError(
          'export.missing',
          `${name} was written outside of the library, where only the one who wrote it has it.`,
          { export: id },
        );
      }
      if (isFolder(format)) return { content: { kind: 'folder', path }, name: `${name}.zip` };
      const type = format === 'png' ? 'image/png' : 'application/octet-stream';
      return { content: { kind: 'file', type, path }, name };
    },
  };
}

const isFolder = (format: ExportFormat) => format === 'tfjs' || format === 'safetensors';

/** A file name that says what it is, on every system: `two-faces-step-500.onnx`. */
function nameOf({ name, number }: Run, step: number, format: ExportFormat): string {
  const words = name
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .slice(0, 60)
    .replaceAll(/^-+|-+$/g, '');
  const stem = `${words === '' ? `run-${number}` : words}-step-${step}`;
  return isFolder(format) ? `${stem}-${format}` : `${stem}.${format}`;
}

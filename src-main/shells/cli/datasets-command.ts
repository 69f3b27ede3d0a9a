/** `ganvas datasets`: the images that lie prepared in the library. */
import { resolve } from 'node:path';
import { AppError } from '../../../src-shared/errors.ts';
import { formatShape } from '../../../src-shared/gan/shape.ts';
import type { App } from '../../core/app.ts';
import type { CacheEntry } from '../../core/datasets.ts';
import { nextCommand, openToChange, openToLook } from './library.ts';
import type { Words } from './options.ts';
import type { Output } from './output.ts';
import { formatBytes, formatCount, formatTime, table } from './output.ts';
import { UsageError } from './usage.ts';

/** Characters of a key that are shown, and that are enough to name it. */
const keyShown = 10;

/** In the place of a source that a folder in the cache does not tell. */
const unknown = 'unfinished or damaged';

/** A key as it is shown. */
export const shortKey = (key: string) => key.slice(0, keyShown);

const entryData = ({ lastUsedAt, ...entry }: CacheEntry) => ({
  ...entry,
  lastUsedAt: new Date(lastUsedAt).toISOString(),
});

const runsText = ({ runs }: CacheEntry) =>
  runs.length === 0 ? 'none' : runs.map(({ number }) => number).join(', ');

function list(app: App, output: Output): void {
  const entries = app.datasets.list();
  for (const entry of entries) output.json({ type: 'prepared', ...entryData(entry) });
  if (entries.length === 0) {
    output.line(`No images are prepared in ${app.libraryDir}.`);
    return;
  }
  const rows = entries.map((entry) => [
    shortKey(entry.key),
    entry.sourceName ?? unknown,
    entry.count === null ? '-' : formatCount(entry.count),
    entry.settings === null ? '-' : formatShape(entry.settings),
    formatBytes(entry.bytes),
    formatTime(entry.lastUsedAt),
    runsText(entry),
  ]);
  const head = ['key', 'data', 'images', 'size', 'on disk', 'last used (UTC)', 'runs'];
  for (const line of table([head, ...rows])) output.line(line);
  output.line(`${formatBytes(entries.reduce((sum, { bytes }) => sum + bytes, 0))} in all`);
}

/** Those that a key, its beginning, a source or the name of an upload mean. @throws AppError `dataset.not-prepared`, `dataset.ambiguous` */
function named(app: App, text: string, words: Words): CacheEntry[] {
  const entries = app.datasets.list();
  const found = entries.filter(
    ({ key, sources }) =>
      sources.includes(text) ||
      sources.includes(resolve(text)) ||
      (text.length >= keyShown && key.startsWith(text)),
  );
  if (found.length > 0) return found;
  // Whatever was dropped may be called alike.
  const dropped = entries.filter(({ sourceName }) => sourceName === text);
  if (new Set(dropped.map(({ source }) => source)).size > 1) {
    const keys = dropped.map(({ key }) => shortKey(key));
    throw new AppError(
      'dataset.ambiguous',
      `Several uploads are called "${text}": the keys ${keys.join(', ')}. Say which by its key.`,
      { text, keys },
    );
  }
  if (dropped.length > 0) return dropped;
  throw new AppError(
    'dataset.not-prepared',
    `No images are prepared under the key or from the source "${text}" in ${app.libraryDir}. "${nextCommand(words, 'datasets')}" lists those that are.`,
    { text },
  );
}

function remove(app: App, entries: readonly CacheEntry[], output: Output): void {
  for (const entry of entries) {
    app.datasets.delete(entry.key);
    output.json({
      type: 'deleted',
      key: entry.key,
      source: entry.source,
      sourceName: entry.sourceName,
      bytes: entry.bytes,
    });
    const needed = entry.runs.length === 0 ? '' : ` Runs that need them to be resumed: ${runsText(entry)}.`;
    output.line(
      `Deleted the images prepared from ${entry.sourceName ?? `what is not known any more`} (${formatBytes(entry.bytes)}).${needed}`,
    );
  }
  if (entries.length === 0) output.line('Every prepared dataset is used by a run: nothing was deleted.');
}

export function datasetsCommand(words: Words, output: Output): number {
  words.allow(['delete', 'delete-unused']);
  const text = words.text('delete');
  const unused = words.flag('delete-unused');
  if (text !== undefined && unused)
    throw new UsageError('Give either --delete or --delete-unused, not both.');
  const isDeleting = text !== undefined || unused;
  const app = isDeleting ? openToChange(words) : openToLook(words);
  try {
    if (text !== undefined) remove(app, named(app, text, words), output);
    else if (unused)
      remove(
        app,
        app.datasets.list().filter(({ runs }) => runs.length === 0),
        output,
      );
    else list(app, output);
    return 0;
  } finally {
    app.close();
  }
}

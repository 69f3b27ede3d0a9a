/** Uploads and the windows that feed them: one that nobody feeds any more goes, one that is fed again goes on. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createTasks } from '../../src-main/core/tasks.ts';
import { createUploadTasks } from '../../src-main/core/upload-tasks.ts';
import { Uploads } from '../../src-main/datasets/upload.ts';
import type { ApiEvent } from '../../src-shared/api.ts';
import { context } from './experiment.ts';
import { errorOf, temporaryFolder } from './library.ts';

const minute = 60_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

async function* body(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** A core's uploads; again over the same folder as after a new start. */
function start(dir = temporaryFolder()) {
  const events: ApiEvent[] = [];
  const tasks = createTasks((event) => events.push(event));
  const folders = { uploads: join(dir, 'uploads'), scratch: join(dir, 'scratch') };
  const uploads = new Uploads(folders);
  const uploading = createUploadTasks(uploads, tasks);
  uploads.sweep(() => true);
  uploading.resume();
  const { handlers } = uploading;
  const begin = async (connection: AbortSignal) =>
    (
      await handlers['datasets.beginUpload'](
        { name: 'Cats', files: 3, bytes: 30 },
        { ...context, connection },
      )
    ).id;
  const isThere = (id: string) => existsSync(join(folders.scratch, id));
  const gone = (id: string) => vi.waitFor(() => expect(isThere(id)).toBe(false));
  return { dir, folders, events, tasks, uploading, handlers, begin, isThere, gone };
}

const list = ({ tasks }: ReturnType<typeof start>) => tasks.handlers['tasks.list']({}, context);

test('every window sees how far an upload is, and may cancel it', async () => {
  const core = start();
  const id = await core.begin(context.connection);
  await core.uploading.receive(id, 'a.png', body('0123456789'));
  await core.uploading.receive(id, 'b.png', body('0123456789'));
  expect(list(core)).toMatchObject([
    { id, kind: 'upload', name: 'Cats', progress: { phase: 'sending', total: 30 } },
  ]);
  await core.tasks.handlers['tasks.cancel']({ id }, context);
  await core.gone(id);
  expect((await errorOf(() => core.uploading.receive(id, 'c.png', body('x')))).code).toBe('upload.missing');
  await vi.waitFor(() => expect(core.events.at(-1)).toMatchObject({ type: 'task-ended', error: null }));
});

test('an upload whose window has gone is removed after a while, and that is said', async () => {
  const core = start();
  const window = new AbortController();
  const id = await core.begin(window.signal);
  vi.advanceTimersByTime(60 * minute);
  expect(core.isThere(id)).toBe(true);
  window.abort();
  vi.advanceTimersByTime(minute);
  expect(core.isThere(id)).toBe(true);
  vi.advanceTimersByTime(2 * minute);
  await core.gone(id);
  await vi.waitFor(() =>
    expect(core.events.at(-1)).toMatchObject({ error: { code: 'upload.abandoned' }, told: false }),
  );
  expect(list(core)).toEqual([]);
});

test('one whose window comes back, or whose files still come, stays', async () => {
  const core = start();
  const [window, again] = [new AbortController(), new AbortController()];
  const id = await core.begin(window.signal);
  window.abort();
  vi.advanceTimersByTime(1.5 * minute);
  await core.uploading.receive(id, 'a.png', body('one'));
  vi.advanceTimersByTime(1.5 * minute);
  await core.handlers['datasets.continueUpload']({ id }, { ...context, connection: again.signal });
  vi.advanceTimersByTime(60 * minute);
  await core.uploading.receive(id, 'b.png', body('two'));
  const { source } = await core.handlers['datasets.finishUpload']({ id }, context);
  expect(source).toBe(`upload:${id}`);
  expect(core.events.at(-1)).toMatchObject({ type: 'task-ended', task: id, error: null });
  again.abort();
  vi.advanceTimersByTime(60 * minute);
  expect(readdirSync(core.folders.uploads)).toEqual([id]);
});

test('one that was under way when Ganvas ended goes on when its window comes back, and else is removed', async () => {
  const before = start();
  const [fed, left] = [await before.begin(context.connection), await before.begin(context.connection)];
  await before.uploading.receive(fed, 'deep/a.png', body('0123456789'));
  before.uploading.close();

  const core = start(before.dir);
  expect(list(core)).toHaveLength(2);
  await core.handlers['datasets.continueUpload']({ id: fed }, context);
  vi.advanceTimersByTime(61 * minute);
  await core.gone(left);
  await core.uploading.receive(fed, 'deep/a.png', body('0123456789'));
  await core.uploading.receive(fed, 'b.png', body('01234567890123456789'));
  expect((await errorOf(() => core.uploading.receive(fed, 'c.png', body('x')))).code).toBe(
    'upload.too-large',
  );
  await core.handlers['datasets.finishUpload']({ id: fed }, context);
  expect(readdirSync(join(core.folders.uploads, fed))).toEqual(['files', 'upload.json']);
});

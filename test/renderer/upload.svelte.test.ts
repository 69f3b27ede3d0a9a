/** From a chosen folder to an uploaded one: what is sent, in which pieces, and what happens when something breaks. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiClient } from '../../src-renderer/state/api-client.svelte.ts';
import { Batches, type OpenFile } from '../../src-renderer/state/batches.ts';
import type { FindFiles, FoundFile } from '../../src-renderer/state/found-files.ts';
import { fromEntries, fromList, looksLikePath } from '../../src-renderer/state/found-files.ts';
import type { Send, SendRequest } from '../../src-renderer/state/send.ts';
import { Upload } from '../../src-renderer/state/upload.svelte.ts';
import { batchLimits } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import { ScriptedCore } from './scripted-core.ts';

const found = (path: string, file: File): FoundFile => ({ path, open: async () => file });
const file = (path: string, bytes: number): FoundFile =>
  found(path, new File([new Uint8Array(bytes)], path.split('/').at(-1)!));
const finds =
  (files: FoundFile[], bytes: number | null = null): FindFiles =>
  async () => ({ name: 'pets', files, bytes });

/** A file as a file field gives it. */
function chosen(webkitRelativePath: string): File {
  const name = webkitRelativePath.split('/').at(-1)!;
  return Object.assign(new File(['x'], name), { webkitRelativePath });
}

/** A dropped folder as a browser gives it: a hundred entries at a time. */
function folder(
  name: string,
  count: number,
  opened: string[],
  inside: FileSystemDirectoryEntry[] = [],
): FileSystemDirectoryEntry {
  const entry = { name, fullPath: `/${name}`, filesystem: {} as FileSystem, getParent: () => undefined };
  const files = Array.from({ length: count }, (_, i): FileSystemFileEntry => ({
    ...entry,
    name: `${i}.png`,
    isFile: true,
    isDirectory: false,
    file(resolve) {
      opened.push(`${name}/${i}.png`);
      resolve(new File(['x'], `${i}.png`));
    },
  }));
  return {
    ...entry,
    isFile: false,
    isDirectory: true,
    getFile: () => undefined,
    getDirectory: () => undefined,
    createReader() {
      const left: FileSystemEntry[] = [...inside, ...files];
      return { readEntries: (resolve) => queueMicrotask(() => resolve(left.splice(0, 100))) };
    },
  };
}

describe('the files of a folder', () => {
  const options = { onFound: () => undefined, signal: new AbortController().signal };

  it('have their paths inside the folder, and are all but the hidden ones', async () => {
    const list = [
      'pets/cats/1.png',
      'pets/2.png',
      'pets/.DS_Store',
      'pets/__MACOSX/2.png',
      'pets/.git/3.png',
    ];
    const { name, files } = await fromList(list.map(chosen))(options);
    expect(name).toBe('pets');
    expect(files.map(({ path }) => path)).toEqual(['cats/1.png', '2.png']);
  });

  it('have their names where they were chosen one by one', async () => {
    const list = ['a.zip', 'b.png'].map((name) =>
      Object.assign(new File(['x'], name), { webkitRelativePath: '' }),
    );
    const { name, files } = await fromList(list)(options);
    expect(name).toBe('a.zip');
    expect(files.map(({ path }) => path)).toEqual(['a.zip', 'b.png']);
  });

  it('are counted while they are looked through, which can be cancelled', async () => {
    const list = Array.from({ length: 12_000 }, (_, i) => chosen(`pets/${i}.png`));
    const counts: number[] = [];
    await fromList(list)({ ...options, onFound: (count) => counts.push(count) });
    expect(counts).toEqual([1, 5001, 10_001]);
    const controller = new AbortController();
    const found = fromList(list)({ onFound: () => controller.abort(), signal: controller.signal });
    await expect(found).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('that were dropped are counted by their names, a hundred at a time, and opened only when they are sent', async () => {
    const opened: string[] = [];
    const counts: number[] = [];
    const entries = [folder('cats', 250, opened), folder('.git', 9, opened), folder('dogs', 50, opened)];
    const dropped = folder('pets', 0, opened, entries);
    const { name, files, bytes } = await fromEntries([dropped], {
      ...options,
      onFound: (n) => counts.push(n),
    });
    expect({ name, bytes, count: files.length, first: files[0]!.path }).toEqual({
      name: 'pets',
      bytes: null,
      count: 300,
      first: 'cats/0.png',
    });
    expect(counts).toEqual([0, 100, 200, 250, 300]);
    expect(opened).toEqual([]);
    await files[299]!.open();
    expect(opened).toEqual(['dogs/49.png']);
    const few = await fromEntries([folder('few', 3, opened)], options);
    expect(few.bytes).toBe(3);
    const controller = new AbortController();
    const cancelled = fromEntries([dropped], {
      onFound: (count) => count === 100 && controller.abort(),
      signal: controller.signal,
    });
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('are refused when there are none', async () => {
    await expect(fromList([])(options)).rejects.toMatchObject({ code: 'dataset.empty' });
    await expect(fromList([chosen('pets/.hidden')])(options)).rejects.toThrow('pets holds no files');
  });
});

it.each([
  ['/data/pictures', true],
  ['~/pictures', true],
  ['C:\\pictures', true],
  ['\\\\server\\pictures', true],
  ['pictures', false],
  ['/two\n/lines', false],
  ['{"format":"ganvas-design"}', false],
])('%j is a path: %s', (text, is) => expect(looksLikePath(text)).toBe(is));

describe('batches', () => {
  it('hold every file that can be opened once, and what the server takes', async () => {
    const sizes = fc.array(fc.option(fc.integer({ min: 0, max: 2_500_000 })), { maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(sizes, async (wanted) => {
        // A file of any size, without its bytes.
        const files = wanted.map((size, i) =>
          size === null
            ? { path: `${i}`, open: () => Promise.reject(new DOMException('gone', 'NotFoundError')) }
            : found(`${i}`, Object.defineProperty(new File([], `${i}`), 'size', { value: size })),
        );
        const unreadable: string[] = [];
        const batches = new Batches(files, (path) => unreadable.push(path));
        // Asked for by three at once, as an upload does.
        const made: (readonly OpenFile[])[] = [];
        const take = async () => {
          for (let batch = await batches.next(); batch !== null; batch = await batches.next())
            made.push(batch);
        };
        await Promise.all([take(), take(), take()]);
        const paths = (isReadable: boolean) =>
          wanted.flatMap((size, i) => ((size !== null) === isReadable ? [`${i}`] : []));
        expect(made.flat()).toHaveLength(paths(true).length);
        expect(new Set(made.flat().map(({ path }) => path))).toEqual(new Set(paths(true)));
        expect(unreadable).toEqual(paths(false));
        for (const batch of made) {
          const sum = batch.reduce((total, { file: { size } }) => total + size, 0);
          expect(batch.length).toBeLessThanOrEqual(batchLimits.files);
          expect(batch.length === 1 || sum <= batchLimits.bytes).toBe(true);
        }
      }),
    );
  });
});

describe('an upload', () => {
  let core: ScriptedCore;
  let api: ApiClient;
  let announced: unknown;
  let ended: string[];

  beforeEach(() => {
    core = new ScriptedCore();
    api = new ApiClient(core.openPort);
    ended = [];
    core.script['datasets.beginUpload'] = (about) => {
      announced = about;
      return { id: 'u1' };
    };
    core.script['datasets.finishUpload'] = ({ id }) => {
      ended.push(`finished ${id}`);
      return { source: `upload:${id}` };
    };
    core.script['datasets.cancelUpload'] = ({ id }) => {
      ended.push(`cancelled ${id}`);
      return null;
    };
  });

  /** What a server would have got. */
  function receiver(): { send: Send; paths: string[]; requests: SendRequest[] } {
    const paths: string[] = [];
    const requests: SendRequest[] = [];
    const send: Send = async (request) => {
      requests.push(request);
      request.onSent(1);
      if (request.body instanceof FormData) paths.push(...request.body.keys());
      else paths.push(decodeURIComponent(request.address.split('/file/')[1]!));
    };
    return { send, paths, requests };
  }

  it('announces everything, sends small files together and large ones alone, and finishes', async () => {
    const { send, paths, requests } = receiver();
    const files = [file('cats/1.png', 10), file('große.png', 3_000_000), file('cats/2.png', 20)];
    const upload = new Upload(api, send, finds(files, 3_000_030));
    expect(await upload.done).toEqual({ source: 'upload:u1', unreadable: [] });
    expect(announced).toEqual({ name: 'pets', files: 3, bytes: 3_000_030 });
    expect(paths.sort()).toEqual(['cats/1.png', 'cats/2.png', 'große.png']);
    expect(requests.map(({ method, address }) => `${method} ${address}`).sort()).toEqual([
      'POST uploads/u1/batch',
      'PUT uploads/u1/file/gro%C3%9Fe.png',
    ]);
    expect(upload.filesSent).toBe(3);
    expect(upload.progress).toMatchObject({ done: 3_000_030, total: 3_000_030 });
    expect(ended).toEqual(['finished u1']);
  });

  it('never has more than three requests under way', async () => {
    let underWay = 0;
    let most = 0;
    const send: Send = async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve));
      underWay -= 1;
    };
    const files = Array.from({ length: 9 }, (_, i) => file(`${i}.png`, 1_000_000));
    await new Upload(api, send, finds(files)).done;
    expect(most).toBe(3);
  });

  it('counts files where nobody has counted their bytes', async () => {
    const upload = new Upload(api, receiver().send, finds([file('1.png', 10), file('2.png', 10)]));
    await upload.done;
    expect(announced).toEqual({ name: 'pets', files: 2, bytes: null });
    expect(upload.inBytes).toBe(false);
    expect(upload.progress).toMatchObject({ done: 2, total: 2 });
  });

  it('sends again what broke off; after the fifth time it waits for a person, and goes on with what is missing', async () => {
    const { send, paths } = receiver();
    let left = 4;
    const breaking: Send = (request) => {
      if (request.body instanceof FormData && request.body.has('1.png') && left-- > 0)
        throw new AppError('upload.interrupted', 'broke off');
      return send(request);
    };
    const files = [file('0.png', 1_000_000), file('1.png', 10)];
    await new Upload(api, breaking, finds(files)).done;
    expect(paths.sort()).toEqual(['0.png', '1.png']);
    left = 5;
    paths.length = 0;
    const waiting = new Upload(api, breaking, finds(files));
    await vi.waitFor(() => expect(waiting.problem?.code).toBe('upload.interrupted'));
    expect(paths).toEqual(['0.png']);
    expect(waiting.filesSent).toBe(1);
    waiting.retry();
    await waiting.done;
    expect(waiting.problem).toBeNull();
    expect(paths).toEqual(['0.png', '1.png']);
    left = 5;
    const given = new Upload(api, breaking, finds(files));
    await vi.waitFor(() => expect(given.problem).not.toBeNull());
    given.cancel();
    await expect(given.done).rejects.toMatchObject({ code: 'cancelled' });
    await vi.waitFor(() => expect(ended.at(-1)).toBe('cancelled u1'));
  });

  it('waits for a person after every fifth time, not only after the first five', async () => {
    let tries = 0;
    const breaking: Send = () => {
      tries += 1;
      throw new AppError(tries > 20 ? 'test.too-often' : 'upload.interrupted', 'broke off');
    };
    const upload = new Upload(api, breaking, finds([file('1.png', 10)]));
    for (const expected of [5, 10, 15]) {
      await vi.waitFor(() => expect(upload.problem).not.toBeNull());
      expect(tries).toBe(expected);
      upload.retry();
    }
    upload.cancel();
    await expect(upload.done).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('waits for a lost connection, without a word of how long it will take, and tells the core that it goes on', async () => {
    const { send, paths } = receiver();
    let left = 1;
    let tries = 0;
    const breaking: Send = (request) => {
      tries += 1;
      if (left-- <= 0) return send(request);
      core.reachable = false;
      core.cut();
      throw new AppError('upload.interrupted', 'broke off');
    };
    const continued: string[] = [];
    core.script['datasets.continueUpload'] = ({ id }) => {
      continued.push(id);
      return null;
    };
    const upload = new Upload(api, breaking, finds([file('1.png', 10)], 10));
    await vi.waitFor(() => expect(api.link.is).toBe('lost'));
    await new Promise((resolve) => setTimeout(resolve));
    expect(tries).toBe(1);
    expect(upload.progress).toMatchObject({ perSecond: 0, remainingSeconds: null });
    continued.length = 0;
    core.reachable = true;
    api.retryNow();
    await upload.done;
    expect(continued).toEqual(['u1']);
    expect(paths).toEqual(['1.png']);
    expect(upload.problem).toBeNull();
  });

  it('leaves out what the browser cannot read, and says what', async () => {
    const { send, paths } = receiver();
    const broken = new File(['x'], 'gone.png');
    broken.slice = () => {
      throw new DOMException('gone', 'NotReadableError');
    };
    const gone = found('gone.png', broken);
    const breaking: Send = (request) => {
      if (request.body instanceof FormData && request.body.has('gone.png'))
        throw new AppError('upload.interrupted', 'broke off');
      return send(request);
    };
    const { unreadable } = await new Upload(api, breaking, finds([file('1.png', 10), gone])).done;
    expect(unreadable).toEqual(['gone.png']);
    expect(paths).toEqual(['1.png']);
    await expect(new Upload(api, breaking, finds([gone])).done).rejects.toMatchObject({
      code: 'upload.unreadable',
    });
  });

  it('ends at once when the server refuses, with what it says', async () => {
    const send: Send = () => {
      throw new AppError('disk.full', 'The disk is full.');
    };
    const files = Array.from({ length: 20 }, (_, i) => file(`${i}.png`, 1_000_000));
    await expect(new Upload(api, send, finds(files)).done).rejects.toMatchObject({ code: 'disk.full' });
    await vi.waitFor(() => expect(ended).toEqual(['cancelled u1']));
  });

  it('is cancelled: what is under way is stopped, and the server forgets it', async () => {
    const started = Promise.withResolvers<undefined>();
    const send: Send = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new AppError('cancelled', 'aborted')));
        started.resolve(undefined);
      });
    const upload = new Upload(api, send, finds([file('1.png', 10)]));
    await started.promise;
    upload.cancel();
    await expect(upload.done).rejects.toMatchObject({ code: 'cancelled' });
    await vi.waitFor(() => expect(ended).toEqual(['cancelled u1']));
  });
});

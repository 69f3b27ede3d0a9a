/** From a chosen folder to an uploaded one: what is sent, in which pieces, and what happens when something breaks. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ApiClient } from '../../src-renderer/state/api-client.svelte.ts';
import type { FindFiles, FoundFile } from '../../src-renderer/state/found-files.ts';
import { fromList, looksLikePath } from '../../src-renderer/state/found-files.ts';
import type { Send, SendRequest } from '../../src-renderer/state/send.ts';
import { batchesOf, Upload } from '../../src-renderer/state/upload.svelte.ts';
import { batchLimits } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import { ScriptedCore } from './scripted-core.ts';

const file = (path: string, bytes: number): FoundFile => ({
  path,
  file: new File([new Uint8Array(bytes)], path.split('/').at(-1)!),
});
const finds =
  (files: FoundFile[]): FindFiles =>
  async () => ({ name: 'pets', files });

/** A file as a file field gives it. */
function chosen(webkitRelativePath: string): File {
  const name = webkitRelativePath.split('/').at(-1)!;
  return Object.assign(new File(['x'], name), { webkitRelativePath });
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
  it('hold every file once, in order, and what the server takes', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 2_500_000 }), { maxLength: 40 });
    fc.assert(
      fc.property(sizes, (bytes) => {
        // A file of any size, without its bytes.
        const files = bytes.map((size, i) => ({
          path: `${i}`,
          file: Object.defineProperty(new File([], `${i}`), 'size', { value: size }),
        }));
        const batches = batchesOf(files);
        expect(batches.flat()).toHaveLength(files.length);
        expect(new Set(batches.flat())).toEqual(new Set(files));
        for (const batch of batches) {
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
    const upload = new Upload(api, send, finds(files));
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

  it('sends again what broke off, and gives up after the fifth time', async () => {
    const { send, paths } = receiver();
    let left = 4;
    const breaking: Send = (request) => {
      if (left-- > 0) throw new AppError('upload.interrupted', 'broke off');
      return send(request);
    };
    await new Upload(api, breaking, finds([file('1.png', 10)])).done;
    expect(paths).toEqual(['1.png']);
    left = 5;
    const failing = new Upload(api, breaking, finds([file('1.png', 10)]));
    await expect(failing.done).rejects.toMatchObject({ code: 'upload.interrupted' });
    expect(ended.at(-1)).toBe('cancelled u1');
  });

  it('leaves out what the browser cannot read, and says what', async () => {
    const { send, paths } = receiver();
    const gone = file('gone.png', 10);
    gone.file.slice = () => {
      throw new DOMException('gone', 'NotReadableError');
    };
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
    expect(ended).toEqual(['cancelled u1']);
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
    expect(ended).toEqual(['cancelled u1']);
  });
});

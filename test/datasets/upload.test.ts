import { mkdirSync, readdirSync, readFileSync, statfsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Announcement } from '../../src-main/datasets/unfinished-upload.ts';
import { Uploads } from '../../src-main/datasets/upload.ts';
import { namesOfUpload } from '../../src-main/datasets/upload-path.ts';
import { failure, plain, prepare, settingsOf, temporaryFolder, writeFiles } from './fixtures.ts';

const bytesOf = (text: string): Uint8Array => Buffer.from(text);

async function* body(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield bytesOf(chunk);
}

/** A body that comes when it is told to. */
class Slow implements AsyncIterable<Uint8Array> {
  private wake: () => void = () => undefined;
  private readonly chunks: (string | Error | null)[] = [];

  /** A chunk, null for the end, or what goes wrong. */
  say(chunk: string | Error | null): void {
    this.chunks.push(chunk);
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.chunks.shift();
      if (chunk === undefined) await new Promise<void>((resolve) => (this.wake = resolve));
      else if (chunk === null) return;
      else if (chunk instanceof Error) throw chunk;
      else yield bytesOf(chunk);
    }
  }
}

class Place {
  readonly dir = temporaryFolder();
  readonly uploads = new Uploads({ uploads: join(this.dir, 'uploads'), scratch: join(this.dir, 'scratch') });

  begin(announced: Partial<Announcement> = {}): Promise<string> {
    return this.uploads.begin({ name: 'Holiday', files: 10, bytes: 100, ...announced });
  }

  /** Everything in the library, by paths, but for what is noted of uploads under way. */
  files(): string[] {
    return readdirSync(this.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'announced.json')
      .map(({ parentPath, name }) => join(parentPath, name).slice(this.dir.length + 1))
      .sort();
  }
}

const idOf = (source: string): string => source.slice('upload:'.length);

describe('an upload', () => {
  test('becomes a source with a name, with every file in its place', async () => {
    const place = new Place();
    const { uploads } = place;
    const id = await place.begin({ files: 3, bytes: 10 });
    await uploads.receive(id, 'a/1.png', body('one'));
    await uploads.receive(id, 'b/deep/er/2.png', body('t', '', 'wo'));
    await uploads.receive(id, 'Über öffentlich.png', body('four'));
    const source = await uploads.finish(id);
    expect(source).toBe(`upload:${id}`);
    const folder = await uploads.locate(source);
    expect(folder).toBe(join(place.dir, 'uploads', id, 'files'));
    expect(readFileSync(join(folder, 'b/deep/er/2.png'), 'utf8')).toBe('two');
    expect(place.files()).toEqual(
      ['a/1.png', 'b/deep/er/2.png', 'Über öffentlich.png']
        .map((path) => `uploads/${id}/files/${path}`)
        .concat(`uploads/${id}/upload.json`)
        .sort(),
    );
    expect(uploads.nameOf(source)).toBe('Holiday');
  });

  test('is not there before it is finished, and takes nothing afterwards', async () => {
    const place = new Place();
    const { uploads } = place;
    const id = await place.begin();
    await uploads.receive(id, 'a.png', body('one'));
    expect((await failure(uploads.locate(`upload:${id}`))).code).toBe('upload.missing');
    await uploads.finish(id);
    for (const late of [uploads.receive(id, 'b.png', body('two')), uploads.cancel(id)]) {
      expect((await failure(late)).code).toBe('upload.missing');
    }
    expect(readdirSync(join(place.dir, 'uploads', id, 'files'))).toEqual(['a.png']);
  });

  test('is removed when it is cancelled, also in the middle of a file', async () => {
    const place = new Place();
    const { uploads } = place;
    const id = await place.begin();
    await uploads.receive(id, 'a.png', body('one'));
    const slow = new Slow();
    const late = failure(uploads.receive(id, 'b.png', slow));
    slow.say('tw');
    await uploads.cancel(id);
    slow.say('o');
    slow.say(null);
    expect((await late).code).toBe('upload.missing');
    expect(place.files()).toEqual([]);
    expect((await failure(uploads.finish(id))).code).toBe('upload.missing');
  });

  test('cannot be finished with nothing in it, or while a file arrives', async () => {
    const place = new Place();
    const { uploads } = place;
    const id = await place.begin();
    expect((await failure(uploads.finish(id))).code).toBe('upload.empty');
    const slow = new Slow();
    const arriving = uploads.receive(id, 'b.png', slow);
    expect((await failure(uploads.finish(id))).code).toBe('upload.busy');
    slow.say(null);
    await arriving;
    expect(await uploads.finish(id)).toBe(`upload:${id}`);
  });
});

describe('a file is there whole or not at all', () => {
  test('when the client goes away in the middle of it; it can be sent again', async () => {
    const place = new Place();
    const { uploads } = place;
    const id = await place.begin({ files: 1, bytes: 6 });
    const slow = new Slow();
    const failed = failure(uploads.receive(id, 'a/b.png', slow));
    slow.say('half');
    slow.say(new Error('aborted'));
    const error = await failed;
    expect(error.code).toBe('upload.interrupted');
    expect(error.message).toContain('a/b.png');
    expect(place.files()).toEqual([]);
    await uploads.receive(id, 'a/b.png', body('whole!'));
    await uploads.finish(id);
    expect(place.files()).toEqual([`uploads/${id}/files/a/b.png`, `uploads/${id}/upload.json`]);
  });

  test('and the body is let go when it is not wanted', async () => {
    const place = new Place();
    const id = await place.begin({ bytes: 4 });
    let wasReturned = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield bytesOf('abc');
      } finally {
        wasReturned = true;
      }
    }
    expect((await failure(place.uploads.receive(id, 'a', endless()))).code).toBe('upload.too-large');
    expect(wasReturned).toBe(true);
    expect(place.files()).toEqual([]);
  });
});

describe('never more than was announced', () => {
  test('in bytes, over all files, also of those that arrive at the same time', async () => {
    const place = new Place();
    const { uploads } = place;
    const id = await place.begin({ files: 10, bytes: 10 });
    await uploads.receive(id, 'a', body('1234'));
    const [slow, other] = [new Slow(), new Slow()];
    const both = [uploads.receive(id, 'b', slow), failure(uploads.receive(id, 'c', other))] as const;
    slow.say('1234');
    slow.say(null);
    await both[0];
    other.say('123');
    expect((await both[1]).code).toBe('upload.too-large');
    await uploads.receive(id, 'd', body('12'));
    expect((await failure(uploads.receive(id, 'e', body('1')))).code).toBe('upload.too-large');
    await uploads.finish(id);
    expect(readdirSync(join(place.dir, 'uploads', id, 'files'))).toEqual(['a', 'b', 'd']);
  });

  test('in files, while sending one again replaces it', async () => {
    const place = new Place();
    const { uploads } = place;
    const id = await place.begin({ files: 2, bytes: 8 });
    await uploads.receive(id, 'a', body('1234'));
    await uploads.receive(id, 'b', body('1234'));
    await uploads.receive(id, 'a', body('5678'));
    expect((await failure(uploads.receive(id, 'c', body()))).code).toBe('upload.too-large');
    const twice = [new Slow(), new Slow()];
    await uploads.receive(id, 'b', body(''));
    const arriving = twice.map((slow) => uploads.receive(id, 'b', slow));
    twice[0]!.say('ab');
    twice[1]!.say('cd');
    expect((await failure(arriving[1]!)).code).toBe('upload.too-large');
    twice[0]!.say(null);
    await arriving[0];
    const folder = await uploads.locate(await uploads.finish(id));
    expect([readFileSync(join(folder, 'a'), 'utf8'), readFileSync(join(folder, 'b'), 'utf8')]).toEqual([
      '5678',
      'ab',
    ]);
  });

  test('of 100,000 files that were announced, those that come are kept', async () => {
    const place = new Place();
    const { uploads } = place;
    const id = await place.begin({ files: 100_000, bytes: 100_000 });
    const paths = Array.from({ length: 1500 }, (_, i) => `class ${i % 7}/${i}.png`);
    await Promise.all(paths.map((path) => uploads.receive(id, path, body('x'))));
    const source = await uploads.finish(id);
    await uploads.locate(source);
    const kept = paths.map((path) => `uploads/${id}/files/${path}`);
    expect(place.files()).toEqual([...kept, `uploads/${id}/upload.json`].sort());
  });

  test('nor than the disk has room for', async () => {
    const place = new Place();
    const { bavail, bsize } = statfsSync(place.dir);
    const error = await failure(place.begin({ bytes: bavail * bsize * 2 }));
    expect(error.code).toBe('disk.full');
    expect(error.message).toContain('Holiday');
    expect(readdirSync(join(place.dir, 'scratch'))).toEqual([]);
  });
});

describe('paths', () => {
  const bad = [
    ...[
      '',
      '/',
      '/etc/passwd',
      '//server/share',
      'a//b',
      'a/',
      './a',
      'a/./b',
      '..',
      '../a',
      'a/../../b',
      'a/..',
    ],
    ...[
      '\\\\server\\share',
      '..\\a',
      'a\\..\\b',
      'C:\\a',
      'C:/a',
      'c:a',
      'a/d:/b',
      'a\0.png',
      'a\n.png',
      'a\x7f',
    ],
    ...['con', 'NUL', 'aux.png', 'a/Com1.tar.gz', 'LPT9', 'com¹.png', 'CONIN$', 'prn .png'],
    ...['a.', 'a ', 'a./b', '...', '. ', ' '],
    ...['x'.repeat(256), 'ü'.repeat(128), `${'abcdefghi/'.repeat(200)}ab`, '\ud800.png'],
  ];
  test.each(bad)('%j is refused', async (path) => {
    const place = new Place();
    const id = await place.begin();
    expect((await failure(place.uploads.receive(id, path, body('x')))).code).toBe('upload.bad-path');
    expect(place.files()).toEqual([]);
    expect((await failure(place.uploads.finish(id))).code).toBe('upload.empty');
  });

  const good = [
    ...[
      'a',
      'a.png',
      '.hidden',
      '..a',
      'a..b',
      'ü/日本/🙂.png',
      'console.png',
      'com.png',
      'com10',
      'nul_',
      "it's (1).png",
    ],
    ...['x'.repeat(255), `${'abcdefghi/'.repeat(199)}abc`, '%2e%2e', '~', '-rf', '__proto__/constructor'],
  ];
  test.each(good)('%j is taken', async (path) => {
    const place = new Place();
    const id = await place.begin();
    await place.uploads.receive(id, path, body('x'));
    expect(place.files()).toEqual([`scratch/${id}/files/${path}`]);
  });

  test('whatever the text, what is taken stays under its folder', () => {
    const part = fc.oneof(fc.constantFrom('..', '.', '', '/', '\\', ':', 'a', 'C:', '\0', ' '), fc.string());
    fc.assert(
      fc.property(
        fc.array(part).map((parts) => parts.join('/')),
        (path) => {
          let names: string[];
          try {
            names = namesOfUpload(path);
          } catch {
            return;
          }
          const inside = join('/root/of/it', ...names);
          expect(inside).toBe(`/root/of/it/${path}`);
          expect(names.every((name) => name !== '..' && name !== '.' && name !== '')).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a file and a folder cannot have one name', async () => {
    const place = new Place();
    const { uploads } = place;
    const id = await place.begin();
    await uploads.receive(id, 'a', body('file'));
    expect((await failure(uploads.receive(id, 'a/b', body('x')))).code).toBe('upload.bad-path');
    await uploads.receive(id, 'c/d', body('file'));
    expect((await failure(uploads.receive(id, 'c', body('x')))).code).toBe('upload.bad-path');
    expect(place.files()).toEqual([`scratch/${id}/files/a`, `scratch/${id}/files/c/d`]);
  });

  test.each(['', '../uploads', 'x'.repeat(20), 'constructor', '__proto__'])(
    'no upload is called %j',
    async (id) => {
      const place = new Place();
      const real = await place.begin();
      await place.uploads.receive(real, 'a', body('x'));
      await place.uploads.finish(real);
      const { uploads } = place;
      expect((await failure(uploads.receive(id, 'a', body('x')))).code).toBe('upload.missing');
      expect((await failure(uploads.finish(id))).code).toBe('upload.missing');
      expect((await failure(uploads.cancel(id))).code).toBe('upload.missing');
      expect((await failure(uploads.locate(`upload:${id}`))).code).toBe('upload.missing');
      await uploads.remove(`upload:${id}`);
      expect(place.files()).toHaveLength(2);
    },
  );
});

const png = await plain(8, 8, '#204060').png().toBuffer();

describe('what is read from', () => {
  const idx = Buffer.concat([Buffer.from([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2]), Buffer.alloc(4)]);
  test.each<[string, Record<string, Uint8Array>, string]>([
    ['images', { '1.png': png, '2.png': png }, ''],
    ['a single image', { '1.png': png }, ''],
    ['a zip', { 'my images.zip': zipSync({ 'a.png': png }) }, 'my images.zip'],
    ['a zip without the ending', { download: zipSync({ 'a.png': png }) }, 'download'],
    ['an IDX file', { 'my digits': idx }, 'my digits'],
    ['a packed IDX file', { 'digits.gz': gzipSync(idx) }, 'digits.gz'],
    ['a folder in a folder', { 'a/b/1.png': png, 'a/b/2.png': png, '.DS_Store': png }, 'a/b'],
    ['a folder with a zip', { 'a/b.zip': zipSync({ 'a.png': png }) }, 'a/b.zip'],
    ['a folder of IDX files', { 'a/x-idx3-ubyte': idx, 'a/y-idx3-ubyte': idx }, 'a'],
  ])('%s', async (_, files, expected) => {
    const place = new Place();
    const { uploads } = place;
    const id = await place.begin({ bytes: 10_000 });
    for (const [path, bytes] of Object.entries(files)) {
      await uploads.receive(
        id,
        path,
        (async function* () {
          yield bytes;
        })(),
      );
    }
    const path = await uploads.locate(await uploads.finish(id));
    expect(path).toBe(join(place.dir, 'uploads', id, 'files', expected));
    expect((await prepare(path, settingsOf(4))).count).toBeGreaterThan(0);
  });
});

test('whose bytes nobody has counted takes any, and is finished once for all who ask', async () => {
  const place = new Place();
  const { uploads } = place;
  const id = await place.begin({ files: 1, bytes: null });
  await uploads.receive(id, '1.png', body('x'.repeat(1000)));
  expect((await failure(uploads.receive(id, '2.png', body('x')))).message).toContain('(1 files)');
  expect(await uploads.finish(id)).toBe(`upload:${id}`);
  expect(await uploads.finish(id)).toBe(`upload:${id}`);
  await uploads.remove(`upload:${id}`);
  expect((await failure(uploads.finish(id))).code).toBe('upload.missing');
});

describe('what goes', () => {
  test('a finished upload, and only that one', async () => {
    const place = new Place();
    const { uploads } = place;
    const sources: string[] = [];
    for (const name of ['first', 'second']) {
      const id = await place.begin({ name });
      await uploads.receive(id, 'a.png', body('x'));
      sources.push(await uploads.finish(id));
    }
    await uploads.remove(sources[0]!);
    await uploads.remove(sources[0]!);
    expect((await failure(uploads.locate(sources[0]!))).code).toBe('upload.missing');
    expect(uploads.nameOf(sources[0]!)).toBe(sources[0]);
    expect(uploads.nameOf(sources[1]!)).toBe('second');
    expect(readdirSync(join(place.dir, 'scratch'))).toEqual([]);
  });

  test('at the opening of a library: what was left unfinished long ago, and what nothing uses', async () => {
    const place = new Place();
    const sources: string[] = [];
    for (let i = 0; i < 3; i++) {
      const id = await place.begin();
      await place.uploads.receive(id, 'a.png', body('x'));
      sources.push(await place.uploads.finish(id));
    }
    const unfinished = await place.begin();
    await place.uploads.receive(unfinished, 'a.png', body('x'));
    const longAgo = new Date(Date.now() - 2 * 3600_000);
    utimesSync(join(place.dir, 'scratch', unfinished, 'arriving'), longAgo, longAgo);
    mkdirSync(join(place.dir, 'uploads/not an upload'));
    writeFileSync(join(place.dir, 'uploads/notes.txt'), 'of the user');
    const again = new Uploads({ uploads: join(place.dir, 'uploads'), scratch: join(place.dir, 'scratch') });
    again.sweep((source) => source === sources[1]);
    expect(readdirSync(join(place.dir, 'uploads')).sort()).toEqual(
      [idOf(sources[1]!), 'not an upload', 'notes.txt'].sort(),
    );
    expect(readdirSync(join(place.dir, 'scratch'))).toEqual([]);
    expect((await failure(again.finish(unfinished))).code).toBe('upload.missing');
    const id = await again.begin({ name: 'new', files: 1, bytes: 1 });
    await again.receive(id, 'a.png', body('x'));
    expect(await again.finish(id)).toBe(`upload:${id}`);
  });

  test('there may be nothing to sweep', () => {
    const place = new Place();
    writeFiles(place.dir, { 'runs/a': 'x' });
    place.uploads.sweep(() => true);
    expect(place.files()).toEqual(['runs/a']);
  });
});

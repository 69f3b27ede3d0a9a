import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { leftOutFile } from '../../src-main/datasets/cache-entry.ts';
import { readImages } from '../../src-main/datasets/read-images.ts';
import { LeftOut, type PreparedDataset } from '../../src-shared/dataset.ts';
import type { Progress } from '../../src-shared/progress.ts';
import {
  failure,
  imageOf,
  namesIn,
  plain,
  prepare,
  settingsOf,
  temporaryFolder,
  writeFiles,
} from './fixtures.ts';

const red = await plain(10, 8, '#ff0000').png().toBuffer();
const green = await plain(8, 8, '#00ff00').png().toBuffer();
const blue = await plain(8, 8, '#0000ff').jpeg().toBuffer();

describe('a folder', () => {
  test('its images in the order of their paths, with classes, sizes and what was left out', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, {
      'b/2.png': red,
      'b/deep/er/1.jpg': blue,
      'a-b/1.png': green,
      'a/9.png': green,
      'a/10.png': red,
      'README.txt': 'about these images',
      'b/cut.png': red.subarray(0, red.length / 2),
      '.DS_Store': 'system',
      '.hidden/1.png': red,
    });
    const dataset = await prepare(folder);
    expect(dataset).toMatchObject({
      source: folder,
      settings: settingsOf(8),
      count: 5,
      classes: ['a-b', 'a', 'b'],
      classCounts: [1, 2, 2],
      sizes: [
        [8, 8, 3],
        [10, 8, 2],
      ],
      leftOutCount: 2,
    });
    expect(dataset.leftOut.map(({ file, code }) => [file, code])).toEqual([
      ['README.txt', 'not-an-image'],
      ['b/cut.png', 'broken'],
    ]);
    const first = async (index: number): Promise<number[]> => [
      ...(await imageOf(dataset, index)).subarray(0, 3),
    ];
    expect(await first(0)).toEqual([0, 255, 0]);
    expect(await first(1)).toEqual([255, 0, 0]);
    expect(await first(2)).toEqual([0, 255, 0]);
    expect(await first(3)).toEqual([255, 0, 0]);
    expect((await first(4))[2]).toBeGreaterThan(250);
    expect([
      ...new Uint16Array(readFileSync(join(dataset.dir, 'labels.u16')).buffer.slice(0, 10)),
    ]).toHaveLength(5);
    expect([...readFileSync(join(dataset.dir, 'labels.u16'))]).toEqual([0, 0, 1, 0, 1, 0, 2, 0, 2, 0]);
    expect(statSync(join(dataset.dir, 'images.u8')).size).toBe(5 * 8 * 8 * 3);
  });

  test('a class folder without a usable image is no class, and one around everything is looked through', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, {
      'all/x/1.png': red,
      'all/y/1.png': 'broken',
      'all/z/1.png': green,
      'notes.txt': 'hello',
    });
    expect((await prepare(folder)).classes).toEqual(['x', 'z']);
  });

  test('no classes without sub-folders, with one, or with images beside them', async () => {
    for (const files of [
      { '1.png': red },
      { 'x/1.png': red, 'x/2.png': red },
      { '1.png': red, 'x/1.png': red, 'y/1.png': red },
    ]) {
      const folder = temporaryFolder();
      writeFiles(folder, files);
      const dataset = await prepare(folder);
      expect(dataset.classes).toEqual([]);
      expect(namesIn(dataset.dir).sort()).toEqual(['dataset.json', 'images.u8', 'shortcut.json']);
    }
  });

  test('links are not followed, sockets not opened', async () => {
    const outside = temporaryFolder();
    writeFiles(outside, { 'secret.png': red });
    const folder = temporaryFolder();
    writeFiles(folder, { 'own.png': green });
    symlinkSync(join(outside, 'secret.png'), join(folder, 'link.png'));
    symlinkSync(outside, join(folder, 'linked-folder'));
    symlinkSync(folder, join(folder, 'loop'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
    try {
      const dataset = await prepare(folder);
      expect(dataset.count).toBe(1);
      expect(dataset.leftOut.map(({ file, code }) => [file, code])).toEqual([
        ['link.png', 'link'],
        ['linked-folder', 'link'],
        ['loop', 'link'],
        ['socket', 'not-a-file'],
      ]);
    } finally {
      server.close();
    }
  });

  test('a link to a folder may be the source itself', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'real/1.png': red });
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    expect((await prepare(join(folder, 'link'))).count).toBe(1);
  });

  test('one image is enough', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { '1.png': red });
    expect((await prepare(folder)).count).toBe(1);
  });

  test('many files: parts stay in order, thousands of left-out files are counted and a thousand listed', async () => {
    const folder = temporaryFolder();
    const files: Record<string, Uint8Array | string> = {};
    for (let i = 0; i < 3000; i++)
      files[String(i).padStart(4, '0')] = i % 2 === 0 ? 'no' : [red, green, blue][i % 3]!;
    writeFiles(folder, files);
    const dataset = await prepare(folder);
    expect([dataset.count, dataset.leftOutCount, dataset.leftOut.length]).toEqual([1500, 1500, 1000]);
    expect(dataset.leftOut[999]!.file).toBe('1998');
    const all = leftOutIn(dataset);
    expect(all.slice(0, 1000)).toEqual(dataset.leftOut);
    expect(all.map(({ file }) => file)).toEqual(
      Array.from({ length: 1500 }, (_, i) => String(2 * i).padStart(4, '0')),
    );
    expect(new Set(all.map(({ code }) => code))).toEqual(new Set(['not-an-image']));
    const pixels = await readImages(
      dataset,
      Array.from({ length: 1500 }, (_, i) => i),
    );
    for (let i = 0; i < 1500; i++) {
      const colour = (2 * i + 1) % 3;
      expect(pixels[i * 192 + colour]).toBeGreaterThan(250);
    }
  });
});

test('all that is left out is listed beside the images, also what is found before any is read', async () => {
  const folder = temporaryFolder();
  const cacheDir = temporaryFolder();
  writeFiles(folder, { 'z.png': red, 'y.txt': 'no image' });
  const links = Array.from({ length: 2100 }, (_, i) => `link-${String(i).padStart(4, '0')}`);
  for (const link of links) symlinkSync('z.png', join(folder, link));
  const dataset = await prepare(folder, settingsOf(8), { cacheDir });
  expect([dataset.count, dataset.leftOutCount, dataset.leftOut.length]).toEqual([1, 2101, 1000]);
  expect(leftOutIn(dataset).map(({ file, code }) => `${code} ${file}`)).toEqual([
    ...links.map((link) => `link ${link}`),
    'not-an-image y.txt',
  ]);
  expect(leftOutFile(dataset)).toBe(join(dataset.dir, 'left-out.jsonl'));
  // Nothing else is left in the cache, neither by this nor by finding it again.
  expect(await prepare(folder, settingsOf(8), { cacheDir })).toEqual(dataset);
  expect(namesIn(cacheDir)).toEqual([dataset.key]);
  rmSync(folder, { recursive: true });
  writeFiles(folder, { 'z.png': red });
  const clean = await prepare(folder, settingsOf(8), { cacheDir });
  expect(leftOutFile(clean)).toBeNull();
});

describe('a library in the folder of images, reached by a link', () => {
  test('is passed over: its own pictures are no training images', async () => {
    const folder = temporaryFolder();
    const link = join(temporaryFolder(), 'library');
    writeFiles(folder, { '1.png': red, 'library/runs/r/samples/00000000.png': red });
    symlinkSync(join(folder, 'library'), link);
    const options = { cacheDir: join(link, 'cache'), exclude: link };
    expect((await prepare(folder, settingsOf(8), options)).count).toBe(1);
  });

  test('and by a link to the images', async () => {
    const folder = temporaryFolder();
    const link = join(temporaryFolder(), 'images');
    writeFiles(folder, { '1.png': red, 'library/runs/r/samples/00000000.png': red });
    symlinkSync(folder, link);
    const options = { cacheDir: join(folder, 'library', 'cache'), exclude: join(folder, 'library') };
    expect((await prepare(link, settingsOf(8), options)).count).toBe(1);
  });
});

test('a library in the folder of images is passed over: its own pictures are no training images', async () => {
  const folder = temporaryFolder();
  writeFiles(folder, { '1.png': red, 'library/runs/r/samples/00000000.png': red });
  const options = { cacheDir: join(folder, 'library', 'cache'), exclude: join(folder, 'library') };
  const first = await prepare(folder, settingsOf(8), options);
  expect(first.count).toBe(1);
  writeFiles(folder, { 'library/runs/r/samples/00000500.png': red });
  expect(await prepare(folder, settingsOf(8), options)).toEqual(first);
});

/** The lines of the list of all that was left out. */
function leftOutIn({ dir }: PreparedDataset): LeftOut[] {
  const lines = readFileSync(join(dir, 'left-out.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => v.parse(LeftOut, JSON.parse(line)));
}

describe('the cache', () => {
  test('the same content and settings give the entry that is there; anything else a new one', async () => {
    const folder = temporaryFolder();
    const cacheDir = temporaryFolder();
    writeFiles(folder, { 'a/1.png': red, 'b/1.png': green });
    const first = await prepare(folder, settingsOf(8), { cacheDir });
    const written = statSync(join(first.dir, 'images.u8')).mtimeMs;
    const again = await prepare(folder, settingsOf(8), { cacheDir });
    expect(again).toEqual(first);
    expect(statSync(join(again.dir, 'images.u8')).mtimeMs).toBe(written);
    const others = [
      await prepare(folder, settingsOf(9), { cacheDir }),
      await prepare(folder, settingsOf(8, 1), { cacheDir }),
      await prepare(folder, settingsOf(8, 3, 'pad'), { cacheDir }),
    ];
    expect(new Set([first.key, ...others.map(({ key }) => key)]).size).toBe(4);
    writeFiles(folder, { 'a/1.png': blue });
    expect((await prepare(folder, settingsOf(8), { cacheDir })).fingerprint).not.toBe(first.fingerprint);
  });

  test('the fingerprint depends on what the network sees alone, not on the place', async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()];
    for (const folder of [one, two]) writeFiles(folder, { 'a/1.png': red, 'b/1.png': green });
    expect((await prepare(one)).fingerprint).toBe((await prepare(two)).fingerprint);
    writeFiles(two, { 'a/2.png': red });
    expect((await prepare(one)).fingerprint).not.toBe((await prepare(two)).fingerprint);
  });

  test('an entry of which any byte is another is made anew, though all sizes are right', async () => {
    const folder = temporaryFolder();
    const cacheDir = temporaryFolder();
    writeFiles(folder, { 'a/1.png': red, 'b/1.png': green, 'b/2.txt': 'no image' });
    const first = await prepare(folder, settingsOf(8), { cacheDir });
    const names = namesIn(first.dir).sort();
    expect(names).toEqual(['dataset.json', 'images.u8', 'labels.u16', 'left-out.jsonl', 'shortcut.json']);
    const files = names.slice(0, -1).map((name) => join(first.dir, name));
    const whole = files.map((file) => readFileSync(file));
    for (const [at, file] of files.entries()) {
      const rotten = Buffer.from(whole[at]!);
      // In a word of the description: it stays JSON of the same form.
      const place = file.endsWith('.json') ? rotten.indexOf('"a"') + 1 : 1;
      rotten[place]! ^= 1;
      writeFileSync(file, rotten);
      expect(await prepare(folder, settingsOf(8), { cacheDir }), file).toEqual(first);
      expect(files.map((name) => readFileSync(name))).toEqual(whole);
    }
  });

  test('an entry from before there were sums is as good', async () => {
    const folder = temporaryFolder();
    const cacheDir = temporaryFolder();
    writeFiles(folder, { '1.png': red, '2.txt': 'no image' });
    const first = await prepare(folder, settingsOf(8), { cacheDir });
    const file = join(first.dir, 'dataset.json');
    const stored = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    delete stored['sum'];
    delete stored['leftOutSum'];
    rmSync(join(first.dir, 'left-out.jsonl'));
    writeFileSync(file, JSON.stringify(stored));
    const written = statSync(file).mtimeMs;
    expect(await prepare(folder, settingsOf(8), { cacheDir })).toEqual(first);
    expect(statSync(file).mtimeMs).toBe(written);
  });

  test('a damaged entry is made anew', async () => {
    const folder = temporaryFolder();
    const cacheDir = temporaryFolder();
    writeFiles(folder, { 'a/1.png': red, 'b/1.png': green });
    const first = await prepare(folder, settingsOf(8), { cacheDir });
    for (const damage of [
      () => appendFileSync(join(first.dir, 'images.u8'), 'x'),
      () => rmSync(join(first.dir, 'labels.u16')),
      () => writeFileSync(join(first.dir, 'dataset.json'), '{"count": 2'),
      () => writeFileSync(join(first.dir, 'dataset.json'), '{}'),
      () => rmSync(join(first.dir, 'dataset.json')),
    ]) {
      damage();
      expect(await prepare(folder, settingsOf(8), { cacheDir })).toEqual(first);
      expect(statSync(join(first.dir, 'images.u8')).size).toBe(2 * 192);
    }
  });

  test('what a killed process left is swept, what a living one writes is not', async () => {
    const folder = temporaryFolder();
    const cacheDir = temporaryFolder();
    writeFiles(folder, { '1.png': red });
    const dead = `unfinished-${2 ** 30}-00ff`;
    const alive = `unfinished-${process.ppid}-00ff`;
    const stale = `unfinished-${process.pid}-00ff`;
    for (const name of [dead, alive, stale]) mkdirSync(join(cacheDir, name));
    const { key } = await prepare(folder, settingsOf(8), { cacheDir });
    expect(namesIn(cacheDir).sort()).toEqual([key, alive].sort());
  });

  test('a process killed while it writes leaves no entry, and the next prepare sweeps up', async () => {
    const folder = temporaryFolder();
    const cacheDir = temporaryFolder();
    const script = join(folder, 'prepare.ts');
    const module = new URL('../../src-main/datasets/prepare-dataset.ts', import.meta.url).href;
    writeFileSync(
      script,
      `import { prepareDataset } from '${module}';
       const settings = { height: 64, width: 64, channels: 3, fit: 'crop' };
       const onProgress = ({ done, phase }) => done > 0 && phase === 'reading images' && process.kill(process.pid, 'SIGKILL');
       await prepareDataset('sample:20000', settings, { cacheDir: process.argv[2], onProgress });`,
    );
    const child = spawn(process.execPath, [script, cacheDir], { stdio: 'ignore' });
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
    expect(namesIn(cacheDir)).toEqual([expect.stringMatching(/^unfinished-/)]);
    const { key } = await prepare('sample:10', settingsOf(8), { cacheDir });
    expect(namesIn(cacheDir)).toEqual([key]);
  });

  test('two at once give the same entry', async () => {
    const folder = temporaryFolder();
    const cacheDir = temporaryFolder();
    writeFiles(folder, { '1.png': red, '2.png': green });
    const both = await Promise.all([1, 2, 3].map(() => prepare(folder, settingsOf(8), { cacheDir })));
    expect(both[1]).toEqual(both[0]);
    expect(both[2]).toEqual(both[0]);
    expect(namesIn(cacheDir)).toEqual([both[0]!.key]);
  });

  test('a cache inside the source is not taken for images', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { '1.png': red });
    const cacheDir = join(folder, 'cache');
    const first = await prepare(folder, settingsOf(8), { cacheDir });
    const again = await prepare(folder, settingsOf(8), { cacheDir });
    expect(again).toEqual(first);
    expect(again.leftOutCount).toBe(0);
  });

  test('reading an image that is not there, or whose cache was removed', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { '1.png': red });
    const dataset = await prepare(folder);
    for (const index of [-1, 1, 0.5])
      expect((await failure(readImages(dataset, [index]))).code).toBe('dataset.no-such-image');
    rmSync(dataset.dir, { recursive: true });
    expect((await failure(readImages(dataset, [0]))).code).toBe('dataset.cache-lost');
  });
});

describe('progress and cancelling', () => {
  test('progress counts to the end, and never backwards within a phase', async () => {
    const folder = temporaryFolder();
    for (let i = 0; i < 600; i++) writeFiles(folder, { [`${i}.png`]: red });
    const seen: Progress[] = [];
    await prepare(folder, settingsOf(8), { onProgress: (progress) => seen.push(progress) });
    expect([...new Set(seen.map(({ phase }) => phase))]).toEqual(['finding files', 'reading images']);
    const reading = seen.filter(({ phase }) => phase === 'reading images');
    expect(reading.at(-1)).toMatchObject({ done: 600, total: 600, remainingSeconds: 0 });
    const counts = reading.map(({ done }) => done);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
  });

  test.each(['before it starts', 'finding files', 'reading images'])(
    'cancelled %s: nothing is left',
    async (phase) => {
      const folder = temporaryFolder();
      const cacheDir = temporaryFolder();
      for (let i = 0; i < 1500; i++) writeFiles(folder, { [`${i}.png`]: red });
      const controller = new AbortController();
      if (phase === 'before it starts') controller.abort();
      const onProgress = (progress: Progress): void => {
        if (progress.phase === phase) controller.abort();
      };
      const error = await failure(
        prepare(folder, settingsOf(8), { cacheDir, onProgress, signal: controller.signal }),
      );
      expect(error.code).toBe('cancelled');
      expect(namesIn(cacheDir)).toEqual([]);
    },
  );
});

import {
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PrepareOptions } from '../../src-main/datasets/prepare-dataset.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import type { Progress } from '../../src-shared/progress.ts';
import { failure, namesIn, plain, prepare, settingsOf, temporaryFolder, writeFiles } from './fixtures.ts';

const red = await plain(8, 8, '#ff0000').png({ compressionLevel: 0 }).toBuffer();
const green = await plain(8, 8, '#00ff00').png({ compressionLevel: 0 }).toBuffer();

const found = ['finding files', 'checking prepared images'];
const compared = ['finding files', 'comparing files', 'checking prepared images'];
const decoded = ['finding files', 'reading images'];
const comparedAndDecoded = ['finding files', 'comparing files', 'reading images'];

/** A folder with two classes, and a way to prepare it that tells what was done for it. */
function place() {
  const parent = temporaryFolder();
  const cacheDir = temporaryFolder();
  const folder = join(parent, 'images');
  writeFiles(folder, { 'a/1.png': red, 'b/1.png': green, 'notes.txt': 'first words' });
  const open = async (
    source = folder,
    options: Partial<PrepareOptions> = {},
  ): Promise<{ dataset: PreparedDataset; phases: string[] }> => {
    const phases = new Set<string>();
    const onProgress = ({ phase }: Progress): void => void phases.add(phase);
    const dataset = await prepare(source, settingsOf(8), { cacheDir, onProgress, ...options });
    return { dataset, phases: [...phases] };
  };
  return { parent, cacheDir, folder, open };
}

describe('a folder is known by its content', () => {
  test('unchanged it is not read again', async () => {
    const { open } = place();
    const first = await open();
    expect(first.phases).toEqual(decoded);
    expect(await open()).toEqual({ dataset: first.dataset, phases: found });
  });

  test('moved, copied or touched it is read, but not decoded; the next time it is not even read', async () => {
    const { parent, folder, open, cacheDir } = place();
    const { dataset } = await open();
    const copy = join(parent, 'copy');
    cpSync(folder, copy, { recursive: true });
    expect(await open(copy)).toEqual({ dataset: { ...dataset, source: copy }, phases: compared });

    const moved = join(parent, 'moved');
    renameSync(folder, moved);
    expect(await open(moved)).toEqual({ dataset: { ...dataset, source: moved }, phases: compared });

    utimesSync(join(copy, 'a/1.png'), 1, 1);
    expect(await open(copy)).toEqual({ dataset: { ...dataset, source: copy }, phases: compared });
    for (const source of [moved, copy]) expect((await open(source)).phases).toEqual(found);
    expect(namesIn(cacheDir)).toEqual([dataset.key]);
  });

  test('one changed byte is another content, though size and names stay', async () => {
    expect(red).toHaveLength(green.length);
    const { folder, open } = place();
    const first = (await open()).dataset;
    writeFiles(folder, { 'a/1.png': green });
    utimesSync(join(folder, 'a/1.png'), 5, 5);
    const second = await open();
    expect(second.phases).toEqual(comparedAndDecoded);
    expect(second.dataset.key).not.toBe(first.key);
    expect(second.dataset.fingerprint).not.toBe(first.fingerprint);
    writeFiles(folder, { 'a/1.png': red });
    expect(await open()).toEqual({ dataset: first, phases: compared });
  });

  test('paths belong to it: a renamed class folder or file gives another entry, with its own classes', async () => {
    const { folder, open } = place();
    const first = (await open()).dataset;
    renameSync(join(folder, 'a'), join(folder, 'c'));
    const second = await open();
    expect(second.phases).toEqual(decoded);
    expect(second.dataset.key).not.toBe(first.key);
    expect([first.classes, second.dataset.classes]).toEqual([
      ['a', 'b'],
      ['b', 'c'],
    ]);
    renameSync(join(folder, 'c/1.png'), join(folder, 'c/2.png'));
    expect((await open()).dataset.key).not.toBe(second.dataset.key);
  });

  test('what is left out belongs to it, so that the list of it is right', async () => {
    const { folder, open } = place();
    await open();
    symlinkSync(join(folder, 'a/1.png'), join(folder, 'a/link.png'));
    const { dataset } = await open();
    expect(dataset.leftOut.map(({ code }) => code)).toEqual(['link', 'not-an-image']);
    const limits = { fileBytes: 1000 };
    writeFiles(folder, { 'notes.txt': Buffer.alloc(2000) });
    const large = await open(folder, { limits });
    expect(large.dataset.leftOut.map(({ code }) => code)).toEqual(['link', 'too-large']);
    utimesSync(join(folder, 'notes.txt'), 9, 9);
    expect(await open(folder, { limits })).toEqual({ dataset: large.dataset, phases: compared });
  });

  test('the same in every library; other settings are another entry', async () => {
    const { folder, open } = place();
    const { key } = (await open()).dataset;
    expect((await open(folder, { cacheDir: temporaryFolder() })).dataset.key).toBe(key);
    const cacheDir = temporaryFolder();
    const others = [settingsOf(9), settingsOf(8, 1), settingsOf(8, 3, 'pad')];
    const keys: string[] = [];
    for (const settings of others) keys.push((await prepare(folder, settings, { cacheDir })).key);
    expect(new Set([key, ...keys]).size).toBe(4);
  });

  test('many files: the hash while decoding and the one while comparing agree', async () => {
    const { folder, open } = place();
    const files: Record<string, Buffer> = {};
    for (let i = 0; i < 5000; i++) files[`b/${i}`] = i % 3 === 0 ? red : Buffer.from(`no image ${i}`);
    writeFiles(folder, files);
    const { dataset } = await open();
    utimesSync(join(folder, 'b/4999'), 1, 1);
    expect(await open()).toEqual({ dataset, phases: compared });
  });
});

describe('the shortcut', () => {
  test('damaged or gone, it is ignored and made anew', async () => {
    const { open, cacheDir } = place();
    const { dataset } = await open();
    const file = join(dataset.dir, 'shortcut.json');
    const whole = readFileSync(file, 'utf8');
    for (const damage of [
      () => writeFileSync(file, ''),
      () => writeFileSync(file, whole.slice(0, 40)),
      () => writeFileSync(file, '{"outline": 5, "stamps": []}'),
      () => rmSync(file),
    ]) {
      damage();
      expect(await open()).toEqual({ dataset, phases: decoded });
      expect(readFileSync(file, 'utf8')).toBe(whole);
      expect((await open()).phases).toEqual(found);
      expect(namesIn(cacheDir)).toEqual([dataset.key]);
    }
  });

  test('that cannot be written costs time alone', async () => {
    const { open } = place();
    const { dataset } = await open();
    const file = join(dataset.dir, 'shortcut.json');
    rmSync(file);
    mkdirSync(file);
    for (let i = 0; i < 2; i++) expect(await open()).toEqual({ dataset, phases: decoded });
  });

  test('is not taken for an entry that is gone', async () => {
    const { open } = place();
    const { dataset } = await open();
    rmSync(join(dataset.dir, 'images.u8'));
    expect(await open()).toEqual({ dataset, phases: decoded });
  });

  test('cancelled while files are compared: nothing is left but what was there', async () => {
    const { folder, open, cacheDir } = place();
    const { dataset } = await open();
    utimesSync(join(folder, 'a/1.png'), 1, 1);
    const shortcut = readFileSync(join(dataset.dir, 'shortcut.json'), 'utf8');
    const controller = new AbortController();
    const onProgress = ({ phase }: Progress): void => {
      if (phase === 'comparing files') controller.abort();
    };
    const error = await failure(open(folder, { onProgress, signal: controller.signal }));
    expect(error.code).toBe('cancelled');
    expect(namesIn(cacheDir)).toEqual([dataset.key]);
    expect(readFileSync(join(dataset.dir, 'shortcut.json'), 'utf8')).toBe(shortcut);
  });
});

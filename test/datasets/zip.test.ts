import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { zipSync, type Zippable } from 'fflate';
import { describe, expect, test } from 'vitest';
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

const red = await plain(8, 8, '#ff0000').png().toBuffer();
const green = await plain(8, 8, '#00ff00').png().toBuffer();

function zipOf(files: Zippable, change: (bytes: Buffer) => void = () => undefined): string {
  const bytes = Buffer.from(zipSync(files, { mtime: '2026-01-01' }));
  change(bytes);
  const path = join(temporaryFolder(), 'images.zip');
  writeFileSync(path, bytes);
  return path;
}

/** Changes every header with the signature, local (PK\3\4) or central (PK\1\2). */
function eachHeader(bytes: Buffer, signature: number, change: (at: number) => void): void {
  for (let at = 0; at + 4 <= bytes.length; at++) if (bytes.readUInt32LE(at) === signature) change(at);
}
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;

describe('a zip', () => {
  test('is read like a folder, packed or stored, and nothing is unpacked to disk', async () => {
    const files = {
      'set/b/1.png': red,
      'set/a/1.png': green,
      'set/a/notes.txt': Buffer.from('hi'),
      '__MACOSX/x': red,
    };
    const cacheDir = temporaryFolder();
    const packed = await prepare(zipOf(files), settingsOf(8), { cacheDir });
    expect(packed).toMatchObject({ count: 2, classes: ['a', 'b'], classCounts: [1, 1], leftOutCount: 1 });
    expect([...(await imageOf(packed)).subarray(0, 3)]).toEqual([0, 255, 0]);
    expect(namesIn(packed.dir).sort()).toEqual(['dataset.json', 'images.u8', 'labels.u16', 'left-out.jsonl']);
    const stored: Zippable = { 'set/b/1.png': [red, { level: 0 }], 'set/a/1.png': [green, { level: 0 }] };
    expect((await prepare(zipOf(stored))).fingerprint).toBe(packed.fingerprint);
    const folder = temporaryFolder();
    writeFiles(folder, files);
    expect((await prepare(folder)).fingerprint).toBe(packed.fingerprint);
  });

  test('the same content elsewhere is the same entry, with its own source', async () => {
    const cacheDir = temporaryFolder();
    const [one, two] = [zipOf({ '1.png': red }), zipOf({ '1.png': red })];
    const first = await prepare(one, settingsOf(8), { cacheDir });
    const second = await prepare(two, settingsOf(8), { cacheDir });
    expect(second).toEqual({ ...first, source: two });
    expect((await prepare(zipOf({ '1.png': green }), settingsOf(8), { cacheDir })).key).not.toBe(first.key);
  });

  test('a damaged one and the whole one are two entries, though their directories say the same', async () => {
    const cacheDir = temporaryFolder();
    const files: Zippable = { '1.png': [red, { level: 0 }], '2.png': [green, { level: 0 }] };
    const damaged = zipOf(files, (bytes) => {
      const at = bytes.indexOf(red) + red.length - 20;
      bytes[at] = bytes[at]! ^ 1;
    });
    const bad = await prepare(damaged, settingsOf(8), { cacheDir });
    expect(bad).toMatchObject({ count: 1, leftOutCount: 1 });
    const good = await prepare(zipOf(files), settingsOf(8), { cacheDir });
    expect(good).toMatchObject({ count: 2, leftOutCount: 0 });
    expect((await prepare(damaged, settingsOf(8), { cacheDir })).key).toBe(bad.key);
  });

  test.each([
    '../outside.png',
    'a/../../outside.png',
    '/etc/outside.png',
    'C:/outside.png',
    '..\\outside.png',
  ])('with an entry that climbs out (%s) is refused', async (name) => {
    const cacheDir = temporaryFolder();
    const error = await failure(prepare(zipOf({ '1.png': red, [name]: red }), settingsOf(8), { cacheDir }));
    expect(error.code).toBe('dataset.zip-unsafe');
    expect(error.message).toContain('give the folder');
    expect(namesIn(cacheDir)).toEqual([]);
  });

  test('with a password is refused', async () => {
    const path = zipOf({ '1.png': red }, (bytes) => {
      eachHeader(bytes, LOCAL, (at) => bytes.writeUInt16LE(1, at + 6));
      eachHeader(bytes, CENTRAL, (at) => bytes.writeUInt16LE(1, at + 8));
    });
    const error = await failure(prepare(path));
    expect(error.code).toBe('dataset.zip-encrypted');
    expect(error.message).toContain('without a password');
  });

  test('that is cut, or only called so, is refused', async () => {
    const path = zipOf({ '1.png': red, '2.png': green });
    truncateSync(path, 120);
    expect((await failure(prepare(path))).code).toBe('dataset.zip-broken');
    const text = join(temporaryFolder(), 'words.zip');
    writeFileSync(text, 'just words');
    const error = await failure(prepare(text));
    expect(error.code).toBe('dataset.zip-broken');
    expect(error.message).toContain('again');
    writeFileSync(text, '');
    expect((await failure(prepare(text))).code).toBe('dataset.zip-broken');
  });

  test('with a damaged entry: the others are used', async () => {
    const path = zipOf({ '1.png': [red, { level: 0 }], '2.png': [green, { level: 0 }] }, (bytes) => {
      bytes[30 + '1.png'.length + 20]! ^= 255;
    });
    const dataset = await prepare(path);
    expect(dataset.count).toBe(1);
    expect(dataset.leftOut).toMatchObject([{ file: '1.png', code: 'broken' }]);
    expect(dataset.leftOut[0]!.reason).toContain('checksum');
  });

  test('that lies about sizes does not unpack more than it says', async () => {
    const big = Buffer.alloc(1_000_000);
    const path = zipOf({ '1.png': red, 'big.png': big }, (bytes) => {
      eachHeader(bytes, CENTRAL, (at) => {
        if (bytes.readUInt32LE(at + 24) === big.length) bytes.writeUInt32LE(100, at + 24);
      });
    });
    expect((await prepare(path)).leftOut).toMatchObject([{ file: 'big.png', code: 'broken' }]);
  });

  test('limits: one file, all files, their number, how densely they are packed', async () => {
    const path = zipOf({ '1.png': red, '2.png': green, 'big.bin': Buffer.alloc(500_000) });
    const dataset = await prepare(path, settingsOf(8), { limits: { fileBytes: 10_000 } });
    expect(dataset.leftOut).toMatchObject([{ file: 'big.bin', code: 'too-large' }]);
    expect((await failure(prepare(path, settingsOf(8), { limits: { unpackedBytes: 10_000 } }))).code).toBe(
      'dataset.zip-bomb',
    );
    expect((await failure(prepare(path, settingsOf(8), { limits: { files: 2 } }))).code).toBe(
      'dataset.too-many-files',
    );
    const bomb = zipOf({ '1.png': red, 'a.png': Buffer.alloc(120_000_000) });
    const error = await failure(prepare(bomb));
    expect(error.code).toBe('dataset.zip-bomb');
    expect(error.message).toContain('unpack it yourself');
  });

  test('whose entries share their bytes is refused', async () => {
    const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => crc32(String(i)) & 255));
    const path = zipOf({ 'a.png': noise, 'b.png': red, 'c.png': red }, (bytes) => {
      const all: number[] = [];
      eachHeader(bytes, CENTRAL, (at) => void all.push(at));
      for (const at of all.slice(1)) bytes.copy(bytes, at + 16, all[0]! + 16, all[0]! + 28);
    });
    expect((await failure(prepare(path))).code).toBe('dataset.zip-bomb');
  });

  test('without images', async () => {
    expect((await failure(prepare(zipOf({})))).code).toBe('dataset.empty');
    expect((await failure(prepare(zipOf({ 'a.txt': Buffer.from('hi') })))).code).toBe('dataset.no-images');
  });
});

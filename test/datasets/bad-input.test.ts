import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  failure,
  namesIn,
  picture,
  plain,
  prepare,
  settingsOf,
  temporaryFolder,
  writeFiles,
} from './fixtures.ts';

const red = await plain(8, 8, '#ff0000').png().toBuffer();
const isRoot = process.getuid?.() === 0;

/** A PNG header that announces an image, and no image. */
function pngHeader(width: number, height: number): Buffer {
  const file = Buffer.from(red);
  file.writeUInt32BE(width, 16);
  file.writeUInt32BE(height, 20);
  return file;
}

describe('sources that give no dataset', () => {
  const cases: Record<string, { code: string; words: string; make: (folder: string) => string }> = {
    'nothing there': {
      code: 'dataset.missing',
      words: 'Check the path',
      make: (folder) => join(folder, 'nowhere'),
    },
    'below a file': {
      code: 'dataset.missing',
      words: 'Check the path',
      make: (folder) => {
        writeFiles(folder, { file: 'text' });
        return join(folder, 'file', 'images');
      },
    },
    'an empty folder': { code: 'dataset.empty', words: 'Put images into it', make: (folder) => folder },
    'only empty folders': {
      code: 'dataset.empty',
      words: 'Put images into it',
      make: (folder) => {
        mkdirSync(join(folder, 'a/b'), { recursive: true });
        return folder;
      },
    },
    'no images': {
      code: 'dataset.no-images',
      words: 'Choose the folder that holds them',
      make: (folder) => {
        writeFiles(folder, { 'a.txt': 'text', 'b/c.csv': '1,2,3,4,5,6,7,8' });
        return folder;
      },
    },
    'all broken': {
      code: 'dataset.all-broken',
      words: 'Copy the images again',
      make: (folder) => {
        writeFiles(folder, {
          '1.png': red.subarray(0, 60),
          '2.png': red.subarray(0, 50),
          'a.txt': 'text of a file',
        });
        return folder;
      },
    },
    'a file of no known kind': {
      code: 'dataset.unknown-file',
      words: 'Give a folder of images',
      make: (folder) => {
        writeFiles(folder, { 'notes.txt': 'text' });
        return join(folder, 'notes.txt');
      },
    },
    'an empty file': {
      code: 'dataset.unknown-file',
      words: 'Give a folder of images',
      make: (folder) => {
        writeFiles(folder, { empty: '' });
        return join(folder, 'empty');
      },
    },
    'one image': {
      code: 'dataset.one-image',
      words: 'Give the folder',
      make: (folder) => {
        writeFiles(folder, { '1.png': red });
        return join(folder, '1.png');
      },
    },
    'a device': { code: 'dataset.unknown-file', words: 'Give a folder of images', make: () => '/dev/null' },
    'a wrong sample': { code: 'dataset.sample', words: 'sample:5000', make: () => 'sample:many' },
    'no samples': { code: 'dataset.sample', words: 'sample:5000', make: () => 'sample:0' },
  };
  test.each(Object.entries(cases))('%s', async (_, { code, words, make }) => {
    const cacheDir = temporaryFolder();
    const error = await failure(prepare(make(temporaryFolder()), settingsOf(8), { cacheDir }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(namesIn(cacheDir)).toEqual([]);
  });

  test('all broken names the first file and its reason', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'a.txt': 'text of a file', 'b.png': red.subarray(0, 60) });
    const error = await failure(prepare(folder));
    expect(error.message).toContain('b.png: The file is damaged');
    expect(error.details.leftOutCount).toBe(2);
  });

  test.skipIf(isRoot)('a folder and files that may not be read', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { '1.png': red, '2.png': red, 'shut/1.png': red });
    chmodSync(join(folder, '2.png'), 0);
    chmodSync(join(folder, 'shut'), 0);
    const dataset = await prepare(folder);
    expect(dataset.leftOut.map(({ file, code }) => [file, code])).toEqual([
      ['2.png', 'unreadable'],
      ['shut/', 'unreadable'],
    ]);
    chmodSync(folder, 0);
    expect((await failure(prepare(folder))).code).toBe('dataset.unreadable');
    chmodSync(folder, 0o700);
    chmodSync(join(folder, 'shut'), 0o700);
  });
});

describe('files that are left out', () => {
  test('each with its reason, and the others are used', async () => {
    const folder = temporaryFolder();
    const jpeg = await picture(60, 40).jpeg().toBuffer();
    const heic = Buffer.concat([
      Buffer.from([0, 0, 0, 24]),
      Buffer.from('ftypheic\0\0\0\0mif1heic'),
      Buffer.alloc(40),
    ]);
    const hugeJpeg = Buffer.from(jpeg);
    const frame = hugeJpeg.indexOf(Buffer.from([0xff, 0xc0]));
    hugeJpeg.writeUInt16BE(65_000, frame + 5);
    hugeJpeg.writeUInt16BE(65_000, frame + 7);
    writeFiles(folder, {
      'bomb.png': pngHeader(100_000, 100_000),
      'bomb.jpg': hugeJpeg,
      'cut.jpg': jpeg.subarray(0, 500),
      'cut.png': red.subarray(0, red.length - 30),
      'cut.webp': (await picture(60, 40).webp().toBuffer()).subarray(0, 200),
      'cut.gif': (await picture(60, 40).gif().toBuffer()).subarray(0, 100),
      'cut.tiff': (await picture(60, 40).tiff({ compression: 'lzw' }).toBuffer()).subarray(0, 100),
      'cut.avif': (await picture(60, 40).avif({ effort: 0 }).toBuffer()).subarray(0, 300),
      'cut.bmp': Buffer.concat([Buffer.from('BM'), Buffer.alloc(60, 1)]),
      'empty.png': '',
      'flat.png': pngHeader(0, 8),
      'good.png': red,
      'phone.heic': heic,
      'short.png': red.subarray(0, 20),
      'text.txt': 'some words in a file',
    });
    const dataset = await prepare(folder);
    expect(dataset.count).toBe(1);
    expect(Object.fromEntries(dataset.leftOut.map(({ file, code }) => [file, code]))).toEqual({
      'bomb.png': 'too-many-pixels',
      'bomb.jpg': 'too-many-pixels',
      'cut.jpg': 'broken',
      'cut.png': 'broken',
      'cut.webp': 'broken',
      'cut.gif': 'broken',
      'cut.tiff': 'broken',
      'cut.avif': 'broken',
      'cut.bmp': expect.stringMatching(/^(broken|too-many-pixels)$/) as string,
      'empty.png': 'empty',
      'flat.png': 'broken',
      'phone.heic': 'unsupported',
      'short.png': 'broken',
      'text.txt': 'not-an-image',
    });
    for (const { reason } of dataset.leftOut) {
      expect(reason).toMatch(/^[A-Z].*\.$/);
      expect(reason).not.toMatch(/vips|buffer|seek|error|lib/i);
    }
    expect(dataset.leftOut.find(({ file }) => file === 'cut.webp')?.reason).toBe(
      'The file is damaged, cut off, or a kind of WebP that cannot be read.',
    );
  });

  test('limits on bytes, pixels and files', async () => {
    const folder = temporaryFolder();
    const big = await picture(60, 40).tiff({ compression: 'none' }).toBuffer();
    writeFiles(folder, { 'big.tiff': big, 'small.png': red });
    const bytes = await prepare(folder, settingsOf(8), { limits: { fileBytes: 1000 } });
    expect(bytes.leftOut).toMatchObject([{ file: 'big.tiff', code: 'too-large' }]);
    const pixels = await prepare(folder, settingsOf(8), { limits: { imagePixels: 1000 } });
    expect(pixels.leftOut).toMatchObject([{ file: 'big.tiff', code: 'too-many-pixels' }]);
    const error = await failure(prepare(folder, settingsOf(8), { limits: { files: 1 } }));
    expect(error.code).toBe('dataset.too-many-files');
    expect(error.message).toContain('Split it');
  });

  test('a folder that disappears while it is read', async () => {
    const folder = temporaryFolder();
    const cacheDir = temporaryFolder();
    const source = join(folder, 'images');
    for (let i = 0; i < 1500; i++) writeFiles(source, { [`${i}.png`]: red });
    const error = await failure(
      prepare(source, settingsOf(8), {
        cacheDir,
        onProgress: ({ phase }) => {
          if (phase === 'reading images') rmSync(source, { recursive: true, force: true });
        },
      }),
    );
    expect(error.code).toBe('dataset.vanished');
    expect(error.message).toContain('start again');
    expect(namesIn(cacheDir)).toEqual([]);
  });

  test('some files that disappear are listed', async () => {
    const source = temporaryFolder();
    for (let i = 0; i < 300; i++) writeFiles(source, { [`${String(i).padStart(3, '0')}.png`]: red });
    const dataset = await prepare(source, settingsOf(8), {
      onProgress: ({ phase }) => {
        if (phase === 'reading images') rmSync(join(source, '299.png'), { force: true });
      },
    });
    expect(dataset.count + dataset.leftOutCount).toBe(300);
    expect(dataset.leftOut).toMatchObject([{ file: '299.png', code: 'unreadable' }]);
  });
});

describe('a cache that cannot be written', () => {
  test('below a file', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'images/1.png': red, file: 'text' });
    const error = await failure(
      prepare(join(folder, 'images'), settingsOf(8), { cacheDir: join(folder, 'file', 'cache') }),
    );
    expect(error.code).toBe('dataset.cache-unwritable');
    expect(error.message).toContain('choose another library folder');
  });

  test('larger than the disk: said before anything is decoded', async () => {
    const cacheDir = temporaryFolder();
    const enormous = { height: 4096, width: 4096, channels: 4, fit: 'crop' } as const;
    const error = await failure(prepare('sample:9000000', enormous, { cacheDir }));
    expect(error.code).toBe('disk.full');
    expect(error.message).toContain('smaller resolution');
    expect(namesIn(cacheDir)).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')('full while it is written: nothing is left', async () => {
    const folder = temporaryFolder();
    const cacheDir = temporaryFolder();
    const script = join(folder, 'prepare.ts');
    const module = new URL('../../src-main/datasets/prepare-dataset.ts', import.meta.url).href;
    writeFileSync(
      script,
      `import { prepareDataset } from '${module}';
       const settings = { height: 64, width: 64, channels: 3, fit: 'crop' };
       const error = await prepareDataset('sample:1000', settings, { cacheDir: process.argv[2] }).then(() => ({}), (thrown) => thrown);
       console.log(JSON.stringify({ code: error.code, message: error.message }));`,
    );
    // No file may grow beyond 1 MB in this shell, which is what a full quota looks like.
    const command = `trap '' XFSZ; ulimit -f 1024; exec "${process.execPath}" "${script}" "${cacheDir}"`;
    const { stdout } = await promisify(execFile)('bash', ['-c', command], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
    });
    const error = JSON.parse(stdout) as { code: string; message: string };
    expect(error.code).toBe('disk.full');
    expect(error.message).toContain('Free some space');
    expect(readdirSync(cacheDir)).toEqual([]);
  });
});

/** A BMP of one colour in run lengths, the most pixels for its bytes. @param filled share of the pixels that the file really holds */
function runLengthBmp(width: number, height: number, filled = 1): Buffer {
  const runs = Math.ceil((width * height * filled) / 255);
  const start = 14 + 40 + 4;
  const file = Buffer.alloc(start + 2 * runs + 2);
  file.write('BM', 'latin1');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(start, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(8, 28);
  file.writeUInt32LE(1, 30);
  file.writeUInt32LE(1, 46);
  file.writeUInt32LE(0x2080f0, 54);
  for (let run = 0; run < runs; run += 1) file[start + 2 * run] = 255;
  file[file.length - 1] = 1;
  return file;
}

describe('bitmaps that are much larger in memory than on the disk', () => {
  test('one that announces what it does not hold is left out', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'a.png': red, 'bomb.bmp': runLengthBmp(10_000, 10_000, 0) });
    const { count, leftOut } = await prepare(folder, settingsOf(8));
    expect(count).toBe(1);
    expect(leftOut).toEqual([
      { file: 'bomb.bmp', code: 'broken', reason: 'The file is damaged: it ends too early.' },
    ]);
  });

  test('however many there are, they are not in memory together', async () => {
    const folder = temporaryFolder();
    const bmp = runLengthBmp(4000, 3000);
    writeFiles(folder, Object.fromEntries(Array.from({ length: 24 }, (_, i) => [`${i}.bmp`, bmp])));
    const before = process.memoryUsage().rss;
    let most = 0;
    const onProgress = () => {
      most = Math.max(most, process.memoryUsage().rss - before);
    };
    const { count } = await prepare(folder, settingsOf(8), { onProgress });
    onProgress();
    expect(count).toBe(24);
    // Decoded and kept they would be 860 MB, and as much again while they are copied.
    expect(most).toBeLessThan(700e6);
  });
});

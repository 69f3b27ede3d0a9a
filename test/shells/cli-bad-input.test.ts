import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { describe, expect, onTestFinished, test } from 'vitest';
import { formatDesign } from '../../src-shared/gan/design-json.ts';
import { tinyDesign } from '../core/library.ts';
import type { CallOptions, Line } from './ganvas-process.ts';
import { command, withoutPrivileges } from './command.ts';
import { canWatch, changed, tinyTraining, Workplace } from './ganvas-process.ts';

const training = ['train', '--design', 'tiny.json', '--batch', '4', '--steps', '2'];

/** Writes images of 9x7 pixels. */
async function images(dir: string, count: number): Promise<void> {
  mkdirSync(dir, { recursive: true });
  for (let i = 0; i < count; i += 1) {
    const background = { r: i * 20, g: 90, b: 200 };
    await sharp({ create: { width: 9, height: 7, channels: 3, background } })
      .png()
      .toFile(join(dir, `${i}.png`));
  }
}

/** Runs what must fail with status 1 and one sentence, the same with --json and without, and gives the error. */
async function failure(place: Workplace, args: readonly string[], options: CallOptions = {}): Promise<Line> {
  const { status, lines, stderr } = await place.json(args, options);
  expect({ status, stderr }).toMatchObject({ status: 1 });
  const error = lines.at(-1)!;
  expect(error).toMatchObject({
    type: 'error',
    code: expect.any(String) as string,
    details: expect.any(Object) as object,
  });
  expect(stderr).toBe(`ganvas: ${String(error['message'])}\n`);
  expect(error['code']).not.toBe('internal');
  return error;
}

/** What lies in the workplace beside the library, and what of worth lies in that: images that were prepared, and runs. */
const belongings = (place: Workplace) => ({
  outside: place.listing().filter((name) => !name.startsWith('library')),
  prepared: existsSync(place.library) ? place.listing(join(place.library, 'cache')) : [],
  runs: existsSync(place.library) ? place.listing(join(place.library, 'runs')) : [],
});

describe('images that cannot be trained on: nothing is left of them, nothing is touched', () => {
  type Case = [
    code: string,
    words: RegExp,
    make: (place: Workplace) => Promise<void> | void,
    args?: string[],
  ];
  const cases: Record<string, Case> = {
    'nothing there': ['dataset.missing', /There is nothing at .*\/data\. Check the path/, () => undefined],
    'an empty folder': [
      'dataset.empty',
      /\/data is empty\. Put images into it, or choose another folder\./,
      (place) => mkdirSync(place.path('data')),
    ],
    'no images': [
      'dataset.no-images',
      /\/data holds no images: none of its 2 files is a PNG/,
      (place) => {
        mkdirSync(place.path('data'));
        writeFileSync(place.path('data', 'notes.txt'), 'buy milk');
        writeFileSync(place.path('data', 'page.html'), '<p>');
      },
    ],
    'all broken': [
      'dataset.all-broken',
      /None of the 2 files in .*\/data can be used\. The first, 0\.png: .* Copy the images again/,
      async (place) => {
        await images(place.path('data'), 2);
        for (const name of ['0.png', '1.png']) {
          const file = place.path('data', name);
          writeFileSync(file, readFileSync(file).subarray(0, 50));
        }
      },
    ],
    'a path that is a file': [
      'dataset.unknown-file',
      /data is not something to take images from\. Give a folder of images, a \.zip/,
      (place) => writeFileSync(place.path('data'), 'x'.repeat(1000)),
    ],
    'a path that is one image': [
      'dataset.one-image',
      /0\.png is one image; a network learns from many\. Give the folder/,
      (place) => images(place.path('folder'), 1),
      ['--data', 'folder/0.png'],
    ],
    'a zip that climbs out': [
      'dataset.zip-unsafe',
      /holds the entry "\.\.\/\.\.\/outside\.png", which points outside of it/,
      (place) =>
        writeFileSync(
          place.path('data'),
          zipSync({ '../../outside.png': new Uint8Array(9), 'a.png': new Uint8Array(9) }),
        ),
    ],
    'a zip that is not whole': [
      'dataset.zip-broken',
      /is damaged or not whole .* Download or pack it again/,
      (place) => writeFileSync(place.path('data'), zipSync({ 'a.png': new Uint8Array(500) }).subarray(0, 60)),
    ],
  };

  test.each(Object.entries(cases))('%s', async (_, [code, words, make, data = ['--data', 'data']]) => {
    const place = new Workplace();
    await make(place);
    const before = belongings(place);
    const error = await failure(place, [...training, ...data]);
    expect(error['code']).toBe(code);
    expect(error['message']).toMatch(words);
    expect(belongings(place)).toEqual(before);
    expect((await place.json(['runs'])).lines).toEqual([]);
  });

  test.each([
    [
      'one image',
      1,
      'The dataset has 1 image, fewer than a batch of 4. Add images or choose a smaller batch.',
    ],
    ['fewer images than a batch', 3, 'The dataset has 3 images, fewer than a batch of 4.'],
  ])('%s', async (_, count, words) => {
    const place = new Workplace();
    await images(place.path('data'), count);
    const error = await failure(place, [...training, '--data', 'data']);
    expect(error).toMatchObject({ code: 'dataset.fewer-than-batch', details: { count, batch: 4 } });
    expect(error['message']).toContain(words);
    expect(belongings(place).runs).toEqual([]);
    // The images were read; that is not done again with what the message proposes.
    const { status, lines } = await place.json(changed([...training, '--data', 'data'], '--batch', '1'));
    expect(status).toBe(0);
    expect(lines[0]).toMatchObject({ type: 'dataset', count });
  });
});

test('what of the images is left out is listed, each with its reason, and the rest is trained on', async () => {
  const place = new Workplace();
  await images(place.path('data'), 6);
  writeFileSync(place.path('data', 'broken.png'), readFileSync(place.path('data', '0.png')).subarray(0, 50));
  writeFileSync(place.path('data', 'notes.txt'), 'buy milk');
  symlinkSync(place.path('tiny.json'), place.path('data', 'link.png'));
  const { status, lines } = await place.json([...training, '--data', 'data']);
  expect(status).toBe(0);
  const [dataset] = lines as [Line & { leftOut: { file: string; code: string; reason: string }[] }];
  expect(dataset).toMatchObject({ count: 6, leftOutCount: 3 });
  expect(dataset.leftOut.map(({ file, code }) => `${file} ${code}`).sort()).toEqual([
    'broken.png broken',
    'link.png link',
    'notes.txt not-an-image',
  ]);
  for (let i = 1; i <= 1100; i += 1) writeFileSync(place.path('data', `words-${i}.txt`), 'buy milk');
  const { stdout } = await place.run([...training, '--data', 'data']);
  for (const { file, reason } of dataset.leftOut)
    expect(stdout).toContain(`  left out: ${file}: ${reason}\n`);
  const [, list = ''] = /^ {2}left out: 1,098 more; all of them: (.*left-out\.jsonl)$/m.exec(stdout) ?? [];
  expect(readFileSync(list, 'utf8').trimEnd().split('\n')).toHaveLength(1103);
  const [newest] = (await place.json(['datasets'])).lines;
  expect(newest).toMatchObject({ leftOutCount: 1103, leftOutFile: list });
});

describe('designs that cannot be trained: said before images are read', () => {
  const design = (place: Workplace, changes: object) => {
    const text = formatDesign({ ...tinyDesign, ...changes });
    writeFileSync(place.path('design.json'), text);
  };
  const blocks = tinyDesign.discriminator.blocks;
  type Case = [code: string, words: RegExp, args: string[], make?: (place: Workplace) => void];
  const fromFile = ['--design', 'design.json'];
  const cases: Record<string, Case> = {
    'one that does not fit': [
      'design.does-not-fit',
      /^The design "tiny" cannot be trained\.\nBlock 2: a kernel of 9x9 does not fit on its input of 4x4x4, .* Repair: /,
      fromFile,
      (place) =>
        design(place, {
          discriminator: {
            ...tinyDesign.discriminator,
            blocks: [blocks[0], { ...blocks[1], kernel: [9, 9] }],
          },
        }),
    ],
    'no file': ['design.unreadable', /^There is no design file design\.json\. Check the path/, fromFile],
    'a folder': [
      'design.unreadable',
      /cannot be read \(it is no regular file\)\. Check that it is a file/,
      fromFile,
      (place) => mkdirSync(place.path('design.json')),
    ],
    'a file that is far too large': [
      'design.unreadable',
      /cannot be read \(it is larger than a design ever is, 1 MB\)/,
      fromFile,
      (place) => writeFileSync(place.path('design.json'), ' '.repeat(1_000_001)),
    ],
    'no JSON': [
      'design.not-json',
      /^design\.json: This is not JSON/,
      fromFile,
      (place) => writeFileSync(place.path('design.json'), '{"format":'),
    ],
    'another JSON': [
      'design.not-a-design',
      /^design\.json: This is JSON, but not a Ganvas design/,
      fromFile,
      (place) => writeFileSync(place.path('design.json'), '[]'),
    ],
    'one of a newer Ganvas': [
      'design.newer',
      /^design\.json: This design was saved by a newer Ganvas .* Update Ganvas/,
      fromFile,
      (place) =>
        writeFileSync(
          place.path('design.json'),
          formatDesign(tinyDesign).replace('"version": 1', '"version": 99'),
        ),
    ],
    'a damaged one': [
      'design.invalid',
      /^design\.json: "kernel" in block 1 must be two whole numbers, the vertical one first, not \[4\]\.$/,
      fromFile,
      (place) =>
        design(place, {
          discriminator: { ...tinyDesign.discriminator, blocks: [{ ...blocks[0], kernel: [4] }] },
        }),
    ],
  };

  test.each(Object.entries(cases))('%s', async (_, [code, words, args, make]) => {
    const place = new Workplace();
    make?.(place);
    const before = place.listing();
    const error = await failure(place, ['train', '--data', 'sample:12', ...args]);
    expect(error['code']).toBe(code);
    expect(error['message']).toMatch(words);
    expect(place.listing()).toEqual(before);
    if (args === fromFile) expect(await failure(place, ['mirror', 'design.json'])).toMatchObject({ code });
  });
});

test.skipIf(spawnSync('mkfifo', ['--version']).status !== 0)(
  'a pipe in the place of a design: refused, never waited for',
  async () => {
    const place = new Workplace();
    expect(spawnSync('mkfifo', [place.path('design.json')]).status).toBe(0);
    for (const args of [
      ['mirror', 'design.json'],
      changed([...training, '--data', 'sample:12'], '--design', 'design.json'),
    ]) {
      const error = await failure(place, args);
      expect(error['code']).toBe('design.unreadable');
      expect(error['message']).toContain('it is no regular file');
    }
  },
);

test('an engine that is not there: said before images are read, with how to get it', async () => {
  const place = new Workplace();
  const engines = (await place.json(['engines'])).lines;
  const missing = engines.filter(({ available }) => available === false);
  for (const { name, note } of missing) {
    const error = await failure(place, [...tinyTraining, '--engine', String(name)]);
    expect(error['code']).toBe('engine.missing');
    expect(error['message']).toContain(
      `The engine ${String(name)} is not here. ${String(note)} Here are: auto, `,
    );
    expect(existsSync(place.library)).toBe(false);
  }
  const present = engines.filter(({ available }) => available === true).map(({ name }) => name);
  expect(present).toContain('onnx');
  expect([...present, ...missing.map(({ name }) => name)].sort()).toEqual([
    'cuda',
    'onnx',
    'reference',
    'tensorflow-cpu',
    'webgpu',
  ]);
});

test('runs that are not there, or not alone', async () => {
  const place = new Workplace();
  for (const args of [['runs'], ['show', '1'], ['sample', '1', '--out', 'x.png']]) {
    const error = await failure(place, args);
    expect(error).toMatchObject({ code: 'library.missing' });
    expect(error['message']).toContain('a library is made by the first training that uses it');
  }
  expect(existsSync(place.library)).toBe(false);
  await place.run([...tinyTraining, '--steps', '1']);
  await place.run([...tinyTraining, '--steps', '1']);
  const before = belongings(place);
  for (const args of [
    ['show', '7'],
    ['resume', 'nobody'],
    ['delete', '../1'],
    ['export', '0', '--format', 'png', '--out', 'x.png'],
  ]) {
    const error = await failure(place, args);
    expect(error, args.join(' ')).toMatchObject({ code: 'run.missing', details: { library: place.library } });
    expect(error['message']).toBe(
      `There is no run "${args[1]}" in the library ${place.library}. "npx ganvas runs" lists those that there are.`,
    );
  }
  const ambiguous = await failure(place, ['delete', 'tiny']);
  expect(ambiguous['message']).toContain(
    '2 runs are called "tiny": the numbers 1, 2. Say which by its number.',
  );
  expect(belongings(place)).toEqual(before);
});

test('a place where an export or a grid cannot be written', async () => {
  const place = new Workplace();
  await place.run([...tinyTraining, '--steps', '1']);
  const ends: Record<string, string> = { onnx: '.onnx', tfjs: '', safetensors: '', png: '.png' };
  for (const end of ['', '.onnx', '.png']) {
    mkdirSync(place.path(`folder${end}`));
    writeFileSync(place.path(`file${end}`), 'mine');
  }
  const before = belongings(place);
  for (const [format, end] of Object.entries(ends)) {
    for (const out of [`file${end}`, `folder${end}`]) {
      const error = await failure(place, ['export', '1', '--format', format, '--out', out]);
      expect(error['message'], format).toContain(place.path(out));
    }
  }
  for (const out of ['no/such/folder/x', 'file/x']) {
    const exported = await failure(place, ['export', '1', '--format', 'onnx', '--out', `${out}.onnx`]);
    const sampled = await failure(place, ['sample', '1', '--out', `${out}.png`]);
    for (const error of [exported, sampled]) {
      expect(error).toMatchObject({ code: 'disk.no-folder' });
      expect(error['message']).toMatch(
        out === 'file/x'
          ? /: .*\/file is a file, no folder\.$/
          : /: the folder .*\/no\/such\/folder is not there\.$/,
      );
    }
  }
  expect(await failure(place, ['sample', '1', '--out', 'folder.png'])).toMatchObject({ code: 'disk.exists' });
  expect(belongings(place)).toEqual(before);
  expect((await place.json(['show', '1'])).lines[0]).toMatchObject({ exports: [] });
});

test.skipIf(!canWatch)(
  'a folder that is there and takes nothing, as those of the kernel: said so',
  async () => {
    const place = new Workplace();
    await place.run([...tinyTraining, '--steps', '1']);
    for (const args of [
      ['export', '1', '--format', 'onnx', '--out', '/proc/x.onnx'],
      ['export', '1', '--format', 'tfjs', '--out', '/proc/x'],
      ['sample', '1', '--out', '/proc/x.png'],
    ]) {
      const error = await failure(place, args);
      expect(error['message']).toMatch(
        /^\/proc\/x\S* cannot be written: nothing can be put into the folder \/proc\. Choose another one\.$/,
      );
    }
    // Neither waits for ever.
    const faces = await failure(place, ['sample-data', '/proc/x/y', '--count', '8']);
    expect(faces).toMatchObject({ code: 'sample.unwritable' });
    const library = await failure(place, [...tinyTraining, '--library', '/proc/x/y']);
    expect(library).toMatchObject({ code: 'library.not-writable' });
    expect(library['message']).toBe('/proc/x/y cannot be made there. Choose another library folder.');
  },
);

/** Writes a copy of a file under a name of bytes that are no UTF-8, and a folder beside it. */
function mangle(dir: string, file: string): void {
  const name = Buffer.concat([Buffer.from(join(dir, 'bad')), Buffer.from([0xff])]);
  mkdirSync(name);
  writeFileSync(Buffer.concat([name, Buffer.from('.png')]), readFileSync(file));
}

test.skipIf(!canWatch)('names among the images that are not UTF-8: left out, for that reason', async () => {
  const place = new Workplace();
  await images(place.path('data'), 6);
  mangle(place.path('data'), place.path('data', '0.png'));
  const { lines } = await place.json([...training, '--data', 'data']);
  const [{ count, leftOut }] = lines as [Line & { count: number; leftOut: object[] }];
  expect(count).toBe(6);
  const reason = 'Its name is not UTF-8 text. Rename it.';
  expect(leftOut).toEqual([
    { file: 'bad\uFFFD.png', code: 'unreadable', reason },
    { file: 'bad\uFFFD/', code: 'unreadable', reason },
  ]);
});

const plainly = withoutPrivileges();

describe.skipIf(plainly === null)('no permission', () => {
  const options = () => ({ command: [...plainly!, ...command] });

  /** Changes what may be done with a path, for the length of the test. */
  function forbid(path: string, mode: number): void {
    chmodSync(path, mode);
    onTestFinished(() => {
      if (existsSync(path)) chmodSync(path, 0o755);
    });
  }

  test('to read some of the images: they are left out', async () => {
    const place = new Workplace();
    await images(place.path('data'), 6);
    forbid(place.path('data', '3.png'), 0);
    await images(place.path('data', 'private'), 2);
    forbid(place.path('data', 'private'), 0);
    const { status, lines } = await place.json([...training, '--data', 'data'], options());
    expect(status).toBe(0);
    const [dataset] = lines as [Line & { leftOut: { file: string; code: string }[] }];
    expect(dataset['count']).toBe(5);
    expect(dataset.leftOut.map(({ file, code }) => `${file} ${code}`).sort()).toEqual([
      '3.png unreadable',
      'private/ unreadable',
    ]);
  });

  test('to read any of them, or their folder, or the design', async () => {
    const place = new Workplace();
    await images(place.path('data'), 5);
    for (let i = 0; i < 5; i += 1) forbid(place.path('data', `${i}.png`), 0);
    const before = belongings(place);
    const unreadable = await failure(place, [...training, '--data', 'data'], options());
    expect(unreadable['code']).toBe('dataset.all-broken');
    expect(unreadable['message']).toMatch(/None of the 5 files .* can be used\. The first, 0\.png: .*read/);
    expect(belongings(place)).toEqual(before);
    forbid(place.path('data'), 0);
    const closed = await failure(place, [...training, '--data', 'data'], options());
    expect(closed['code']).toBe('dataset.unreadable');
    expect(closed['message']).toMatch(/\/data cannot be read \(EACCES\)\. Check its permissions/);
    forbid(place.path('tiny.json'), 0);
    const design = await failure(place, [...training, '--data', 'sample:12'], options());
    expect(design['message']).toBe(
      'The design file tiny.json cannot be read (EACCES). Check that it is a file and that you may read it.',
    );
  });

  test('to write the library, or what is beside it', async () => {
    const place = new Workplace();
    forbid(place.dir, 0o555);
    for (const args of [tinyTraining, ['sample-data', 'faces', '--count', '8']]) {
      const error = await failure(place, args, options());
      expect(error['code']).toMatch(/^(library\.not-writable|sample\.unwritable)$/);
      expect(error['message']).toMatch(/[Cc]ho(ose|ose a) /);
    }
    expect(place.listing()).toEqual([expect.stringMatching(/^tiny\.json /) as string]);
    chmodSync(place.dir, 0o755);

    await place.run([...tinyTraining, '--steps', '1']);
    forbid(place.dir, 0o555);
    const before = belongings(place);
    const out = await failure(place, ['export', '1', '--format', 'onnx', '--out', 'x.onnx'], options());
    expect(out).toMatchObject({ code: 'disk.no-permission' });
    expect(belongings(place)).toEqual(before);
    chmodSync(place.dir, 0o755);

    forbid(join(place.library, 'runs'), 0o555);
    const closed = await failure(place, [...tinyTraining, '--steps', '1'], options());
    expect(closed).toMatchObject({ code: 'disk.no-permission' });
    chmodSync(join(place.library, 'runs'), 0o755);
    expect(belongings(place)).toEqual(before);
    expect((await place.json(['resume', '2'])).status).toBe(0);
  });
});

/** A small disk of its own; null where one cannot be mounted. */
function smallDisk(place: Workplace, kilobytes: number): string | null {
  const dir = place.path('disk');
  mkdirSync(dir);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', dir]);
  if (mounted.status !== 0) return null;
  onTestFinished(() => void spawnSync('umount', [dir]));
  return dir;
}

function freeBytes(disk: string): number {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
}

describe('a full disk', () => {
  const wide = [
    'train',
    '--data',
    'sample:12x8',
    '--resolution',
    '16',
    '--batch',
    '4',
    '--steps',
    '4',
    '--checkpoint-every',
    '2',
  ];

  test.skipIf(!canWatch)(
    'files that may not grow: the checkpoint is not written, nor half of it',
    async () => {
      const place = new Workplace();
      // The shell's limit for the size of a file, in blocks of 512 bytes. Beyond it writing fails, like on a full disk.
      const limited = ['/bin/sh', '-c', `trap '' XFSZ; ulimit -f 800; exec "$0" "$@"`, ...command];
      const error = await failure(place, wide, { command: limited });
      expect(error['code']).toBe('disk.full');
      expect(error['message']).toContain('checkpoints/00000002');
      expect(belongings(place).runs.filter((name) => /checkpoints\/./.test(name))).toEqual([]);
      expect((await place.json(['runs'])).lines).toMatchObject([
        { state: 'failed', reason: { code: 'disk.full' } },
      ]);
      const resumed = await place.json(['resume', '1']);
      expect(resumed.lines.at(-1)).toMatchObject({ type: 'done', state: 'done', step: 4 });
    },
  );

  test('no room for the images', async (context) => {
    const place = new Workplace();
    const disk = smallDisk(place, 400);
    if (disk === null) return context.skip('a disk cannot be mounted here');
    const library = ['--library', join(disk, 'library')];
    const error = await failure(place, ['train', '--data', 'sample:500x32', ...library]);
    expect(error['code']).toBe('disk.full');
    expect(error['message']).toContain(
      'Free some space on that disk, choose a smaller resolution, or another library folder.',
    );
    expect(place.listing(join(disk, 'library', 'cache'))).toEqual([]);
    expect((await place.json(['runs', ...library])).lines).toEqual([]);
    const faces = await failure(place, [
      'sample-data',
      join(disk, 'faces'),
      '--count',
      '500',
      '--resolution',
      '64',
    ]);
    expect(faces['code']).toBe('disk.full');
    expect(place.listing(disk).filter((name) => name.includes('faces'))).toEqual([]);
  });

  test('not a byte free: what is there can be looked at and deleted all the same', async (context) => {
    const place = new Workplace();
    const disk = smallDisk(place, 8000);
    if (disk === null) return context.skip('a disk cannot be mounted here');
    const library = ['--library', join(disk, 'library')];
    expect((await place.json([...changed(wide, '--steps', '2'), ...library])).status).toBe(0);
    const fd = openSync(join(disk, 'other'), 'w');
    try {
      for (const size of [65_536, 4096, 1]) {
        try {
          for (;;) writeSync(fd, Buffer.alloc(size));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ENOSPC' });
        }
      }
    } finally {
      closeSync(fd);
    }
    expect(freeBytes(disk)).toBe(0);
    expect((await place.json(['runs', ...library])).lines).toMatchObject([{ number: 1 }]);
    expect(await place.json(['delete', '1', ...library])).toMatchObject({ status: 0 });
    expect((await place.json(['datasets', '--delete-unused', ...library])).status).toBe(0);
    expect((await place.json(['runs', ...library])).lines).toEqual([]);
    expect(freeBytes(disk)).toBeGreaterThan(1_000_000);
  });

  test('no room for a checkpoint: the one before is whole, and with room again the run goes on', async (context) => {
    const place = new Workplace();
    const disk = smallDisk(place, 5200);
    if (disk === null) return context.skip('a disk cannot be mounted here');
    const dir = join(disk, 'library');
    const library = ['--library', dir];
    expect((await place.json([...changed(wide, '--steps', '2'), ...library])).status).toBe(0);
    const { lines } = await place.json(['show', '1', ...library]);
    const [{ id, checkpoints }] = lines as [Line & { id: string; checkpoints: { bytes: number }[] }];
    const whole = place.state(id, 2, dir);

    writeFileSync(join(disk, 'other'), Buffer.alloc(freeBytes(disk) - checkpoints[0]!.bytes + 100_000));
    const error = await failure(place, ['resume', '1', '--steps', '4', ...library]);
    expect(error['code']).toBe('disk.full');
    expect(error['message']).toMatch(/Free some space.* Go on: npx ganvas resume 1 --library \S+$/);
    expect(place.state(id, 2, dir).equals(whole)).toBe(true);
    expect(
      place.listing(disk).filter((name) => name.endsWith('.partial') || name.includes('00000004/')),
    ).toEqual([]);

    rmSync(join(disk, 'other'));
    expect((await place.json(['resume', '1', ...library])).lines.at(-1)).toMatchObject({
      type: 'done',
      step: 4,
    });
  });

  test('no room at all: not even for a new run, and the old ones stay', async (context) => {
    const place = new Workplace();
    const disk = smallDisk(place, 1000);
    if (disk === null) return context.skip('a disk cannot be mounted here');
    const library = ['--library', join(disk, 'library')];
    writeFileSync(join(disk, 'other'), Buffer.alloc(990_000));
    const nothing = await failure(place, [...tinyTraining, ...library]);
    expect(nothing['code']).toMatch(/^(disk\.full|library\.io)$/);
    rmSync(join(disk, 'other'));
    expect((await place.json([...tinyTraining, '--steps', '1', ...library])).status).toBe(0);
    writeFileSync(join(disk, 'other'), Buffer.alloc(freeBytes(disk)));
    const error = await failure(place, [...tinyTraining, '--steps', '1', ...library]);
    expect(error['code']).toMatch(/^(disk\.full|library\.io)$/);
    rmSync(join(disk, 'other'));
    const runs = (await place.json(['runs', ...library])).lines;
    expect(runs.at(-1)).toMatchObject({ number: 1, state: 'done', step: 1 });
  });
});

test('a library that is none', async () => {
  const place = new Workplace();
  writeFileSync(place.path('file'), 'mine');
  mkdirSync(place.path('broken'));
  writeFileSync(place.path('broken', 'ganvas.sqlite'), 'This is a letter to my aunt. '.repeat(100));
  const before = place.listing();
  expect(await failure(place, [...tinyTraining, '--library', 'file'])).toMatchObject({
    code: 'library.not-a-folder',
  });
  expect(await failure(place, ['runs', '--library', 'broken'])).toMatchObject({ code: 'library.damaged' });
  expect(await failure(place, [...tinyTraining, '--library', 'broken'])).toMatchObject({
    code: 'library.damaged',
  });
  expect(place.listing()).toEqual(before);
});

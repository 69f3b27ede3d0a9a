import { chmod, mkdir, readFile, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../src-main/trainer/checkpoint.ts';
import { readCheckpoint, writeCheckpoint } from '../../src-main/trainer/checkpoint.ts';
import { clearLeftovers, writeWhole } from '../../src-main/trainer/files.ts';
import { initialState } from '../../src-main/trainer/parameters.ts';
import { design, settings } from './designs.ts';
import { errorOf, temporaryFolder } from './folders.ts';

const given = design([4, 4, 1], 2, [
  { outChannels: 2, spectralNorm: true, norm: 'batch' },
  { outFeatures: 1 },
]);

function checkpointAt(step: number): Checkpoint {
  return {
    info: {
      step,
      imagesSeen: 4 * step,
      trainingSeconds: 1.25,
      seed: 2 ** 40 + 1,
      design: given,
      hyperparameters: settings(),
      dataset: { fingerprint: 'abc', count: 10 },
      engine: 'onnx',
    },
    state: initialState(given, step, true, 0.1),
  };
}

test('gives back what was written', async () => {
  const parent = join(await temporaryFolder(), 'not', 'there', 'yet');
  const checkpoint = checkpointAt(7);
  const { folder, bytes } = await writeCheckpoint(parent, checkpoint);
  expect(folder).toBe(join(parent, '00000007'));
  expect(await readCheckpoint(folder)).toEqual(checkpoint);
  expect(await readdir(parent)).toEqual(['00000007']);
  const sizes = await Promise.all(
    (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size),
  );
  expect(bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
});

test('the tensors that are read live in memory of their own', async () => {
  const { folder } = await writeCheckpoint(await temporaryFolder(), checkpointAt(1));
  const { state } = await readCheckpoint(folder);
  const buffers = Object.values(state).map((values) => values.buffer);
  expect(new Set(buffers).size).toBe(buffers.length);
});

test('a state with numbers that are none is refused, and nothing is written', async () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    const parent = join(await temporaryFolder(), 'checkpoints');
    const checkpoint = checkpointAt(3);
    checkpoint.state['adam.v.generator.0.weight']![1] = bad;
    const error = await errorOf(writeCheckpoint(parent, checkpoint));
    expect(error).toMatchObject({
      code: 'training.not-finite',
      details: { step: 3, tensor: 'adam.v.generator.0.weight' },
    });
    await expect(readdir(parent)).rejects.toThrow('ENOENT');
  }
});

describe('one that is there already', () => {
  test('is replaced', async () => {
    const parent = await temporaryFolder();
    await writeCheckpoint(parent, checkpointAt(5));
    const other = { ...checkpointAt(5), state: checkpointAt(6).state };
    const { folder } = await writeCheckpoint(parent, other);
    expect(await readCheckpoint(folder)).toEqual(other);
    expect(await readdir(parent)).toEqual(['00000005']);
  });

  test('stays when writing the new one fails', async () => {
    const parent = await temporaryFolder();
    const checkpoint = checkpointAt(5);
    const { folder } = await writeCheckpoint(parent, checkpoint);
    const full = writeWhole(folder, 'folder', async (beside) => {
      await writeFile(join(beside, 'state.safetensors'), 'half');
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    });
    expect(await errorOf(full)).toMatchObject({ code: 'disk.full', details: { path: folder } });
    expect(await readCheckpoint(folder)).toEqual(checkpoint);
    expect(await readdir(parent)).toEqual(['00000005']);
  });

  test('a file in the way of the folder is named', async () => {
    const file = join(await temporaryFolder(), 'run');
    await writeFile(file, 'a file');
    const error = await errorOf(writeCheckpoint(join(file, 'checkpoints'), checkpointAt(5)));
    expect(error.code).toBe('disk.no-folder');
    expect(error.message).toContain(file);
    expect(await readFile(file, 'utf8')).toBe('a file');
  });

  test('comes back when the process died between the two moves', async () => {
    const parent = await temporaryFolder();
    const checkpoint = checkpointAt(5);
    const { folder } = await writeCheckpoint(parent, checkpoint);
    await rename(folder, `${folder}.0123abcd.replaced`);
    await mkdir(`${folder}.0123abcd.partial`);
    await clearLeftovers(parent);
    expect(await readdir(parent)).toEqual(['00000005']);
    expect(await readCheckpoint(folder)).toEqual(checkpoint);
  });
});

test('what a killed process left half-written is cleared up, and nothing else', async () => {
  const parent = await temporaryFolder();
  await writeCheckpoint(parent, checkpointAt(5));
  await mkdir(join(parent, '00000006.01234567.partial'));
  await writeFile(join(parent, '00000006.01234567.partial', 'state.safetensors'), 'half');
  await mkdir(join(parent, '00000005.89abcdef.replaced'));
  await writeFile(join(parent, '00000006.png.01234567.partial'), 'half');
  await writeFile(join(parent, 'notes.txt'), "a person's");
  await clearLeftovers(parent);
  expect((await readdir(parent)).sort()).toEqual(['00000005', 'notes.txt']);
});

describe('refused, each with its reason', () => {
  async function written(): Promise<string> {
    return (await writeCheckpoint(await temporaryFolder(), checkpointAt(5))).folder;
  }

  async function edit(folder: string, change: (info: Record<string, unknown>) => void): Promise<void> {
    const file = join(folder, 'checkpoint.json');
    const info = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    change(info);
    await writeFile(file, JSON.stringify(info));
  }

  test.for(['state.safetensors', 'checkpoint.json', ''])('missing %s', async (name) => {
    const folder = await written();
    await rm(join(folder, name), { recursive: true });
    const error = await errorOf(readCheckpoint(folder));
    expect(error).toMatchObject({ code: 'checkpoint.missing', details: { folder } });
    expect(error.message).toContain(folder);
  });

  test('newer', async () => {
    const folder = await written();
    await edit(folder, (info) => Object.assign(info, { version: 2, more: 'things' }));
    expect(await errorOf(readCheckpoint(folder))).toMatchObject({ code: 'checkpoint.newer' });
  });

  test.for<[string, (info: Record<string, unknown>) => void]>([
    ['another format', (info) => Object.assign(info, { format: 'photo' })],
    ['no step', (info) => delete info['step']],
    ['a broken design', (info) => Object.assign(info, { design: { name: 1 } })],
    [
      'a design that does not fit',
      (info) =>
        Object.assign(info, {
          design: { ...given, discriminator: { image: given.discriminator.image, blocks: [] } },
        }),
    ],
    [
      'another design than the tensors',
      (info) => Object.assign(info, { design: { ...given, latentDim: 3 } }),
    ],
  ])('damaged: %s', async ([, change]) => {
    const folder = await written();
    await edit(folder, change);
    const error = await errorOf(readCheckpoint(folder));
    expect(error).toMatchObject({ code: 'checkpoint.damaged', details: { folder } });
    expect(error.message).toContain(folder);
  });

  test('damaged: any bit of the tensors that has flipped, also where a number stays a number', async () => {
    const folder = await written();
    const file = join(folder, 'state.safetensors');
    const bytes = await readFile(file);
    for (const [at, bit] of [
      [bytes.length - 4, 1],
      [bytes.length - 100, 2],
      [bytes.indexOf('__metadata__'), 1],
    ] as const) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= bit;
      await writeFile(file, flipped);
      const error = await errorOf(readCheckpoint(folder));
      expect(error).toMatchObject({ code: 'checkpoint.damaged', details: { folder } });
      expect(error.message).toContain('state.safetensors is not what was written (its SHA-256 differs)');
    }
    await writeFile(file, bytes);
    expect(await readCheckpoint(folder)).toEqual(checkpointAt(5));
  });

  test('not: one of before there were checksums', async () => {
    const folder = await written();
    await edit(folder, (info) => delete info['stateSha256']);
    expect(await readCheckpoint(folder)).toEqual(checkpointAt(5));
  });

  test('damaged: text that is no JSON', async () => {
    const folder = await written();
    await truncate(join(folder, 'checkpoint.json'), 20);
    expect(await errorOf(readCheckpoint(folder))).toMatchObject({ code: 'checkpoint.damaged' });
  });

  test('damaged: tensors cut off anywhere', async () => {
    const folder = await written();
    const file = join(folder, 'state.safetensors');
    const bytes = await readFile(file);
    for (let length = 0; length < bytes.length; length += 37) {
      await writeFile(file, bytes.subarray(0, length));
      const error = await errorOf(readCheckpoint(folder));
      expect(error).toMatchObject({ code: 'checkpoint.damaged', details: { folder } });
      expect(error.message).toContain('state.safetensors');
    }
  });
});

test.skipIf(process.platform === 'win32')('without write permission', async () => {
  const parent = await temporaryFolder();
  await writeCheckpoint(parent, checkpointAt(1));
  await chmod(parent, 0o555);
  // The administrator may write everywhere, so that this test becomes nobody for a moment.
  const administrator = process.getuid?.() === 0;
  if (administrator) process.seteuid?.(65534);
  try {
    for (const where of [parent, join(parent, 'deeper')]) {
      const error = await errorOf(writeCheckpoint(where, checkpointAt(2)));
      expect(error.code).toBe('disk.no-permission');
      expect(error.message).toContain(parent);
    }
  } finally {
    if (administrator) process.seteuid?.(0);
    await chmod(parent, 0o755);
  }
  expect(await readdir(parent)).toEqual(['00000001']);
});

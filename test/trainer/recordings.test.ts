/** Recorded steps that are kept on disk. */
import { mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { Recordings } from '../../src-main/trainer/engines/onnx/recordings.ts';
import { findWebgpu } from '../../src-main/trainer/engines/onnx/webgpu.ts';
import { runEngine, stepTrial } from '../../src-main/trainer/run-engine.ts';
import { stepSeconds } from '../../src-main/trainer/trial.ts';
import { temporaryFolder, writeDataset } from './folders.ts';
import { webgpu } from './graphics.ts';
import { command, everything, fingerprint, limits, settings, trained } from './runs.ts';

const step = (batch = 4) => stepTrial({ design: everything, hyperparameters: settings({ batch }), seed: 3 });

interface Outcome {
  /** How often the function was asked what it does. */
  recorded: number;
  losses: number[];
  state: Record<string, Float32Array>;
}

async function twoSteps(engine: Engine, batch = 4, about?: string): Promise<Outcome> {
  const given = step(batch);
  let recorded = 0;
  const program = await engine.prepare(
    (state, inputs) => {
      recorded += 1;
      return given.run(state, inputs);
    },
    given.state,
    given.inputs,
    about ?? given.about,
  );
  program.write(given.startState);
  await program.run(given.inputValues);
  const { losses } = await program.run(given.inputValues);
  const outcome = { recorded, losses: Array.from(losses!), state: await program.read() };
  await program.dispose();
  return outcome;
}

test('the second time nothing is recorded, and everything is the same', async () => {
  const folder = join(await temporaryFolder(), 'not', 'there yet');
  const first = await twoSteps(onnxEngine(1, new Recordings(folder)));
  expect(first.recorded).toBe(1);
  expect(await twoSteps(onnxEngine(1, new Recordings(folder)))).toEqual({ ...first, recorded: 0 });
  expect(await readdir(folder)).toHaveLength(1);
  expect(await twoSteps(onnxEngine(1))).toEqual(first);
});

test('another batch and another step are recorded for themselves', async () => {
  const folder = await temporaryFolder();
  const engine = onnxEngine(1, new Recordings(folder));
  await twoSteps(engine);
  expect((await twoSteps(engine, 5)).recorded).toBe(1);
  expect((await twoSteps(engine, 4, 'another step')).recorded).toBe(1);
  expect(await readdir(folder)).toHaveLength(3);
  expect((await twoSteps(engine, 5)).recorded).toBe(0);
});

const card = await webgpu();

test.skipIf(card.engine === null)('a card has recordings of its own', async () => {
  const recordings = new Recordings(await temporaryFolder());
  await twoSteps(onnxEngine(1, recordings));
  const engine = (await findWebgpu([], recordings)).engine!;
  const first = await twoSteps(engine);
  expect(first.recorded).toBe(1);
  expect(await twoSteps(engine)).toEqual({ ...first, recorded: 0 });
});

test('a damaged one is made anew', async () => {
  const folder = await temporaryFolder();
  const engine = onnxEngine(1, new Recordings(folder));
  const sound = await twoSteps(engine);
  const file = join(folder, (await readdir(folder))[0]!);
  const bytes = await readFile(file);
  const damages: (() => Promise<void>)[] = [
    () => truncate(file, bytes.length - 1),
    () => truncate(file, 20),
    () => truncate(file, 0),
    () =>
      writeFile(
        file,
        bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte)),
      ),
    () =>
      writeFile(
        file,
        bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte)),
      ),
  ];
  for (const damage of damages) {
    await damage();
    expect(await twoSteps(engine)).toEqual(sound);
    expect(await readFile(file)).toEqual(bytes);
    expect((await twoSteps(engine)).recorded).toBe(0);
  }
});

test('where it cannot be kept, it is recorded each time', async () => {
  const file = join(await temporaryFolder(), 'a file');
  await writeFile(file, '');
  const engine = onnxEngine(1, new Recordings(file));
  const first = await twoSteps(engine);
  expect(await twoSteps(engine)).toEqual(first);
  expect(first.recorded).toBe(1);
});

test('all together they take 64 MB at most: what was used longest ago goes', async () => {
  const folder = await temporaryFolder();
  const engine = onnxEngine(1, new Recordings(folder));
  await twoSteps(engine);
  const [kept] = await readdir(folder);
  // Files that take no room on the disk: only their length counts. Each is a minute older than the one before.
  const now = Date.now() / 1000;
  for (let age = 1; age <= 5; age += 1) {
    const file = join(folder, `${age}.onnx`);
    await writeFile(file, '');
    await truncate(file, 20e6);
    await utimes(file, now, now - 60 * age);
  }
  await utimes(join(folder, kept!), now, now - 600);
  // Used again, it is the youngest.
  expect((await twoSteps(engine)).recorded).toBe(0);
  await twoSteps(engine, 5);
  const names = await readdir(folder);
  expect(names).toContain(kept);
  expect(names.filter((name) => name.length < 10).sort()).toEqual(['1.onnx', '2.onnx', '3.onnx']);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(64 * 2 ** 20);
});

test('a run that goes on, and one like it, record nothing; a trial has recorded the step before', async () => {
  const folder = await temporaryFolder();
  const dataset = await writeDataset(folder, everything, 10);
  const given = command(join(folder, 'run'), dataset, { limits: limits({ steps: 2 }) });
  const { engine } = await runEngine(given);
  await stepSeconds(given.design, given.hyperparameters, engine);
  const names = await readdir(given.graphs);
  expect(names).toHaveLength(1);
  await trained(given, engine);
  const all = await readdir(given.graphs);
  // The step, the images of a grid, and the statistics of the generator that draws them.
  expect(all).toHaveLength(3);
  expect(all).toContain(names[0]);
  const { mtimeMs } = await stat(join(given.graphs, names[0]!));
  await rm(given.runDir, { recursive: true });
  const without = { ...given, runDir: join(folder, 'without'), graphs: join(folder, 'none') };
  await mkdir(without.runDir);
  await trained(given, (await runEngine(given)).engine);
  await trained(without, onnxEngine());
  expect((await readdir(given.graphs)).sort()).toEqual(all.sort());
  expect((await stat(join(given.graphs, names[0]!))).mtimeMs).toBeGreaterThanOrEqual(mtimeMs);
  expect(await fingerprint(given.runDir, 2)).toBe(await fingerprint(without.runDir, 2));
});

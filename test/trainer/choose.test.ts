/** The choice among engines, on engines whose steps take the time that a test says. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Trial } from '../../src-main/trainer/engines/choose.ts';
import { chooseEngine } from '../../src-main/trainer/engines/choose.ts';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { AppError } from '../../src-shared/errors.ts';
import { errorOf, temporaryFolder } from './folders.ts';

const trial = (): Trial => ({
  run: (state) => ({ state, outputs: {} }),
  state: [],
  inputs: [],
  startState: {},
  inputValues: {},
});

/** Engines on a clock of their own, and what was asked of them. */
class Machine {
  readonly log: string[] = [];
  readonly file: string;
  #time = 0;

  constructor(folder: string) {
    this.file = join(folder, 'engine-trials.json');
  }

  /**
   * @param step milliseconds of a step, or why there is none
   * @param loss that each step gives
   */
  engine(name: string, step: number | string | AppError, device = `${name} device`, loss = 1): Engine {
    const { log } = this;
    return {
      name,
      device,
      memoryBytes: null,
      prepare: () => {
        log.push(`prepare ${name}`);
        let first = true;
        return Promise.resolve({
          write: () => undefined,
          read: () => Promise.resolve({}),
          run: () => {
            if (typeof step === 'string') return Promise.reject(new Error(step));
            if (typeof step !== 'number') return Promise.reject(step);
            // Getting ready takes long, and must not count.
            this.#time += first ? 5000 : step;
            first = false;
            return Promise.resolve({ losses: Float32Array.of(loss, 0.1) });
          },
          share: () => Promise.reject(new Error('Nothing shares here.')),
          dispose: () => {
            log.push(`dispose ${name}`);
            return Promise.resolve();
          },
        });
      },
    };
  }

  choose(engines: readonly Engine[], step = 'a step') {
    return chooseEngine(engines, step, this.file, trial, () => this.#time);
  }
}

test('the only one is taken untried', async () => {
  const machine = new Machine(await temporaryFolder());
  const only = machine.engine('onnx', 3);
  expect(await machine.choose([only])).toEqual({ engine: only, why: null });
  expect(machine.log).toEqual([]);
});

test('the fastest is taken, remembered, and its words say what the others took', async () => {
  const machine = new Machine(await temporaryFolder());
  const engines = [machine.engine('cuda', 30), machine.engine('webgpu', 12), machine.engine('onnx', 640)];
  const chosen = await machine.choose(engines);
  expect(chosen.engine.name).toBe('webgpu');
  expect(chosen.why).toBe('the fastest here: 12 ms a step, cuda 30 ms, onnx 640 ms');
  expect(machine.log).toEqual(
    ['cuda', 'webgpu', 'onnx'].flatMap((name) => [`prepare ${name}`, `dispose ${name}`]),
  );

  machine.log.length = 0;
  const again = await machine.choose(engines);
  expect(again).toEqual({ engine: engines[1], why: `${chosen.why}; measured before` });
  expect(machine.log).toEqual([]);
});

test('another step, another device and a spoilt file are measured anew; what was known stays known', async () => {
  const machine = new Machine(await temporaryFolder());
  const engines = [machine.engine('webgpu', 12), machine.engine('onnx', 6)];
  await machine.choose(engines);
  const tried = () => machine.log.splice(0).filter((line) => line.startsWith('prepare')).length;
  expect(tried()).toBe(2);
  await machine.choose(engines, 'a step twice as large');
  expect(tried()).toBe(2);
  await machine.choose([machine.engine('webgpu', 1, 'a new card'), engines[1]!]);
  expect(tried()).toBe(2);
  await machine.choose(engines);
  expect(tried()).toBe(0);
  for (const spoilt of ['{"cut', '{"x": {"onnx": []}}', '[]']) {
    await writeFile(machine.file, spoilt);
    expect((await machine.choose(engines)).engine.name).toBe('onnx');
    expect(tried()).toBe(2);
  }
  expect(Object.keys(JSON.parse(await readFile(machine.file, 'utf8')) as object)).toHaveLength(1);
});

test('one that fails is passed over, with its reason', async () => {
  const machine = new Machine(await temporaryFolder());
  const chosen = await machine.choose([
    machine.engine('webgpu', 'Out of memory.'),
    machine.engine('onnx', 640),
  ]);
  expect(chosen.engine.name).toBe('onnx');
  expect(chosen.why).toBe('the fastest here: 640 ms a step, webgpu cannot: Out of memory.');
  expect(machine.log).toContain('dispose webgpu');
});

test('one whose first step gives other numbers than the processor is not taken, however fast', async () => {
  const machine = new Machine(await temporaryFolder());
  const near = machine.engine('cuda', 30, 'a card', 1.001);
  const choose = (loss: number) =>
    machine.choose(
      [near, machine.engine('webgpu', 2, 'a card', loss), machine.engine('onnx', 640)],
      `${loss}`,
    );
  for (const wrong of [1.2, 0, NaN, Infinity]) {
    const chosen = await choose(wrong);
    expect(chosen.engine).toBe(near);
    expect(chosen.why).toContain('webgpu cannot: It computes other numbers than the engine onnx');
  }
  expect((await choose(1.01)).engine.name).toBe('webgpu');
});

test('a card that had no memory left, or was lost, is tried again the next time; other failures are remembered', async () => {
  const machine = new Machine(await temporaryFolder());
  const tried = () => machine.log.splice(0).filter((line) => line.startsWith('prepare')).length;
  for (const [code, times] of [
    ['engine.out-of-memory', 2],
    ['engine.device-lost', 2],
    ['engine.failed', 0],
  ] as const) {
    const engines = [
      machine.engine('webgpu', new AppError(code, 'It did not work.')),
      machine.engine('onnx', 640),
    ];
    const first = await machine.choose(engines, code);
    expect(first.why).toBe('the fastest here: 640 ms a step, webgpu cannot: It did not work.');
    expect(tried()).toBe(2);
    await machine.choose(engines, code);
    expect([code, tried()]).toEqual([code, times]);
  }
});

test('when none can, the reasons of all are told', async () => {
  const machine = new Machine(await temporaryFolder());
  const error = await errorOf(
    machine.choose([
      machine.engine('webgpu', 'Out of memory.'),
      machine.engine('onnx', 'No such operation.'),
    ]),
  );
  expect(error).toMatchObject({
    code: 'engine.missing',
    message: 'No engine can do this step. webgpu: Out of memory. onnx: No such operation.',
  });
});

/** Engines that give up: what a person reads, and what is left of the run. */
import { describe, expect, test } from 'vitest';
import type { Engine, Program } from '../../src-main/trainer/engines/engine.ts';
import { engineFailure, withClearErrors } from '../../src-main/trainer/engines/failure.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { requireTruth } from '../../src-main/trainer/engines/onnx/webgpu.ts';
import { readCheckpoint } from '../../src-main/trainer/checkpoint.ts';
import { errorOf, temporaryFolder, writeDataset } from './folders.ts';
import { webgpu } from './graphics.ts';
import {
  checkpointsIn,
  command,
  everything,
  fingerprint,
  folderOf,
  limits,
  ofType,
  settings,
  trained,
} from './runs.ts';
import { train } from '../../src-main/trainer/training-loop.ts';
import type { TrainerEvent } from '../../src-shared/trainer-protocol.ts';

/** As the libraries say it, with the places in their sources. */
const said: [code: string, words: string, reason: string][] = [
  [
    'engine.out-of-memory',
    "Non-zero status code returned while running MatMul node. Name:'' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:360 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate memory for requested buffer of size 640000000000\n",
    'The engine x has no memory left: Failed to allocate memory for requested buffer of size 640000000000.',
  ],
  [
    'engine.out-of-memory',
    'WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.\n - While validating entries[2]',
    'The engine x has no memory left: WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.',
  ],
  ['engine.out-of-memory', 'std::bad_alloc', 'The engine x has no memory left: std::bad_alloc.'],
  [
    'engine.out-of-memory',
    'Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[64,64]',
    'The engine x has no memory left: Invalid TF_Status: 8.',
  ],
  [
    'engine.device-lost',
    '/onnxruntime_src/onnxruntime/core/providers/webgpu/buffer_manager.cc:553 virtual void Download(WGPUBuffer, void*, size_t) status == wgpu::MapAsyncStatus::Success was false. Failed to download data from buffer: A valid external Instance reference no longer exists; the device was lost\n',
    'The engine x has lost its device: Failed to download data from buffer: A valid external Instance reference no longer exists; the device was lost.',
  ],
  ['engine.device-lost', 'VK_ERROR_DEVICE_LOST', 'The engine x has lost its device: VK_ERROR_DEVICE_LOST.'],
  [
    'engine.operation-missing',
    'This session contains graph nodes that are assigned to the default CPU EP, but fallback to CPU EP has been explicitly disabled by the user.',
    'The engine x cannot do an operation of this design: This session contains graph nodes that are assigned to the default CPU EP, but fallback to CPU EP has been explicitly disabled by the user.',
  ],
  ['engine.failed', 'something new', 'The engine x gave up: something new.'],
];

test.for(said)('%s: what libraries say', ([code, words, message]) => {
  const cause = new Error(words);
  const error = engineFailure('x', cause);
  expect(error).toMatchObject({ code, message, details: { engine: 'x' }, cause });
  expect(engineFailure('y', error)).toBe(error);
});

/** ONNX Runtime's engine, whose programs of a training step do as `meddle` says from their `from`-th run on. */
function meddled(from: number, meddle: (program: Program) => Partial<Program>, name = 'webgpu'): Engine {
  const engine = onnxEngine(1);
  return withClearErrors({
    ...engine,
    name,
    async prepare(run, state, inputs) {
      const program = await engine.prepare(run, state, inputs);
      if (!inputs.some((input) => input.name === 'reals')) return program;
      let runs = 0;
      const changed = meddle(program);
      const now = () => (runs >= from ? { ...program, ...changed } : program);
      return {
        write: (values) => now().write(values),
        read: () => now().read(),
        share: (...given) => now().share(...given),
        dispose: () => now().dispose(),
        run: (values) => {
          runs += 1;
          return now().run(values);
        },
      };
    },
  });
}

const broken = (words: string) => (): Partial<Program> => {
  const fail = () => Promise.reject(new Error(words));
  return { run: fail, read: fail, dispose: fail };
};

describe('a device that fails in the middle of a run', () => {
  async function begun(engine: Engine, checkpointEvery: number | null, batch = 4) {
    const folder = await temporaryFolder();
    const dataset = await writeDataset(folder, everything, 10);
    const given = command(`${folder}/run`, dataset, {
      hyperparameters: settings({ checkpointEvery, sampleEvery: 2, batch }),
      limits: limits({ steps: 8 }),
    });
    const events: TrainerEvent[] = [];
    const control = { emit: (event: TrainerEvent) => events.push(event), interrupted: () => null };
    const error = await errorOf(train(given, engine, control));
    return { folder, given, events, error };
  }

  test('ends it at its last checkpoint, with the reason and a way out; on another engine it goes on as if nothing had been', async () => {
    const words = 'VK_ERROR_DEVICE_LOST';
    const { folder, given, events, error } = await begun(meddled(6, broken(words)), 4);
    expect(error.code).toBe('engine.device-lost');
    expect(error.message).toBe(
      'The engine webgpu has lost its device: VK_ERROR_DEVICE_LOST. That was in step 6. The run is whole up to its checkpoint of step 4. It can be resumed on another engine: onnx is always here.',
    );
    expect(ofType(events, 'steps').flatMap(({ steps }) => steps.map(({ step }) => step))).toEqual([
      1, 2, 3, 4, 5,
    ]);
    expect(ofType(events, 'trained')).toEqual([]);
    expect(await checkpointsIn(given.runDir)).toEqual(['00000004']);

    const resumed = { ...given, checkpoint: folderOf(given.runDir, 4) };
    await trained(resumed, onnxEngine(1));
    const undisturbed = { ...given, runDir: `${folder}/undisturbed` };
    await trained(undisturbed, onnxEngine(1));
    expect(await fingerprint(given.runDir, 8)).toBe(await fingerprint(undisturbed.runDir, 8));
    expect((await readCheckpoint(folderOf(given.runDir, 4))).info.engine).toBe('webgpu');
  });

  test('before the first checkpoint: it starts again', async () => {
    const { error } = await begun(meddled(3, broken('no idea')), null);
    expect(error.code).toBe('engine.failed');
    expect(error.message).toContain(
      'That was in step 3. There is no checkpoint yet: resumed, the run starts again.',
    );
  });

  test('for want of memory: the batch that would fit is named', async () => {
    const words = 'Failed to allocate memory for requested buffer of size 640000000000';
    const onCard = await begun(meddled(2, broken(words)), null, 8);
    expect(onCard.error.code).toBe('engine.out-of-memory');
    expect(onCard.error.message).toContain('A batch of 4 should fit, in a fork or a new run.');
    const onProcessor = await begun(meddled(2, broken(words), 'onnx'), null, 8);
    expect(onProcessor.error.message).toMatch(/A batch of 4 should fit, in a fork or a new run\.$/);
    const small = { ...meddled(2, broken(words)), memoryBytes: 2 ** 20 };
    expect((await begun(small, null, 8)).error.message).toContain('No batch would fit');
  });

  test('that hands out zeros is not believed', async () => {
    const zeros = (program: Program): Partial<Program> => ({
      run: async (inputs) => {
        const outputs = await program.run(inputs);
        return Object.fromEntries(
          Object.entries(outputs).map(([name, values]) => [name, values.map(() => 0)]),
        );
      },
    });
    const { error, given } = await begun(meddled(5, zeros), 4);
    expect(error.message).toContain(
      'nothing but zeros. That was in step 5. The run is whole up to its checkpoint of step 4',
    );
    expect(await checkpointsIn(given.runDir)).toEqual(['00000004']);
  });
});

/** A product of a column and a row, of so many numbers. */
async function product(engine: Engine, side: number): Promise<void> {
  const shapes = [
    { name: 'x', shape: [side, 1] },
    { name: 'y', shape: [1, side] },
  ];
  const program = await engine.prepare(
    (_state, { x, y }) => ({ state: {}, outputs: { sum: x!.matMul(y!).sum() } }),
    [],
    shapes,
  );
  try {
    await program.run({ x: new Float32Array(side), y: new Float32Array(side) });
  } finally {
    await program.dispose();
  }
}

test('a processor without memory for it says so', async () => {
  // 640 GB: no machine's address space hands that out to ONNX Runtime's arena.
  const error = await errorOf(product(onnxEngine(1), 400_000));
  expect(error).toMatchObject({ code: 'engine.out-of-memory', details: { engine: 'onnx' } });
});

const card = await webgpu();

test.skipIf(card.engine?.device !== 'a software driver')(
  'so does a card, and works on afterwards',
  async () => {
    const error = await errorOf(product(card.engine!, 30_000));
    expect(error).toMatchObject({ code: 'engine.out-of-memory', details: { engine: 'webgpu' } });
    await product(card.engine!, 30);
  },
);

test('a driver that computes wrong numbers is found out before anything is trained on it', async () => {
  const honest = onnxEngine(1);
  await requireTruth(honest);
  const lying: Engine = {
    ...honest,
    async prepare(...given) {
      const program = await honest.prepare(...given);
      return {
        write: (state) => program.write(state),
        read: () => program.read(),
        share: (...shared) => program.share(...shared),
        dispose: () => program.dispose(),
        async run(inputs) {
          const { y } = await program.run(inputs);
          return { y: y!.map((value, i) => (i === 63 ? value + 1 : value)) };
        },
      };
    },
  };
  await expect(requireTruth(lying)).rejects.toThrow('Its driver computes wrong numbers.');
});

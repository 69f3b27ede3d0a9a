/**
 * Trains as `ganvas train` does, on made-up images, and times what happens between the steps of the onnx engine; prints one line of JSON.
 * Arguments: resolution, batch, base channels, dropout in the discriminator.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dcgan } from '../src-shared/gan/presets.ts';
import type { TrainerEvent } from '../src-shared/trainer-protocol.ts';
import { defaultHyperparameters } from '../src-shared/training.ts';
import type { Engine } from '../src-main/trainer/engines/engine.ts';
import { onnxEngine } from '../src-main/trainer/engines/onnx/engine.ts';
import { Random } from '../src-main/trainer/random.ts';
import { train } from '../src-main/trainer/training-loop.ts';

const [side, batch, base, dropout] = process.argv.slice(2).map(Number) as [number, number, number, number];
/** A grid after every `gridEvery`-th step, a checkpoint after every `checkpointEvery`-th; never both before the end. */
const [gridEvery, checkpointEvery, steps] = [5, 7, 34];

const plain = dcgan('bench', { height: side, width: side, channels: 3 }, base, 100);
const { blocks, image } = plain.discriminator;
const design = {
  ...plain,
  discriminator: {
    image,
    blocks: blocks.map((block, i) => (i < blocks.length - 1 ? { ...block, dropout } : block)),
  },
};

/** When each step began and ended, in milliseconds. */
const begun: number[] = [];
const ended: number[] = [];
const engine = onnxEngine();
const watched: Engine = {
  ...engine,
  async prepare(...given) {
    const program = await engine.prepare(...given);
    if (!given[2].some(({ name }) => name === 'reals')) return program;
    return {
      write: (state) => program.write(state),
      read: () => program.read(),
      share: (...shared) => program.share(...shared),
      dispose: () => program.dispose(),
      async run(inputs) {
        begun.push(performance.now());
        const outputs = await program.run(inputs);
        ended.push(performance.now());
        return outputs;
      },
    };
  },
};

const folder = mkdtempSync(join(tmpdir(), 'ganvas-bench-'));
const count = 2000;
try {
  const random = new Random(1, 'pixels');
  const pixels = Uint8Array.from({ length: count * side * side * 3 }, () => random.uint32());
  writeFileSync(join(folder, 'images.u8'), pixels);
  const hyperparameters = { ...defaultHyperparameters(), batch, sampleEvery: gridEvery, checkpointEvery };
  const events: TrainerEvent[] = [];
  await train(
    {
      type: 'train',
      design,
      hyperparameters,
      dataset: {
        dir: folder,
        key: 'bench',
        source: 'bench',
        settings: { height: side, width: side, channels: 3, fit: 'crop' },
        count,
        classes: [],
        classCounts: [],
        fingerprint: 'bench',
        sizes: [],
        leftOut: [],
        leftOutCount: 0,
      },
      seed: 1,
      engine: 'onnx',
      limits: { steps, kimg: null, minutes: null },
      runDir: join(folder, 'run'),
      checkpoint: null,
      trials: join(folder, 'trials.json'),
      graphs: join(folder, 'graphs'),
    },
    watched,
    { emit: (event) => events.push(event), interrupted: () => null },
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const median = (values: readonly number[]) =>
  values.length === 0 ? 0 : [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
/** Milliseconds between two steps, by what happened there. The first two steps warm up. */
const gaps: Record<'plain' | 'grid' | 'checkpoint', number[]> = { plain: [], grid: [], checkpoint: [] };
for (let step = 2; step < steps; step += 1) {
  const gap = begun[step]! - ended[step - 1]!;
  if (step % gridEvery === 0) gaps.grid.push(gap);
  else if (step % checkpointEvery === 0) gaps.checkpoint.push(gap);
  else gaps.plain.push(gap);
}
const plainGap = median(gaps.plain);
const result = {
  step: median(ended.slice(2).map((end, i) => end - begun[i + 2]!)),
  between: plainGap,
  grid: median(gaps.grid) - plainGap,
  checkpoint: median(gaps.checkpoint) - plainGap,
};
process.stdout.write(`${JSON.stringify(result)}\n`);

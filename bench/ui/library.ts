/** A library to measure in, written by the code that the application writes with: a design of many blocks, a long run, a large gallery. */
import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareDataset } from '../../src-main/datasets/prepare-dataset.ts';
import type { Store } from '../../src-main/store/open-store.ts';
import { openStore } from '../../src-main/store/open-store.ts';
import { writeCheckpoint } from '../../src-main/trainer/checkpoint.ts';
import { initialState } from '../../src-main/trainer/parameters.ts';
import { encodeGrid, gridColumns, layOutBytes } from '../../src-main/trainer/sample-grid.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import type { Design } from '../../src-shared/gan/block.ts';
import { convBlock, denseBlock } from '../../src-shared/gan/block.ts';
import type { History } from '../../src-shared/gan/history.ts';
import { commit, startHistory } from '../../src-shared/gan/history.ts';
import { packHistory } from '../../src-shared/gan/history-json.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import type { Hyperparameters, StepStats } from '../../src-shared/training.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';

export const longRunSteps = 1_000_000;
export const gallerySize = 10_000;
export const undoSteps = 1_000;
/** Distinct pictures in the gallery; each is there under many names, as files that share their bytes. */
const distinctGrids = 50;
const cells = 64;
const seed = 1;

/** Ids of what is to be measured. */
export interface Filled {
  /** An experiment whose design has 20 blocks and can be undone {@link undoSteps} times. */
  deep: string;
  /** An experiment that trains as fast as anything can, with a run of {@link longRunSteps} steps and as many grids as the gallery. */
  quick: string;
  longRun: string;
  /** An experiment with a run of {@link gallerySize} grids of 64 images of 64 pixels. */
  gallery: string;
  galleryRun: string;
}

/** 64 pixels in 20 blocks: four that halve, the others keep the size; the mirror is as long. */
function deepDesign(): Design {
  const blocks = Array.from({ length: 19 }, (_, i) => {
    const halves = i % 5 === 0;
    return convBlock({
      id: `b${i + 1}`,
      outChannels: 16 + 8 * Math.floor(i / 5),
      kernel: halves ? [4, 4] : [3, 3],
      stride: halves ? [2, 2] : [1, 1],
      norm: i > 0 ? 'batch' : 'none',
      activation: { kind: 'leakyRelu', slope: 0.2 },
    });
  });
  return {
    name: 'twenty blocks',
    latentDim: 100,
    discriminator: {
      image: { height: 64, width: 64, channels: 3 },
      blocks: [...blocks, denseBlock({ id: 'b20', outFeatures: 1 })],
    },
  };
}

/** The least that trains: what limits it is everything around the networks. */
const quickDesign: Design = {
  name: 'quick',
  latentDim: 4,
  discriminator: {
    image: { height: 8, width: 8, channels: 3 },
    blocks: [
      convBlock({ id: 'b1', outChannels: 4, activation: { kind: 'leakyRelu', slope: 0.2 } }),
      convBlock({ id: 'b2', outChannels: 1, stride: [1, 1], padding: [0, 0] }),
    ],
  },
};

/** Edits of one field, as a person would make them, each a step that can be undone. */
function longHistory(design: Design): History {
  let history = startHistory(design);
  for (let i = 1; i <= undoSteps; i += 1) {
    const { blocks } = design.discriminator;
    const edited = blocks.map((block, at) =>
      at === i % 19 && block.kind === 'conv' ? { ...block, dropout: (i % 9) / 10 } : block,
    );
    const next = { ...design, discriminator: { ...design.discriminator, blocks: edited } };
    history = commit(history, { design: next, what: `change the dropout of block ${(i % 19) + 1}` });
  }
  return history;
}

/** Losses as they look: two that wander against each other, with noise at every step. */
function statsOf(step: number): StepStats {
  const noise = Math.sin(step * 12.9898) * 43_758.5453;
  const jitter = noise - Math.floor(noise);
  const slow = Math.sin(step / 90_000);
  return {
    step,
    lossD: 1.1 + 0.3 * slow + 0.4 * jitter,
    lossG: 1.4 - 0.4 * slow + 0.8 * jitter,
    dReal: 0.6 + 0.1 * slow + 0.1 * jitter,
    dFake: 0.4 - 0.1 * slow - 0.1 * jitter,
    imagesPerSecond: 2000 + 400 * jitter,
  };
}

function newRun(
  store: Store,
  { name, design, dataset }: { name: string; design: Design; dataset: PreparedDataset },
  hyperparameters: Hyperparameters,
) {
  const limits = { steps: null, kimg: null, minutes: null };
  const { settings, key, fingerprint, source, count, classes } = dataset;
  const experiment = store.experiments.create({
    name,
    history: packHistory(startHistory(design)),
    hyperparameters,
    measuring: defaultMeasuring(),
    limits,
    engine: 'onnx',
    imageSettings: settings,
    source,
  }).id;
  const { id } = store.runs.create({
    experiment,
    name,
    design,
    hyperparameters,
    measuring: defaultMeasuring(),
    limits,
    dataset: { key, fingerprint, source, count, classes, settings },
    seed,
    engineWanted: 'onnx',
    forkedFrom: null,
  });
  store.runs.setState(id, 'running');
  return { experiment, run: id };
}

/** Pictures of 64 images each, as a run leaves them. */
async function drawGrids(dataset: PreparedDataset): Promise<Buffer[]> {
  const images = readFileSync(join(dataset.dir, 'images.u8'));
  const image = dataset.settings;
  const bytes = image.height * image.width * image.channels;
  return Promise.all(
    Array.from({ length: distinctGrids }, (_, grid) => {
      const first = (grid * (dataset.count - cells)) / distinctGrids;
      const part = images.subarray(Math.floor(first) * bytes, (Math.floor(first) + cells) * bytes);
      return encodeGrid(layOutBytes(part, cells, image, gridColumns(cells)), image);
    }),
  );
}

async function addGrids(store: Store, run: string, dataset: PreparedDataset, steps: readonly number[]) {
  const pictures = await drawGrids(dataset);
  mkdirSync(store.paths.samplesFolder(run), { recursive: true });
  store.transaction(() => {
    for (const [i, step] of steps.entries()) {
      const file = store.paths.sampleFile(run, step);
      const original = steps[i % distinctGrids]!;
      if (i < distinctGrids) writeFileSync(file, pictures[i]!);
      else linkSync(store.paths.sampleFile(run, original), file);
      store.samples.add(run, { step, count: cells, columns: gridColumns(cells) });
    }
  });
}

function addSteps(store: Store, run: string, count: number) {
  const batch = 10_000;
  for (let first = 1; first <= count; first += batch) {
    const length = Math.min(batch, count - first + 1);
    store.steps.append(
      run,
      Array.from({ length }, (_, i) => statsOf(first + i)),
    );
  }
}

async function prepare(store: Store, source: string, side: number): Promise<PreparedDataset> {
  const settings = { height: side, width: side, channels: 3, fit: 'crop' } as const;
  const prepared = await prepareDataset(source, settings, { cacheDir: store.paths.cache });
  store.datasets.put(prepared);
  return prepared;
}

/** Fills a new library; a minute or so. @param say is told what is being written */
export async function fillLibrary(dir: string, say: (what: string) => void): Promise<Filled> {
  const store = openStore(dir, { access: 'write' });
  try {
    const hyperparameters = { ...defaultHyperparameters(), batch: 4 };
    const deep = store.experiments.create({
      name: 'Twenty blocks',
      history: packHistory(longHistory(deepDesign())),
      hyperparameters,
    }).id;

    say(`a run of ${longRunSteps.toLocaleString('en')} steps`);
    const small = await prepare(store, 'sample:256x8', 8);
    const quick = newRun(store, { name: 'Quick', design: quickDesign, dataset: small }, hyperparameters);
    addSteps(store, quick.run, longRunSteps);
    const every = longRunSteps / gallerySize;
    await addGrids(
      store,
      quick.run,
      small,
      Array.from({ length: gallerySize }, (_, i) => (i + 1) * every),
    );
    // It goes on from its last step, as a run that was paused does.
    const { trainingSeconds, imagesSeen } = store.runs.get(quick.run);
    await writeCheckpoint(store.paths.checkpointsFolder(quick.run), {
      info: {
        step: longRunSteps,
        imagesSeen,
        trainingSeconds,
        seed,
        design: quickDesign,
        hyperparameters,
        dataset: { fingerprint: small.fingerprint, count: small.count },
        engine: 'onnx',
      },
      state: initialState(quickDesign, seed, true, hyperparameters.initStddev),
    });
    store.checkpoints.add(quick.run, longRunSteps);
    store.runs.setState(quick.run, 'paused');

    say(`a run with ${gallerySize.toLocaleString('en')} grids`);
    const faces = await prepare(store, 'sample:640x64', 64);
    const gallery = newRun(store, { name: 'Gallery', design: deepDesign(), dataset: faces }, hyperparameters);
    addSteps(store, gallery.run, gallerySize);
    await addGrids(
      store,
      gallery.run,
      faces,
      Array.from({ length: gallerySize }, (_, i) => i + 1),
    );
    store.runs.setState(gallery.run, 'stopped');
    return {
      deep,
      quick: quick.experiment,
      longRun: quick.run,
      gallery: gallery.experiment,
      galleryRun: gallery.run,
    };
  } finally {
    store.close();
  }
}

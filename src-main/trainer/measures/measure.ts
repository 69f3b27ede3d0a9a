/** Measures a checkpoint's generator against the images that it was trained on. */
import type { PreparedDataset } from '../../../src-shared/dataset.ts';
import { AppError } from '../../../src-shared/errors.ts';
import { size } from '../../../src-shared/gan/shape.ts';
import type { MeasuredValue } from '../../../src-shared/measures.ts';
import { fewestImages } from '../../../src-shared/measures.ts';
import type { Checkpoint } from '../checkpoint.ts';
import type { Engine } from '../engines/engine.ts';
import { toBytes } from '../sample-grid.ts';
import { Sampler, latents } from '../sampler.ts';
import { colourGaps } from './colour-gap.ts';
import { copies } from './copies.ts';
import { pixelFeatures, pixelFeatureWords } from './features.ts';
import { frechetDistance } from './frechet-distance.ts';
import type { Images } from './images.ts';
import { someImages, twoSets } from './images.ts';
import type { Inception } from './inception.ts';
import { kernelDistance, largestSubset, subsets } from './kernel-distance.ts';
import { levelCount, msSsim } from './ms-ssim.ts';
import { pairwiseDistance } from './pairwise-distance.ts';
import { neighbours, precisionRecall } from './precision-recall.ts';
import { directionCount, hasPatches, patchesPerImage, slicedWasserstein } from './sliced-wasserstein.ts';

/** Latents that are drawn at once: what comes of them are floats until they are made bytes. */
const drawnAtOnce = 256;
/** Training images that copies are looked for among, at most. */
const mostTraining = 20_000;

export interface MeasureOptions {
  /** Images of either kind. */
  images: number;
  seed: number;
  /** Also what the real images give when they are measured against others of them: the same for every checkpoint. */
  reals: boolean;
  /** For FID and KID; null: neither. */
  inception: Inception | null;
}

type Tell = (phase: string, done: number, total: number | null) => void;

/** Images of the generator, as they would be saved. */
async function draw(
  engine: Engine,
  { info, state }: Checkpoint,
  count: number,
  seed: number,
  tell: Tell,
): Promise<Images> {
  const { design } = info;
  const sampler = await Sampler.create(engine, design);
  try {
    const weights = await sampler.weights(state);
    const z = latents(seed, count, design.latentDim);
    const each = size(sampler.image);
    const bytes = new Uint8Array(count * each);
    for (let from = 0; from < count; from += drawnAtOnce) {
      tell('drawing images', from, count);
      const some = z.subarray(from * design.latentDim, (from + drawnAtOnce) * design.latentDim);
      bytes.set(toBytes(await sampler.images(weights, some)), from * each);
    }
    return { count, shape: sampler.image, bytes };
  } finally {
    await sampler.dispose();
  }
}

const channelNames: Readonly<Record<number, readonly string[]>> = {
  1: ['grey'],
  2: ['grey', 'alpha'],
  3: ['red', 'green', 'blue'],
  4: ['red', 'green', 'blue', 'alpha'],
};

/** @throws AppError `measure.too-few` */
function requireEnough(images: number, dataset: PreparedDataset): number {
  // The reals are measured against as many others of them.
  const count = Math.min(images, Math.floor(dataset.count / 2));
  if (count >= fewestImages) return count;
  throw new AppError(
    'measure.too-few',
    `The dataset has ${dataset.count} images: it takes ${2 * fewestImages} to measure anything against them. Add images.`,
    { count: dataset.count },
  );
}

/**
 * Every measure that needs nothing but the images, and FID and KID where there is a network for them.
 * @throws AppError `measure.too-few`, `dataset.*`, `engine.*`
 */
export async function measure(
  engine: Engine,
  checkpoint: Checkpoint,
  dataset: PreparedDataset,
  { images, seed, reals: withReals, inception }: MeasureOptions,
  tell: Tell,
): Promise<MeasuredValue[]> {
  const count = requireEnough(images, dataset);
  const measured: MeasuredValue[] = [];
  const weights = checkpoint.info.hyperparameters.ema.halfLifeKimg === null ? 'live' : 'average';
  const base = { images: count, seed };
  const add = (name: string, value: number, protocol: MeasuredValue['protocol']) =>
    measured.push({ name, value, protocol: { ...base, ...protocol } });
  /** Of the generator's images. */
  const addFake = (name: string, value: number, protocol: MeasuredValue['protocol'] = {}) =>
    add(name, value, { ...protocol, weights });

  const drawn = await draw(engine, checkpoint, inception === null ? count : images, seed, tell);
  const fakes = first(drawn, count);
  const [reals, others] = await twoSets(dataset, count, seed);
  if (hasPatches(reals.shape)) {
    const protocol = { method: 'ProGAN', patches: patchesPerImage, directions: directionCount };
    const mean = (levels: readonly { distance: number }[]) =>
      levels.reduce((sum, { distance }) => sum + distance, 0) / levels.length;
    tell('comparing patches', 0, null);
    const levels = await slicedWasserstein(engine, reals, fakes, seed);
    const resolutions = levels.map(({ resolution }) => resolution).join(' ');
    addFake('swd', mean(levels), { ...protocol, levels: resolutions });
    for (const { resolution, distance } of levels) addFake(`swd-${resolution}`, distance, protocol);
    if (withReals) {
      tell('comparing patches of real images', 0, null);
      const floor = mean(await slicedWasserstein(engine, reals, others, seed));
      add('swd-floor', floor, { ...protocol, levels: resolutions });
    }
  }

  tell('comparing structures', 0, null);
  const structures = { method: 'ProGAN', pairs: Math.floor(count / 2), levels: levelCount(fakes.shape) };
  addFake('ms-ssim', msSsim(fakes), structures);
  if (withReals) add('ms-ssim-real', msSsim(reals), structures);

  tell('comparing neighbours', 0, null);
  const features = { features: pixelFeatureWords };
  const [ofReals, ofFakes] = [pixelFeatures(reals), pixelFeatures(fakes)];
  const shares = await precisionRecall(engine, ofReals, ofFakes);
  for (const name of ['precision', 'recall', 'density', 'coverage'] as const)
    addFake(name, shares[name], { ...features, neighbours, method: 'PRDC' });
  addFake('pairwise', await pairwiseDistance(engine, ofFakes), features);
  if (withReals) add('pairwise-real', await pairwiseDistance(engine, ofReals), features);

  const gaps = colourGaps(reals, fakes);
  addFake('colour-gap', Math.max(...gaps), { of: 'the worst channel' });
  gaps.forEach((gap, c) => addFake(`colour-gap-${channelNames[gaps.length]?.[c] ?? c + 1}`, gap));

  tell('looking for copies', 0, null);
  const against = Math.min(dataset.count, mostTraining);
  const training = pixelFeatures(await someImages(dataset, against, seed));
  const { share, distance } = await copies(engine, training, ofFakes);
  addFake('copies', share, { ...features, against });
  addFake('nearest', distance, { ...features, against });

  if (inception !== null) {
    const real = await someImages(dataset, Math.min(dataset.count, images), seed);
    const network = async (given: Images, phase: string) =>
      inception.features(given, (done) => tell(phase, done, given.count));
    const a = await network(real, 'looking at real images with Inception');
    const b = await network(drawn, 'looking at generated images with Inception');
    requireRows(a.width, a.count, b.count);
    const protocol = {
      images: b.count,
      reals: a.count,
      resize: 'bilinear, half-pixel centres',
      network: inception.sha256.slice(0, 16),
    };
    tell('comparing features', 0, null);
    addFake('fid', frechetDistance(a, b), protocol);
    addFake('kid', await kernelDistance(engine, b, a, seed), {
      ...protocol,
      subsets,
      subset: Math.min(a.count, b.count, largestSubset),
    });
  }
  return measured;
}

function first({ shape, bytes }: Images, count: number): Images {
  return { count, shape, bytes: bytes.subarray(0, count * size(shape)) };
}

/** With fewer images than features FID says more about their number than about them. @throws AppError `measure.too-few` */
function requireRows(width: number, reals: number, fakes: number): void {
  if (Math.min(reals, fakes) >= width) return;
  const less = reals < fakes ? `the dataset has ${reals}` : `${fakes} were asked for`;
  throw new AppError(
    'measure.too-few',
    `FID with ${width} features takes at least as many images, and ${less}. Use more images, or measure without it.`,
    { width, reals, fakes },
  );
}

/**
 * Differentiable augmentation (Zhao et al., 2020; mit-han-lab/data-efficient-gans DiffAugment_pytorch.py): whatever the discriminator
 * sees, real or fake, is changed at random first, so that a small dataset cannot be learnt by heart; the generator's gradient passes through
 * the change. What is drawn comes in as inputs, so that a recorded step can be replayed.
 */
import * as tf from '@tensorflow/tfjs';
import type { Shape } from '../../src-shared/gan/block.ts';
import type { Augmentation } from '../../src-shared/training.ts';
import type { Tensors } from './network.ts';
import type { Arrays } from './parameters.ts';
import type { Random } from './random.ts';

/** Which kinds there are. */
export type Kinds = Pick<Augmentation, 'colour' | 'translation' | 'cutout'>;

/** Largest shift, as a share of the side. */
const shiftShare = 0.125;
/** Side of the square that is cut out, as a share of the image's. */
const cutoutShare = 0.5;

/** Of what a share of a side is, in whole pixels, as `int(side * share + 0.5)` gives them. */
const pixels = (side: number, share: number) => Math.floor(side * share + 0.5);

interface Input {
  name: string;
  shape: number[];
}

/** Channels that hold colour: a fourth one is alpha. */
const colours = ({ channels }: Shape) => Math.min(channels, 3);

/** What {@link augment} reads for so many images. */
export function augmentInputs(kinds: Kinds, batch: number, image: Shape): Input[] {
  const { height, width } = image;
  const each = [batch, 1, 1, 1];
  return [
    ...(kinds.colour
      ? [
          { name: 'brightness', shape: each },
          ...(colours(image) > 1 ? [{ name: 'saturation', shape: each }] : []),
          { name: 'contrast', shape: each },
        ]
      : []),
    ...(kinds.translation
      ? ['translation', 'translation.back'].map((name) => ({ name, shape: [batch * height * width] }))
      : []),
    ...(kinds.cutout ? [{ name: 'cutout', shape: [batch, height, width, 1] }] : []),
  ];
}

/**
 * Draws what {@link augment} reads.
 * @param probability of each kind for each image, 0 to 1 (Karras et al., 2020); what is not drawn leaves an image as it is
 */
export function drawAugmentation(
  kinds: Kinds,
  batch: number,
  image: Shape,
  random: Random,
  probability: number,
): Arrays {
  const { height, width } = image;
  const wanted = () => random.uniform() < probability;
  const below = (count: number) => Math.floor(random.uniform() * count);
  /** A number for each image; 0 changes nothing. */
  const each = (draw: () => number) => Float32Array.from({ length: batch }, () => (wanted() ? draw() : 0));
  const drawn: Arrays = {};
  if (kinds.colour) {
    drawn['brightness'] = each(() => random.uniform() - 0.5);
    if (colours(image) > 1) drawn['saturation'] = each(() => random.uniform() * 2 - 1);
    drawn['contrast'] = each(() => random.uniform() - 0.5);
  }
  if (kinds.translation) {
    const far = [pixels(height, shiftShare), pixels(width, shiftShare)] as const;
    const shifts = Array.from({ length: batch }, () => {
      const by = far.map((most) => below(2 * most + 1) - most) as [number, number];
      return wanted() ? by : ([0, 0] as const);
    });
    drawn['translation'] = sources(shifts, height, width);
    drawn['translation.back'] = sources(
      shifts.map(([down, right]) => [-down, -right] as const),
      height,
      width,
    );
  }
  if (kinds.cutout) {
    const mask = new Float32Array(batch * height * width).fill(1);
    const hole = [pixels(height, cutoutShare), pixels(width, cutoutShare)] as const;
    for (let i = 0; i < batch; i += 1) {
      const top = below(height + 1 - (hole[0] % 2)) - (hole[0] >> 1);
      const left = below(width + 1 - (hole[1] % 2)) - (hole[1] >> 1);
      if (!wanted()) continue;
      // The square may reach over the edge, where it is narrower.
      for (let y = Math.max(top, 0); y < Math.min(top + hole[0], height); y += 1) {
        const row = (i * height + y) * width;
        mask.fill(0, row + Math.max(left, 0), row + Math.max(0, Math.min(left + hole[1], width)));
      }
    }
    drawn['cutout'] = mask;
  }
  return drawn;
}

/** For each pixel of shifted images, which pixel of all the given ones it shows; the one after the last is zero. */
function sources(
  shifts: readonly (readonly [number, number])[],
  height: number,
  width: number,
): Float32Array {
  const indices = new Float32Array(shifts.length * height * width);
  const outside = indices.length;
  let at = 0;
  shifts.forEach(([down, right], i) => {
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const [fromY, fromX] = [y + down, x + right];
        const inside = fromY >= 0 && fromY < height && fromX >= 0 && fromX < width;
        indices[at] = inside ? (i * height + fromY) * width + fromX : outside;
        at += 1;
      }
    }
  });
  return indices;
}

/** Pixels from elsewhere. The gradient goes the way back, which is a shift as well: no sum over indices is needed. */
function shift(images: tf.Tensor4D, there: tf.Tensor1D, back: tf.Tensor1D): tf.Tensor4D {
  const [, , , channels] = images.shape;
  const move = tf.customGrad((x) => {
    const flat = tf.reshape(x as tf.Tensor, [-1, channels]);
    const rows = tf.concat([flat, tf.zeros([1, channels])]);
    const value = tf.reshape(tf.gather(rows, tf.cast(there, 'int32')), images.shape);
    return { value, gradFunc: (dy: tf.Tensor) => shift(dy as tf.Tensor4D, back, there) };
  });
  return move(images) as tf.Tensor4D;
}

/** `x` moved away from a grey by a share of what lies between them; alpha stays. */
function away(x: tf.Tensor4D, grey: tf.Tensor, share: tf.Tensor, mask: tf.Tensor | null): tf.Tensor4D {
  const change = tf.mul(tf.sub(x, grey), share);
  return tf.add(x, mask === null ? change : tf.mul(change, mask));
}

/**
 * @param images [batch, height, width, channels], -1..1
 * @param drawn every input of {@link augmentInputs}, by name
 * @returns images of the same shape, whose values may lie somewhat outside of -1..1
 */
export function augment(images: tf.Tensor4D, kinds: Kinds, drawn: Tensors): tf.Tensor4D {
  const channels = images.shape[3];
  const coloured = Math.min(channels, 3);
  const mask = coloured === channels ? null : tf.tensor4d([1, 1, 1, 0], [1, 1, 1, 4]);
  const look = (name: string) => {
    const tensor = drawn[name];
    if (tensor === undefined) throw new Error(`Nothing was drawn for ${name}.`);
    return tensor;
  };
  const colour = (x: tf.Tensor4D) => (mask === null ? x : tf.mul(x, mask));
  let x = images;
  if (kinds.colour) {
    const brightness = look('brightness');
    x = tf.add(x, mask === null ? brightness : tf.mul(brightness, mask));
    if (coloured > 1) {
      const grey = tf.div(tf.sum(colour(x), 3, true), coloured);
      x = away(x, grey, look('saturation'), mask);
    }
    const { height, width } = { height: x.shape[1], width: x.shape[2] };
    const grey = tf.div(tf.sum(colour(x), [1, 2, 3], true), height * width * coloured);
    x = away(x, grey, look('contrast'), mask);
  }
  if (kinds.translation)
    x = shift(x, look('translation') as tf.Tensor1D, look('translation.back') as tf.Tensor1D);
  return kinds.cutout ? tf.mul(x, look('cutout')) : x;
}

/**
 * The probability after a step: it goes towards where the discriminator's verdicts on reals have the target's mean sign (Karras et al.,
 * 2020; NVlabs/stylegan2-ada-pytorch training/training_loop.py, where it is moved after every fourth batch).
 * @param signs mean sign of the step's verdicts on reals, -1 to 1
 * @param images real ones that the step has seen
 */
export function adaptedProbability(
  { adaptive }: Augmentation,
  probability: number,
  signs: number,
  images: number,
): number {
  if (adaptive === null) return probability;
  const moved = probability + (Math.sign(signs - adaptive.target) * images) / (adaptive.kimg * 1000);
  return Math.min(1, Math.max(0, moved));
}

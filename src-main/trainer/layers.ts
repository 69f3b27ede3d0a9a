/**
 * The parts of a block as TensorFlow.js operations: [batch, height, width, channels] in, the same out. Each is written with few
 * passes over memory and so that its gradient asks for nothing but kernels which every engine has.
 */
import * as tf from '@tensorflow/tfjs';
import type { Activation, Pair } from '../../src-shared/gan/block.ts';
import './second-order.ts';

/** pytorch's default for nn.BatchNorm2d. */
export const batchNormEpsilon = 1e-5;
/** Share of the new batch in the moving statistics: pytorch's `momentum`, 1 - Keras'. */
export const batchNormMomentum = 0.1;
const spectralNormEpsilon = 1e-12;

type ExplicitPadding = [[number, number], [number, number], [number, number], [number, number]];

function zeros(padding: Pair): ExplicitPadding {
  const [top, left] = padding;
  return [
    [0, 0],
    [top, top],
    [left, left],
    [0, 0],
  ];
}

/** @param kernel [height, width, in, out] */
export function convolution(x: tf.Tensor4D, kernel: tf.Tensor4D, stride: Pair, padding: Pair): tf.Tensor4D {
  return tf.conv2d(x, kernel, stride, zeros(padding));
}

/**
 * The adjoint of {@link convolution}: the gradient of its input. `output` says which of the sizes that the convolution would bring
 * to `x`'s size is meant; this is what output padding does elsewhere.
 * @param kernel [height, width, out, in]
 * @param output [height, width, channels]
 */
export function transposedConvolution(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  output: [number, number, number],
  stride: Pair,
  padding: Pair,
): tf.Tensor4D {
  return tf.conv2dTranspose(x, kernel, [x.shape[0], ...output], stride, zeros(padding));
}

/** Batch statistics of one normalisation: [channels] each. */
export interface BatchStatistics {
  mean: tf.Tensor1D;
  /** Mean squared distance from the mean (divided by n). */
  variance: tf.Tensor1D;
}

/** {@link batchNorm} with TensorFlow.js' own gradients: slower, and they can be differentiated once more. */
function plainBatchNorm(x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D): tf.Tensor4D {
  const axes = [0, 1, 2];
  const centred = tf.sub(x, tf.mean<tf.Tensor1D>(x, axes));
  const variance = tf.mean<tf.Tensor1D>(tf.square(centred), axes);
  return tf.add(tf.mul(centred, tf.mul(gamma, tf.rsqrt(tf.add(variance, batchNormEpsilon)))), beta);
}

/** What a normalisation is asked for beside its result. */
export interface NormOptions {
  /** Is given the statistics; they are kept beyond any `tf.tidy`, and whoever observes disposes them. */
  observe?: undefined | ((statistics: BatchStatistics) => void);
  /** Whether gradients of gradients will be asked for; nothing is observed then. */
  twice?: boolean;
}

/** Normalises with the statistics of this very batch. */
export function batchNorm(
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  { observe, twice = false }: NormOptions = {},
): tf.Tensor4D {
  if (twice) return plainBatchNorm(x, gamma, beta);
  const axes = [0, 1, 2];
  const count = x.size / x.shape[3];
  const normalise = tf.customGrad((...args) => {
    const [x_, gamma_, beta_, save] = args as unknown as [
      tf.Tensor4D,
      tf.Tensor1D,
      tf.Tensor1D,
      (tensors: tf.Tensor[]) => void,
    ];
    const mean = tf.mean<tf.Tensor1D>(x_, axes);
    const centred = tf.sub(x_, mean);
    const variance = tf.mean<tf.Tensor1D>(tf.square(centred), axes);
    const inverse = tf.rsqrt(tf.add(variance, batchNormEpsilon));
    const value = tf.add(tf.mul(centred, tf.mul(gamma_, inverse)), beta_);
    save([centred, gamma_, inverse]);
    observe?.({ mean: tf.keep(mean), variance: tf.keep(variance) });
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [centred_, gamma__, inverse_] = saved as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
      const dBeta = tf.sum(dy, axes);
      const dScale = tf.sum(tf.mul(dy, centred_), axes);
      // dx = gamma/s (dy - mean(dy) - x^ mean(dy x^)), with x^ = centred/s, gathered into one factor for dy and one for centred.
      const forDy = tf.mul(gamma__, inverse_);
      const forCentred = tf.mul(tf.mul(forDy, tf.square(inverse_)), tf.div(dScale, -count));
      const constant = tf.mul(forDy, tf.div(dBeta, -count));
      const dx = tf.add(tf.add(tf.mul(dy, forDy), tf.mul(centred_, forCentred)), constant);
      return [dx, tf.mul(dScale, inverse_), dBeta];
    };
    return { value, gradFunc };
  });
  return normalise(x, gamma, beta) as tf.Tensor4D;
}

/** Normalises with given statistics: what a trained network does when it is used. */
export function frozenBatchNorm(
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  statistics: BatchStatistics,
): tf.Tensor4D {
  const scale = tf.mul(gamma, tf.rsqrt(tf.add(statistics.variance, batchNormEpsilon)));
  return tf.add(tf.mul(x, scale), tf.sub(beta, tf.mul(statistics.mean, scale)));
}

/**
 * Normalises each image by itself, in groups of neighbouring channels (Wu and He): with one group layer norm, with as many as channels
 * instance norm. The same as `nn.GroupNorm`.
 */
export function groupNorm(
  x: tf.Tensor4D,
  groups: number,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const grouped = tf.reshape(x, [batch, height * width, groups, channels / groups]);
  const axes = [1, 3];
  const centred = tf.sub(grouped, tf.mean(grouped, axes, true));
  const variance = tf.mean(tf.square(centred), axes, true);
  const normalised = tf.mul(centred, tf.rsqrt(tf.add(variance, batchNormEpsilon)));
  return tf.add(tf.mul(tf.reshape(normalised, x.shape), gamma), beta);
}

export const pixelNormEpsilon = 1e-8;

/** Each pixel divided by the root of its mean square over the channels (tkarras/progressive_growing_of_gans networks.py). */
export function pixelNorm(x: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), [3], true), pixelNormEpsilon)));
}

const stddevEpsilon = 1e-8;

/**
 * The images with a channel more, of one number everywhere: the mean of every value's standard deviation over the batch
 * (tkarras/progressive_growing_of_gans networks.py, minibatch_stddev_layer, with the whole batch as its group).
 */
export function minibatchStddev(x: tf.Tensor4D): tf.Tensor4D {
  const [batch, height, width] = x.shape;
  const centred = tf.sub(x, tf.mean(x, 0));
  const deviation = tf.mean(tf.sqrt(tf.add(tf.mean(tf.square(centred), 0), stddevEpsilon)));
  return tf.concat([x, tf.mul(tf.ones<tf.Rank.R4>([batch, height, width, 1]), deviation)], 3);
}

/** The moving statistics after a batch of `count` values a channel; the variance is the unbiased one, as in PyTorch. */
export function movingStatistics(
  old: BatchStatistics,
  batch: BatchStatistics,
  count: number,
): BatchStatistics {
  const move = (from: tf.Tensor1D, to: tf.Tensor1D, factor: number) =>
    tf.add<tf.Tensor1D>(tf.mul(from, 1 - batchNormMomentum), tf.mul(to, batchNormMomentum * factor));
  return {
    mean: move(old.mean, batch.mean, 1),
    variance: move(old.variance, batch.variance, count > 1 ? count / (count - 1) : 1),
  };
}

/** Estimates of a matrix' first singular vectors: [inputs] and [outputs]. */
export interface SingularVectors {
  v: tf.Tensor1D;
  u: tf.Tensor1D;
}

/** A kernel as the matrix whose largest singular value spectral norm divides by: [rest, outputs]. */
function matrixOf(kernel: tf.Tensor, transposed: boolean): tf.Tensor2D {
  if (transposed) {
    const [height, width, outputs, inputs] = kernel.shape as [number, number, number, number];
    return tf.reshape(tf.transpose(kernel, [0, 1, 3, 2]), [height * width * inputs, outputs]);
  }
  return tf.reshape(kernel, [-1, kernel.shape.at(-1)!]);
}

function unit(vector: tf.Tensor2D): tf.Tensor2D {
  return tf.div(vector, tf.maximum(tf.sqrt(tf.sum(tf.square(vector))), spectralNormEpsilon));
}

/**
 * One power iteration from u (Miyato et al., pfnet-research/sngan_projection source/functions/max_sv.py; the norm as in
 * torch/nn/utils/spectral_norm.py).
 * @param transposed whether the kernel is a transposed convolution's, [height, width, out, in]
 */
export function powerIteration(kernel: tf.Tensor, u: tf.Tensor1D, transposed: boolean): SingularVectors {
  const matrix = matrixOf(kernel, transposed);
  const v = unit(tf.matMul(matrix, tf.reshape(u, [-1, 1])));
  const next = unit(tf.matMul(matrix, v, true));
  return { v: tf.reshape(v, [-1]), u: tf.reshape(next, [-1]) };
}

/** The kernel over its largest singular value, u^T W v; no gradient goes through u and v. */
export function spectralNorm<K extends tf.Tensor>(
  kernel: K,
  vectors: SingularVectors,
  transposed: boolean,
): K {
  const matrix = matrixOf(kernel, transposed);
  const image = tf.matMul(matrix, tf.reshape(vectors.v, [-1, 1]), true);
  const sigma = tf.sum(tf.mul(image, tf.reshape(vectors.u, [-1, 1])));
  return tf.div(kernel, sigma);
}

/** x above 0, slope * x below; the gradient's mask comes from one pass over the output, whose sign is the input's. */
function leakyRelu(x: tf.Tensor4D, slope: number): tf.Tensor4D {
  if (slope === 0) return tf.relu(x);
  const activate = tf.customGrad((...args) => {
    const [x_, save] = args as unknown as [tf.Tensor4D, (tensors: tf.Tensor[]) => void];
    const value = tf.leakyRelu(x_, slope);
    save([value]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.step(saved[0]!, slope));
    return { value, gradFunc };
  });
  return activate(x);
}

/** x times the normal distribution's cumulative function (Hendrycks and Gimpel; pytorch's exact form). */
function gelu(x: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

export function activate(x: tf.Tensor4D, activation: Activation): tf.Tensor4D {
  switch (activation.kind) {
    case 'none':
      return x;
    case 'relu':
      return tf.relu(x);
    case 'leakyRelu':
      return leakyRelu(x, activation.slope);
    case 'elu':
      return tf.elu(x);
    case 'selu':
      return tf.selu(x);
    case 'gelu':
      return gelu(x);
    case 'swish':
      return tf.mul(x, tf.sigmoid(x));
    case 'sigmoid':
      return tf.sigmoid(x);
    case 'tanh':
      return tf.tanh(x);
  }
}

/** Largest value of each window; of equal ones the first, row by row, gets the gradient. Rows that fill no window are dropped. */
export function maxPool(x: tf.Tensor4D, window: Pair): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const [rows, columns] = [Math.floor(height / window[0]), Math.floor(width / window[1])];
  const whole = tf.slice(x, [0, 0, 0, 0], [batch, rows * window[0], columns * window[1], channels]);
  const across = largest(tf.reshape(whole, [batch * rows * window[0] * columns, window[1], channels]));
  const down = largest(tf.reshape(across, [batch * rows, window[0], columns * channels]));
  return tf.reshape(down, [batch, rows, columns, channels]);
}

/** The largest along the middle axis. */
function largest(x: tf.Tensor3D): tf.Tensor {
  const [rows, taps, channels] = x.shape;
  let best: tf.Tensor = tf.slice(x, [0, 0, 0], [rows, 1, channels]);
  for (let tap = 1; tap < taps; tap += 1) {
    best = tf.maximum(best, tf.slice(x, [0, tap, 0], [rows, 1, channels]));
  }
  return best;
}

/** Repeats each pixel, then the last row and column: the inverse of {@link maxPool}'s size. */
export function unpool(x: tf.Tensor4D, times: Pair, edge: Pair): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const repeated = tf.mul(
    tf.reshape(x, [batch * height, 1, width, 1, channels]),
    tf.ones([1, times[0], 1, times[1], 1]),
  );
  const scaled: tf.Tensor4D = tf.reshape(repeated, [batch, height * times[0], width * times[1], channels]);
  return repeatLast(repeatLast(scaled, 1, edge[0]), 2, edge[1]);
}

function repeatLast(x: tf.Tensor4D, axis: 1 | 2, times: number): tf.Tensor4D {
  if (times === 0) return x;
  const begin: [number, number, number, number] = [0, 0, 0, 0];
  begin[axis] = x.shape[axis] - 1;
  const size: [number, number, number, number] = [...x.shape];
  size[axis] = 1;
  const last = tf.slice(x, begin, size);
  return tf.concat([x, ...Array.from({ length: times }, () => last)], axis);
}

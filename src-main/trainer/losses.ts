/**
 * Adversarial losses on logits, a = D(x) for reals and b = D(G(z)) for fakes, each a mean over the batch. The discriminator's is
 * the sum over reals and fakes, not their mean. Formulas: PyTorch-StudioGAN src/utils/losses.py.
 */
import * as tf from '@tensorflow/tfjs';
import type { LossName } from '../../src-shared/training.ts';

export interface Loss {
  /** @param smoothing what the target of reals lies below 1 (`labelSmoothing`); always 0 for a loss without targets */
  discriminatorOnReals(a: tf.Tensor1D, smoothing: number): tf.Scalar;
  discriminatorOnFakes(b: tf.Tensor1D): tf.Scalar;
  generator(b: tf.Tensor1D): tf.Scalar;
  /** What "D(x)" shows: the probability of "real" where the logit means one, else the plain mean. */
  opinion(logits: tf.Tensor1D): tf.Scalar;
}

const mean = (x: tf.Tensor): tf.Scalar => tf.mean(x);
const halfSquare = (x: tf.Tensor): tf.Scalar => tf.mul(mean(tf.square(x)), 0.5);

export const losses: Record<LossName, Loss> = {
  /**
   * softplus(-a) + softplus(b); softplus(-b): Goodfellow et al.'s non-saturating loss, stable at any logit. With a target of 1 - s the
   * cross-entropy of reals is (1 - s) softplus(-a) + s softplus(a), which is softplus(-a) + s a.
   */
  ns: {
    discriminatorOnReals: (a, smoothing) => {
      const loss = mean(tf.softplus(tf.neg(a)));
      return smoothing === 0 ? loss : tf.add(loss, tf.mul(mean(a), smoothing));
    },
    discriminatorOnFakes: (b) => mean(tf.softplus(b)),
    generator: (b) => mean(tf.softplus(tf.neg(b))),
    opinion: (logits) => mean(tf.sigmoid(logits)),
  },
  /** (a - 1)^2 / 2 + b^2 / 2; (b - 1)^2 / 2: LSGAN. */
  ls: {
    discriminatorOnReals: (a, smoothing) => halfSquare(tf.sub(a, 1 - smoothing)),
    discriminatorOnFakes: (b) => halfSquare(b),
    generator: (b) => halfSquare(tf.sub(b, 1)),
    opinion: mean,
  },
  /** relu(1 - a) + relu(1 + b); -b: the hinge loss of geometric GAN and SAGAN. */
  hinge: {
    discriminatorOnReals: (a) => mean(tf.relu(tf.sub(1, a))),
    discriminatorOnFakes: (b) => mean(tf.relu(tf.add(b, 1))),
    generator: (b) => tf.neg(mean(b)),
    opinion: mean,
  },
  /** mean b - mean a; -mean b: the critic of Arjovsky et al. Its negative estimates the distance between reals and fakes. */
  wasserstein: {
    discriminatorOnReals: (a) => tf.neg(mean(a)),
    discriminatorOnFakes: mean,
    generator: (b) => tf.neg(mean(b)),
    opinion: mean,
  },
};

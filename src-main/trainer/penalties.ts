/** Penalties on the length of the discriminator's gradient: where it is taken, and what is made of it. Means over the batch. */
import * as tf from '@tensorflow/tfjs';
import type { PenaltyName } from '../../src-shared/training.ts';

export interface Penalty {
  /** The images that the gradient is taken at: `mixed` lie between a real and a fake, at a place that is drawn for each pair. */
  at: 'reals' | 'fakes' | 'mixed';
  /** @param squares the squared length of each image's gradient, over all its values: [batch] */
  of: (squares: tf.Tensor1D) => tf.Scalar;
}

/** Keeps the slope of a root finite at zero (tensorflow/gan, losses_impl.py). */
const guard = 1e-10;

const mean = (x: tf.Tensor): tf.Scalar => tf.mean(x);

export const penalties: Record<PenaltyName, Penalty> = {
  /** E (|grad D(x)| - 1)^2 with x = alpha * real + (1 - alpha) * fake, alpha even in 0..1: igul222/improved_wgan_training. */
  gp: {
    at: 'mixed',
    of: (squares) => mean(tf.square(tf.sub(tf.sqrt(tf.add(squares, guard)), 1))),
  },
  /** E |grad D(x)|^2 / 2 on reals: Mescheder et al., with the half of stylegan2-ada-pytorch training/loss.py. */
  r1: { at: 'reals', of: (squares) => tf.mul(mean(squares), 0.5) },
  /** The same on fakes. */
  r2: { at: 'fakes', of: (squares) => tf.mul(mean(squares), 0.5) },
};

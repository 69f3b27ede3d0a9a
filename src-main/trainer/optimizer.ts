/** How parameters follow their gradients. Formulas and the meaning of every number are PyTorch's (`torch.optim`). */
import * as tf from '@tensorflow/tfjs';
import type { Hyperparameters, Optimizer, OptimizerName } from '../../src-shared/training.ts';

/** A parameter, and what is remembered of its gradients. */
export interface Followed<T extends tf.Tensor = tf.Tensor> {
  parameter: T;
  /** Of the gradients: their moving mean, or the sum that momentum keeps. */
  m: T;
  /** Moving mean of their squares. */
  v: T;
}

interface Rule {
  /**
   * Numbers of one update, computed outside in double precision.
   * @param update 1 for the network's first
   */
  factors: (settings: Optimizer, update: number) => Record<string, number>;
  /** One update. What a rule does not remember stays as it is. */
  follow: (
    followed: Followed,
    gradient: tf.Tensor,
    settings: Optimizer,
    factors: Record<string, tf.Tensor>,
  ) => Followed;
}

/** beta * old + (1 - beta) * new */
function moved(old: tf.Tensor, to: tf.Tensor, beta: number): tf.Tensor {
  return tf.add(tf.mul(old, beta), tf.mul(to, 1 - beta));
}

/**
 * Kingma and Ba. The bias corrections are folded into two numbers (end of section 2): stepSize = rate * sqrt(1 - beta2^t) / (1 - beta1^t),
 * and epsilon * sqrt(1 - beta2^t), so that epsilon means what it means in PyTorch.
 */
const adam: Rule = {
  factors({ learningRate, beta1, beta2, epsilon }, update) {
    const correction = Math.sqrt(1 - beta2 ** update);
    return {
      stepSize: (learningRate * correction) / (1 - beta1 ** update),
      epsilon: epsilon * correction,
    };
  },
  follow({ parameter, m, v }, gradient, { beta1, beta2 }, { stepSize, epsilon }) {
    const nextM = moved(m, gradient, beta1);
    const nextV = moved(v, tf.square(gradient), beta2);
    const change = tf.div(tf.mul(nextM, stepSize!), tf.add(tf.sqrt(nextV), epsilon!));
    return { parameter: tf.sub(parameter, change), m: nextM, v: nextV };
  },
};

export const optimizers: Record<OptimizerName, Rule> = {
  adam,
  /** Loshchilov and Hutter: Adam, after each weight has lost the share rate * weightDecay. */
  adamw: {
    factors: (settings, update) => ({
      ...adam.factors(settings, update),
      left: 1 - settings.learningRate * settings.weightDecay,
    }),
    follow(followed, gradient, settings, factors) {
      const parameter = tf.mul(followed.parameter, factors['left']!);
      return adam.follow({ ...followed, parameter }, gradient, settings, factors);
    },
  },
  /** rate * g / (sqrt(v) + epsilon), v with beta2 (PyTorch's alpha). */
  rmsprop: {
    factors: ({ learningRate }) => ({ stepSize: learningRate }),
    follow({ parameter, m, v }, gradient, { beta2, epsilon }, { stepSize }) {
      const nextV = moved(v, tf.square(gradient), beta2);
      const change = tf.div(tf.mul(gradient, stepSize!), tf.add(tf.sqrt(nextV), epsilon));
      return { parameter: tf.sub(parameter, change), m, v: nextV };
    },
  },
  /** rate * m, m = beta1 * m + g. */
  sgd: {
    factors: ({ learningRate }) => ({ stepSize: learningRate }),
    follow({ parameter, m, v }, gradient, { beta1 }, { stepSize }) {
      const nextM = beta1 === 0 ? m : tf.add(tf.mul(m, beta1), gradient);
      const direction = beta1 === 0 ? gradient : nextM;
      return { parameter: tf.sub(parameter, tf.mul(direction, stepSize!)), m: nextM, v };
    },
  },
};

/** All gradients of a network, scaled so that together they are no longer than `longest` (torch.nn.utils.clip_grad_norm_). */
export function clipped(gradients: readonly tf.Tensor[], longest: number): tf.Tensor[] {
  const squares = gradients.map((gradient) => tf.sum(tf.square(gradient)));
  const length = tf.sqrt(tf.addN(squares));
  const factor = tf.minimum(tf.div(longest, tf.add(length, 1e-6)), 1);
  return gradients.map((gradient) => tf.mul(gradient, factor));
}

/** What the schedule leaves of the learning rates: 1 to 0. @param imagesSeen before this step */
export function rateLeft({ schedule }: Hyperparameters, imagesSeen: number): number {
  const done = Math.min(1, imagesSeen / (schedule.kimg * 1000));
  switch (schedule.kind) {
    case 'constant':
      return 1;
    case 'linear':
      return 1 - done;
    case 'cosine':
      return (1 + Math.cos(Math.PI * done)) / 2;
  }
}

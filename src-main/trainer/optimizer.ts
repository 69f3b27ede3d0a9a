import * as tf from '@tensorflow/tfjs';

/** Adam's factors for one step, computed outside in double precision. */
export interface AdamFactors {
  /** learning rate * sqrt(1 - beta2^t) / (1 - beta1^t) */
  stepSize: number;
  /** epsilon * sqrt(1 - beta2^t), so that epsilon means what it means in PyTorch */
  epsilon: number;
}

/**
 * Adam's bias corrections folded into two numbers (Kingma and Ba, end of section 2).
 * @param step 1 for the first
 */
export function adamFactors(
  settings: { learningRate: number; beta1: number; beta2: number; epsilon: number },
  step: number,
): AdamFactors {
  const correction = Math.sqrt(1 - settings.beta2 ** step);
  return {
    stepSize: (settings.learningRate * correction) / (1 - settings.beta1 ** step),
    epsilon: settings.epsilon * correction,
  };
}

export interface AdamState<T extends tf.Tensor = tf.Tensor> {
  parameter: T;
  /** Moving mean of the gradient. */
  m: T;
  /** Moving mean of its square. */
  v: T;
}

/** One step of Adam. `stepSize` and `epsilon` are scalars from {@link adamFactors}. */
export function adam(
  { parameter, m, v }: AdamState,
  gradient: tf.Tensor,
  betas: { beta1: number; beta2: number },
  stepSize: tf.Scalar,
  epsilon: tf.Scalar,
): AdamState {
  const nextM = tf.add(tf.mul(m, betas.beta1), tf.mul(gradient, 1 - betas.beta1));
  const nextV = tf.add(tf.mul(v, betas.beta2), tf.mul(tf.square(gradient), 1 - betas.beta2));
  const change = tf.div(tf.mul(nextM, stepSize), tf.add(tf.sqrt(nextV), epsilon));
  return { parameter: tf.sub(parameter, change), m: nextM, v: nextV };
}

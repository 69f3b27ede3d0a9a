/**
 * Gradients of gradients, which penalties on a gradient's length need. TensorFlow.js 4.22 differentiates most operations twice, but has no
 * gradient for comparisons, and for those whose gradient reads the saved output it gives a second one that is silently wrong, because
 * nothing leads from the saved copy back to the input. Importing this file repairs both for the operations that blocks are made of;
 * test/trainer/second-order.test.ts tries each part of a block against finite differences.
 */
import * as tf from '@tensorflow/tfjs';

/** Takes the place of what TensorFlow.js has registered. @param slope of the operation at x, made of operations with gradients */
function fromInput(kernelName: string, slope: (x: tf.Tensor) => tf.Tensor): void {
  tf.unregisterGradient(kernelName);
  tf.registerGradient({
    kernelName,
    inputsToSave: ['x'],
    gradFunc: (dy, saved) => ({ x: () => tf.mul(dy as tf.Tensor, slope(saved[0]!)) }),
  });
}

fromInput('Tanh', (x) => tf.sub(1, tf.square(tf.tanh(x))));
fromInput('Sigmoid', (x) => {
  const y = tf.sigmoid(x);
  return tf.mul(y, tf.sub(1, y));
});
fromInput('Exp', (x) => tf.exp(x));
fromInput('Elu', (x) => tf.exp(tf.minimum(x, 0)));

/** Comparisons are constant all around, save on a line that no number meets. */
for (const kernelName of ['Greater', 'Less', 'LessEqual']) {
  tf.registerGradient({
    kernelName,
    inputsToSave: ['a', 'b'],
    gradFunc: (_dy, saved) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      return { a: () => tf.zerosLike(a), b: () => tf.zerosLike(b) };
    },
  });
}

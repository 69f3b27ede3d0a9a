/** The best rate at which the onnx engine multiplies matrices here, over several shapes; prints one line of JSON. */
import * as tf from '@tensorflow/tfjs';
import { onnxEngine } from '../src-main/trainer/engines/onnx/engine.ts';
import { Random } from '../src-main/trainer/random.ts';

/** [rows, inner, columns] */
const shapes = [
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [4096, 1024, 512],
  [8192, 512, 256],
] as const;
const rounds = 5;

const engine = onnxEngine();
let best = 0;
for (const [rows, inner, columns] of shapes) {
  const state = [
    { name: 'x', shape: [rows, inner] },
    { name: 'y', shape: [inner, columns] },
  ];
  // One number comes back: copying the product out is not what is measured.
  const program = await engine.prepare(
    ({ x, y }) => ({ state: {}, outputs: { corner: tf.slice(tf.matMul(x!, y!), [0, 0], [1, 1]) } }),
    state,
    [],
  );
  const random = new Random(1, 'matrices');
  program.write({
    x: random.normal(new Float32Array(rows * inner)),
    y: random.normal(new Float32Array(inner * columns)),
  });
  await program.run({});
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await program.run({});
    const seconds = (performance.now() - start) / 1000;
    best = Math.max(best, (2 * rows * inner * columns) / seconds / 1e9);
  }
  await program.dispose();
}
process.stdout.write(`${JSON.stringify({ gigaflops: best })}\n`);

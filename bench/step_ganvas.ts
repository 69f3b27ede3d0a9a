/** Times the training step of the onnx engine on random images; prints one line of JSON. Arguments: resolution, batch, base channels, steps, folder of kept recordings. */
import { dcgan } from '../src-shared/gan/presets.ts';
import { summary } from '../src-shared/gan/summary.ts';
import { defaultHyperparameters } from '../src-shared/training.ts';
import { onnxEngine } from '../src-main/trainer/engines/onnx/engine.ts';
import { Recordings } from '../src-main/trainer/engines/onnx/recordings.ts';
import { elements, initialState, stateTensors } from '../src-main/trainer/parameters.ts';
import { Random } from '../src-main/trainer/random.ts';
import { drawInputs, stepInputs } from '../src-main/trainer/step-inputs.ts';
import { aboutStep, stepPlan } from '../src-main/trainer/step-plan.ts';
import { trainStep } from '../src-main/trainer/train-step.ts';

const [resolution, batch, base, steps] = process.argv.slice(2, 6).map(Number) as [
  number,
  number,
  number,
  number,
];
const graphs = process.argv[6];
const design = dcgan('bench', { height: resolution, width: resolution, channels: 3 }, base, 100);
// PyTorch's example keeps no average of the generator, so neither does its counterpart here.
const hyperparameters = { ...defaultHyperparameters(), batch, ema: { halfLifeKimg: null, rampUp: null } };
const plan = stepPlan(design, hyperparameters);
const inputs = stepInputs(plan);

const begun = performance.now();
const recordings = graphs === undefined ? undefined : new Recordings(graphs);
const program = await onnxEngine(undefined, recordings).prepare(
  (state, given) => {
    const { state: next, losses } = trainStep(plan, state, given);
    return { state: next, outputs: { losses } };
  },
  stateTensors(design, false),
  inputs,
  aboutStep(plan),
);
program.write(initialState(design, 1, false, 0.02));
const reals = new Random(1, 'reals').normal(new Float32Array(elements(inputs[0]!.shape)));
const times: number[] = [];
let setUp = 0;
for (let step = 1; step <= steps + 2; step += 1) {
  const start = performance.now();
  await program.run({ reals, ...drawInputs(plan, 1, step, 0) });
  times.push(performance.now() - start);
  if (step === 1) setUp = performance.now() - begun;
}
// The first two warm caches and buffers, as in the PyTorch script.
const sorted = times.slice(2).sort((a, b) => a - b);
const ms = sorted[Math.floor(sorted.length / 2)]!;
const multiplyAdds = summary(design).stepMultiplyAdds * batch;
const peakMB = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ ms, peakMB, setUp, multiplyAdds })}\n`);

/** One file for ONNX Runtime and all that reads ONNX. */
import '../engines/onnx/no-telemetry.ts';
import * as ort from 'onnxruntime-node';
import { writeSynced } from '../files.ts';
import { encodeModel } from '../engines/onnx/protobuf.ts';
import { fromStateDict, toStateDict } from './channels-first.ts';
import { describe } from './description.ts';
import type { Format } from './format.ts';
import { inputName, onnxModel, outputName } from './onnx-model.ts';
import type { Trial } from './trained-generator.ts';
import { channelsLast, largestDifference } from './trained-generator.ts';

/**
 * What a model gives for the trial's latents.
 * @param model path or bytes
 * @returns [count, height, width, channels]
 */
export async function runOnnx(model: string | Uint8Array, { z, count, image }: Trial): Promise<Float32Array> {
  const options = { executionProviders: ['cpu'], logSeverityLevel: 3 } as const;
  const session =
    typeof model === 'string'
      ? await ort.InferenceSession.create(model, options)
      : await ort.InferenceSession.create(model, options);
  try {
    const results = await session.run({
      [inputName]: new ort.Tensor('float32', z, [count, z.length / count]),
    });
    return channelsLast(results[outputName]!.data as Float32Array, count, image);
  } finally {
    await session.release();
  }
}

export const onnx: Format = {
  kind: 'file',
  trials: 16,
  tolerance: 1e-4,
  async write(target, generator) {
    const model = onnxModel(generator.network, fromStateDict(generator.info.design, toStateDict(generator)));
    await writeSynced(target, encodeModel(model, await describe(generator, 'first')));
  },
  difference: async (target, trial) => largestDifference(trial.images, await runOnnx(target, trial)),
};

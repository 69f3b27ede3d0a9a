/** A folder that `tf.loadLayersModel` reads: `model.json` and the weights, cut as tfjs-converter cuts them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { writeSynced } from '../files.ts';
import { describe } from './description.ts';
import type { Format } from './format.ts';
import { tfjsModel } from './tfjs-model.ts';
import type { TrainedGenerator, Trial } from './trained-generator.ts';
import { largestDifference } from './trained-generator.ts';

const modelFile = 'model.json';
/** Browsers cache files of this size. */
const shardBytes = 4 * 1024 * 1024;

/** Does something on TensorFlow.js' own backend, and goes back to the one that an engine may have chosen. */
async function onCpu<T>(work: () => Promise<T>): Promise<T> {
  // Nothing when none has been chosen yet, whatever the type says.
  const before: string | null | undefined = tf.getBackend();
  // Else it prints an advertisement for another package at its first operation.
  tf.enableProdMode();
  await tf.setBackend('cpu');
  try {
    return await work();
  } finally {
    if (typeof before === 'string') await tf.setBackend(before);
  }
}

async function writeArtifacts(folder: string, artifacts: tf.io.ModelArtifacts): Promise<void> {
  const { modelTopology, weightSpecs, weightData, format, generatedBy, convertedBy, userDefinedMetadata } =
    artifacts;
  const bytes = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
  const shards = Math.ceil(bytes.length / shardBytes);
  const paths: string[] = [];
  for (let i = 0; i < shards; i += 1) {
    const name = `group1-shard${i + 1}of${shards}.bin`;
    await writeSynced(join(folder, name), bytes.subarray(i * shardBytes, (i + 1) * shardBytes));
    paths.push(name);
  }
  const weightsManifest = [{ paths, weights: weightSpecs }];
  const model = { format, generatedBy, convertedBy, modelTopology, weightsManifest, userDefinedMetadata };
  await writeSynced(join(folder, modelFile), JSON.stringify(model));
}

async function save(folder: string, generator: TrainedGenerator): Promise<void> {
  const description = await describe(generator, 'last');
  await onCpu(async () => {
    const model = tfjsModel(generator);
    try {
      model.setUserDefinedMetadata({ ganvas: description });
      const handler = tf.io.withSaveHandler(async (artifacts) => {
        await writeArtifacts(folder, artifacts);
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
      });
      await model.save(handler);
    } finally {
      model.dispose();
    }
  });
}

async function load(folder: string): Promise<tf.LayersModel> {
  const json = JSON.parse(await readFile(join(folder, modelFile), 'utf8')) as tf.io.ModelJSON;
  return tf.loadLayersModel({
    load: () =>
      tf.io.getModelArtifactsForJSON(json, async (manifest) => {
        const shards = manifest.flatMap(({ paths }) => paths.map((path) => readFile(join(folder, path))));
        const bytes = Uint8Array.from(Buffer.concat(await Promise.all(shards)));
        return [manifest.flatMap(({ weights }) => weights), bytes.buffer];
      }),
  });
}

/** [count, height, width, channels] */
function run(folder: string, { z, count }: Trial): Promise<Float32Array> {
  return onCpu(async () => {
    const model = await load(folder);
    try {
      return tf.tidy(() => {
        const images = model.predict(tf.tensor2d(z, [count, z.length / count])) as tf.Tensor;
        return images.dataSync<'float32'>();
      });
    } finally {
      model.dispose();
    }
  });
}

export const tfjs: Format = {
  kind: 'folder',
  trials: 16,
  tolerance: 1e-4,
  write: save,
  difference: async (target, trial) => largestDifference(trial.images, await run(target, trial)),
};

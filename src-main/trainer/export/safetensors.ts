/** A folder for PyTorch: the tensors, the code that they belong to, and a description for whoever uses neither. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { Design } from '../../../src-shared/gan/block.ts';
import { mirror } from '../../../src-shared/gan/mirror.ts';
import { pytorchCode } from '../../../src-shared/gan/pytorch.ts';
import { encodeModel } from '../engines/onnx/protobuf.ts';
import { writeSynced } from '../files.ts';
import { decodeSafetensors, encodeSafetensors } from '../safetensors.ts';
import { fromStateDict, toStateDict } from './channels-first.ts';
import { ganvasVersion, imageMeaning, latentMeaning, weightsMeaning } from './description.ts';
import type { Format } from './format.ts';
import { runOnnx } from './onnx.ts';
import { onnxModel } from './onnx-model.ts';
import { pytorchExample } from './pytorch-example.ts';
import type { TrainedGenerator, Trial } from './trained-generator.ts';
import { largestDifference } from './trained-generator.ts';

const tensorFile = 'generator.safetensors';
const descriptionFile = 'generator.json';
const codeFile = 'generator.py';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** What `generator.json` holds. */
const GeneratorFile = v.strictObject({
  format: v.literal('ganvas-generator'),
  version: v.literal(1),
  ganvasVersion: v.string(),
  /** The discriminator that the generator mirrors; `mirror` derives one from the other. */
  design: Design,
  step: count,
  /** Thousands of real images that it has been trained on. */
  kimg: v.number(),
  /** Which weights these are. */
  weights: v.string(),
  latent: v.strictObject({ length: count, distribution: v.string() }),
  image: v.strictObject({ height: count, width: count, channels: count, values: v.string() }),
  tensors: v.strictObject({ file: v.string(), names: v.string(), layout: v.string() }),
});
type GeneratorFile = v.InferOutput<typeof GeneratorFile>;

async function description(generator: TrainedGenerator): Promise<GeneratorFile> {
  const { info, image } = generator;
  return {
    format: 'ganvas-generator',
    version: 1,
    ganvasVersion: await ganvasVersion(),
    design: info.design,
    step: info.step,
    kimg: info.imagesSeen / 1000,
    weights: weightsMeaning(generator),
    latent: { length: info.design.latentDim, distribution: latentMeaning },
    image: { ...image, values: imageMeaning },
    tensors: {
      file: tensorFile,
      names: `state_dict of Generator in ${codeFile}`,
      layout:
        'float32, as in PyTorch: images [N, channels, height, width]; transposed convolutions [inputs, outputs, height, width]; matrices [outputs, inputs], with images flattened channels first',
    },
  };
}

async function write(folder: string, generator: TrainedGenerator): Promise<void> {
  const { design } = generator.info;
  await writeSynced(join(folder, tensorFile), encodeSafetensors(toStateDict(generator), { format: 'pt' }));
  await writeSynced(
    join(folder, descriptionFile),
    `${JSON.stringify(await description(generator), null, 2)}\n`,
  );
  await writeSynced(join(folder, codeFile), pytorchCode(design, pytorchExample(tensorFile)));
}

/** What the files say, as an ONNX model: PyTorch's layouts are ONNX' own, and none of the trainer's code takes part. */
async function run(folder: string, trial: Trial): Promise<Float32Array> {
  const json: unknown = JSON.parse(await readFile(join(folder, descriptionFile), 'utf8'));
  const { design, tensors } = v.parse(GeneratorFile, json);
  const stored = decodeSafetensors(await readFile(join(folder, tensors.file)));
  const model = onnxModel(mirror(design.discriminator, design.latentDim), fromStateDict(design, stored));
  return runOnnx(encodeModel(model), trial);
}

export const safetensors: Format = {
  kind: 'folder',
  trials: 16,
  tolerance: 1e-4,
  write,
  difference: async (target, trial) => largestDifference(trial.images, await run(target, trial)),
};

/** A generator's tensors as PyTorch and ONNX lay them out: images, and all that is flattened from them, channels first. */
import type { Design } from '../../../src-shared/gan/block.ts';
import { stateDict } from '../../../src-shared/gan/state-dict.ts';
import { permute } from './permute.ts';
import { divided } from './spectral-norm.ts';
import type { Tensors, TrainedGenerator } from './trained-generator.ts';

/** The `state_dict` of the generator in `pytorchCode(design)`. */
export function toStateDict({ info, tensors }: TrainedGenerator): Tensors {
  return Object.fromEntries(
    stateDict(info.design).generator.map(({ block, part, key, view, axes, shape }) => {
      const { values } = tensors[`generator.${block}.${part}`]!;
      return [key, { shape, values: permute(values, view, axes) }];
    }),
  );
}

/**
 * What a `state_dict` says about each block, by the names of parameters.ts; kernels under spectral norm divided.
 * @throws Error when a tensor is missing or of another shape
 */
export function fromStateDict(design: Design, tensors: Tensors): Tensors {
  const blocks: Tensors = {};
  for (const { block, part, key, shape } of stateDict(design).generator) {
    const tensor = tensors[key];
    if (tensor?.shape.join() !== shape.join())
      throw new Error(`${key} is missing or not ${shape.join('x')}.`);
    blocks[`generator.${block}.${part}`] = tensor;
  }
  for (const [name, kernel] of Object.entries(blocks)) {
    const [u, v] = ['u', 'v'].map((part) => blocks[name.replace(/weight$/, part)]);
    if (!name.endsWith('.weight') || u === undefined || v === undefined) continue;
    // [inputs, outputs, height, width] or [outputs, inputs]
    const behind = kernel.shape
      .slice(kernel.shape.length === 4 ? 2 : 1)
      .reduce((product, side) => product * side, 1);
    blocks[name] = { ...kernel, values: divided(kernel.values, { u: u.values, v: v.values }, behind) };
  }
  return blocks;
}

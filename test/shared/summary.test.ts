import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Block, Design, Pair } from '../../src-shared/gan/block.ts';
import { convBlock, denseBlock } from '../../src-shared/gan/block.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { summary } from '../../src-shared/gan/summary.ts';
import { validDesign } from './arbitrary-design.ts';

const preset = (name: string): Design => presets.find((one) => one.name === name)!.design;

describe("the DCGAN tutorial's networks", () => {
  const design = preset('dcgan-64');
  const { discriminator, generator } = summary(design);

  test('have its numbers of trainable parameters', () => {
    expect(generator.parameters).toBe(3_576_704);
    expect(discriminator.parameters).toBe(2_765_568);
  });

  test("have Keras' numbers when batch norm's moving statistics are counted", () => {
    expect(generator.parameters + generator.buffers).toBe(3_578_624);
    expect(discriminator.parameters + discriminator.buffers).toBe(2_767_360);
  });

  test('normalise three blocks in the discriminator and four in the generator, without any bias', () => {
    const blocks = design.discriminator.blocks;
    const mirrored = mirror(design.discriminator, design.latentDim).blocks;
    expect(blocks.map((block) => block.norm === 'batch')).toEqual([false, true, true, true, false]);
    expect(mirrored.map((block) => block.norm === 'batch')).toEqual([true, true, true, true, false]);
    expect([...blocks, ...mirrored].some((block) => block.bias)).toBe(false);
    expect(mirrored.map((block) => block.activation.kind)).toEqual(['relu', 'relu', 'relu', 'relu', 'tanh']);
  });

  test('grow what an output sees from 4 pixels to more than the image', () => {
    expect(discriminator.blocks.map(({ receptiveField }) => receptiveField)).toEqual([
      [4, 4],
      [10, 10],
      [22, 22],
      [46, 46],
      [94, 94],
    ]);
  });
});

/** Multiplications with a weight, one by one over the places where a kernel is laid down. */
function countedDiscriminator({ discriminator: { image, blocks } }: Design): number[] {
  let [height, width, channels] = [image.height, image.width, image.channels];
  return blocks.map((block) => {
    let count = 0;
    const seen = block.minibatchStddev ? channels + 1 : channels;
    if (block.kind === 'dense') {
      for (let i = 0; i < height * width * seen; i += 1) count += block.outFeatures;
      [height, width, channels] = [1, 1, block.outFeatures];
      return count;
    }
    const { kernel, stride, padding, maxPool } = block;
    let [rows, columns] = [0, 0];
    for (let top = -padding[0]; top + kernel[0] <= height + padding[0]; top += stride[0]) {
      rows += 1;
      columns = 0;
      for (let left = -padding[1]; left + kernel[1] <= width + padding[1]; left += stride[1]) {
        columns += 1;
        count += kernel[0] * kernel[1] * seen * block.outChannels;
      }
    }
    [height, width, channels] = [
      Math.trunc(rows / maxPool[0]),
      Math.trunc(columns / maxPool[1]),
      block.outChannels,
    ];
    return count;
  });
}

describe('over random designs', () => {
  test('multiply-adds are what counting gives; the mirror of a convolution does as many for each pair of channels', () => {
    fc.assert(
      fc.property(validDesign, (design) => {
        const { discriminator, generator } = summary(design);
        const counted = countedDiscriminator(design);
        expect(discriminator.blocks.map((block) => block.multiplyAdds)).toEqual(counted);
        expect(discriminator.multiplyAdds).toBe(counted.reduce((a, b) => a + b));
        // A transposed convolution is the adjoint: each kernel is laid down at the same places, only the channels differ.
        generator.blocks.toReversed().forEach((block, i) => {
          const facing = discriminator.blocks[i]!;
          const seen = facing.input.channels + Number(design.discriminator.blocks[i]!.minibatchStddev);
          const pairs = seen * facing.output.channels;
          const mirrored = block.input.channels * block.output.channels;
          expect(block.multiplyAdds * pairs).toBe(counted[i]! * mirrored);
        });
      }),
      { numRuns: 1000 },
    );
  });

  test('parameters and buffers are the sizes of the tensors', () => {
    const total = (shapes: number[][]) =>
      shapes.map((shape) => shape.reduce((a, b) => a * b)).reduce((a, b) => a + b, 0);
    fc.assert(
      fc.property(validDesign, (design) => {
        const { discriminator, generator } = summary(design);
        design.discriminator.blocks.forEach((block, i) => {
          const { input, parameters, buffers } = discriminator.blocks[i]!;
          const outputs = block.kind === 'dense' ? block.outFeatures : block.outChannels;
          const seen = input.channels + (block.minibatchStddev ? 1 : 0);
          const weight =
            block.kind === 'dense'
              ? [outputs, input.height, input.width, seen]
              : [outputs, seen, ...block.kernel];
          const norm = block.norm === 'batch' ? [[outputs], [outputs]] : [];
          expect(parameters).toBe(total([weight, ...(block.bias ? [[outputs]] : []), ...norm]));
          expect(buffers).toBe(total([...norm, ...(block.spectralNorm ? [[outputs]] : [])]));
        });
        const mirrored = mirror(design.discriminator, design.latentDim).blocks;
        mirrored.forEach((block, i) => {
          const { parameters, buffers } = generator.blocks[i]!;
          const { input, output } = block;
          const reshaped =
            block.kind === 'dense' ? [output.height, output.width, output.channels] : [output.channels];
          const weight =
            block.kind === 'dense'
              ? [input.channels, ...reshaped]
              : [input.channels, ...reshaped, ...block.kernel];
          const norm = block.norm === 'batch' ? [[output.channels], [output.channels]] : [];
          expect(parameters).toBe(total([weight, ...(block.bias ? [reshaped] : []), ...norm]));
          expect(buffers).toBe(total([...norm, ...(block.spectralNorm ? [reshaped] : [])]));
        });
        for (const network of [discriminator, generator]) {
          for (const key of ['parameters', 'buffers', 'multiplyAdds', 'activations'] as const) {
            expect(network[key]).toBe(network.blocks.reduce((sum, block) => sum + block[key], 0));
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('the receptive field is the span of the pixels that reach an output', () => {
    /** Pixels of one axis that reach the first output behind `blocks`, the border left out of account. */
    const reaching = (blocks: readonly Block[], axis: 0 | 1): Set<number> => {
      let seen = new Set([0]);
      for (const block of blocks.toReversed()) {
        if (block.kind === 'dense') throw new Error('sees everything');
        const before = new Set<number>();
        for (const output of seen) {
          for (let window = 0; window < block.maxPool[axis]; window += 1) {
            const start = (output * block.maxPool[axis] + window) * block.stride[axis];
            for (let tap = 0; tap < block.kernel[axis]; tap += 1) before.add(start + tap);
          }
        }
        seen = before;
      }
      return seen;
    };
    const span = (pixels: Set<number>) => Math.max(...pixels) - Math.min(...pixels) + 1;
    fc.assert(
      fc.property(validDesign, (design) => {
        const { blocks } = design.discriminator;
        summary(design).discriminator.blocks.forEach(({ receptiveField }, i) => {
          const passed = blocks.slice(0, i + 1);
          const expected: Pair | null = passed.some((block) => block.kind === 'dense')
            ? null
            : [span(reaching(passed, 0)), span(reaching(passed, 1))];
          expect(receptiveField).toEqual(expected);
        });
      }),
      { numRuns: 500 },
    );
  });
});

const small: Design = {
  name: 'by hand',
  latentDim: 5,
  discriminator: {
    image: { height: 7, width: 6, channels: 2 },
    blocks: [
      convBlock({
        id: 'a',
        outChannels: 3,
        kernel: [3, 2],
        stride: [1, 1],
        padding: [0, 0],
        norm: 'batch',
        activation: { kind: 'relu' },
        maxPool: [2, 2],
        dropout: 0.5,
      }),
      denseBlock({ id: 'b', outFeatures: 1, spectralNorm: true }),
    ],
  },
};

test('a small design by hand: parameters, multiply-adds, memory', () => {
  const { discriminator, generator } = summary(small);
  expect(discriminator.blocks[0]).toEqual({
    id: 'a',
    input: { height: 7, width: 6, channels: 2 },
    output: { height: 2, width: 2, channels: 3 },
    // 3x2 taps, 2 channels in, 3 out, no bias; batch norm's scales and shifts.
    parameters: 3 * 2 * 2 * 3 + 3 + 3,
    buffers: 3 + 3,
    // Laid down at 5x5 places.
    multiplyAdds: 5 * 5 * 36,
    // The image, what batch norm, ReLU and the pooling read (5x5x3 each), and dropout's mask.
    activations: 7 * 6 * 2 + 3 * (5 * 5 * 3) + 2 * 2 * 3,
    receptiveField: [4, 3],
  });
  expect(discriminator.blocks[1]).toMatchObject({
    parameters: 12 + 1,
    buffers: 1,
    multiplyAdds: 12,
    activations: 12,
    receptiveField: null,
  });
  // The stem: 5 numbers to 2x2x3, batch norm of 3 channels, no bias; what is kept: z, what batch norm and ReLU read.
  expect(generator.blocks[0]).toMatchObject({
    parameters: 60 + 6,
    buffers: 6,
    multiplyAdds: 60,
    activations: 5 + 24,
  });
  // Un-pooled to 5x5x3, then back to 7x6x2; tanh reads the image.
  expect(generator.blocks[1]).toMatchObject({
    parameters: 36,
    buffers: 0,
    multiplyAdds: 5 * 5 * 36,
    activations: 75 + 84,
    receptiveField: null,
  });
});

test('a training step: each pass of each block counted on its own', () => {
  for (const { design } of presets) {
    const { discriminator, generator, stepMultiplyAdds } = summary(design);
    const d = discriminator.blocks.map((block) => block.multiplyAdds);
    const g = generator.blocks.map((block) => block.multiplyAdds);
    let count = 0;
    // Fakes for both updates: each block once.
    for (const block of g) count += block;
    for (const [i, block] of d.entries()) {
      for (const _batch of ['reals', 'fakes']) {
        const forward = block;
        const ofWeights = block;
        const ofInput = i === 0 ? 0 : block;
        count += forward + ofWeights + ofInput;
      }
      // The verdict that the generator learns from: forward, and back down to the image.
      count += block + block;
    }
    // Back through the generator: every weight; every input but z.
    for (const [i, block] of g.entries()) count += block + (i === 0 ? 0 : block);
    expect(stepMultiplyAdds).toBe(count);
  }
});

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { discriminate, generate, powerIterations } from '../../src-main/trainer/network.ts';
import type { TensorSpec } from '../../src-main/trainer/parameters.ts';
import { networkTensors } from '../../src-main/trainer/parameters.ts';
import { Random } from '../../src-main/trainer/random.ts';
import type { Design, Shape } from '../../src-shared/gan/block.ts';
import { convBlock, denseBlock } from '../../src-shared/gan/block.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { pytorchCode } from '../../src-shared/gan/pytorch.ts';
import { discriminatorShapes, size } from '../../src-shared/gan/shape.ts';
import type { StateDictEntry } from '../../src-shared/gan/state-dict.ts';
import { stateDict } from '../../src-shared/gan/state-dict.ts';
import { summary } from '../../src-shared/gan/summary.ts';
import { validDesign } from './arbitrary-design.ts';

/** A Python that has PyTorch; Debian's package belongs to Debian's own Python, which need not be the first one found. */
const python = ['python3', '/usr/bin/python3'].find(
  (candidate) => spawnSync(candidate, ['-c', 'import torch.nn.utils.parametrizations']).status === 0,
);
const describeWithPyTorch = describe.skipIf(python === undefined);

interface Tensor {
  shape: number[];
  values: number[];
}

interface NetworkCase {
  input: Tensor;
  state?: Record<string, Tensor>;
}

interface Case {
  code: string;
  Discriminator: NetworkCase;
  Generator: NetworkCase;
}

const NetworkReport = v.object({
  shapes: v.array(v.array(v.number())),
  parameters: v.number(),
  tensors: v.record(v.string(), v.array(v.number())),
  output: v.array(v.number()),
  start: v.record(v.string(), v.tuple([v.number(), v.number()])),
});
const Reports = v.array(v.object({ Discriminator: NetworkReport, Generator: NetworkReport }));

function run(cases: Case[]): v.InferOutput<typeof Reports> {
  const script = fileURLToPath(new URL('run_pytorch.py', import.meta.url));
  const result = spawnSync(python!, [script], {
    input: JSON.stringify(cases),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (result.status !== 0) throw new Error(result.stderr);
  return v.parse(Reports, JSON.parse(result.stdout));
}

const elements = (shape: readonly number[]) => shape.reduce((all, side) => all * side, 1);
const zeros = (shape: number[]): Tensor => ({ shape, values: new Array<number>(elements(shape)).fill(0) });

const batch = 2;

function shapesOnly(design: Design): Case {
  const { height, width, channels } = design.discriminator.image;
  return {
    code: pytorchCode(design),
    Discriminator: { input: zeros([batch, channels, height, width]) },
    Generator: { input: zeros([batch, design.latentDim]) },
  };
}

/** A shape of ours in PyTorch's order; a single column as a vector, as PyTorch has it behind Flatten and Linear. */
const channelsFirst = ({ height, width, channels }: Shape) => [channels, height, width];

function expectSameSizes(design: Design, report: v.InferOutput<typeof Reports>[number]): void {
  const { discriminator, generator } = summary(design);
  const { Discriminator: d, Generator: g } = report;
  expect(d.parameters).toBe(discriminator.parameters);
  expect(g.parameters).toBe(generator.parameters);

  const shapes = discriminatorShapes(design.discriminator).map(({ output }) => channelsFirst(output));
  const { blocks } = design.discriminator;
  expect(d.shapes).toEqual(
    shapes.map((shape, i) =>
      blocks[i]!.kind === 'dense' || i === blocks.length - 1 ? [elements(shape)] : shape,
    ),
  );
  const mirrored = mirror(design.discriminator, design.latentDim).blocks;
  expect(g.shapes).toEqual(
    mirrored.map(({ kind, output }, i) =>
      kind === 'dense' && mirrored[i + 1]?.kind === 'dense' ? [size(output)] : channelsFirst(output),
    ),
  );

  const names = stateDict(design);
  for (const [entries, tensors] of [
    [names.discriminator, d.tensors],
    [names.generator, g.tensors],
  ] as const) {
    const counted = Object.entries(tensors).filter(([key]) => !key.endsWith('num_batches_tracked'));
    expect(Object.fromEntries(entries.map(({ key, shape }) => [key, shape]))).toEqual(
      Object.fromEntries(counted),
    );
  }
}

describeWithPyTorch(
  `PyTorch (${python ?? 'skipped: no python3 here can import torch 1.11 or later'})`,
  () => {
    test('makes of every preset networks of the same sizes', { timeout: 120_000 }, () => {
      const reports = run(presets.map(({ design }) => shapesOnly(design)));
      presets.forEach(({ design }, i) => expectSameSizes(design, reports[i]!));
    });

    test('makes of random designs networks of the same sizes', { timeout: 120_000 }, () => {
      const designs = fc.sample(validDesign, 150);
      const reports = run(designs.map(shapesOnly));
      designs.forEach((design, i) => {
        try {
          expectSameSizes(design, reports[i]!);
        } catch (error) {
          throw new Error(`with ${JSON.stringify(design)}`, { cause: error });
        }
      });
    });

    test("starts from DCGAN's distributions", { timeout: 60_000 }, () => {
      const design: Design = {
        name: 'every part',
        latentDim: 50,
        discriminator: {
          image: { height: 8, width: 8, channels: 3 },
          blocks: [
            convBlock({ id: 'a', outChannels: 200, spectralNorm: true, bias: true }),
            convBlock({ id: 'b', outChannels: 300, norm: 'batch', bias: true }),
            denseBlock({ id: 'c', outFeatures: 1 }),
          ],
        },
      };
      const [report] = run([shapesOnly(design)]);
      const start = report!.Discriminator.start;
      const kernels = [
        'blocks.0.conv.parametrizations.weight.original',
        'blocks.1.conv.weight',
        'blocks.2.linear.weight',
      ];
      for (const kernel of kernels) {
        expect(Math.abs(start[kernel]![0])).toBeLessThan(0.003);
        expect(start[kernel]![1]).toBeGreaterThan(0.018);
        expect(start[kernel]![1]).toBeLessThan(0.022);
      }
      for (const zero of [
        'blocks.0.conv.bias',
        'blocks.1.conv.bias',
        'blocks.1.norm.bias',
        'blocks.2.linear.bias',
      ]) {
        expect(start[zero]).toEqual([0, 0]);
      }
      expect(start['blocks.1.norm.weight']![0]).toBeCloseTo(1, 2);
      expect(start['blocks.1.norm.weight']![1]).toBeCloseTo(0.02, 2);
    });

    test('computes what Ganvas computes, with the weights brought over', { timeout: 240_000 }, async () => {
      // Else it prints an advertisement for another package at its first operation.
      tf.enableProdMode();
      await tf.setBackend('cpu');
      const designs = [...fc.sample(validDesign, 400).filter(light).slice(0, 60), everyPart];
      const runs = designs.map(withWeights);
      const reports = run(runs.map(({ torch }) => torch));
      reports.forEach((report, i) => {
        const { verdicts, images } = runs[i]!;
        try {
          expectClose(report.Discriminator.output, verdicts);
          expectClose(report.Generator.output, images);
        } catch (error) {
          throw new Error(`with ${JSON.stringify(designs[i])}`, { cause: error });
        }
      });
    });
  },
);

/** TensorFlow.js' plain JavaScript needs some ten nanoseconds for a multiply-add. */
function light(design: Design): boolean {
  const { discriminator, generator } = summary(design);
  return discriminator.multiplyAdds + generator.multiplyAdds < 500_000;
}

const everyPart: Design = {
  name: 'every part',
  latentDim: 6,
  discriminator: {
    image: { height: 13, width: 10, channels: 3 },
    blocks: [
      convBlock({
        id: 'a',
        outChannels: 4,
        kernel: [3, 4],
        stride: [1, 1],
        bias: true,
        spectralNorm: true,
        activation: { kind: 'gelu' },
        maxPool: [3, 2],
        dropout: 0.5,
        mirror: { spectralNorm: true, bias: true, dropout: 0.3 },
      }),
      convBlock({
        id: 'b',
        outChannels: 5,
        kernel: [2, 3],
        stride: [3, 2],
        norm: 'batch',
        activation: { kind: 'selu' },
      }),
      denseBlock({
        id: 'c',
        outFeatures: 7,
        norm: 'batch',
        activation: { kind: 'swish' },
        mirror: { spectralNorm: true, norm: 'batch', bias: true },
      }),
      denseBlock({ id: 'd', outFeatures: 1, spectralNorm: true }),
    ],
  },
};

function values(spec: TensorSpec): Float32Array {
  const random = new Random(7, spec.name);
  const drawn = random.normal(new Float32Array(elements(spec.shape)), spec.init === 'scale' ? 1 : 0, 0.4);
  // A variance is positive.
  return spec.name.endsWith('.variance') ? drawn.map((value) => 0.5 + Math.abs(value)) : drawn;
}

function transposed(values: Float32Array, { view, axes, shape }: StateDictEntry): Tensor {
  return tf.tidy(() => ({ shape, values: [...tf.transpose(tf.tensor(values, view), axes).dataSync()] }));
}

function toChannelsFirst(images: tf.Tensor4D): number[] {
  return [...tf.transpose(images, [0, 3, 1, 2]).dataSync()];
}

/** The same weights and inputs for both sides, and what Ganvas makes of them. */
function withWeights(design: Design): { torch: Case; verdicts: number[]; images: number[] } {
  tf.engine().startScope();
  try {
    const { discriminator, latentDim } = design;
    const { height, width, channels } = discriminator.image;
    const generator = mirror(discriminator, latentDim);
    const specs = [...networkTensors(design, 'discriminator'), ...networkTensors(design, 'generator')];
    const arrays = Object.fromEntries(specs.map((spec) => [spec.name, values(spec)]));
    const tensors = Object.fromEntries(
      specs.map(({ name, shape }) => [name, tf.tensor(arrays[name]!, shape)]),
    );
    const vectors = {
      ...powerIterations(discriminator.blocks, 'discriminator', tensors),
      ...powerIterations(generator.blocks, 'generator', tensors),
    };
    for (const [prefix, { u, v: right }] of Object.entries(vectors)) {
      arrays[`${prefix}.u`] = u.dataSync<'float32'>();
      arrays[`${prefix}.v`] = right.dataSync<'float32'>();
    }
    const pass = { tensors, batchStatistics: 'stored' as const, singularVectors: vectors };
    const random = new Random(3, 'inputs');
    const x = tf.tensor4d(random.normal(new Float32Array(batch * size(discriminator.image))), [
      batch,
      height,
      width,
      channels,
    ]);
    const z = tf.tensor2d(random.normal(new Float32Array(batch * latentDim)), [batch, latentDim]);
    const names = stateDict(design);
    const state = (network: 'discriminator' | 'generator') =>
      Object.fromEntries(
        names[network].map((entry) => [
          entry.key,
          transposed(arrays[`${network}.${entry.block}.${entry.part}`]!, entry),
        ]),
      );
    return {
      torch: {
        code: pytorchCode(design),
        Discriminator: {
          input: { shape: [batch, channels, height, width], values: toChannelsFirst(x) },
          state: state('discriminator'),
        },
        Generator: {
          input: { shape: [batch, latentDim], values: [...z.dataSync()] },
          state: state('generator'),
        },
      },
      verdicts: [...discriminate(discriminator, pass, x).dataSync()],
      images: toChannelsFirst(generate(generator, pass, z)),
    };
  } finally {
    tf.engine().endScope();
  }
}

/** To 1e-4 of the largest number. */
function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  const scale = Math.max(1e-3, ...expected.map(Math.abs));
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!)));
  expect(worst / scale).toBeLessThan(1e-4);
}

test('a name cannot break out of its comment', () => {
  const { design } = presets[0]!;
  const name = 'faces\nimport os\r\u2028\u2029\0os.abort()\f\ud800"""';
  const [first, second] = pytorchCode({ ...design, name }).split('\n');
  expect(first).toBe('# faces import os    os.abort()  """');
  expect(second).toMatch(/^# A discriminator/);
});

test("the tutorial's networks in the tutorial's words", () => {
  const code = pytorchCode(presets.find(({ name }) => name === 'dcgan-64')!.design);
  for (const line of [
    'conv=nn.Conv2d(3, 64, kernel_size=4, stride=2, padding=1, bias=False),',
    'conv=nn.Conv2d(512, 1, kernel_size=4, stride=1, padding=0, bias=False),',
    'unflatten=nn.Unflatten(1, (100, 1, 1)),',
    'conv=nn.ConvTranspose2d(100, 512, kernel_size=4, stride=1, padding=0, bias=False),',
    'conv=nn.ConvTranspose2d(64, 3, kernel_size=4, stride=2, padding=1, bias=False),',
    'activation=nn.LeakyReLU(0.2),',
    'activation=nn.Tanh(),',
  ]) {
    expect(code).toContain(line);
  }
  expect(code.match(/BatchNorm2d/g)).toHaveLength(7);
  expect(code).not.toContain('spectral_norm');
});

test('a code of everything that a block can have', () => {
  const code = pytorchCode(everyPart);
  for (const line of [
    'from torch.nn.utils.parametrizations import spectral_norm',
    'conv=spectral_norm(nn.Conv2d(3, 4, kernel_size=(3, 4), stride=1, padding=1, bias=True)),',
    'pool=nn.MaxPool2d((3, 2)),',
    'dropout=nn.Dropout(0.5),',
    // 13x10 is convolved to 13x9 and pooled to 4x4: one row and one column are left over.
    'unpool=nn.Upsample(scale_factor=(3, 2), mode="nearest-exact"),',
    'edge=nn.ReplicationPad2d((0, 1, 0, 1)),',
  ]) {
    expect(code).toContain(line);
  }
});

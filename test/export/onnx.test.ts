import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { exportGenerator } from '../../src-main/trainer/export/export.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { spread, trainedCheckpoint } from './designs.ts';
import { Message } from './protobuf.ts';
import {
  channelsLast,
  engine,
  largestDifference,
  rightImages,
  spreadOf,
  temporaryFolder,
} from './trained.ts';

/** Every operator that may be used; all of them in the standard since opset 13 or before. */
const operators = new Set(
  [
    'Gemm',
    'Reshape',
    'ConvTranspose',
    'BatchNormalization',
    'InstanceNormalization',
    'ReduceMean',
    'Sqrt',
    'Reciprocal',
    'Resize',
    'Pad',
    'Relu',
    'LeakyRelu',
    'Elu',
    'Selu',
  ].concat(['Sigmoid', 'Tanh', 'Erf', 'Mul', 'Add']),
);

/** Name and sides of a ValueInfoProto; sides left open by their name. */
function valueInfo(message: Message): [string, (number | string)[]] {
  const [tensor] = message.messages(2)[0]!.messages(1);
  const sides = tensor!.messages(2)[0]!.messages(1);
  expect(tensor!.numbers(1)).toEqual([1]);
  return [message.text(1)!, sides.map((side) => side.text(2) ?? side.numbers(1)[0]!)];
}

/** The model with everything it computes in between as further outputs: a message given twice is put together from both. */
function withAllValues(bytes: Uint8Array): Uint8Array {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
  const values = new Message(bytes).messages(7)[0]!.bytes(13);
  const more = values.flatMap((value) => [(12 << 3) | 2, ...varint(value.length), ...value]);
  return Uint8Array.from([...bytes, (7 << 3) | 2, ...varint(more.length), ...more]);
}

function checkStructure(bytes: Uint8Array): void {
  const model = new Message(bytes);
  expect(model.numbers(1)).toEqual([8]);
  expect(model.messages(8).map((set) => [set.text(1), set.numbers(2)[0]])).toEqual([['', 17]]);
  const graph = model.messages(7)[0]!;
  const inputs = graph.messages(11).map(valueInfo);
  const initializers = graph.messages(5);
  const known = new Set([...inputs.map(([name]) => name), ...initializers.map((tensor) => tensor.text(8)!)]);
  expect(known.size).toBe(inputs.length + initializers.length);
  const used = new Set<string>();
  const nodes = graph.messages(1);
  for (const node of nodes) {
    expect(operators).toContain(node.text(4));
    for (const input of node.texts(1).filter((name) => name !== '')) {
      expect(known, `${node.text(3)} reads ${input}`).toContain(input);
      used.add(input);
    }
    for (const output of node.texts(2)) {
      expect(known).not.toContain(output);
      known.add(output);
    }
  }
  const names = nodes.map((node) => node.text(3));
  expect(new Set(names).size).toBe(nodes.length);
  for (const name of names) expect(name).toMatch(/^generator\.\d+\.[a-zA-Z_.]+$/);
  for (const tensor of initializers) {
    const count = tensor.numbers(1).reduce((product, side) => product * side, 1);
    expect(tensor.bytes(9)[0]!.length).toBe(count * (tensor.numbers(2)[0] === 7 ? 8 : 4));
    expect(used, 'a tensor that nothing reads').toContain(tensor.text(8));
  }
  for (const output of graph.messages(12)) expect(known).toContain(output.text(1));
}

describe('every part of a generator', () => {
  test.each(Object.entries(spread))('%s', async (_, design) => {
    const checkpoint = trainedCheckpoint(design);
    const file = join(temporaryFolder(), 'generator.onnx');
    const { difference } = await exportGenerator('onnx', file, checkpoint, engine);
    expect(difference).toBeLessThan(1e-5);
    const bytes = readFileSync(file);
    checkStructure(bytes);
    const { height, width, channels } = mirror(design.discriminator, design.latentDim).blocks.at(-1)!.output;
    const count = 5;
    const { z, images } = await rightImages(checkpoint, count);
    expect(spreadOf(images)).toBeGreaterThan(0.05);
    const session = await ort.InferenceSession.create(withAllValues(bytes), { logSeverityLevel: 3 });
    expect(session.inputNames).toEqual(['z']);
    const results = await session.run({ z: new ort.Tensor('float32', z, [count, design.latentDim]) });
    const { dims, data } = results['image']!;
    expect(dims).toEqual([count, channels, height, width]);
    const given = channelsLast(data as Float32Array, count, { height, width, channels });
    expect(largestDifference(given, images)).toBeLessThan(1e-5);
    const graph = new Message(bytes).messages(7)[0]!;
    for (const [name, sides] of [...graph.messages(12), ...graph.messages(13)].map(valueInfo)) {
      expect(results[name]!.dims, name).toEqual(sides.map((side) => (side === 'N' ? count : side)));
    }
    await session.release();
  });
});

test('what a viewer shows', async () => {
  const file = join(temporaryFolder(), 'generator.onnx');
  const told: [phase: string, done: number, total: number | null][] = [];
  const checkpoint = trainedCheckpoint(spread['DCGAN, colour']!);
  await exportGenerator('onnx', file, checkpoint, engine, (...work) => told.push(work));
  expect([...new Set(told.map(([phase]) => phase))]).toEqual([
    'loading the generator',
    'measuring batch statistics',
    'drawing images to compare with',
    'writing it',
    'running what was written',
  ]);
  expect(told.filter(([, , total]) => total !== null).at(-1)).toEqual([
    'measuring batch statistics',
    1024,
    1024,
  ]);
  const model = new Message(readFileSync(file));
  expect(Object.fromEntries(model.messages(14).map((entry) => [entry.text(1), entry.text(2)]))).toEqual({
    ganvas_version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    design: 'tiny',
    step: '1234',
    images_seen: '78976',
    weights: 'averaged over the steps',
    input: 'z [N, 5]: independent standard normal numbers',
    output: expect.stringContaining('image [N, 3, 8, 8] (red, green, blue): -1 is black, 1 is white'),
  });
  const graph = model.messages(7)[0]!;
  expect(graph.messages(11).map(valueInfo)).toEqual([['z', ['N', 5]]]);
  expect(graph.messages(12).map(valueInfo)).toEqual([['image', ['N', 3, 8, 8]]]);
  expect(graph.messages(1).map((node) => [node.text(3), node.text(4)])).toEqual([
    ['generator.0.map', 'Reshape'],
    ['generator.0.convTranspose', 'ConvTranspose'],
    ['generator.0.batchNorm', 'BatchNormalization'],
    ['generator.0.relu', 'Relu'],
    ['generator.1.convTranspose', 'ConvTranspose'],
    ['generator.1.batchNorm', 'BatchNormalization'],
    ['generator.1.relu', 'Relu'],
    ['generator.2.convTranspose', 'ConvTranspose'],
    ['generator.2.tanh', 'Tanh'],
  ]);
});

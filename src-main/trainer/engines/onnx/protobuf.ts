/**
 * Writes the part of ONNX' protobuf schema (onnx/onnx onnx/onnx.proto) that our graphs need. Field numbers are the schema's. Tensors'
 * bytes are not copied until the whole model is put together.
 */
import type { Attribute, GraphBoundary, GraphNode, Initializer, Model } from './graph.ts';
import { dataTypes } from './graph.ts';

const irVersion = 8;
const opset = 17;
/** Messages of up to so many bytes are put together at once. */
const fewBytes = 4096;

/** A protobuf message under construction: chunks and their length together. */
class Message {
  readonly chunks: Uint8Array[] = [];
  length = 0;

  #push(chunk: Uint8Array): this {
    this.chunks.push(chunk);
    this.length += chunk.length;
    return this;
  }

  #varint(value: number): this {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    return this.#push(Uint8Array.from(bytes));
  }

  int(field: number, value: number): this {
    return this.#varint(field << 3).#varint(value);
  }

  float(field: number, value: number): this {
    return this.#varint((field << 3) | 5).#push(new Uint8Array(Float32Array.of(value).buffer));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#varint((field << 3) | 2)
      .#varint(value.length)
      .#push(value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: Message): this {
    // A graph has a hundred thousand small messages: as a handful of chunks each they would take more room than all else.
    if (value.length <= fewBytes) return this.bytes(field, value.join());
    this.#varint((field << 3) | 2).#varint(value.length);
    for (const chunk of value.chunks) this.#push(chunk);
    return this;
  }

  join(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}

function attributeMessage(name: string, attribute: Attribute): Message {
  const message = new Message().text(1, name);
  if (typeof attribute === 'number') return message.float(2, attribute).int(20, 1);
  if ('int' in attribute) return message.int(3, attribute.int).int(20, 2);
  if ('text' in attribute) return message.text(4, attribute.text).int(20, 3);
  for (const value of attribute.ints) message.int(8, value);
  return message.int(20, 7);
}

function nodeMessage(node: GraphNode): Message {
  const message = new Message();
  for (const input of node.inputs) message.text(1, input);
  for (const output of node.outputs) message.text(2, output);
  if (node.name !== undefined) message.text(3, node.name);
  message.text(4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    message.message(5, attributeMessage(name, attribute));
  }
  return message;
}

function tensorMessage({ value, bytes }: Initializer): Message {
  const message = new Message();
  for (const side of value.shape) message.int(1, side);
  return message.int(2, dataTypes[value.type]).text(8, value.name).bytes(9, bytes);
}

function boundaryMessage({ name, shape, type }: GraphBoundary): Message {
  const sides = new Message();
  for (const side of shape) {
    const dimension = new Message();
    sides.message(1, typeof side === 'number' ? dimension.int(1, side) : dimension.text(2, side));
  }
  const tensor = new Message().int(1, dataTypes[type]).message(2, sides);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

/** A ModelProto. @param metadata key and value pairs that viewers such as Netron show */
export function encodeModel(model: Model, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const graph = new Message();
  for (const node of model.nodes) graph.message(1, nodeMessage(node));
  graph.text(2, 'ganvas');
  for (const initializer of model.initializers) graph.message(5, tensorMessage(initializer));
  for (const input of model.inputs) graph.message(11, boundaryMessage(input));
  for (const output of model.outputs) graph.message(12, boundaryMessage(output));
  for (const value of model.values ?? []) graph.message(13, boundaryMessage(value));
  const message = new Message().int(1, irVersion).text(2, 'ganvas').message(7, graph);
  message.message(8, new Message().text(1, '').int(2, opset));
  for (const [key, value] of Object.entries(metadata)) {
    message.message(14, new Message().text(1, key).text(2, value));
  }
  return message.join();
}

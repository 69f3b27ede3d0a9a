/**
 * Named float32 tensors in the safetensors format (huggingface/safetensors README: eight bytes of header length, a JSON header, the
 * raw little-endian data).
 */
import { AppError } from '../../src-shared/errors.ts';
import type { Arrays } from './parameters.ts';
import { elements } from './parameters.ts';

export interface StoredTensor {
  shape: readonly number[];
  values: Float32Array;
}

const asBytes = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** The file's bytes. Tensors are stored in the order given. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { ...metadata } };
  let end = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    if (values.length !== elements(shape))
      throw new Error(`${name} has ${values.length} numbers for ${shape.join('x')}.`);
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
  }
  const json = JSON.stringify(header);
  // Data starts at a multiple of eight, as the format asks.
  const text = Buffer.from(json + ' '.repeat(-Buffer.byteLength(json) & 7));
  const bytes = new Uint8Array(8 + text.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  let at = 8 + text.length;
  for (const { values } of Object.values(tensors)) {
    bytes.set(asBytes(values), at);
    at += values.byteLength;
  }
  return bytes;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Partial<Entry>;
  const numbers = (list: unknown) =>
    Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
  return (
    entry.dtype === 'F32' &&
    numbers(entry.shape) &&
    numbers(entry.data_offsets) &&
    entry.data_offsets?.length === 2
  );
}

/** @throws AppError `safetensors.damaged` with the place */
export function decodeSafetensors(bytes: Uint8Array): Record<string, StoredTensor> {
  const damaged = (why: string) => new AppError('safetensors.damaged', `The tensor file is damaged: ${why}.`);
  if (bytes.length < 8) throw damaged('it is too short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const start = 8 + length;
  if (start > bytes.length) throw damaged('its header is cut off');
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  } catch {
    throw damaged('its header is no JSON');
  }
  if (typeof header !== 'object' || header === null) throw damaged('its header is no object');
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    if (!isEntry(entry)) throw damaged(`${name} is not described as float32 numbers`);
    const [from, to] = entry.data_offsets;
    if (to - from !== elements(entry.shape) * 4 || start + to > bytes.length)
      throw damaged(`${name} is cut off`);
    // A copy: the data need not lie at a multiple of four. `bytes.slice` would be none where `bytes` is a Buffer.
    const offset = bytes.byteOffset + start;
    tensors[name] = {
      shape: entry.shape,
      values: new Float32Array(bytes.buffer.slice(offset + from, offset + to)),
    };
  }
  return tensors;
}

/** Only the numbers. */
export function valuesOf(tensors: Readonly<Record<string, StoredTensor>>): Arrays {
  return Object.fromEntries(Object.entries(tensors).map(([name, { values }]) => [name, values]));
}

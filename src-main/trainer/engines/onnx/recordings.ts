/**
 * Recorded graphs as models, kept on disk: a run that goes on, or begins like an earlier one, need not record its step again. What is
 * kept is a convenience: where it is missing, damaged or cannot be written, the step is recorded.
 */
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import * as v from 'valibot';
import { makeFolder, writeQuickly, writeWhole } from '../../files.ts';
import type { NamedShape, TensorFunction } from '../engine.ts';
import { encodeModel } from './protobuf.ts';
import type { Target } from './target.ts';
import { trace } from './trace.ts';

/** Bytes that a folder of recordings may take; those of the usual designs are of 1 to 3 MB. */
const mostBytes = 64 * 2 ** 20;
/** Bytes of a SHA-256. */
const sumBytes = 32;

/** The code that records: a checkout's sources, or the files of the built trainer. Other code may record another graph. */
function codeFolders(): string[] {
  const { dirname, filename } = import.meta;
  if (!filename.endsWith('.ts')) return [dirname];
  return [join(dirname, '../..'), join(dirname, '../../../../src-shared')];
}

let code: string | null = null;

/** Fingerprint of the code that records. */
function codeSum(): string {
  if (code !== null) return code;
  const sums = codeFolders().flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.[jt]s$/.test(name))
      .sort()
      .map((name) => [name, hash('sha256', readFileSync(join(folder, name)))]),
  );
  code = hash('sha256', JSON.stringify([sums, tf.version]));
  return code;
}

/** A graph as ONNX Runtime takes it. */
export interface Recording {
  model: Uint8Array;
  /** Names of its outputs. */
  outputs: readonly string[];
}

const lineEnd = 0x0a;

/** A file: the SHA-256 of the rest, the outputs' names as a line of JSON, the model. */
function toFile({ model, outputs }: Recording): Uint8Array {
  const rest = Buffer.concat([Buffer.from(`${JSON.stringify(outputs)}\n`), model]);
  return Buffer.concat([hash('sha256', rest, 'buffer'), rest]);
}

/** Null for what is not as it was written. */
function fromFile(bytes: Buffer): Recording | null {
  const rest = bytes.subarray(sumBytes);
  if (!hash('sha256', rest, 'buffer').equals(bytes.subarray(0, sumBytes))) return null;
  const end = rest.indexOf(lineEnd);
  const outputs = v.parse(v.array(v.string()), JSON.parse(rest.subarray(0, end).toString()));
  return { outputs, model: rest.subarray(end + 1) };
}

export class Recordings {
  readonly #folder: string;

  /** @param folder need not be there yet */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * @param key tells what is recorded from all else, by the same code
   * @param record makes it where none is kept
   */
  async get(key: unknown, record: () => Recording): Promise<Recording> {
    const file = join(this.#folder, `${hash('sha256', JSON.stringify([codeSum(), key]))}.onnx`);
    const bytes = await readFile(file).catch(() => null);
    const kept = bytes === null ? null : fromFile(bytes);
    if (kept !== null) {
      await utimes(file, new Date(), new Date()).catch(() => undefined);
      return kept;
    }
    const recording = record();
    // Without it the run only begins a little later the next time.
    await this.#keep(file, toFile(recording)).catch(() => undefined);
    return recording;
  }

  async #keep(file: string, bytes: Uint8Array): Promise<void> {
    await makeFolder(this.#folder);
    await writeWhole(file, 'file', (beside) => writeQuickly(beside, bytes));
    await this.#forgetOldest();
  }

  /** Removes what was used longest ago, as long as all together take more than {@link mostBytes}. */
  async #forgetOldest(): Promise<void> {
    const files = await Promise.all(
      (await readdir(this.#folder)).map(async (name) => {
        const path = join(this.#folder, name);
        const { size, mtimeMs } = await stat(path);
        return { path, size, mtimeMs };
      }),
    );
    let sum = 0;
    for (const { path, size } of files.sort((a, b) => b.mtimeMs - a.mtimeMs)) {
      sum += size;
      if (sum > mostBytes) await rm(path, { force: true });
    }
  }
}

/**
 * A function as an ONNX model.
 * @param about says all that the function depends on; without it, or without a place for recordings, it is recorded anew
 */
export async function recorded(
  run: TensorFunction,
  state: readonly NamedShape[],
  inputs: readonly NamedShape[],
  target: Target,
  about?: string,
  recordings?: Recordings,
): Promise<Recording> {
  const record = (): Recording => {
    const graph = trace(run, state, inputs, target);
    return { model: encodeModel(graph), outputs: graph.outputs.map(({ name }) => name) };
  };
  if (about === undefined || recordings === undefined) return record();
  const shapes = [state, inputs].map((list) => list.map(({ name, shape }) => [name, shape]));
  return recordings.get([about, target, shapes], record);
}

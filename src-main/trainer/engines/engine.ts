/** What computes: a device and a way to run functions over tensors on it. */
import type { Arrays } from '../parameters.ts';
import type { Tensors } from '../network.ts';

/**
 * A function over tensors that an engine can run again and again. What it does not return of the state stays as it is. It runs inside
 * `tf.tidy`, must not read values back, and does the same operations whatever the values are: an engine may record it once.
 */
export type TensorFunction = (state: Tensors, inputs: Tensors) => { state: Tensors; outputs: Tensors };

export interface NamedShape {
  name: string;
  shape: readonly number[];
}

/** A function made ready for fixed shapes, with the state it works on. */
export interface Program {
  /** Sets the whole state. */
  write(state: Arrays): void;
  /** A copy of the whole state. */
  read(): Promise<Arrays>;
  /** Runs once: the state moves on, the outputs come back. */
  run(inputs: Arrays): Promise<Arrays>;
  /**
   * Another function over the very same state: what one changes, the other finds. It is disposed before the program that it shares with.
   * @param about as of {@link Engine.prepare}
   * @throws AppError as {@link Engine.prepare}
   */
  share(run: TensorFunction, inputs: readonly NamedShape[], about?: string): Promise<Program>;
  /** Frees the device's memory. */
  dispose(): Promise<void>;
}

export interface Engine {
  /** `onnx`, `reference`, ... */
  readonly name: string;
  /** The device in words: `CPU, 8 threads`. */
  readonly device: string;
  /** Of a card's own memory; null where the device uses the machine's, or nobody knows. */
  readonly memoryBytes: number | null;
  /**
   * Makes a function ready to run.
   * @param about says all that the function depends on, its code excepted: with it an engine that records may keep the recording
   * @throws AppError `engine.operation-missing` when the engine lacks an operation that the function uses. What else its library throws,
   * here and in the program, becomes one of failure.ts.
   */
  prepare(
    run: TensorFunction,
    state: readonly NamedShape[],
    inputs: readonly NamedShape[],
    about?: string,
  ): Promise<Program>;
}

/** The fastest of several engines for one very step, found by trying. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { AppError } from '../../../src-shared/errors.ts';
import { writeSynced, writeWhole } from '../files.ts';
import type { Arrays } from '../parameters.ts';
import type { Engine, NamedShape, TensorFunction } from './engine.ts';

/** A step to try, with a state and inputs to try it on. */
export interface Trial {
  run: TensorFunction;
  /** See {@link Engine.prepare}. */
  about?: string;
  state: readonly NamedShape[];
  inputs: readonly NamedShape[];
  startState: Arrays;
  inputValues: Arrays;
}

export interface Choice {
  engine: Engine;
  /** In words how it was found; null when there was nothing to choose. */
  why: string | null;
}

/** Milliseconds that are measured of each engine, after its first step. */
const trialTime = 1500;
const mostSteps = 20;

/** What the file remembers: milliseconds a step by engine, or why it cannot do it, for each step tried. */
const Remembered = v.record(v.string(), v.record(v.string(), v.union([v.number(), v.string()])));
type Remembered = v.InferOutput<typeof Remembered>;

/** Nothing when it is missing or spoilt: then it is measured again. */
async function readRemembered(file: string): Promise<Remembered> {
  try {
    return v.parse(Remembered, JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return {};
  }
}

const clock = () => performance.now();

interface Tried {
  /** Milliseconds of one step: the median, without the first. */
  time: number;
  /** Of the first step. */
  outputs: Arrays;
}

/** @param now milliseconds that pass */
export async function trySteps(engine: Engine, trial: Trial, now: () => number = clock): Promise<Tried> {
  const program = await engine.prepare(trial.run, trial.state, trial.inputs, trial.about);
  try {
    program.write(trial.startState);
    // The first step compiles, allocates and warms up.
    const first = await program.run(trial.inputValues);
    const outputs = Object.fromEntries(Object.entries(first).map(([name, values]) => [name, values.slice()]));
    const times: number[] = [];
    const start = now();
    while (times.length < mostSteps && (times.length === 0 || now() - start < trialTime)) {
      const from = now();
      await program.run(trial.inputValues);
      times.push(now() - from);
    }
    times.sort((a, b) => a - b);
    return { time: times[Math.floor(times.length / 2)]!, outputs };
  } finally {
    await program.dispose();
  }
}

const rounded = (milliseconds: number) => `${Number(milliseconds.toPrecision(2))} ms`;

/**
 * How far a driver's first step may be from the processor's, of the largest number: far above what rounding does in one step, far below
 * what a driver does that computes something else.
 */
const farApart = 0.05;

function agree(some: Arrays, others: Arrays): boolean {
  return Object.entries(others).every(([name, expected]) => {
    const found = some[name];
    const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return (
      found?.length === expected.length &&
      expected.every((value, i) => Math.abs(found[i]! - value) <= farApart * scale)
    );
  });
}

/** What may go better the next time is not remembered. */
const passing = ['engine.out-of-memory', 'engine.device-lost'];

/**
 * The processor's engine is the yardstick: one whose first step gives other numbers is not taken.
 * @param step text that tells this step from others
 * @param file where the outcome is remembered, by step and devices
 * @param now milliseconds that pass
 * @throws AppError `engine.missing` when none of them can do the step
 */
export async function chooseEngine(
  engines: readonly Engine[],
  step: string,
  file: string,
  trial: () => Trial,
  now: () => number = clock,
): Promise<Choice> {
  const [only] = engines;
  if (only !== undefined && engines.length === 1) return { engine: only, why: null };
  const devices = engines.map(({ name, device }) => `${name}: ${device}`);
  const key = createHash('sha256')
    .update(JSON.stringify([step, devices]))
    .digest('hex');
  const remembered = await readRemembered(file);
  let outcome = remembered[key];
  const known = outcome !== undefined;
  if (outcome === undefined) {
    outcome = {};
    const given = trial();
    const outputs: Record<string, Arrays> = {};
    let lasting = true;
    for (const engine of engines) {
      try {
        const tried = await trySteps(engine, given, now);
        outcome[engine.name] = tried.time;
        outputs[engine.name] = tried.outputs;
      } catch (error) {
        outcome[engine.name] = error instanceof Error ? error.message : String(error);
        if (error instanceof AppError && passing.includes(error.code)) lasting = false;
      }
    }
    const yardstick = outputs['onnx'];
    for (const [name, found] of Object.entries(outputs)) {
      if (yardstick !== undefined && !agree(found, yardstick))
        outcome[name] = 'It computes other numbers than the engine onnx: its driver may be broken.';
    }
    if (lasting) {
      const text = JSON.stringify({ ...remembered, [key]: outcome });
      await writeWhole(file, 'file', (beside) => writeSynced(beside, text));
    }
  }
  const tried = engines.flatMap((engine) => {
    const time = outcome[engine.name];
    return typeof time === 'number' ? [{ engine, time }] : [];
  });
  const [fastest] = tried.sort((a, b) => a.time - b.time);
  if (fastest === undefined) {
    throw new AppError(
      'engine.missing',
      `No engine can do this step. ${Object.entries(outcome)
        .map(([name, reason]) => `${name}: ${reason}`)
        .join(' ')}`,
      { outcome },
    );
  }
  const others = engines.filter((engine) => engine !== fastest.engine);
  const words = others.map(({ name }) => {
    const time = outcome[name];
    return typeof time === 'number' ? `${name} ${rounded(time)}` : `${name} cannot: ${time}`;
  });
  return {
    engine: fastest.engine,
    why: `the fastest here: ${rounded(fastest.time)} a step, ${words.join(', ')}${known ? '; measured before' : ''}`,
  };
}

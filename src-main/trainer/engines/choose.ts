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

/** Milliseconds of one step: the median, without the first. @param now milliseconds that pass */
export async function stepTime(engine: Engine, trial: Trial, now: () => number = clock): Promise<number> {
  const program = await engine.prepare(trial.run, trial.state, trial.inputs);
  try {
    program.write(trial.startState);
    // The first step compiles, allocates and warms up.
    await program.run(trial.inputValues);
    const times: number[] = [];
    const start = now();
    while (times.length < mostSteps && (times.length === 0 || now() - start < trialTime)) {
      const from = now();
      await program.run(trial.inputValues);
      times.push(now() - from);
    }
    times.sort((a, b) => a - b);
    return times[Math.floor(times.length / 2)]!;
  } finally {
    await program.dispose();
  }
}

const rounded = (milliseconds: number) => `${Number(milliseconds.toPrecision(2))} ms`;

/**
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
    for (const engine of engines) {
      try {
        outcome[engine.name] = await stepTime(engine, given, now);
      } catch (error) {
        outcome[engine.name] = error instanceof Error ? error.message : String(error);
      }
    }
    const text = JSON.stringify({ ...remembered, [key]: outcome });
    await writeWhole(file, 'file', (beside) => writeSynced(beside, text));
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

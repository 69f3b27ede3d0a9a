/** The engine of a run: the one asked for, the one it began on, or the fastest that is here. */
import * as v from 'valibot';
import type { TrainCommand } from '../../src-shared/trainer-protocol.ts';
import { EngineName, workOf } from '../../src-shared/training.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { Choice, Trial } from './engines/choose.ts';
import { chooseEngine } from './engines/choose.ts';
import { Recordings } from './engines/onnx/recordings.ts';
import { openEngine, trainingEngines } from './engines/find.ts';
import type { Arrays } from './parameters.ts';
import { elements, initialState, stateTensors } from './parameters.ts';
import { drawInputs, stepInputs } from './step-inputs.ts';
import { aboutStep, isPenalised, stepPlan, withoutPenalties } from './step-plan.ts';
import { stepFunction } from './train-step.ts';

type Step = Pick<TrainCommand, 'design' | 'hyperparameters' | 'seed'>;

/**
 * A run goes on with the engine that it began with, where that is here: another one rounds differently, and it would no longer be the
 * same run bit for bit.
 * @throws AppError `engine.missing`, `checkpoint.*`
 */
export async function runEngine(
  command: Step & Pick<TrainCommand, 'engine' | 'checkpoint' | 'trials' | 'graphs'>,
): Promise<Choice> {
  const options = { recordings: new Recordings(command.graphs) };
  if (command.engine !== 'auto') return { engine: await openEngine(command.engine, options), why: null };
  if (command.checkpoint !== null) {
    const { info } = await readCheckpoint(command.checkpoint);
    const before = v.is(EngineName, info.engine)
      ? await openEngine(info.engine, options).catch(() => null)
      : null;
    if (before !== null) return { engine: before, why: null };
  }
  return chooseEngine(await trainingEngines(options), stepName(command), command.trials, () =>
    stepTrial(command),
  );
}

/** What a step's time depends on. */
function stepName({ design, hyperparameters }: Step): string {
  return JSON.stringify([design.discriminator, design.latentDim, workOf(hyperparameters)]);
}

/** A step of a run, on grey images: the second, which is of the kind that most of them are. */
export function stepTrial({ design, hyperparameters, seed }: Step): Trial {
  const penalised = stepPlan(design, hyperparameters);
  const plan = isPenalised(penalised, 2) ? penalised : withoutPenalties(penalised);
  const average = hyperparameters.ema.halfLifeKimg !== null;
  const inputs = stepInputs(plan);
  const blank: Arrays = {};
  for (const { name, shape } of inputs) blank[name] = new Float32Array(elements(shape));
  return {
    run: stepFunction(plan),
    about: aboutStep(plan),
    state: stateTensors(design, average),
    inputs,
    startState: initialState(design, seed, average, hyperparameters.initStddev),
    inputValues: { ...blank, ...drawInputs(plan, seed, 2, 0) },
  };
}

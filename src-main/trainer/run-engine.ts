/** The engine of a run: the one asked for, the one it began on, or the fastest that is here. */
import type { TrainCommand } from '../../src-shared/trainer-protocol.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { Choice } from './engines/choose.ts';
import { chooseEngine } from './engines/choose.ts';
import { openEngine, trainingEngines } from './engines/find.ts';
import { elements, initialState, stateTensors } from './parameters.ts';
import { drawInputs, stepFunction, stepInputs, stepPlan } from './train-step.ts';

/**
 * A run goes on with the engine that it began with, where that is here: another one rounds differently, and it would no longer be the
 * same run bit for bit.
 * @throws AppError `engine.missing`, `checkpoint.*`
 */
export async function runEngine(command: TrainCommand): Promise<Choice> {
  if (command.engine !== 'auto') return { engine: await openEngine(command.engine), why: null };
  const engines = await trainingEngines();
  if (command.checkpoint !== null) {
    const { info } = await readCheckpoint(command.checkpoint);
    const same = engines.find(({ name }) => name === info.engine);
    if (same !== undefined) return { engine: same, why: null };
  }
  const { design, hyperparameters, seed } = command;
  const plan = stepPlan(design, hyperparameters);
  const average = hyperparameters.ema.halfLifeKimg !== null;
  const inputs = stepInputs(plan);
  const step = JSON.stringify([
    design.discriminator,
    design.latentDim,
    hyperparameters.loss,
    hyperparameters.batch,
    average,
  ]);
  return chooseEngine(engines, step, command.trials, () => ({
    run: stepFunction(plan),
    state: stateTensors(design, average),
    inputs,
    startState: initialState(design, seed, average, hyperparameters.initStddev),
    inputValues: {
      ...Object.fromEntries(inputs.map(({ name, shape }) => [name, new Float32Array(elements(shape))])),
      ...drawInputs(plan, seed, 1, 0),
    },
  }));
}

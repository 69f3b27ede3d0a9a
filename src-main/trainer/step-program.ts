/** The training step on an engine: with its penalties, and without them where they are not taken every time, over one state. */
import type { Engine, Program } from './engines/engine.ts';
import type { Arrays } from './parameters.ts';
import { stateTensors } from './parameters.ts';
import type { StepPlan } from './step-plan.ts';
import { drawInputs, stepInputs } from './step-inputs.ts';
import { aboutStep, isPenalised, withoutPenalties } from './step-plan.ts';
import { stepFunction } from './train-step.ts';

export interface StepProgram extends Pick<Program, 'write' | 'read' | 'dispose'> {
  /**
   * Does one step.
   * @param step 1 for the first
   * @param imagesSeen before it
   * @param reals [images a step, height, width, channels]
   * @param probability of augmentation
   * @returns the losses, in `lossOrder`; and, where augmentation adapts, the mean sign of the verdicts on reals
   */
  run(
    step: number,
    imagesSeen: number,
    reals: Float32Array,
    probability?: number,
  ): Promise<{ losses: Float32Array; signs: number | null }>;
}

/** @throws AppError as `Engine.prepare` does */
export async function prepareStep(engine: Engine, plan: StepPlan, seed: number): Promise<StepProgram> {
  const ema = plan.hyperparameters.ema.halfLifeKimg !== null;
  const plain = withoutPenalties(plan);
  const whole = await engine.prepare(
    stepFunction(plan),
    stateTensors(plan.design, ema),
    stepInputs(plan),
    aboutStep(plan),
  );
  const isLazy = plan.penalties.length > 0 && plan.hyperparameters.penalties.every > 1;
  const between = isLazy ? await whole.share(stepFunction(plain), stepInputs(plain), aboutStep(plain)) : null;
  return {
    write: (state: Arrays) => whole.write(state),
    read: () => whole.read(),
    async run(step, imagesSeen, reals, probability) {
      const isPlain = between !== null && !isPenalised(plan, step);
      const inputs = { reals, ...drawInputs(isPlain ? plain : plan, seed, step, imagesSeen, probability) };
      const { losses, signs } = await (isPlain ? between : whole).run(inputs);
      return { losses: losses!, signs: signs?.[0] ?? null };
    },
    async dispose() {
      await between?.dispose();
      await whole.dispose();
    },
  };
}

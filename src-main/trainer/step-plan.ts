/** What a training step consists of: all that is fixed before the first one. */
import type { Design } from '../../src-shared/gan/block.ts';
import type { Generator } from '../../src-shared/gan/mirror.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import type { Hyperparameters, PenaltyName } from '../../src-shared/training.ts';
import { PenaltyName as PenaltyNames } from '../../src-shared/training.ts';
import type { NetworkName } from './parameters.ts';
import { networkTensors } from './parameters.ts';
import { penalties } from './penalties.ts';

/** Passes through the discriminator in one of its updates, and that of the generator's update: each has dropout and noise of its own. */
export const updatePasses = ['reals', 'fakes', 'mixed'] as const;
export type PassName = (typeof updatePasses)[number] | 'generate' | 'generator';

/** Name of an input that each update of the discriminator has one of: the first is called as if there were no others. */
export function numbered(name: string, update: number): string {
  return update === 0 ? name : `${name}${update + 1}`;
}

/** Everything fixed that a step depends on. */
export interface StepPlan {
  design: Design;
  generator: Generator;
  hyperparameters: Hyperparameters;
  /** The penalties of this step, and what each weighs. */
  penalties: readonly (readonly [PenaltyName, number])[];
  trainable: Record<NetworkName, string[]>;
}

/** A step with all that the settings ask for: with the penalties, too. */
export function stepPlan(design: Design, hyperparameters: Hyperparameters): StepPlan {
  const names = (network: NetworkName) =>
    networkTensors(design, network)
      .filter((spec) => spec.trainable)
      .map((spec) => spec.name);
  const weights = hyperparameters.penalties;
  return {
    design,
    generator: mirror(design.discriminator, design.latentDim),
    hyperparameters,
    penalties: PenaltyNames.options
      .filter((name) => weights[name] > 0)
      .map((name) => [name, weights[name] * weights.every] as const),
    trainable: { discriminator: names('discriminator'), generator: names('generator') },
  };
}

/** The plan of the steps between those with penalties. */
export function withoutPenalties(plan: StepPlan): StepPlan {
  return { ...plan, penalties: [] };
}

/** Whether a step is one with penalties. @param step 1 for the first, which is one */
export function isPenalised({ penalties: weighed, hyperparameters }: StepPlan, step: number): boolean {
  return weighed.length > 0 && (step - 1) % hyperparameters.penalties.every === 0;
}

/** The passes through the discriminator that an update has. */
export function passesOf(plan: StepPlan): readonly (typeof updatePasses)[number][] {
  const mixes = plan.penalties.some(([name]) => penalties[name].at === 'mixed');
  return updatePasses.filter((pass) => pass !== 'mixed' || mixes);
}

/** 0, 1, ...: the discriminator's updates in a step. */
export function updatesOf({ hyperparameters }: StepPlan): number[] {
  return Array.from({ length: hyperparameters.discriminatorSteps }, (_, update) => update);
}

/** All that a step depends on, its code excepted; see `Engine.prepare`. */
export function aboutStep({ design, hyperparameters, penalties: taken }: StepPlan): string {
  return JSON.stringify(['step', design.discriminator, design.latentDim, hyperparameters, taken]);
}

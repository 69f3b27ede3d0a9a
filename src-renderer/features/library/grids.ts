/** Grids of several runs under one scrubber. Pure. */
import type { Sample } from '../../../src-shared/library.ts';

export interface GridsOfRun {
  /** In the order of steps. */
  samples: readonly Sample[];
  /** Images in a step. */
  batch: number;
}

/** What runs are compared at: the same step, or the same number of images seen. */
export type GridAxis = 'step' | 'kimg';

/** Where a step lies on the axis; whole numbers, so that the same place is the same: images, not thousands. */
function placeOf(step: number, batch: number, axis: GridAxis): number {
  return axis === 'step' ? step : step * batch;
}

/** Every place at which one of the runs has a grid, ascending. Steps, or images seen. */
export function gridPlaces(runs: readonly GridsOfRun[], axis: GridAxis): number[] {
  const all = runs.flatMap(({ samples, batch }) => samples.map(({ step }) => placeOf(step, batch, axis)));
  return [...new Set(all)].sort((a, b) => a - b);
}

/** The newest grid that a run has at a place or before it; null where it begins later. */
export function gridAt({ samples, batch }: GridsOfRun, axis: GridAxis, place: number): Sample | null {
  return samples.findLast(({ step }) => placeOf(step, batch, axis) <= place) ?? null;
}

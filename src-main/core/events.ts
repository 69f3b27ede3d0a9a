import type { StepStats } from '../../src-shared/training.ts';
import type { Run } from '../store/runs.ts';

/** What happens in the application, told to every listener: plain data. */
export type AppEvent =
  /** A run's state, engine or name has changed. */
  | { type: 'run'; run: Run }
  | { type: 'steps'; run: string; steps: StepStats[]; imagesSeen: number; remainingSeconds: number | null }
  | { type: 'sample'; run: string; step: number; file: string; count: number; columns: number }
  | { type: 'checkpoint'; run: string; step: number; folder: string };

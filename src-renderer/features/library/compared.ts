import type { Look } from '../../charts/looks.ts';
import type { Run } from '../../../src-shared/library.ts';
import type { RunView } from '../../state/run-view.svelte.ts';

/** A run that is compared: its course, and how its lines look everywhere. */
export interface ComparedRun {
  run: Run;
  view: RunView;
  look: Look;
  /** `3 · faces` */
  label: string;
}

import type { Component } from 'svelte';
import type { ExperimentState } from './state/experiment.svelte.ts';
import type { PlaceName } from './state/route.ts';

interface PlaceFacts {
  name: PlaceName;
  /** With Ctrl or Cmd it opens the place. */
  key: string;
  /** Path of a 24x24 icon, drawn with a stroke. */
  icon: string;
}

/** A place that shows one experiment gets it as a property, and is made anew for another one. */
export type Place = PlaceFacts &
  (
    | { of: 'experiment'; load: () => Promise<{ default: Component<{ experiment: ExperimentState }> }> }
    | { of: 'library'; load: () => Promise<{ default: Component }> }
  );

/** The places of the rail, from top to bottom; each is a file of its own that is loaded when it is first opened. */
export const places: readonly Place[] = [
  {
    name: 'Data',
    key: '1',
    icon: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01',
    of: 'library',
    load: () => import('./features/data/Data.svelte'),
  },
  {
    name: 'Design',
    key: '2',
    icon: 'M4 4v16M4 4l6 5v6l-6 5M20 4v16M20 4l-6 5v6l6 5',
    of: 'experiment',
    load: () => import('./features/design/Design.svelte'),
  },
  {
    name: 'Train',
    key: '3',
    icon: 'M4 4v16h16M7 8c3 0 3 8 6 8s3-5 7-5',
    of: 'experiment',
    load: () => import('./features/train/Train.svelte'),
  },
  {
    name: 'Explore',
    key: '4',
    icon: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M15.500 8.500l-2 5-5 2 2-5z',
    of: 'library',
    load: () => import('./features/explore/Explore.svelte'),
  },
  {
    name: 'Library',
    key: '5',
    icon: 'M4 6h16M4 12h16M4 18h16M8 4v16',
    of: 'library',
    load: () => import('./features/library/Library.svelte'),
  },
];

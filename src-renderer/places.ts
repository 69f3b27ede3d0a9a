import type { Component } from 'svelte';
import Design from './features/design/Design.svelte';

export interface Place {
  name: string;
  /** With Ctrl or Cmd it opens the place: Data 1, Design 2, Train 3, Explore 4, Library 5. */
  key: string;
  /** Path of a 24x24 icon, drawn with a stroke. */
  icon: string;
  component: Component;
}

/** The places of the rail, from top to bottom. */
export const places: readonly [Place, ...Place[]] = [
  { name: 'Design', key: '2', icon: 'M4 4v16M4 4l6 5v6l-6 5M20 4v16M20 4l-6 5v6l6 5', component: Design },
];

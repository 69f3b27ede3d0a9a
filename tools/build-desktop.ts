/** Builds the desktop app's processes into `dist`, and says nothing where all is well, as its own program would not. */
import { build } from 'rolldown';
import { builds } from '../rolldown.config.ts';

await build(builds);

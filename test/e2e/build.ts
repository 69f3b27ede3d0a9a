import { join } from 'node:path';
import { build as bundle } from 'rolldown';
import { build } from 'vite';
import { repository } from '../architecture.ts';
import { builds } from '../../rolldown.config.ts';

/** Builds the page and the desktop app's processes, once for all stories. */
export async function setup(): Promise<void> {
  await build({
    configFile: join(repository, 'vite.config.ts'),
    root: join(repository, 'src-renderer'),
    logLevel: 'error',
  });
  await bundle(builds);
}

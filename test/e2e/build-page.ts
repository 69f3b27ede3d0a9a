import { join } from 'node:path';
import { build } from 'vite';
import { repository } from '../architecture.ts';

/** Builds the page that `ganvas serve` sends, once for all stories. */
export async function setup(): Promise<void> {
  await build({
    configFile: join(repository, 'vite.config.ts'),
    root: join(repository, 'src-renderer'),
    logLevel: 'error',
  });
}

/** `npm run test:electron`: the stories of the desktop app on real Electron, where its binary is. Nothing is downloaded for it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repository } from '../architecture.ts';
import { electronBinary } from './desktop-app.ts';

const binary = electronBinary();
if (binary === null) {
  process.stdout.write(
    'skipped: Electron\'s binary is not here. "npx install-electron" downloads it, where GitHub can be reached.\n',
  );
} else {
  process.stdout.write(`on ${binary}\n`);
  const vitest = join(repository, 'node_modules', 'vitest', 'vitest.mjs');
  const words = [
    'run',
    '--project',
    'e2e',
    'test/e2e/desktop-',
    'test/e2e/main-job',
    '--testNamePattern',
    'desktop app',
  ];
  const { status } = spawnSync(process.execPath, [vitest, ...words], {
    stdio: 'inherit',
    env: { ...process.env, GANVAS_TEST_DESKTOP: 'electron' },
  });
  process.exitCode = status ?? 1;
}

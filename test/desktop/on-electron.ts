/**
 * `npm run test:electron`: the stories of the desktop app on real Electron, where its binary is. Nothing is downloaded for it.
 * With the folder of a packed app (`release/linux-unpacked`, `release/win-unpacked`, `release/mac-arm64/Ganvas.app`) they run on that app.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { flipFuses, FuseV1Options, FuseVersion } from '@electron/fuses';
import { repository } from '../architecture.ts';
import { electronBinary } from './desktop-app.ts';
import { expectedFuses, readFuses } from './fuses.ts';

const executables: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'Contents/MacOS/Ganvas',
  linux: 'ganvas',
  win32: 'Ganvas.exe',
};

const stories = ['test/e2e/desktop-', 'test/e2e/main-job'];

function tell(env: Readonly<Record<string, string>>): number {
  const vitest = join(repository, 'node_modules', 'vitest', 'vitest.mjs');
  const words = ['run', '--project', 'e2e', ...stories, '--testNamePattern', 'desktop app'];
  const { status } = spawnSync(process.execPath, [vitest, ...words], {
    stdio: 'inherit',
    env: { ...process.env, GANVAS_TEST_DESKTOP: 'electron', ...env },
  });
  return status ?? 1;
}

/** @param folder of a packed app; it stays as it is */
async function onPackedApp(folder: string): Promise<number> {
  const temporary = mkdtempSync(join(tmpdir(), 'ganvas-packed-'));
  try {
    // Elsewhere, so that it finds nothing of the checkout.
    const copy = join(temporary, basename(folder));
    cpSync(folder, copy, { recursive: true, verbatimSymlinks: true });
    const executable = join(copy, executables[process.platform]!);
    const fuses = await readFuses(executable);
    if (!isDeepStrictEqual(fuses, expectedFuses))
      throw new Error(`the fuses of the packed app are ${JSON.stringify(fuses)}`);
    // As it is packed nobody looks inside, and a test must.
    await flipFuses(executable, {
      version: FuseVersion.V1,
      resetAdHocDarwinSignature: true,
      [FuseV1Options.EnableNodeCliInspectArguments]: true,
    });
    process.stdout.write(`on ${executable}\n`);
    return tell({ GANVAS_TEST_APP: executable });
  } finally {
    rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
}

const [folder] = process.argv.slice(2);
const binary = electronBinary();
if (folder !== undefined) process.exitCode = await onPackedApp(resolve(folder));
else if (binary === null) {
  process.stdout.write(
    'skipped: Electron\'s binary is not here. "npx install-electron" downloads it, where GitHub can be reached.\n',
  );
} else {
  process.stdout.write(`on ${binary}\n`);
  process.exitCode = tell({});
}

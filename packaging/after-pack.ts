/** What electron-builder does with an app that it has packed, before it becomes an installer. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { AfterPackContext } from 'electron-builder';
import { Arch } from 'electron-builder';
import own from '../package.json' with { type: 'json' };
import { measure, weigh } from './sizes.ts';

/** Packages that plain Node loads, those with libraries for one system among them; SQLite's own part lies in the archive. */
const native = ['onnxruntime-node', '@tensorflow/tfjs', 'sharp', '@napi-rs/image', '@julusian/jpeg-turbo'];

/** Loads what lies beside the archive on the Node that was packed with it. @throws Error which cannot be loaded, and why; that the Node is another */
function loadNatives(resources: string): void {
  const node = join(resources, 'node', process.platform === 'win32' ? 'node.exe' : 'node');
  const sqlite = `./node_modules/better-sqlite3/prebuilds/${process.platform}-${process.arch}.node`;
  // What is missing may not come from the checkout around it.
  const code = `
    const { node } = process.versions;
    if (node !== '${own.dependencies.node}') throw new Error('Node ' + node + ' was packed, not ${own.dependencies.node}');
    for (const name of ${JSON.stringify([...native, sqlite])}) require(name);
    const strange = Object.keys(require.cache).filter((file) => !file.startsWith(process.cwd()));
    if (strange.length > 0) throw new Error('not packed: ' + strange);
  `;
  const { status, stderr, error } = spawnSync(node, ['-e', code], {
    cwd: join(resources, 'app.asar.unpacked'),
    encoding: 'utf8',
    env: { ORT_DISABLE_TELEMETRY: '1', SYSTEMROOT: process.env['SYSTEMROOT'] },
  });
  if (status !== 0)
    throw new Error(`a packed library does not load on the packed Node: ${error?.message ?? stderr}`);
}

/**
 * Prints what each part weighs.
 * @throws Error when the app is for another system than this, when a part is too large, when a native library does not load
 */
export function afterPack({ appOutDir, arch, electronPlatformName, packager }: AfterPackContext): void {
  const target = `${electronPlatformName}-${Arch[arch]}`;
  const here = `${process.platform}-${process.arch}`;
  if (target !== here)
    throw new Error(
      `Ganvas for ${target} is packaged on such a system, not on ${here}: npm has the native packages and the Node of this one.`,
    );
  const resources = packager.getResourcesDir(appOutDir);
  const { table, over } = weigh(measure(appOutDir, resources));
  process.stdout.write(`\n${table}\n\n`);
  if (over.length > 0) throw new Error(`too large: ${over.join(', ')}. The budget is in packaging/sizes.ts.`);
  loadNatives(resources);
}

/**
 * What electron-builder makes of the app on this system, around a stand-in for Electron's binary: a file that does nothing, with the wire
 * of fuses that a real one has. What the packed app holds is real, and so is what runs here: its Node, its trainer, and its main process on
 * the stand-in of test/desktop.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extractAll, listPackage, statFile } from '@electron/asar';
import { expect as expectSoon } from '@playwright/test';
import electron from 'electron/package.json' with { type: 'json' };
import { build as bundle } from 'rolldown';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builds } from '../../rolldown.config.ts';
import { pinnedNode } from '../../src-main/shells/node-binary.ts';
import { createTrainerHost } from '../../src-main/shells/trainer-host.ts';
import type { TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import { repository } from '../architecture.ts';
import { expectedFuses, readFuses } from '../desktop/fuses.ts';
import { answerBoxes, boxesOf, choose, Person, quit, runState, train, windowOf } from './desktop.ts';
import { findChromium } from './studio.ts';
import { canWatch, trainersOf } from '../shells/ganvas-process.ts';
import { temporaryFolder, writeDataset } from '../trainer/folders.ts';
import { checkpointsIn, command, everything, limits, lossesOf, ofType } from '../trainer/runs.ts';

const target = `${process.platform}-${process.arch}`;

/** All packages beside the archive. */
const packages = [
  ...[
    '@img/colour',
    `@img/sharp-${target}`,
    `@img/sharp-libvips-${target}`,
    'sharp',
    'detect-libc',
    'semver',
  ],
  ...['@julusian/jpeg-turbo', 'pkg-prebuilds', '@napi-rs/image', `@napi-rs/image-${target}-gnu`],
  ...[
    'tfjs',
    'tfjs-backend-cpu',
    'tfjs-backend-webgl',
    'tfjs-converter',
    'tfjs-core',
    'tfjs-data',
    'tfjs-layers',
  ].map((name) => `@tensorflow/${name}`),
  ...['long', 'node-fetch', 'seedrandom', 'tr46', 'webidl-conversions', 'whatwg-url'],
  ...['onnxruntime-common', 'onnxruntime-node', 'better-sqlite3', 'systeminformation'],
].sort();

/** Electron's sentinel and its fuses as they come: version 1, eight of them (@electron/fuses/dist/constants.js). */
const fuses = Buffer.concat([
  Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'),
  Buffer.from([1, 8]),
  Buffer.from('10110001'),
]);

function writeStandIn(folder: string): void {
  mkdirSync(join(folder, 'resources'), { recursive: true });
  writeFileSync(join(folder, 'version'), electron.version);
  writeFileSync(join(folder, 'electron'), fuses, { mode: 0o755 });
}

// electron-builder wants another shape of Electron on the other systems; there the forge's workflow packs around the real one.
describe.skipIf(process.platform !== 'linux')('the packed app', () => {
  let folder: string;
  let app: string;
  let resources: string;
  let archive: string;
  let said: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ganvas-packed-'));
    writeStandIn(join(folder, 'electron'));
    const words = ['--dir', '--publish', 'never'];
    const changed = { electronDist: join(folder, 'electron'), 'directories.output': folder };
    const { status, stdout, stderr } = spawnSync(
      pinnedNode(),
      [
        join(repository, 'node_modules', 'electron-builder', 'cli.js'),
        ...words,
        ...Object.entries(changed).map(([name, value]) => `-c.${name}=${value}`),
      ],
      { cwd: repository, encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`electron-builder has failed:\n${stdout}\n${stderr}`);
    said = stdout;
    app = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.name.endsWith('-unpacked'))
      .map((entry) => join(folder, entry.name))[0]!;
    resources = join(app, 'resources');
    archive = join(resources, 'app.asar');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

  const entries = () =>
    listPackage(archive, { isPack: false })
      .map((path) => path.slice(1))
      .map((path) => ({ path, entry: statFile(archive, path) }))
      .filter(({ entry }) => !('files' in entry));

  test('says what every part weighs', () => {
    expect(said).toMatch(/ONNX Runtime +\d+\.\d of +\d+\.\d MB/);
  });

  test('has what it runs, and nothing else', () => {
    const files = entries().map(({ path }) => path);
    const own = files.filter((path) => !path.startsWith('node_modules/'));
    expect(own).toEqual(
      expect.arrayContaining([
        'package.json',
        'dist/main/main.js',
        'dist/preload/preload.cjs',
        'dist/renderer/index.html',
      ]),
    );
    expect(
      own.filter((path) => !/^(package\.json|dist\/(main|preload|renderer|workers)\/)/.test(path)),
    ).toEqual([]);
    const found = files.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
    expect([...new Set(found)].sort()).toEqual(packages);
    expect(
      files.filter((path) => /\.(ts|mts|cts|map|cc|c|h|gyp|md)$/i.test(path) && !/licen[cs]e/i.test(path)),
    ).toEqual([]);
    const natives = files.filter((path) => /\.(node|so[.\d]*|dll|dylib)$/.test(path));
    expect(natives.length).toBeGreaterThan(5);
    for (const path of natives) {
      const systems = [...path.matchAll(/(darwin|linux|linuxmusl|win32)[-/](arm|arm64|ia32|x64)\b/g)];
      expect([path, ...new Set(systems.map(([, system, arch]) => `${system}-${arch}`))]).toEqual([
        path,
        target,
      ]);
      expect(path).not.toContain('musl');
    }
    expect(files.filter((path) => /libonnxruntime/.test(path))).toHaveLength(1);
  });

  test('brings the licences of the packages that are inside its page and its processes', async () => {
    const page = await build({
      configFile: join(repository, 'vite.config.ts'),
      root: join(repository, 'src-renderer'),
      logLevel: 'error',
      build: { write: false },
    });
    const outputs = [page].flat().flatMap((result) => ('output' in result ? result.output : []));
    for (const options of builds) outputs.push(...(await bundle({ ...options, write: false })).output);
    const modules = outputs.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
    const inside = modules.flatMap((id) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1] ?? []);
    const licence = (dir: string) =>
      existsSync(dir) && readdirSync(dir).some((file) => /^licen[cs]e/i.test(file));
    expect(inside.length).toBeGreaterThan(100);
    const without = [...new Set(inside)].filter((name) => !licence(join(resources, 'licences', name)));
    // Its package has none; its package.json says MIT.
    expect(without).toEqual(['lazy-val']);
  });

  test('keeps page and main process in the archive, and beside it what plain Node and the system load', () => {
    for (const { path, entry } of entries()) {
      const beside =
        /^(package\.json$|dist\/workers\/)/.test(path) ||
        path.endsWith('.node') ||
        (path.startsWith('node_modules/') && !path.startsWith('node_modules/better-sqlite3/'));
      expect([path, 'unpacked' in entry && entry.unpacked]).toEqual([path, beside]);
      expect([path, existsSync(join(`${archive}.unpacked`, path))]).toEqual([path, beside]);
    }
  });

  test('has its fuses set', async () => {
    expect(await readFuses(join(app, 'ganvas'))).toEqual(expectedFuses);
  });

  test('trains two steps with its own trainer on its own Node', async () => {
    const home = await temporaryFolder();
    const runDir = join(home, 'run');
    const dataset = await writeDataset(home, everything, 8);
    const events: TrainerEvent[] = [];
    const over = Promise.withResolvers<string>();
    const entry = join(`${archive}.unpacked`, 'dist', 'workers', 'trainer-main.js');
    const trainer = createTrainerHost(join(resources, 'node', 'node'), entry).start({
      onEvent: (event) => {
        events.push(event);
        if (event.type === 'trained' || event.type === 'failed') over.resolve(event.type);
      },
      onExit: over.resolve,
    });
    trainer.send(command(runDir, dataset, { limits: limits({ steps: 2 }) }));
    const how = await over.promise;
    trainer.kill();
    expect([how, ofType(events, 'failed')]).toEqual(['trained', []]);
    expect(Object.keys(lossesOf(events))).toEqual(['1', '2']);
    expect(await checkpointsIn(runDir)).toEqual(['00000002']);
  });

  test.skipIf(findChromium() === null)(
    'starts, prepares images, trains, and offers updates only where it knows where they are',
    async () => {
      const person = new Person();
      const laid = join(folder, 'laid-out');
      mkdirSync(laid);
      // Plain Node does not see into an archive: the same files under the same path, as a folder.
      extractAll(archive, join(laid, 'app.asar'));
      for (const name of ['app.asar.unpacked', 'node']) renameSync(join(resources, name), join(laid, name));
      try {
        const started = await person.start({ resources: laid });
        const page = await windowOf(started);
        await train(page, await person.pictures('hues'));
        if (canWatch) {
          const [trainer = 0] = trainersOf(started.pid);
          expect(readlinkSync(`/proc/${trainer}/exe`)).toBe(join(laid, 'node', 'node'));
        }
        // Where the project has no address, nothing is offered that could not be.
        await expect(choose(started, 'updates')).rejects.toThrow('the menu has no updates');
        expect(started.complaints).toEqual([]);
        await expectSoon(runState(page)).toHaveText('training');
        await started.kill();

        writeFileSync(join(laid, 'app-update.yml'), 'provider: github\nowner: nobody\nrepo: nothing\n');
        const again = await person.start({ resources: laid });
        await expectSoon(runState(await windowOf(again))).toHaveText('interrupted');
        await answerBoxes(again, 0);
        await choose(again, 'updates');
        await expectSoon
          .poll(() => boxesOf(again))
          .toMatchObject([{ message: 'This copy of Ganvas does not replace itself.' }]);
        await quit(again);
      } finally {
        await person.leave();
      }
    },
  );
});

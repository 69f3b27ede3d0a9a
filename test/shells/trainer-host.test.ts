import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { askTrainer, listEngines } from '../../src-main/core/ask-trainer.ts';
import type { Trainer } from '../../src-main/core/trainer-host.ts';
import { pinnedNode } from '../../src-main/shells/node-binary.ts';
import { createTrainerHost, trainerEnvironment } from '../../src-main/shells/trainer-host.ts';
import { softwareDriver } from '../trainer/graphics.ts';
import type { TrainerEvent } from '../../src-shared/trainer-protocol.ts';

/** A binary that stands in for Node and runs this script as the trainer. */
function nodeThatRuns(script: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'ganvas-host-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'trainer.mjs');
  writeFileSync(file, script);
  const binary = join(dir, 'node');
  writeFileSync(binary, `#!/bin/sh\nexec '${pinnedNode()}' '${file}'\n`);
  chmodSync(binary, 0o755);
  return binary;
}

class Started {
  readonly events: TrainerEvent[] = [];
  readonly trainer: Trainer;
  /** How it ended. */
  readonly exit: Promise<string>;
  readonly #first = Promise.withResolvers<TrainerEvent>();

  constructor(node: string) {
    const exit = Promise.withResolvers<string>();
    this.exit = exit.promise;
    this.trainer = createTrainerHost(node).start({
      onEvent: (event) => {
        this.events.push(event);
        this.#first.resolve(event);
      },
      onExit: exit.resolve,
    });
    onTestFinished(() => this.trainer.kill());
  }

  get firstEvent(): Promise<TrainerEvent> {
    return this.#first.promise;
  }
}

const startScript = (script: string) => new Started(nodeThatRuns(script));

test('the environment is what finds libraries and devices, and nothing else', () => {
  const env = {
    PATH: '/bin',
    HOME: '/home/ada',
    CUDA_VISIBLE_DEVICES: '1',
    LD_LIBRARY_PATH: '',
    NODE_OPTIONS: '--inspect',
    NODE_ENV: 'test',
    NPM_TOKEN: 'secret',
    GITHUB_TOKEN: 'secret',
    AWS_SECRET_ACCESS_KEY: 'secret',
    npm_config_registry: 'https://example.org',
  };
  expect(trainerEnvironment(env)).toEqual({
    PATH: '/bin',
    HOME: '/home/ada',
    CUDA_VISIBLE_DEVICES: '1',
    LD_LIBRARY_PATH: '',
  });
});

describe.skipIf(process.platform === 'win32')('a trainer process', () => {
  test('gets that environment, and no more', async () => {
    vi.stubEnv('NODE_OPTIONS', '--no-such-option-of-node');
    vi.stubEnv('SOME_TOKEN', 'secret');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { exit } = startScript(
      'process.stderr.write(Object.keys(process.env).sort().join()); process.exit(1)',
    );
    const told = await exit;
    expect(told).toContain('PATH');
    expect(told).not.toMatch(/TOKEN|NODE_OPTIONS|VITEST/);
  });

  test('gets the commands sent before it listened, in order, and those after', async () => {
    const started = startScript(`
      let told = [];
      process.on('message', ({ type, as }) => {
        told.push(as ?? type);
        if (as === 'stopped') process.send({ type: 'engine', name: told.join(' '), device: '' });
        if (told.length === 2) process.send({ type: 'trained', as: 'done' });
      });
      process.send({ type: 'ready' });
    `);
    started.trainer.send({ type: 'engines' });
    started.trainer.send({ type: 'interrupt', as: 'paused' });
    expect(await started.firstEvent).toEqual({ type: 'trained', as: 'done' });
    started.trainer.send({ type: 'interrupt', as: 'stopped' });
    await vi.waitUntil(() => started.events.length === 2);
    expect(started.events[1]).toEqual({ type: 'engine', name: 'engines paused stopped', device: '' });
  });

  test('may speak before it is ready', async () => {
    const started = startScript(
      "process.send({ type: 'engine', name: 'early', device: 'x' }); process.on('message', () => 0)",
    );
    expect(await started.firstEvent).toEqual({ type: 'engine', name: 'early', device: 'x' });
  });

  test('that sends garbage has failed', async () => {
    for (const garbage of [
      "'hello'",
      '{ type: "steps", steps: [{ step: "one" }] }',
      '{ type: "sample" }',
      'null',
      '[1]',
    ]) {
      const started = startScript(`process.send(${garbage}); process.on('message', () => 0)`);
      const event = await started.firstEvent;
      expect(event, garbage).toMatchObject({ type: 'failed', error: { code: 'trainer.bad-event' } });
    }
  });

  test('that prints to its output disturbs nothing', async () => {
    const started = startScript(`
      console.log('{"type":"trained","as":"done"}'.repeat(10_000));
      console.error('a warning');
      process.send({ type: 'trained', as: 'stopped' });
      process.on('message', () => 0);
    `);
    expect(await started.firstEvent).toEqual({ type: 'trained', as: 'stopped' });
  });

  test('tells how it died, with its last words but not where in the code', async () => {
    const died = await startScript("throw new Error('there is no more memory')").exit;
    expect(died).toMatch(/^it ended with status 1, saying: .*Error: there is no more memory$/);
    const talkative = await startScript(
      "process.stderr.write('x'.repeat(100_000) + ' the end'); process.exitCode = 3",
    ).exit;
    expect(talkative).toMatch(/^it ended with status 3, saying: x+ the end$/);
    expect(talkative.length).toBeLessThan(500);
    expect(await startScript('process.exit(0)').exit).toBe('it ended with status 0');
    expect(await startScript("process.kill(process.pid, 'SIGKILL')").exit).toBe('it was killed by SIGKILL');
  });

  test('what Vulkan said of drivers that it looked for is not why it died', async () => {
    const noise = [
      'Warning: loader_get_json: Failed to open JSON file /nowhere.json',
      'Warning: vkCreateInstance: Found no drivers!',
      'Warning: vkCreateInstance failed with VK_ERROR_INCOMPATIBLE_DRIVER',
      '    at CheckVkSuccessImpl (/build/Release/_deps/dawn-src/src/dawn/native/vulkan/VulkanError.cpp:106)',
      'ERROR: [Loader Message] Code 0 : vkCreateInstance: Found no drivers!',
    ];
    const script = (then: string) =>
      `process.stderr.write(${JSON.stringify(`${noise.join('\n')}\n`)}, () => { ${then} })`;
    expect(await startScript(script("process.kill(process.pid, 'SIGKILL')")).exit).toBe(
      'it was killed by SIGKILL',
    );
    expect(await startScript(script("throw 'Warning: no such thing'")).exit).toContain(
      'Warning: no such thing',
    );
  });

  test('that cannot be started says so, and commands to it go nowhere', async () => {
    const started = new Started('/no/such/node');
    started.trainer.send({ type: 'engines' });
    expect(await started.exit).toMatch(/^it could not be started \(.*ENOENT/);
    started.trainer.send({ type: 'engines' });
    started.trainer.kill();
    const asked = askTrainer(createTrainerHost('/no/such/node'), { type: 'engines' }, 'engines');
    await expect(asked).rejects.toMatchObject({ code: 'trainer.died' });
  });

  test('that is gone does not mind commands', async () => {
    const started = startScript("process.send({ type: 'ready' }); setImmediate(() => process.disconnect())");
    await started.exit;
    started.trainer.send({ type: 'engines' });
    started.trainer.kill();
    expect(started.events).toEqual([]);
  });
});

test('the real one answers, also where Node options would break it', async () => {
  vi.stubEnv('NODE_OPTIONS', '--no-such-option-of-node');
  onTestFinished(() => void vi.unstubAllEnvs());
  const engines = await listEngines(createTrainerHost(pinnedNode()));
  expect(engines.find(({ name }) => name === 'onnx')).toMatchObject({ available: true });
});

describe.skipIf(process.platform !== 'linux')('what it says of a graphics card', { timeout: 60_000 }, () => {
  const webgpuWith = async (driver: string) => {
    for (const name of ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES']) vi.stubEnv(name, driver);
    onTestFinished(() => void vi.unstubAllEnvs());
    const engines = await listEngines(createTrainerHost(pinnedNode()));
    return engines.find(({ name }) => name === 'webgpu');
  };

  test('without a driver: that there is none, and what brings one', async () => {
    const report = await webgpuWith('/nowhere.json');
    expect(report).toMatchObject({ available: false, device: null, memoryBytes: null });
    expect(report!.note).toMatch(
      /^Failed to get a WebGPU adapter: No supported adapters\. It needs a graphics card with a Vulkan driver: /,
    );
  });

  const driver = softwareDriver();
  test.skipIf(driver === null)('with a driver: its name', async () => {
    expect(await webgpuWith(driver!)).toMatchObject({
      available: true,
      device: expect.stringMatching(/./) as string,
      note: expect.stringContaining('WebGPU') as string,
    });
  });
});

test('the real one refuses what is no command of this version', async () => {
  const started = new Started(pinnedNode());
  started.trainer.send({ type: 'export', checkpoint: '', engine: 'auto', format: 'png', path: 'x' });
  expect(await started.firstEvent).toMatchObject({ type: 'failed', error: { code: 'trainer.bad-command' } });
});

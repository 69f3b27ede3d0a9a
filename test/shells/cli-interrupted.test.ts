import { readdirSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Call, Ended, Line } from './ganvas-process.ts';
import {
  canWatch,
  changed,
  gone,
  installedCommand,
  linesOf,
  tinyTraining,
  trainersOf,
  Workplace,
} from './ganvas-process.ts';

const endless = [
  ...tinyTraining,
  '--steps',
  '1000000',
  '--checkpoint-every',
  '20',
  '--sample-every',
  '1000000',
  '--json',
];

/** The same in words, which tell of steps by their samples. */
const sampling = changed(
  endless.filter((word) => word !== '--json'),
  '--sample-every',
  '20',
);

const last = (ended: Ended, type: string): Line => {
  const line = linesOf(ended).findLast((found) => found.type === type);
  if (line === undefined) throw new Error(`no line of the type ${type}:\n${ended.stdout}\n${ended.stderr}`);
  return line;
};

/** An endless training that has written a checkpoint, and its trainer. */
async function trainingUnderWay(
  place: Workplace,
  options: Parameters<Workplace['start']>[1] = {},
): Promise<{ call: Call; trainers: number[] }> {
  const call = place.start(endless, { group: true, ...options });
  await call.printed(/"type":"checkpoint"/);
  const trainers = trainersOf(call.pid);
  expect(trainers).toHaveLength(1);
  return { call, trainers };
}

/** Lets a process stand still, at most until the test is over. */
function halt(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  onTestFinished(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  });
}

const stateOf = async (place: Workplace) => (await place.json(['show', '1'])).lines[0]!;

/** Goes on for some steps; then the run must be, bit for bit, as one that was never interrupted. */
async function expectGoesOnExactly(place: Workplace): Promise<void> {
  const { id, checkpoints } = await stateOf(place);
  const from = (checkpoints as { step: number }[]).at(-1)!.step;
  const end = from + 7;
  const resumed = await place.run(['resume', '1', '--steps', String(end), '--json']);
  expect(resumed).toMatchObject({ status: 0, stderr: '' });
  expect(linesOf(resumed).find(({ type }) => type === 'step')).toMatchObject({ step: from + 1 });
  const straight = await place.run(changed(endless, '--steps', String(end)));
  const other = last(straight, 'done')['id'] as string;
  expect(place.state(id as string, end).equals(place.state(other, end))).toBe(true);
  const runFolder = place.path('library', 'runs', id as string);
  expect(
    readdirSync(runFolder, { recursive: true }).filter((name) => String(name).endsWith('.partial')),
  ).toEqual([]);
}

describe.skipIf(!canWatch)('Ctrl-C', () => {
  const installed = installedCommand();
  const ways = [
    { way: 'as a terminal sends it, to all processes', to: (pid: number) => -pid, command: undefined },
    { way: 'as kill sends it, to one process', to: (pid: number) => pid, command: undefined },
    ...(installed === null
      ? []
      : [
          { way: 'to all processes of the installed command', to: (pid: number) => -pid, command: installed },
          { way: 'to the installed command alone', to: (pid: number) => pid, command: installed },
        ]),
  ];

  test.each(ways)('once, $way: a checkpoint, and status 130', async ({ to, command }) => {
    const place = new Workplace();
    const { call, trainers } = await trainingUnderWay(place, command === undefined ? {} : { command });
    process.kill(to(call.pid), 'SIGINT');
    const ended = await call.ended;
    expect(ended).toMatchObject({ status: 130, signal: null, stderr: '' });
    const done = last(ended, 'done');
    expect(done).toMatchObject({ state: 'paused', step: last(ended, 'step')['step'] });
    expect(last(ended, 'checkpoint')).toMatchObject({ step: done['step'], path: done['checkpoint'] });
    await gone(trainers);
    expect(await stateOf(place)).toMatchObject({ state: 'paused', step: done['step'] });
  });

  test.each(ways)('twice, $way: the end at once, and status 130', async ({ to, command }) => {
    const place = new Workplace();
    const call = place.start(sampling, { group: true, ...(command === undefined ? {} : { command }) });
    await call.printed(/step 20: samples/);
    const trainers = trainersOf(call.pid);
    // A trainer that stands still never writes the checkpoint that the first one asks for.
    halt(trainers[0]!);
    process.kill(to(call.pid), 'SIGINT');
    await call.printed(/Ctrl-C again ends at once/);
    process.kill(to(call.pid), 'SIGINT');
    const ended = await call.ended;
    expect(ended).toMatchObject({ status: 130, signal: null });
    // Whether the one of step 20 was written before the trainer stood still is chance.
    expect(ended.stderr).toMatch(
      /^ganvas: Asked again, ended at once, without a new checkpoint; (all that was trained|what was trained since the checkpoint of step 20) is lost\. Go on: npx ganvas resume 1\n$/,
    );
    await gone(trainers);
    expect(await stateOf(place)).toMatchObject({
      state: 'interrupted',
      reason: { code: 'run.interrupted', message: expect.stringContaining('Ganvas was closed') as string },
    });
  });

  test('as a service is stopped, with a signal to every process at once: a checkpoint, and status 130', async () => {
    const place = new Workplace();
    const { call, trainers } = await trainingUnderWay(place);
    for (const pid of [...trainers, call.pid]) process.kill(pid, 'SIGTERM');
    const ended = await call.ended;
    expect(ended).toMatchObject({ status: 130, stderr: '' });
    expect(last(ended, 'done')).toMatchObject({ state: 'paused' });
    await gone(trainers);
  });

  test('what was ended by it goes on exactly', async () => {
    const place = new Workplace();
    const { call } = await trainingUnderWay(place);
    process.kill(-call.pid, 'SIGINT');
    await call.ended;
    await expectGoesOnExactly(place);
  });

  test('in words: says what happens and how to go on', async () => {
    const place = new Workplace();
    const call = place.start(sampling, { group: true });
    await call.printed(/step 20: samples/);
    process.kill(-call.pid, 'SIGINT');
    const { status, stdout } = await call.ended;
    expect(status).toBe(130);
    expect(stdout).toContain(
      'Ending with a checkpoint as soon as the step under way is done. Ctrl-C again ends at once.\n',
    );
    expect(stdout).toMatch(
      /^Paused after [\d,]+ steps, .*\.\nNewest samples: .*\nGo on: npx ganvas resume 1\n$/m,
    );
  });

  test.each(ways)('while the trainer prepares, $way: the end at once', async ({ to, command }) => {
    const place = new Workplace();
    const words = endless.filter((word) => word !== '--json');
    const call = place.start(words, { group: true, ...(command === undefined ? {} : { command }) });
    await call.printed(/^Run 1 /m);
    const trainers = trainersOf(call.pid);
    expect(trainers).toHaveLength(1);
    // A trainer that stands still never comes to its first step.
    halt(trainers[0]!);
    process.kill(to(call.pid), 'SIGINT');
    const { status, stdout, stderr } = await call.ended;
    expect({ status, stderr }).toEqual({ status: 130, stderr: '' });
    expect(stdout).not.toContain('Ending with a checkpoint');
    expect(stdout).toContain(
      'Stopped before its first step: nothing was trained. Begin again: npx ganvas resume 1\n',
    );
    await gone(trainers);
    expect(await stateOf(place)).toMatchObject({ state: 'stopped', reason: null, step: 0, checkpoints: [] });
    expect((await place.json(['resume', '1', '--steps', '2'])).lines.at(-1)).toMatchObject({ state: 'done' });
  });

  test('while images are read: nothing is left behind', async () => {
    const place = new Workplace();
    const call = place.start(['train', '--data', 'sample:200000x64', '--resolution', '64', '--json'], {
      group: true,
    });
    await expect
      .poll(() => place.listing().some((name) => /cache\/unfinished-.*\/images\.u8/.test(name)))
      .toBe(true);
    process.kill(-call.pid, 'SIGINT');
    const ended = await call.ended;
    expect(ended.status).toBe(130);
    expect(linesOf(ended)).toMatchObject([{ type: 'error', code: 'cancelled' }]);
    expect(readdirSync(place.path('library', 'cache'))).toEqual([]);
    expect((await place.json(['runs'])).lines).toEqual([]);
  });

  test('before there is anything to interrupt', async () => {
    const place = new Workplace();
    const call = place.start(['sample-data', 'faces', '--count', '200000', '--json'], { group: true });
    await expect
      .poll(() => readdirSync(place.dir).some((name) => name.startsWith('.faces.unfinished')))
      .toBe(true);
    process.kill(-call.pid, 'SIGINT');
    expect((await call.ended).status).toBe(130);
    expect(readdirSync(place.dir)).toEqual(['tiny.json']);
  });
});

describe.skipIf(!canWatch)('killed', () => {
  test('the command: its trainer goes too, the library opens, and the run goes on exactly', async () => {
    const place = new Workplace();
    const { call, trainers } = await trainingUnderWay(place);
    // Looking on takes nothing away from the one that trains.
    expect(await stateOf(place)).toMatchObject({ state: 'running' });
    process.kill(call.pid, 'SIGKILL');
    expect((await call.ended).signal).toBe('SIGKILL');
    await gone(trainers);
    expect(await stateOf(place)).toMatchObject({ state: 'interrupted', reason: { code: 'run.interrupted' } });
    await expectGoesOnExactly(place);
    expect((await stateOf(place))['history']).toMatchObject([
      { state: 'queued' },
      { state: 'running' },
      { state: 'interrupted', reason: { code: 'run.interrupted' } },
      { state: 'queued' },
      { state: 'running' },
      { state: 'done' },
    ]);
  });

  test('the trainer alone: said so with status 1, and the run goes on exactly', async () => {
    const place = new Workplace();
    const { call, trainers } = await trainingUnderWay(place);
    process.kill(trainers[0]!, 'SIGKILL');
    const ended = await call.ended;
    expect(ended.status).toBe(1);
    const error = last(ended, 'error');
    expect(error).toMatchObject({ code: 'trainer.died', details: { run: 1, state: 'interrupted' } });
    expect(error['message']).toMatch(
      /^The trainer process ended: it was killed by SIGKILL\. Resumed, it goes on from its checkpoint of step \d+\. Go on: npx ganvas resume 1$/,
    );
    expect(ended.stderr).toBe(`ganvas: ${String(error['message'])}\n`);
    expect(linesOf(ended).filter(({ type }) => type === 'done')).toEqual([]);
    expect(await stateOf(place)).toMatchObject({ state: 'interrupted', reason: { code: 'trainer.died' } });
    await expectGoesOnExactly(place);
  });

  test.skipIf(installedCommand() === null)(
    'the installed command: everything that it has started goes too',
    async () => {
      const place = new Workplace();
      const { call, trainers } = await trainingUnderWay(place, { command: installedCommand()! });
      process.kill(call.pid, 'SIGKILL');
      await call.ended;
      await gone(trainers);
      await expect
        .poll(async () => (await place.json(['resume', '1', '--steps', '1'])).lines[0]!['code'])
        .toBe('run.at-its-end');
      expect(await stateOf(place)).toMatchObject({ state: 'interrupted' });
    },
  );
});

test('asked to end by the system or by a closed terminal: as by Ctrl-C', async () => {
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    const place = new Workplace();
    const call = place.start(endless);
    await call.printed(/"type":"step"/);
    process.kill(call.pid, signal);
    const ended = await call.ended;
    expect(ended.status, signal).toBe(130);
    expect(last(ended, 'done')).toMatchObject({ state: 'paused' });
  }
});

test('a reader that has gone: the run ends with a checkpoint', async () => {
  const place = new Workplace();
  const call = place.start(endless);
  await call.printed(/"type":"step"/);
  call.process.stdout!.destroy();
  expect(await call.ended).toMatchObject({
    status: 130,
    stderr:
      'ganvas: Nobody reads the output any more (the pipe was closed), which counts as Ctrl-C. The run ends with a checkpoint. Go on: npx ganvas resume 1\n',
  });
  const run = await stateOf(place);
  expect(run).toMatchObject({ state: 'paused', reason: null });
  expect((run['checkpoints'] as { step: number }[]).at(-1)?.step).toBe(run['step']);
});

test('a reader that has gone while images are read or drawn: ended, and said so', async () => {
  const place = new Workplace();
  for (const words of [
    ['train', '--data', 'sample:200000x64', '--resolution', '64', '--json'],
    ['sample-data', 'faces', '--count', '200000', '--json'],
  ]) {
    const call = place.start(words);
    // Nothing is printed yet: the pipe is found closed by the first line.
    call.process.stdout!.destroy();
    const { status, stderr } = await call.ended;
    expect(status).toBe(130);
    expect(stderr).toContain('ganvas: Nobody reads the output any more (the pipe was closed)');
  }
});

test.skipIf(!canWatch)(
  'a library in use by another: only looked at, and the other is not disturbed',
  async () => {
    const place = new Workplace();
    const { call, trainers } = await trainingUnderWay(place);
    halt(trainers[0]!);
    for (const args of [tinyTraining, ['delete', '1']]) {
      const { status, lines } = await place.json(args);
      expect(status).toBe(1);
      expect(lines).toMatchObject([
        { type: 'error', code: 'library.in-use', details: { process: call.pid } },
      ]);
    }
    expect((await place.json(['runs'])).lines).toMatchObject([{ state: 'running' }]);
    expect((await place.json(['sample', '1', '--count', '2', '--out', 'grid.png'])).status).toBe(0);
    process.kill(trainers[0]!, 'SIGCONT');
    process.kill(call.pid, 'SIGINT');
    expect((await call.ended).status).toBe(130);
  },
);

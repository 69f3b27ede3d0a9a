/** The command line's entry: one command, its output, its exit status. */
import { readFileSync } from 'node:fs';
import { toErrorData } from '../../../src-shared/errors.ts';
import { presets } from '../../../src-shared/gan/presets.ts';
import { enginesCommand, exportCommand, sampleCommand } from './generator-commands.ts';
import type { Interruption } from './interruption.ts';
import { interruptedStatus, watchInterrupts } from './interruption.ts';
import { mirrorCommand } from './mirror-command.ts';
import { Words } from './options.ts';
import type { Output } from './output.ts';
import { createOutput } from './output.ts';
import { deleteCommand, runsCommand, showCommand } from './run-commands.ts';
import { sampleDataCommand } from './sample-data-command.ts';
import { resumeCommand, trainCommand } from './train-command.ts';
import { usage, UsageError } from './usage.ts';

type Command = (words: Words, output: Output, interruption: Interruption) => void | number | Promise<void | number>;

const commands: Readonly<Record<string, Command>> = {
  delete: deleteCommand,
  engines: enginesCommand,
  export: exportCommand,
  mirror: mirrorCommand,
  resume: resumeCommand,
  runs: runsCommand,
  sample: sampleCommand,
  'sample-data': sampleDataCommand,
  show: showCommand,
  train: trainCommand,
};

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function run(args: readonly string[], output: Output, interruption: Interruption): Promise<number> {
  const words = Words.parse(args);
  if (words.flag('version')) {
    output.line(version());
    return 0;
  }
  const name = words.command;
  if (words.flag('help') || name === undefined || name === 'help') {
    output.line(usage.replace('{presets}', presets.map((preset) => preset.name).join(', ')));
    return name === undefined && !words.flag('help') ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    throw new UsageError(`There is no command "${name}". There are: ${Object.keys(commands).join(', ')}.`);
  }
  return (await command(words, output, interruption)) ?? 0;
}

/** @returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted */
async function main(args: readonly string[]): Promise<number> {
  const output = createOutput(args.includes('--json'), process.stdout);
  const interruption = watchInterrupts(process, (status) => process.exit(status));
  try {
    return await run(args, output, interruption);
  } catch (error) {
    const usageError = error instanceof UsageError;
    const { code, message, details } = usageError
      ? { code: 'usage', message: error.message, details: {} }
      : toErrorData(error);
    output.json({ type: 'error', code, message, details });
    output.line('');
    process.stderr.write(`ganvas: ${message}\n${usageError ? 'Try "ganvas --help".\n' : ''}`);
    if (usageError) return 2;
    return code === 'cancelled' ? interruptedStatus : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));

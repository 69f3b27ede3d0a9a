/** Starts trainers as processes of their own, on the Node that Ganvas brings, whatever runs this shell. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { AppError, toErrorData } from '../../src-shared/errors.ts';
import type { Command } from '../../src-shared/trainer-protocol.ts';
import { TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import type { Trainer, TrainerHost, TrainerListener } from '../core/trainer-host.ts';

/** What a trainer may know of the shell's environment: enough to find libraries and devices, no tokens, no Node options. */
const passedOn = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'SYSTEMROOT',
  'TEMP',
  'TMP',
  'TMPDIR',
  'LANG',
  'LD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'VK_ICD_FILENAMES',
  'VK_DRIVER_FILES',
];

/** The environment a trainer gets. */
export function trainerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(passedOn.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** Most characters of a process's output that are kept to tell how it died. */
const keptOutput = 4000;
/** Most characters of them that are told. */
const lastWordsLength = 400;

/** Node's stack frames and version, and what Vulkan says of drivers that it has looked for: no reason to die. */
const asides = /^at .*\)?$|^Node\.js v|^Warning: (?:vk|loader_)|^(?:ERROR|WARNING|INFO): \[Loader Message\]/;

/** What a dying process said last: its end, without {@link asides}. */
function lastWords(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const telling = lines.filter((line) => line !== '' && !asides.test(line));
  return telling.join(' ').slice(-lastWordsLength);
}

/** Path of the trainer's module beside this one. */
function trainerEntry(): string {
  return fileURLToPath(new URL('../trainer/main.ts', import.meta.url));
}

/**
 * @param node path of the Node binary that trainers run on
 * @param entry path of the trainer's module
 */
export function createTrainerHost(node: string, entry = trainerEntry()): TrainerHost {
  return {
    start(listener: TrainerListener): Trainer {
      const child = spawn(node, [entry], {
        env: trainerEnvironment(process.env),
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        // A process group of its own: Ctrl-C in a terminal is for the shell alone, which decides what it means.
        detached: true,
        windowsHide: true,
      });
      let output = '';
      let ended = false;
      /** Commands for a process that does not listen yet. */
      let early: Command[] | null = [];
      const end = (how: string) => {
        if (ended) return;
        ended = true;
        listener.onExit(how);
      };
      // What cannot be sent has nobody to hear it any more, which `close` tells.
      const send = (command: Command) => child.send(command, () => undefined);
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-keptOutput);
      });
      child.on('message', (message) => {
        if (ended) return;
        const event = v.safeParse(TrainerEvent, message);
        if (!event.success) {
          const error = new AppError(
            'trainer.bad-event',
            `The trainer sent what nobody understands: ${event.issues[0].message}. Reinstall Ganvas if this happens again.`,
          );
          listener.onEvent({ type: 'failed', error: toErrorData(error) });
        } else if (event.output.type === 'ready') {
          early?.forEach(send);
          early = null;
        } else {
          listener.onEvent(event.output);
        }
      });
      child.on('error', (error) => end(`it could not be started (${error.message})`));
      // `close` comes after the last output, `exit` may come before it.
      child.on('close', (status, signal) => {
        const how = signal === null ? `it ended with status ${status}` : `it was killed by ${signal}`;
        const said = lastWords(output);
        end(said === '' ? how : `${how}, saying: ${said}`);
      });
      return {
        send(command: Command) {
          if (early === null) send(command);
          else early.push(command);
        },
        kill() {
          child.kill('SIGKILL');
        },
      };
    },
  };
}

/** What it means for a person when an engine gives up in the middle of its work. */
import { AppError } from '../../../src-shared/errors.ts';
import type { Engine, Program } from './engine.ts';

/** How the libraries say it, each in its own way. */
const kinds = [
  {
    code: 'engine.out-of-memory',
    said: 'has no memory left',
    // ONNX Runtime on the processor; Dawn, which hands out an invalid buffer and complains of it later; Vulkan; Direct3D 12; TensorFlow.
    words:
      /failed to allocate|bad_?alloc|bad allocation|out of (?:device )?memory|OUT_OF_(?:HOST_|DEVICE_)?MEMORY|E_OUTOFMEMORY|\bOOM\b|Invalid Buffer/i,
  },
  {
    code: 'engine.device-lost',
    said: 'has lost its device',
    words:
      /device (?:is |was |has been )?(?:lost|removed|hung|reset)|lost (?:the )?device|DEVICE_(?:LOST|REMOVED|HUNG|RESET)|CUDA_ERROR|GPU (?:crashed|has fallen)/i,
  },
  {
    code: 'engine.operation-missing',
    said: 'cannot do an operation of this design',
    words:
      /assigned to the default CPU EP|NOT_IMPLEMENTED|Could not find an implementation|not registered for backend/i,
  },
] as const;

/** A library's words as a sentence, without the places in its sources that they begin with, and without further lines. */
export function reasonOf(error: unknown): string {
  const thrown = error instanceof AppError ? (error.cause ?? error) : error;
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  const [first] = said.trim().split('\n') as [string];
  const reason = first
    .replace(/^.*Status Message: /, '')
    .replace(/^\/\S+:\d+ .*?(?: was false\. |\) (?=[A-Z]))/, '')
    .trim();
  return /[.!?]$/.test(reason) ? reason : `${reason}.`;
}

/**
 * @param engine its name
 * @returns the AppError that it means: one of {@link kinds}, else `engine.failed`; an AppError is itself
 */
export function engineFailure(engine: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const kind = kinds.find(({ words }) => words.test(text));
  return new AppError(
    kind?.code ?? 'engine.failed',
    `The engine ${engine} ${kind?.said ?? 'gave up'}: ${reasonOf(error)}`,
    { engine },
    { cause: error },
  );
}

/** Whether an error is one of {@link engineFailure}: another engine may do what this one did not. */
export function isEngineFailure(error: unknown): error is AppError {
  return (
    error instanceof AppError && ['engine.failed', ...kinds.map(({ code }) => code)].includes(error.code)
  );
}

/** The same engine, whose errors are all AppErrors: those of {@link engineFailure} for what its library throws. */
export function withClearErrors(engine: Engine): Engine {
  const { name } = engine;
  const clearly = async <T>(work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw engineFailure(name, error);
    }
  };
  const clear = (program: Program): Program => ({
    write(state) {
      try {
        program.write(state);
      } catch (error) {
        throw engineFailure(name, error);
      }
    },
    read: () => clearly(() => program.read()),
    run: (inputs) => clearly(() => program.run(inputs)),
    share: async (...given) => clear(await clearly(() => program.share(...given))),
    // What a broken device does not free goes with the process; why it broke matters more.
    dispose: () => program.dispose().catch(() => undefined),
  });
  return {
    ...engine,
    prepare: async (...given) => clear(await clearly(() => engine.prepare(...given))),
  };
}

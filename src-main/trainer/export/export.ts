/** A trained generator for use elsewhere. Every format is written beside its target, tried, and only then put in place. */
import type { ExportFormat } from '../../../src-shared/trainer-protocol.ts';
import type { Checkpoint } from '../checkpoint.ts';
import type { Engine } from '../engines/engine.ts';

/**
 * @throws AppError `export.exists`, `export.differs`, `disk.*`; nothing is left behind
 */
export async function exportGenerator(
  format: ExportFormat,
  path: string,
  checkpoint: Checkpoint,
  engine: Engine,
): Promise<{ path: string; bytes: number; difference: number }> {
  throw new Error(`${format} ${path} ${checkpoint.info.step} ${engine.name}`);
}

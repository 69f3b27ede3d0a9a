/** Why one file is left out; the rest of the dataset goes on. */
export class Unusable extends Error {
  readonly code: string;

  /** `code` is stable, such as `broken`; `reason` is a sentence for a person. */
  constructor(code: string, reason: string) {
    super(reason);
    this.name = 'Unusable';
    this.code = code;
  }
}

/** The system's code of a file error, such as `ENOENT`; empty for anything else. */
export function systemCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

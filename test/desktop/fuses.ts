/** The fuses of a packed app, and how they must be: docs/security.md, item 19. */
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';

export const expectedFuses = {
  RunAsNode: false,
  EnableCookieEncryption: true,
  EnableNodeOptionsEnvironmentVariable: false,
  EnableNodeCliInspectArguments: false,
  EnableEmbeddedAsarIntegrityValidation: true,
  OnlyLoadAppFromAsar: true,
  LoadBrowserProcessSpecificV8Snapshot: false,
  GrantFileProtocolExtraPrivileges: false,
};

type Fuses = typeof expectedFuses;

/** Reads those fuses from an app. @param executable path of its executable */
export async function readFuses(executable: string): Promise<Fuses> {
  const wire = await getCurrentFuseWire(executable);
  const names = Object.keys(expectedFuses) as (keyof Fuses)[];
  const read = names.map((name) => [name, String.fromCharCode(wire[FuseV1Options[name]] ?? 0) === '1']);
  return Object.fromEntries(read) as Fuses;
}

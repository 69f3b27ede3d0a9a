import { expect, test } from 'vitest';
import { describeFileError } from '../../src-main/store/library-folder.ts';
import { writeWhole } from '../../src-main/trainer/files.ts';
import { toErrorData } from '../../src-shared/errors.ts';

test.each(['ENOSPC', 'EDQUOT', 'EFBIG'])(
  '%s: one code and the same words, whoever meets it',
  async (systemCode) => {
    const thrown = Object.assign(new Error('the system said so'), { code: systemCode });
    const path = '/nowhere/file';
    const inTrainer: unknown = await writeWhole(path, 'file', () => Promise.reject(thrown)).catch(
      (error: unknown) => error,
    );
    const inStore = describeFileError(thrown, path);
    expect(toErrorData(inTrainer)).toEqual(toErrorData(inStore));
    expect(toErrorData(inStore)).toEqual({
      code: 'disk.full',
      message: 'There is no space left on the disk for /nowhere/file. Free some space and try again.',
      details: { path },
    });
  },
);

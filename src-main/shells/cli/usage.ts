/** What the command line understands, in words, and the error for what it does not. */

export const usage = `Ganvas: design a discriminator, get the mirrored generator, train the GAN on your own images.

  ganvas mirror <preset|design.json> [--latent N] [--json]
      the two networks face to face, shapes, parameters
  ganvas sample-data <dir> [--count N] [--resolution N] [--seed N]
      writes the built-in dataset as PNG files
  ganvas train --data <folder|zip|idx file|sample> [--preset NAME | --design FILE]
               [--resolution N|HxW] [--grey] [--fit crop|pad|stretch] [--batch N]
               [--steps N | --kimg N | --minutes N] [--loss ns|ls|hinge]
               [--sample-every N] [--checkpoint-every N] [--engine NAME]
               [--seed N] [--name TEXT] [--json]
      trains; Ctrl-C once ends with a checkpoint, twice at once
  ganvas resume <run> [--steps N | --kimg N | --minutes N] [--json]
      goes on where a run ended, exactly
  ganvas runs [--json]          all runs, the newest first
  ganvas show <run> [--json]    one run, whole
  ganvas sample <run> --out grid.png [--count N] [--seed N]
      a grid of new images from a run's generator
  ganvas export <run> --format onnx|tfjs|safetensors|png --out PATH
      the trained generator, for use elsewhere
  ganvas delete <run>           removes a run with its files
  ganvas engines [--json]       what can compute on this machine

Every command that uses the library takes --library DIR (else $GANVAS_LIBRARY, else the usual
place for application data). A run is called by its number, its id, or its name.

Presets: {presets}

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted (a checkpoint was written).
`;

/** Something about the command line itself is wrong: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

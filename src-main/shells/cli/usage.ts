/** What the command line understands, in words, and the error for what it does not. */
import { presets } from '../../../src-shared/gan/presets.ts';

/** How the command is typed: it runs out of a checkout, which npx finds. */
export const program = 'npx ganvas';

const nameWidth = Math.max(...presets.map((preset) => preset.name.length));

export const usage = `Ganvas: design a discriminator, get the mirrored generator, train the GAN on your own images.

  ganvas serve [--port N] [--open] [--data-root DIR]... [--host ADDRESS] [--json]
      everything in a browser page, for this machine alone; --open opens it; --data-root lets the
      page choose images below DIR (it can take dropped images in any case); --host listens for
      others, too
  ganvas mirror <preset|design.json> [--latent N] [--json]
      the two networks face to face, shapes, parameters
  ganvas sample-data <dir> [--count N] [--resolution N] [--seed N] [--json]
      writes the built-in dataset, drawn faces, as PNG files
  ganvas train --data <folder|zip|idx file|sample> [--preset NAME | --design FILE]
               [--resolution N|HxW] [--grey] [--fit crop|pad|stretch] [--batch N]
               [--steps N] [--kimg N] [--minutes N] [--loss ns|ls|hinge]
               [--lr N] [--lr-d N] [--lr-g N] [--beta1 N] [--sample-every N] [--checkpoint-every N]
               [--measure-every N] [--measure-images N] [--patience N]
               [--keep-best swd|precision|recall|density|coverage] [--checkpoint-megabytes N]
               [--engine auto|cuda|webgpu|onnx|tensorflow-cpu|reference] [--seed N]
               [--name TEXT] [--json]
      trains until the first limit is reached (2,000 steps where none is given); Ctrl-C once ends it
      with a checkpoint, twice at once; --lr is the learning rate of both networks, --lr-d and
      --lr-g that of one; --beta1 is Adam's; without --name the run is called by its data;
      a grid of samples is saved every --sample-every steps (100), with some before the first, a
      checkpoint every --checkpoint-every (500); beside the training checkpoints that are
      --measure-every steps (500) apart are measured with 512 images, 0 measures none; the best
      one by --keep-best (swd) stays, and --patience N ends the run when N measured after it were no
      better; all checkpoints together take --checkpoint-megabytes (5,000) at most
  ganvas resume <run> [--data PATH] [--step N] [--steps N] [--kimg N] [--minutes N] [--json]
      goes on where a run ended, exactly; a limit counts from the run's beginning (minutes from
      now); --step goes back to an earlier checkpoint (0: the beginning), forgetting what followed;
      --data says where the same images lie now, if they were moved
  ganvas runs [--json]          all runs, the newest first
  ganvas show <run> [--json]    one run, whole
  ganvas sample <run> --out grid.png [--count N] [--seed N] [--step N] [--json]
      a grid of new images from a run's generator: its newest checkpoint, or that of --step
  ganvas measure <run> [--step N] [--images N] [--seed N] [--inception FILE] [--json]
      how good a run's generator is: sliced Wasserstein distance, MS-SSIM, precision, recall,
      density, coverage, colours, copies of training images, each beside what real images give;
      FID and KID with an ONNX file of the Inception network, which Ganvas does not bring
  ganvas export <run> --format onnx|tfjs|safetensors|png --out PATH [--step N] [--json]
      the trained generator, for use elsewhere: onnx is a file that ends in .onnx; png is a picture
      of 64 of its images that ends in .png; tfjs (TensorFlow.js) and safetensors (with code for
      PyTorch) are folders; nothing may be at PATH yet
  ganvas rename <run> <new name> [--json]
      a run, and its experiment in the page where that has no other run
  ganvas delete <run> [--json]
      a run with its files, for good, and its experiment where that has no other run
  ganvas datasets [--delete KEY|SOURCE|NAME | --delete-unused] [--json]
      the images that lie prepared in the library; deleted ones are prepared again when needed;
      NAME is that of what was dropped into the page
  ganvas engines [--json]       what can compute on this machine

Every command that uses the library takes --library DIR (else $GANVAS_LIBRARY, else the usual
place for application data). A run is called by its number, its id, or its name. --json prints
one JSON object a line and nothing else. Where the output goes through a pipe that is closed (as by
head), the command ends as by Ctrl-C, a training with a checkpoint. In a checkout the command is
"${program}".

Presets:
${presets.map(({ name, description }) => `  ${name.padEnd(nameWidth)}  ${description}`).join('\n')}

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.`;

/** Something about the command line itself is wrong: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

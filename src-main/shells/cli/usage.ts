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
               [--steps N] [--kimg N] [--minutes N] [--loss ns|ls|hinge|wgan|wgan-gp|r1]
               [--lr N] [--lr-d N] [--lr-g N] [--beta1 N] [--beta2 N] [--sample-every N]
               [--checkpoint-every N] [--d-steps N] [--gp N] [--r1 N] [--r2 N] [--penalty-every N]
               [--weight-clip N] [--label-smoothing N] [--instance-noise N] [--noise-kimg N]
               [--optimizer adam|adamw|rmsprop|sgd] [--optimizer-d NAME] [--optimizer-g NAME]
               [--weight-decay N] [--clip-norm N] [--schedule constant|linear|cosine]
               [--schedule-kimg N] [--ema-kimg N] [--ema-ramp-up N]
               [--augment colour,translation,cutout|none] [--augment-chance N]
               [--augment-target N] [--augment-kimg N] [--flip]
               [--measure-every N] [--measure-images N] [--patience N]
               [--keep-best swd|precision|recall|density|coverage] [--checkpoint-megabytes N]
               [--engine auto|cuda|webgpu|onnx|tensorflow-cpu|reference] [--seed N]
               [--name TEXT] [--json]
      trains until the first limit is reached (2,000 steps where none is given); Ctrl-C once ends
      it with a checkpoint, twice at once; --lr is the learning rate of both networks, --lr-d and
      --lr-g that of one; --beta1 and --beta2 are Adam's; without --name the run is called by its
      data; a grid of samples is saved every --sample-every steps (100), with some before the
      first, a checkpoint every --checkpoint-every (500); --loss brings what belongs to it (rates,
      updates of the discriminator, penalties, norms) and says what; options beside it go first:
      --d-steps are updates of the discriminator for each of the generator; --gp, --r1 and --r2
      weigh gradient penalties, taken in one step of --penalty-every; --weight-clip holds the
      discriminator's weights (0: free); --label-smoothing is one-sided; --instance-noise is added
      to all images and fades away over --noise-kimg; --optimizer is that of both networks,
      --optimizer-d and --optimizer-g that of one, --beta1 also SGD's momentum, --weight-decay
      AdamW's; --clip-norm shortens longer gradients (0: none); --schedule lets the learning rates
      fall to zero over --schedule-kimg; the generator that is shown averages over --ema-kimg
      (half-life; 0: none), over less while the run is young (--ema-ramp-up, a share of the images
      seen); --augment changes all that the discriminator sees at random, for small datasets: so
      many images as --augment-chance says (1), or as many as it takes until the mean sign of its
      verdicts on reals is --augment-target (0.6), moved from 0 to 1 in --augment-kimg (500) at the
      fastest; --flip shows half of the images as in a mirror; beside the training checkpoints that
      are --measure-every steps (500) apart are measured with --measure-images images (512), 0
      measures none; the best one by --keep-best (swd) stays, and --patience N ends the run when N
      measured after it were no better; all checkpoints together take --checkpoint-megabytes (5,000)
      at most
  ganvas resume <run> [--data PATH] [--step N] [--steps N] [--kimg N] [--minutes N]
                [--engine NAME] [--json]
      goes on where a run ended, exactly; a limit counts from the run's beginning (minutes from
      now); --step goes back to an earlier checkpoint (0: the beginning), forgetting what followed;
      --data says where the same images lie now, if they were moved; --engine goes on with another
      engine, whose numbers are rounded a little differently
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

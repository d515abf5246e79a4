"""What tables and their columns are about, for those who meet them for the first time."""

from __future__ import annotations

import re

from locality.report.names import called, spoken

# (name of the table, title); the first that fits wholly counts. Others have the words of their curve.
TITLES: tuple[tuple[str, str], ...] = (
    (r"compare/summary", "Each denoiser against the clean images and the network"),
    (r"compare/settings", "How settings were found"),
    (r".*/left_out", "Images without a score"),
    (r"sweep/runs", "Runs of the sweep"),
    (r"pattern/verdict", "What became of the claim"),
    (r"pattern/learned", "Error along the pattern, over the control's"),
    (r"pattern/steps_gamma(.*)", r"The pattern contrast along a training, gamma = \1"),
    (r".*/ratio", "Mirror ratio: field on the mirror position / on the ring"),
    (r"halves/agreement", "Networks and Wiener filters of the two halves, against each other"),
    (r"information/best", "The best setting at each noise level"),
    (r"information/(.+)/clean", r"\1: best and predicted settings, error against the clean images"),
    (r"information/(.+)/(.+)", r"\1: best and predicted settings, error against the \2"),
    (r"calibrate/chosen", "Settings that calibrations chose"),
    (r"[^/]*/samples", "Final samples against the network's"),
    (r"[^/]*/step_r2", "r2 of one step against the network's, at each noise level"),
    (r"[^/]*/median_step_r2", "Median r2 of one step against the network's, at each noise level"),
    (
        r"[^/]*/step_r2_second",
        "r2 of one step less a second network's, median over images, at each noise level",
    ),
    (r"([^/]*/)?heldout", "Held-out error over that of Wiener, at each noise level"),
    (r"[^/]*/heldout_pca", "Held-out error over that of PCA locality, at each noise level"),
    (
        r"[^/]*/(coarse|middle|fine|edges|plain)",
        r"Squared distance to the network over another network's, at each noise level: \1",
    ),
    (
        r"[^/]*/(coarse|middle|fine|edges|plain)_share",
        r"Share of the squared distance to the network, at each noise level: \1",
    ),
    (r"labels/errors", "What the class of an image is worth"),
    (r"runs", "The runs"),
    (r"numbers", "Numbers that several of the runs have"),
)
# (name of the table, name of the column, line); the first that fits both wholly counts.
LINES: tuple[tuple[str, str, str], ...] = (
    (r"compare/summary", r"denoiser", "Who denoises; in brackets how many training images, where not all."),
    (r"compare/summary", r"(median )?sample r2",
     "How much of the variance of the network's final samples this one's explain, from the same "
     "start noise; 1 is equal, 0 no better than a flat image. {median}"),
    (r"compare/summary", r"sample MSE",
     "Mean squared difference to the network's final samples from the same noise; pixel units squared."),
    (r"compare/summary", r"(median )?one-step r2",
     "How much of the variance of the network's estimate this one explains, after one step from the same "
     "noised test image; mean over noise levels 0.1 to 10. {median}"),
    (r"compare/summary", r"held-out MSE",
     "Mean squared error of one denoising step against the clean test image; mean over noise levels 0.1 to "
     "10, pixel units squared. Lower is better."),
    (r"compare/summary", r"(median )?held-out r2",
     "How much of the variance of the clean test image one denoising step recovers; mean over noise levels "
     "0.1 to 10. Higher is better. {median}"),
    (r"compare/summary", r"MSE / Wiener",
     "Held-out MSE over that of the Wiener filter at the same noise level; below 1 beats every linear "
     "denoiser."),
    (r"compare/summary", r"held-out .*", "The metric of one denoising step against the clean test image."),
    (r"compare/summary", r"ms / image", "Milliseconds of one denoising step for one image, on this machine."),
    (r"compare/summary", r"settings", "How its settings were found: calibrated, or not."),
    (r"compare/settings", r"setting", "What can be calibrated of that denoiser."),
    (r"compare/settings", r"found", "Where its value came from."),
    (r"compare/settings", r"against", "Whose estimates it was made to come close to."),
    (r"compare/settings", r"on", "The images that were denoised to find it."),
    (r"compare/settings", r"training images", "How many of them the denoiser had when it was found."),
    (r"compare/settings", r"calibrated by", "The command that calibrates it."),
    (r"compare/attention", r"beware", "What to know before the tables are believed."),
    (r".*/left_out", r"left out of", "The score that some images do not have."),
    (r".*/left_out", r"images", "How many images have no such score, because their target is blank."),
    (r".*/left_out", r"denoisers", "Whose score it is."),
    (r"sensitivity/cosine|architectures/cosine", r"sigma .*",
     "Cosine of the angle to the field of the reference at that noise level; 1 is alike up to scale."),
    (r"sensitivity/energy|architectures/energy", r"sigma .*",
     "Share of the squared field that is in common with the reference's; 0 is disjoint, 1 is alike."),
    (r"sensitivity/inside|architectures/inside", r"sigma .*",
     "Share of the field within the radius that holds half of the reference's; above 0.5 is narrower."),
    (r"sensitivity/radius", r"sigma .*",
     "Pixels around the probed one within which half of the field lies, at that noise level."),
    (r"sensitivity/participation", r"sigma .*",
     "Effective number of input pixels: (sum f)^2 / sum f^2, at that noise level."),
    (r"architectures/.*", r"model", "The network's architecture."),
    (r"architectures/.*", r"of training", "How much of its training was done."),
    (r"architectures/.*", r"mean", "Mean over the noise levels."),
    (r"sweep/runs", r"val/loss", "The last validation loss of the training."),
    (r"sweep/runs", r"error / Wiener's.*",
     "Held-out error over that of the Wiener filter of the same training images; below 1 is better."),
    (r"sweep/runs", r"steps", "Optimiser steps."),
    (r"sweep/runs", r"seconds", "How long the training took."),
    (r"pattern/(contrast|learned|verdict)", r"gamma",
     "Strength of the pattern in the images; 0 is the control."),
    (r"pattern/.*", r"t", "Time-step of the noise level, of 1,000."),
    (r"pattern/(contrast|learned)", r"sigma", "Noise level in pixel units; images are in [-1, 1]."),
    (r"pattern/contrast", r"SNR_W",
     "Variance of the images along the pattern over sigma^2; above the threshold the pattern should show."),
    (r"pattern/contrast", r"SNR_W less the control's", "What the pattern alone adds to SNR_W."),
    (r"pattern/contrast", r"network",
     "Mean field on the pattern over that off the pattern, beyond the reach of the probed pixel; 1 is no "
     "pattern. In brackets the 95 % interval."),
    (r"pattern/contrast", r"spread over seeds", "Standard deviation of the contrast between seeds."),
    (r"pattern/contrast", r"control", "The contrast of the network that never saw the pattern."),
    (r"pattern/contrast", r"network / control", "Their ratio on the same images and noise."),
    (r"pattern/contrast", r"Wiener", "The contrast of the Wiener filter of these images: the prediction."),
    (r"pattern/contrast", r"Wiener / control", "Wiener's contrast over that of its own control."),
    (r"pattern/contrast", r"above control", "Whether the contrast is above the control's: by intervals, and "
     "of one seed by more than seeds differ by."),
    (r"pattern/contrast", r"SNR_W > .*", "Whether the paper's rule says that the pattern shows here."),
    (r"pattern/contrast", r"as claimed", "Whether the two columns before agree."),
    (r"pattern/learned", r"network / control",
     "Squared error along the pattern over that of the network that never saw it; below 1 it was learned."),
    (r"pattern/learned", r"Wiener / control's Wiener", "The same of the Wiener filters: the prediction."),
    (r"pattern/learned", r"share of Wiener's gain",
     "How much less error than the control's, over how much less the filter has."),
    (r"pattern/verdict", r"seeds", "Trainings of that strength."),
    (r"pattern/verdict", r"verdict", "What became of the claim, in a sentence."),
    (r"pattern/steps_.*", r"step .*", "The contrast after so many optimiser steps."),
    (r"pattern/steps_.*", r"Wiener", "The contrast of the Wiener filter, which the training should come to."),
    (r".*/ratio", r"pixel", "The probed pixel: an eye, say."),
    (r".*/ratio", r"sigma .*",
     "Field on the mirror image of the pixel over the field at other places as far away; above 1 it is "
     "looked at."),
    (r"halves/agreement", r"networks MSE",
     "Mean squared difference of two networks that were trained on the two halves of the images."),
    (r"halves/agreement", r"Wiener MSE", "The same of the Wiener filters of the two halves."),
    (r"halves/agreement", r"Wiener MSE, predicted", "What theory says of that from the number of images."),
    (r"halves/agreement", r"(networks|Wiener) r2", "How much of one's estimate the other's explains."),
    (r"halves/agreement", r"(networks|Wiener) cosine", "Cosine of the angle between the two estimates."),
    (r"halves/agreement", r"explained", "Share of the networks' agreement that Wiener has."),
    (r"halves/agreement", r"Wiener's distance / the network's",
     "Squared distance of a network to the other half's Wiener, over that to its network."),
    (r"halves/agreement", r"seeds MSE",
     "Mean squared difference of two networks that learned from all images and differ in the seed."),
    (r"halves/agreement", r"halves / seeds",
     "Squared difference of the halves' networks over that of the seeds'; 1: the images do not matter."),
    (r"information/.*", r"images", "Training images in the bank."),
    (r"information/.*", r"best", "The setting with the least error; in brackets its 95 % interval."),
    (r"information/.*", r"entropy there", "Entropy of the posterior over training images there, nats."),
    (r"information/.*", r"over ln N", "That entropy as a share of the logarithm of the number of images."),
    (r"information/.*", r"sure there", "Share of the outputs that fewer than two images explain."),
    (r"information/.*", r"predicted", "The setting that the rule of the entropy predicts."),
    (r"information/.*", r"error / least", "Error at the predicted setting over the least error."),
    (r"calibrate/chosen", r".+ .+",
     "The setting with the least error of those tried; in brackets others that are as good."),
    (r"[^/]*/samples", r"samples", "Samples from the same noise that the row is about."),
    (r"[^/]*/samples", r"training images", "Images in the bank of this denoiser."),
    (r"[^/]*/samples", r"median r2 to a second network",
     "r2 of the final samples against those of another network, for which no setting was chosen. {median}"),
    (r"[^/]*/samples", r"(median )?r2( over PCA locality)?",
     "r2 of the final samples against the network's; over PCA locality: less that row's. {median}"),
    (r"[^/]*/samples", r"MSE", "Mean squared difference to the network's samples; pixel units squared."),
    (r"[^/]*/samples", r"Pearson r", "Correlation of the pixels with the network's samples."),
    (r"[^/]*/samples", r"copy rate", "Share of the samples that are nearly a training image."),
    (r"[^/]*/samples", r"seconds / image", "Seconds for a whole sample."),
    (r"[^/]*/samples", r"settings", "How its settings were found: calibrated, or not."),
    (r"[^/]*/(median_)?step_r2", r"[\d.]+", "r2 of one denoising step against the network's, at that sigma."),
    (r"[^/]*/step_r2_second", r"[\d.]+", "The same less a second network's, image by image: the median."),
    (r"[^/]*/heldout(_pca)?", r"[\d.]+", "Error of one denoising step over the baseline's, at that sigma."),
    (r"[^/]*/(coarse|middle|fine|edges|plain)", r"[\d.]+",
     "Part of the squared distance to the network's estimate of one step, over another network's, at that "
     "sigma."),
    (r"[^/]*/(coarse|middle|fine|edges|plain)_share", r"[\d.]+",
     "Part of the squared distance to the network's estimate of one step, over all of it, at that sigma."),
    (r"labels/errors", r"MSE untold", "Held-out error of one step without the class of the image."),
    (r"labels/errors", r"MSE told", "The same with the class told."),
    (r"labels/errors", r"told / untold", "Their ratio; below 1 the class is worth something."),
    (r"runs", r"run", "The run folder."),
    (r"runs", r"command", "What began the run."),
    (r"runs", r"started", "When it began."),
    (r"runs", r"minutes", "How long it worked, all sessions together."),
    (r"runs", r"finished", "Whether it came to its end."),
    (r".*", r".+ at sigma", "Who denoises; each column is a noise level, in pixel units."),
    (r".*", r"sigma", "Noise level in pixel units; images are in [-1, 1]."),
    (r".*", r"denoiser", "Who denoises."),
    (r".*", r"quantity", "A number of metrics.json."),
)  # fmt: skip
MEDIAN = "The median over images, which a few nearly blank ones cannot move."


def titled(
    name: str,  # group/quantity
    axis: str | None = None,  # what the curve of this name has at its y axis
) -> str:
    """A title for what is kept under a name: its own, that of its curve, or the name in words.

    >>> titled("pattern/steps_gamma0.5"), titled("mirror/fields_eye"), titled("x/y", "mass of it")
    ('The pattern contrast along a training, gamma = 0.5', 'Fields eye', 'Mass of it')
    """
    for names, title in TITLES:
        if match := re.fullmatch(names, name):
            return spoken(match.expand(title))
    words = ", ".join(map(called, name.split("/")[1:] or [name])).replace("_", " ")
    text = spoken(axis) if axis else words
    return text[:1].upper() + text[1:]


def explained(table: str, column: str) -> str | None:
    """What a column of a table says, in a line; None where nobody has said.

    >>> explained("pattern/verdict", "seeds")
    'Trainings of that strength.'
    """
    for tables, columns, line in LINES:
        if re.fullmatch(tables, table) and re.fullmatch(columns, column):
            return line.replace("{median}", MEDIAN if column.startswith("median") else "").strip()
    return None

"""The questions that docs/results.md answers, and how we read the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.answers import (
    Found,
    Table,
    ceiling_tables,
    ceiling_verdict,
    float32_verdict,
    heldout_tables,
    heldout_verdict,
    order_tables,
    order_verdict,
    own_tables,
    own_verdict,
    released_tables,
    released_verdict,
    variants,
)


@dataclass(frozen=True)
class Question:
    """What is asked, the recorded tables that answer it, and what they say."""

    text: str
    section: str  # "variants" | "paper" | "released": whose tables
    tables: Callable[[Found], Iterator[Table]]
    verdict: Callable[[Found], str]
    why: str  # how we read it


QUESTIONS: tuple[Question, ...] = (
    Question(
        "Does the batch-averaged softmax score better than the exact one, and why?",
        "variants", *variants("wssm_128", "wssm_512", "wssm_2048"),
        "At the same tau, with the larger batches, yes; of calibrated rows with all images (the tables "
        "above) less is left of it. The batch average is a bagged estimate: each batch gives what its own "
        "best match says, and the mean over batches is smoother than the exact average; networks are "
        "smoother, too. It pays for that at low noise, where its errors against clean images are the larger "
        "ones.",
    ),
    Question(
        "How much rests on the float32 noise in the released masks?",
        "variants", variants("float32", "wssm_512", "float32_wssm_512")[0], float32_verdict,
        "On photographs nothing. On Fashion-MNIST, whose many nearly constant pixels leave the covariance "
        "nearly singular, the largest entry, which tau refers to, is an affair of rounding: masks of "
        "float32 factors are several times narrower at low noise and wider above, as another tau would "
        "make them, and r2 is higher by as much as the batch average makes it, and on top of it. That is "
        "at one tau: with a tau of its own (the last question) little of it is left there.",
    ),
    Question(
        "Which mask orientation and threshold?",
        "variants", *variants("axis_row", "threshold_row", "both_row"),
        "The orientation hardly matters. The threshold does where rows differ in size: on Fashion-MNIST a "
        "threshold for each row keeps several times as many inputs at the same tau, and the estimate falls "
        "back to a copy of a training image (its copy rate). On photographs "
        "both thresholds give the same masks. The released choice stays the default.",
    ),
    Question(
        "How sensitive is r2 to tau?",
        "variants", *variants("tau_002", "tau_005", "tau_02", "tau_05", "tau_2", "tau_5"),
        "Very: on Fashion-MNIST one step of this grid beyond the two best values takes PCA locality below "
        "Wiener, to copies on one side and to windows of few pixels on the other. The best value depends on "
        "the data, hence calibration.",
    ),
    Question(
        "How much of the gain over Wiener survives on held-out denoising?",
        "paper", heldout_tables, heldout_verdict,
        "The networks are ahead of Wiener on images that they have not seen, from middle noise levels down. "
        "So is PCA locality where the bank is large, on Fashion-MNIST most at low noise; where it is thin, "
        "as that of the photographs is, whole training patches do not fit what is seen, and it falls back "
        "to Wiener's error. Mixtures, which read no patch, keep most of what a network gains.",
    ),
    Question(
        "How far below the second network is the best analytical denoiser, and at which noise levels?",
        "paper", ceiling_tables, ceiling_verdict,
        "The gap is widest at the middle noise levels, where shapes are decided. At the highest noise "
        "levels the plain average of the bank is about as near to the network as a second network is, and "
        "on the photographs nearer; at low noise the second network and the best rows say x.",
    ),
    Question(
        "Does the order of the methods agree with the published one?",
        "paper", order_tables, order_verdict,
        "PCA locality is ahead of the optimal denoiser on both, as published. The golden subset is not "
        "ahead of PCA locality here: at high noise the images nearest to x are those that the noise happens "
        "to point at, and an average over these alone is far from the network's; on Fashion-MNIST it had a "
        "part of the images only. On the photographs Wiener has no clear place: a few nearly flat samples "
        "put it last or next to last by the mean, and by the median it stands beside PCA locality. The "
        "equivariant local score had too few images and seeds for a place in the order.",
    ),
    Question(
        "Do our own denoisers beat PCA locality and Wiener on both data sets?",
        "paper", own_tables, own_verdict,
        "Estimates of several kinds err in unlike ways: a convex combination, by shares for each noise "
        "level that are found on val images, errs less than the best of them there, and at middle noise "
        "levels on test images, too; at the lowest level it errs more than PCA locality on Fashion-MNIST. "
        "Mixtures of Gaussians of windows know edges and their directions, which one covariance averages "
        "away, and windows are seen often where whole images are seen once. Ours have more that is "
        "calibrated: a share of each member at each level, where PCA locality has tau. Seconds leave out "
        "fitting and calibrating. On Fashion-MNIST the networks themselves miss the aim at the higher of "
        "these levels. Our earlier attempts, soft locality and a local mixture of one window, are rows of "
        "the tables above; the latter costs least, and on the photographs has the higher mean r2 though "
        "the larger error.",
    ),
    Question(
        "Do they beat the released form of PCA locality, too?",
        "released", released_tables, released_verdict,
        "The released form (masks of float32 factors, batch averages of 512) has a tau of its own here, and "
        "on the photographs is a stronger rival than the exact form and than batch averages with a borrowed "
        "tau. Where mean and median disagree, a few nearly flat photographs decide the mean.",
    ),
)  # fmt: skip

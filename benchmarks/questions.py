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
    variants,
)


@dataclass(frozen=True)
class Question:
    """What is asked, the recorded tables that answer it, and what they say."""

    text: str
    section: str  # "variants" | "paper": whose tables
    tables: Callable[[Found], Iterator[Table]]
    verdict: Callable[[Found], str]
    why: str  # how we read it


QUESTIONS: tuple[Question, ...] = (
    Question(
        "Does the batch-averaged softmax score better than the exact one, and why?",
        "variants", *variants("wssm_128", "wssm_512", "wssm_2048"),
        "Yes, with the larger batches. The batch average is a bagged estimate: each batch gives what its "
        "own best match says, and the mean over batches is smoother than the exact average, which at low "
        "noise comes down to one patch; networks are smoother, too. Small batches pay for it: against "
        "clean images their errors at low noise are the larger ones.",
    ),
    Question(
        "How much rests on the float32 noise in the released masks?",
        "variants", variants("float32", "wssm_512", "float32_wssm_512")[0], float32_verdict,
        "On photographs nothing. On Fashion-MNIST, whose many nearly constant pixels leave the covariance "
        "nearly singular, the largest entry, which tau refers to, is an affair of rounding: masks of "
        "float32 factors are several times narrower at low noise and wider above, as another tau would "
        "make them, and r2 is higher by as much as the batch average makes it, and on top of it.",
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
        "Very: outside a factor of about four around the best value PCA locality loses what it gains over "
        "Wiener, to copies below it and to windows of one pixel above it. The best one depends on the data "
        "and on the size of the bank, hence calibration.",
    ),
    Question(
        "How much of the gain over Wiener survives on held-out denoising?",
        "paper", heldout_tables, heldout_verdict,
        "What the networks gain they keep on images that they have not seen. PCA locality keeps its gain "
        "at middle noise levels; at low noise it is held to whole training patches, and where the bank is"
        " thin, as that of the photographs is, it falls back to Wiener's error or behind it. The stacks read "
        "few training patches at low noise, and keep most of what a network gains.",
    ),
    Question(
        "How far below the second network is the best analytical denoiser, and at which noise levels?",
        "paper", ceiling_tables, ceiling_verdict,
        "The gap is widest at the middle noise levels, where shapes are decided. At the highest noise "
        "levels the plain average of the bank is about as near to the network as a second network is, and "
        "at low noise every denoiser says x.",
    ),
    Question(
        "Does the order of the methods agree with the published one?",
        "paper", order_tables, order_verdict,
        "PCA locality is ahead of the optimal denoiser on both, as published. The golden subset is not "
        "ahead of PCA locality here: at high noise the images nearest to x are those that the noise "
        "happens to point at, and an average over these alone is far from the network's (its one-step r2 "
        "above sigma 10). The equivariant local score had too few images for a place in the order.",
    ),
    Question(
        "Do our own denoisers beat PCA locality and Wiener on both data sets?",
        "paper", own_tables, own_verdict,
        "Estimates of several kinds err in unlike ways: a convex combination, by shares for each noise level "
        "that are found on val images, errs less than the best of them. Mixtures of Gaussians of windows "
        "know edges and their directions, which one covariance averages away, and windows are seen often "
        "where whole images are seen once; larger windows are worth more the more noise there is. "
        "`stacked_mixtures` costs less than PCA locality; `stacked_locality` adds PCA locality and patch "
        "composites, and costs what they do. On Fashion-MNIST the aim for held-out errors is reached at "
        "the lowest of these noise levels alone; at the highest the networks themselves miss it. Our earlier "
        "attempts, soft locality and a local mixture of one window, are rows of the tables above.",
    ),
)  # fmt: skip

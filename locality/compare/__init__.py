"""What `evaluate.py compare=...` does: functions of a `Context`, which files of `configs/compare/` name.

Each is in a file of its name. Several `compare=` may name one function, with other settings.

    analytic_vs_nn  analytical denoisers against a trained network
    architectures   networks of unlike architecture
    calibrate       which settings serve: calibrated has its charts and table
    halves          networks of disjoint images
    information     how far to look: looking measures errors and entropies, informed says what they tell
    labels          denoisers that are told the class of an image
    mirror          whether a denoiser looks at a pixel's mirror image: mirror_ratios tells by how much
    paper_table     samples of all denoisers: paper_row is a row of it, paper_beside one beside others
    pattern         a pattern hidden in the data: strengths and growth measure its contrast, contrasts has the
                    numbers, claims the paper's claim, letter whether networks learned it
    sensitivity     fields of a network beside those of analytical denoisers: overlaps says how alike they are
    sweep           what came of the runs of a sweep

What they share:

    context         what every comparison is given: images, recipes, networks, report
    candidate       fits a denoiser, and tries one that is not ours
    needs           whether a comparison does without a network
    known           calibrations that were found earlier, applied to recipes
    origins         where settings are from
    floor           how good a network is, over Wiener
    attention       what would mislead, said above the tables
    left_out        images without a score
    summary         numbers with intervals, a row for each denoiser
    following       the numbers of a comparison while it goes on
    telling         tables that grow row by row, on the terminal and in the run folder

What draws:

    drawing         labels, time-steps and series of charts
    panels          slides and paired differences of the page
    explorer        the sensitivity explorer of the page
    paper_figures   the paper's figures 1 and 5
    pattern_figure  its figure 4
"""

from locality.compare.analytic_vs_nn import analytic_vs_nn
from locality.compare.architectures import architectures
from locality.compare.calibrate import calibrate
from locality.compare.context import Context
from locality.compare.halves import halves
from locality.compare.information import information
from locality.compare.labels import labels
from locality.compare.mirror import mirror
from locality.compare.needs import without_network
from locality.compare.paper_table import paper_table
from locality.compare.pattern import pattern
from locality.compare.sensitivity import sensitivity
from locality.compare.sweep import sweep

__all__ = [
    "Context",
    "analytic_vs_nn",
    "architectures",
    "calibrate",
    "halves",
    "information",
    "labels",
    "mirror",
    "paper_table",
    "pattern",
    "sensitivity",
    "sweep",
    "without_network",
]

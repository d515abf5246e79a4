"""Questions on the forms of PCA locality: its softmax, its masks, its tau."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.results.questions.batches import ROWS, batches_beside, batches_together
from benchmarks.results.questions.forms import (
    float32_verdict,
    released_verdict,
    tau_charts,
    tau_verdict,
    typed_tau,
    variants,
)
from benchmarks.results.questions.forms_short import (
    AGAINST_RELEASED,
    MASKS,
    ORIENTATION,
    Known,
)
from benchmarks.results.questions.question import Question, sampled
from benchmarks.results.questions.released_beside import released_beside
from benchmarks.results.questions.taus import tau_answer, tau_beside
from benchmarks.results.words import protocols
from benchmarks.results.words.answers import EXACT, FLOOR, OWN, RELEASED, TAUS, WSSM, Found
from benchmarks.results.words.small_tables import Table, samples_table
from benchmarks.results.words.titles import called

COMMAND = "python evaluate.py compare=paper_variants data=fashion_mnist"


def _variants(
    page: str,
    text: str,
    names: tuple[str, ...],
    why: str,
    together: Callable[[Known], str],
    beyond: Callable[[Known], str] | None = None,
) -> Question:
    rows = (EXACT, FLOOR, *names)
    answer, table = variants(*names), sampled("variants", *rows)
    return Question(
        page,
        text,
        "variants",
        answer,
        table,
        COMMAND,
        why,
        rows=rows,
        quantity="samples",
        together=together,
        beyond=beyond,
        folds=True,
    )


def _taus(found: Found) -> Table:
    """A row for each tau, from the least up, and no other with the tau of one of them."""
    columns, rows = samples_table(found, "variants", (FLOOR, *TAUS, typed_tau(found)))
    order = [*map(called, TAUS), called(EXACT), called(FLOOR)]
    return columns, sorted(rows, key=lambda row: order.index(row[0]))


FORMS: tuple[Question, ...] = (
    _variants(
        "batch_averages", "Does the batch-averaged softmax score better than the exact one?",
        ROWS,
        "All rows of the first table have one tau, which was typed. The batch average is a "
        "bagged estimate: each batch gives what its own best match says. The mean over batches is smoother "
        "than the exact average. Networks are smoother, too. So a tau that is too small for the exact form "
        "may cost batch averages less. Where tau was found, less may be left to gain.",
        batches_together,
        batches_beside,
    ),
    Question(
        "released_masks", "How much rests on the float32 noise in the released masks?",
        "variants", float32_verdict,
        sampled("variants", FLOOR, EXACT, "float32", "wssm_512", "float32_wssm_512"),
        COMMAND,
        "On Fashion-MNIST many pixels hardly vary. The covariance is then nearly "
        "singular. Rounding decides its largest entry, to which tau refers. Masks of float32 factors are "
        "several times narrower at low noise and wider above, as another tau would make them. With a tau of "
        "its own [the released form](released_form.md) keeps little of that.",
        rows=(EXACT, "float32", "wssm_512", "float32_wssm_512"), quantity="samples",
        together=MASKS, folds=True,
    ),
    _variants(
        "mask_orientation", "Which mask orientation and threshold?",
        ("axis_row", "threshold_row", "both_row"),
        "The threshold matters where rows differ in size. On Fashion-MNIST a "
        "threshold for each row keeps several times as many inputs at the same tau. The estimate then falls "
        "back to a copy of a training image, as its copy rate shows. The released choice stays the "
        "default.",
        ORIENTATION,
    ),
    Question(
        "tau", "How sensitive is r2 to tau?", "variants", tau_verdict, _taus, COMMAND,
        "On Fashion-MNIST it copies training images where tau is least. Where tau is large, its windows have "
        "few pixels. The best value depends on the data, hence [calibration](../how_to/calibrate.md).",
        rows=(FLOOR, *TAUS), quantity="samples_by_tau", charts=tau_charts, together=tau_answer,
        beyond=tau_beside, folds=True,
    ),
    Question(
        "released_form", "Do ours beat the released form of PCA locality, too?",
        "released", released_verdict,
        sampled("released", "nn2", *OWN, RELEASED, WSSM, EXACT, FLOOR),
        "python evaluate.py compare=released data=cifar checkpoint=pretrained/cifar",
        "The released form has masks of float32 factors and batch averages. Here it has a tau of its own. "
        f"{protocols.BATCHES} Where mean and median disagree on photographs, a few nearly flat ones decide "
        "the mean.",
        rows=("nn2", *OWN, RELEASED, EXACT, FLOOR), quantity="samples", together=AGAINST_RELEASED,
        beyond=released_beside, folds=True,
    ),
)  # fmt: skip

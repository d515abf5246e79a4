"""Questions on networks of another kind, on halves, on classes and on precision."""

from __future__ import annotations

from benchmarks.results.questions import epsilon, fields_short
from benchmarks.results.questions.halves import (
    halves_table,
    halves_verdict,
    labels_table,
    labels_verdict,
    precision_table,
    precision_verdict,
)
from benchmarks.results.questions.question import Question
from benchmarks.results.words.answers import EXACT, FLOOR, OWN

CHECKS: tuple[Question, ...] = (
    Question(
        epsilon.KIND,
        "How near do samples come to those of a network that predicts the noise, as the paper's do?",
        epsilon.KIND, epsilon.epsilon_verdict, epsilon.epsilon_table,
        "python evaluate.py compare=epsilon data=cifar checkpoint=pretrained/cifar "
        "'networks={epsilon: runs/<run>}'",
        "All settings were found against the network that predicts v. That network draws blurs. The one that "
        "predicts the noise draws objects. By the picture this one has less error than the other at low "
        "noise, and more than Wiener at high noise. At high noise the layout of a sample is made. So this "
        "page says that r2 hangs on the network. It does not say how far from a better network of this kind "
        "our samples would be.",
        rows=("network", "epsilon", OWN[1], EXACT, FLOOR),
        shows="The picture has the error on unseen images: it tells where the two networks differ.",
        together=epsilon.epsilon_together, beyond=epsilon.epsilon_beside, folds=True,
    ),
    Question(
        "halves", "How much of the agreement of networks that share no image is in Gaussian statistics?",
        "halves", halves_verdict, halves_table, "python evaluate.py compare=halves",
        "Networks of these halves differ more than the filters do, and have more in common: structure of "
        "both halves that is not Gaussian. The two seeds on all images differ from the halves in more than "
        "the images. Halves of two seeds, trained for as many steps, would say what counts.",
        pictures=("halves",), together=fields_short.halves, beyond=fields_short.halves_beside, folds=True,
    ),
    Question(
        "labels", "What is the class of an image worth to a denoiser?",
        "labels", labels_verdict, labels_table, "python evaluate.py compare=labels data=cifar",
        "Each class has its own covariance and its own bank. They say more of an image, but are made of a "
        "tenth of the images. Where noise hides the class, being told it is worth most. PCA locality read "
        "5,000 images in all, about 500 a class, with a tau chosen for 8,000. What being told costs it where "
        "the image shows its class may be the smaller bank's fault or that tau's: this measurement does not "
        "tell them apart. Wiener has no such setting.",
        pictures=("labels",), together=fields_short.labels, folds=True,
    ),
    Question(
        "bfloat16", "Does bfloat16 change what a network looks at?",
        "precision", precision_verdict, precision_table,
        "python -m benchmarks.precision pretrained/cifar",
        "Networks are trained under autocast to 16 bits, and measured in float32. The fields of both "
        "precisions agree far better than the fields of two networks do. What is measured does not hang on "
        "the precision.",
        together=fields_short.precision, folds=True,
    ),
)  # fmt: skip

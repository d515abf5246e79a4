"""The benchmarks' own rules: which cases are measured, and what is taken up again."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks import beside, denoisers, peers, processor
from locality import ImageBank
from locality.denoisers import LocalScore, Optimal


def run(tmp_path, monkeypatch, *arguments):
    measured = {}
    monkeypatch.setattr(denoisers, "measure", lambda name, path, rounds, rows: measured.update({name: rows}))
    monkeypatch.setattr("sys.argv", ["denoisers", "--output", str(tmp_path), *arguments])
    denoisers.main()
    return measured


def test_a_case_goes_on_only_under_the_conditions_in_which_it_began(tmp_path, monkeypatch):
    rows = [{"t": 900, "seconds": 1.0}]
    conditions = {"optimal": {}, "local-31": {"threads": 99}, "wiener": {"torch": "0.1"}}
    for name, other in conditions.items():
        saved = {"about": denoisers.conditions() | other, "complete": False, "rows": rows}
        (tmp_path / f"{name}.json").write_text(json.dumps(saved))
    measured = run(tmp_path, monkeypatch, "--only", *conditions)
    assert measured == {"optimal": rows, "local-31": [], "wiener": []}


def test_a_name_that_no_case_begins_with_is_an_error(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(tmp_path, monkeypatch, "--only", "pcaa")
    assert stopped.value.code == 2
    assert "--only pcaa: no case begins so; there are pca-.05" in capsys.readouterr().err


def test_the_plain_products_beside_the_optimal_denoiser_are_the_same_formula():
    bank = ImageBank(torch.randint(0, 256, (40, 3, 6, 6), generator=torch.Generator().manual_seed(0)).byte())
    found = list(peers.rows(Optimal.fit(bank), peers.Against(bank).product, bank, [900, 300], rounds=1))
    assert [row["t"] for row in found] == [900, 300]
    assert all(row["our_error"] < 1e-6 and row["their_error"] < 1e-4 for row in found)
    assert "| 900 |" in peers.table(found)


def test_patches_of_the_local_score_are_windows_in_which_the_outside_is_equal():
    images = torch.rand(4, 3, 6, 5, generator=torch.Generator().manual_seed(0))
    cut = peers._patches(images)
    assert cut.shape == (30, 4, 3 * peers.PATCH**2)
    distance = (cut[:, 0] - cut[:, 1]).square().sum(1)
    mask = LocalScore.fit(ImageBank(images), peers.PATCH).rows(1.0).mask.float()
    want = mask @ (images[0] - images[1]).square().sum(0).flatten()
    assert torch.allclose(distance, want, atol=1e-5)


@pytest.mark.parametrize(("case", "package"), [("optimal", "pykeops"), ("nearest", "faiss")])
def test_a_peer_that_is_not_here_is_told_in_one_line_with_its_extra(case, package, monkeypatch, capsys):
    monkeypatch.setattr(peers, "find_spec", lambda name: None if name == package else object())
    monkeypatch.setattr("sys.argv", ["peers", "--only", case])
    with pytest.raises(SystemExit) as stopped:
        peers.main()
    assert stopped.value.code == 2
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith(f"error: {package} not installed; pip install 'locality[peers]' has it")
    )


def test_a_case_beside_an_older_commit_is_judged_by_the_median_of_paired_ratios():
    pairs = {"same": [(1.0, 1.02), (2.0, 2.0), (4.0, 3.0)], "slow": [(1.0, 1.04), (2.0, 2.2), (1.0, 0.5)]}
    rounds = [
        {name: {case: pairs[case][turn][side] for case in pairs} for side, name in enumerate(("old", "new"))}
        for turn in range(3)
    ]
    same, slow = beside.compared(rounds)
    assert (same["case"], same["old"], same["new"], same["ratio"]) == ("same", 2.0, 2.0, 1.0)
    assert (slow["ratio"], slow["low"], slow["high"]) == pytest.approx((1.04, 0.5, 1.1))
    about = {"commit": "0123456789ab", "images": 2000, "size": 16, "threads": 1, "machine": "m"}
    page = beside.page([same, slow], about)
    assert "`slow` takes 4% longer (0.50 to 1.10 times, so this is not settled)." in page
    assert "`same` takes" not in page
    assert "No case" in beside.page([same], about)


def test_a_case_measured_again_leaves_the_others_of_the_same_conditions(tmp_path):
    path, rows = (
        tmp_path / "beside.json",
        [{"case": "wiener", "ratio": 1.2}, {"case": "optimal", "ratio": 0.5}],
    )
    beside.save(path, {"commit": "a"}, rows)
    beside.save(path, {"commit": "a"}, [{"case": "wiener", "ratio": 1.0}])
    found = json.loads(path.read_text())["rows"]
    assert {row["case"]: row["ratio"] for row in found} == {"wiener": 1.0, "optimal": 0.5}
    beside.save(path, {"commit": "b"}, [{"case": "mixture", "ratio": 1.0}])
    assert [row["case"] for row in json.loads(path.read_text())["rows"]] == ["mixture"]


@pytest.mark.parametrize("words", [["no-commit"], ["HEAD", "--only", "pcaa"]])
def test_what_cannot_be_set_beside_is_told_before_anything_runs(words, monkeypatch, capsys):
    monkeypatch.setattr(beside, "one_round", lambda *_: pytest.fail("began"))
    monkeypatch.setattr("sys.argv", ["beside", *words])
    with pytest.raises(SystemExit) as stopped:
        beside.main()
    assert stopped.value.code == 2
    assert words[-1] in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_the_newest_commit_is_measured_beside_the_working_tree(monkeypatch, tmp_path):
    monkeypatch.setattr(beside, "OUTPUT", tmp_path / "beside.json")
    words = ["HEAD", "--rounds", "1", "--only", "wiener", "local-3", "--images", "60", "--size", "8"]
    monkeypatch.setattr("sys.argv", ["beside", *words])
    before = beside.git("worktree", "list")
    beside.main()
    rows = json.loads((tmp_path / "beside.json").read_text())["rows"]
    assert [row["case"] for row in rows] == ["wiener", "local-3"]
    assert all(row["old"] > 0 and row["new"] > 0 for row in rows)
    assert beside.git("worktree", "list") == before


def test_the_processor_is_told_by_more_than_its_name():
    assert processor.about()["machine"] == processor.processor()
    assert len(processor.processor()) > 3

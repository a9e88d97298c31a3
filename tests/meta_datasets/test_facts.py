from __future__ import annotations

import io

import pandas as pd

from meta_datasets.__main__ import main


def test_facts_as_csv(tmp_path, capsys):
    (tmp_path / "index.csv").write_text("name,modality,group,path,source\nWDBC,tabular,wisconsinfna,a.npz,ADBench\n")
    assert main([str(tmp_path)]) == 0
    facts = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert facts.loc[0, ["name", "suite", "domain", "licence"]].tolist() == ["WDBC", "adbench", "Human", "BSD-2-Clause"]


def test_mistakes(tmp_path, capsys):
    assert main([]) == 2
    assert main([str(tmp_path)]) == 2
    assert "index" in capsys.readouterr().err

# ruff: noqa: E501  (a page reads better with its own lines)
"""A page of the handbook small enough to read, with everything that the check asks for."""

from __future__ import annotations

from pathlib import Path

PAGE = """\
---
title: 正則化
item: T14
minutes: 12
data: [visits.csv]
terms:
  - {term: 正則化, reading: せいそくか, line: 学習に罰を足す工夫。}
  - {term: ドロップアウト, line: 学習中に一部を休ませる工夫。}
  - {term: LASSO, keyword: ラッソ回帰, reading: ラッソ, line: 係数を0にする回帰。}
  - {term: 勾配消失問題, see: T15}
  - {term: 重み減衰, extra: true, reading: おもみげんすい, line: 重みを少しずつ小さくする工夫。}
---
# T14　正則化

朝の市民課です。

> **来庁者数の予測が、なぜ来月に外れるのか**

**できるようになること**

- 罰を強くすると何が起こるかを言える

## 1. 罰を足す（6分）

**正則化**（regularization）は、学習に罰を足す工夫です。**LASSO**（least absolute shrinkage and selection operator）は係数を0にします。**勾配消失問題**は、ここでは名前だけです。

```{code-cell} ipython3
:shows: ["4"]

import pandas as pd

visits = pd.read_csv("../../datasets/visits.csv")
print(len(visits))
```

4行です。

```{code-cell} ipython3
:tags: [hide-input]

import matplotlib.pyplot as plt
from autograder.learner.figures import show_figure

fig, ax = plt.subplots()
ax.plot([0, 1, 2], [3.0, 1.0, 0.0])
show_figure("罰を強くすると、係数が3から0まで下がる折れ線グラフ")
```

:::{beyond} 重み減衰
**重み減衰**（weight decay）は、重みを少しずつ小さくします。
:::

## 2. 似た言葉を見分ける（2分）

| 言葉 | 何をするか | 見分け方 |
|---|---|---|
| **ドロップアウト**（dropout） | 一部を休ませる | 「休む」 |
| 正則化 | 罰を足す | 「罰」 |

## 3. よくある間違い（2分）

- 「罰は強いほどよい」→ 強すぎると、何も学びません。
- 「正則化は正規化と同じ」→ 違うものです。
- 「試験でも休ませる」→ 学習中だけです。

## 4. 確かめる（2分）

:::{question} T14-01
:::

:::{question} T14-02
:::

:::{question} T14-03
:::
"""

#: The questions on one item: right are B, A and D.
QUESTIONS = """\
item: {item}
questions:
- id: {item}-01
  form: 計算
  difficulty: 1
  keywords: [正則化]
  stem: |
    市民課の予測が外れました。

    | 月 | 外れ |
    |---|---:|
    | 4月 | 30 |

    最も適切なものを1つ選んでください。
  choices:
  - wrong: 罰をなくす
    why: 複雑なモデルのままです。
  - right: 罰を足す
    why: |
      モデルが単純になります。

      これが正則化です。
  - wrong: 画面を直す
    why: 学習と関係がありません。
  - wrong: データを減らす
    why: かえって外れます。
- id: {item}-02
  form: 知識
  difficulty: 1
  keywords: [ドロップアウト]
  stem: 2つ目の問題です。
  choices:
  - {{right: 休ませる, why: そのとおりです。}}
  - {{wrong: 消す, why: 消しません。}}
  - {{wrong: 増やす, why: 増やしません。}}
  - {{wrong: 並べる, why: 並べません。}}
- id: {item}-03
  form: 知識
  difficulty: 1
  keywords: [ラッソ回帰]
  stem: 3つ目の問題です。
  choices:
  - {{wrong: い, why: 違います。}}
  - {{wrong: ろ, why: 違います。}}
  - {{wrong: は, why: 違います。}}
  - {{right: に, why: そのとおりです。}}
- id: {item}-04
  form: 知識
  difficulty: 1
  keywords: [ラッソ回帰]
  stem: 4つ目の問題です。
  choices:
  - {{wrong: 春, why: 違います。}}
  - {{right: 夏, why: そのとおりです。}}
  - {{wrong: 秋, why: 違います。}}
  - {{wrong: 冬, why: 違います。}}
"""

KEYWORDS = ("正則化", "ドロップアウト", "ラッソ回帰", "勾配消失問題")


def put(root: Path, text: str = PAGE, name: str = "T14-regularization") -> Path:
    """Write a page into the small course at ``root``, and questions on its item."""
    path = root / "course" / "handbook" / f"{name}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    bank = root / "course" / "exam" / "questions"
    bank.mkdir(parents=True, exist_ok=True)
    item = name.partition("-")[0]
    (bank / f"{item}.yaml").write_text(QUESTIONS.format(item=item), encoding="utf-8")
    return path

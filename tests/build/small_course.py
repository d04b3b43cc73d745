"""A course small enough to read: one lesson, one assignment, one table."""

from __future__ import annotations

from pathlib import Path

from course.build.site import Course

TABLE = "wait_min\n1.0\n2.0\n\n9.0\n"

SESSION = """\
---
title: 待ち時間を読む
session: 2
minutes: 20
syllabus: [T36]
data: [visits.csv]
---
# 待ち時間を読む

## 1. 開く（12分）

```{code-cell} ipython3
:tags: [hide-input]
:shows: ["4", "2.0"]

import pandas as pd

visits = pd.read_csv("../../datasets/visits.csv")
print(len(visits), visits["wait_min"].median())
```

## ▲ 2. 平均（8分）

```{code-cell} ipython3
:takara: exercise e1

mean_wait = ...
mean_wait
```

:::{goal} e1
`4.0` と出ます。
:::

:::{hint} e1
平均の**メソッド**があります。
:::

:::{hint} e1 ほぼ答え
`.mean()` です。
:::

:::{answer} e1
```python
mean_wait = visits["wait_min"].mean()
mean_wait
```
:::

:::{excel}
`=AVERAGE(A:A)` です。
:::

```{code-cell} ipython3
:takara: checkpoint

import pandas as pd

visits = pd.read_csv("../../datasets/visits.csv")
```
"""

ASSIGNMENT = '''\
---
title: 窓口の待ち時間
assignment: ps2
session: 2
minutes: 60
points: 9
data: [visits.csv]
---
# 課題2 窓口の待ち時間（{{ total.points }}点）

```{code-cell} ipython3
:takara: given setup

import pandas as pd

visits = pd.read_csv("visits.csv")
```

## 問1 待ち時間の平均（{{ q1.points }}点）

平均を `mean_wait` に入れてください。

:::{goal} q1
`mean_wait` は数値です。
:::

:::{hint} q1
空欄は数えません。
:::

:::{why} q1
欠損は「0分」ではないからです。
:::

```{code-cell} ipython3
:takara: answer q1

waited = visits["wait_min"].dropna()
mean_wait = waited.sum() / len(waited)
```

```{code-cell} ipython3
:takara: test q1 3
:read: 第2回 2節

checks.number(mean_wait, mean_wait, name="mean_wait")
### BEGIN HIDDEN TESTS
checks.number(mean_wait, visits["wait_min"].mean(), tol=0.001, name="mean_wait",
              mistake={visits["wait_min"].fillna(0).mean(): "欠損を0分として数えています。"})
### END HIDDEN TESTS
```

```{code-cell} ipython3
:takara: wrong q1
:message: 0分として

mean_wait = visits["wait_min"].fillna(0).mean()
```

## 問2 関数にする（{{ q2.points }}点）

:::{hint} q2
行の数で割ります。
:::

```{code-cell} ipython3
:takara: answer q2

def share_over(values, limit):
    """Share of values above a limit."""
    kept = values.dropna()
    return float((kept > limit).mean())
```

```{code-cell} ipython3
:takara: test q2 1

import pandas as pd
from autograder import checks

checks.number(share_over(pd.Series([1.0, 3.0]), 2.0), 0.5, name="share_over")
```

```{code-cell} ipython3
:takara: test q2 2

### BEGIN HIDDEN TESTS
checks.number(share_over(visits["wait_min"], 1.5), 2 / 3, tol=0.001, name="share_over",
              mistake={0.5: "空欄の行も分母に入っています。"})
### END HIDDEN TESTS
```

```{code-cell} ipython3
:takara: wrong q2
:message: 分母に
:loses: 2

def share_over(values, limit):
    return float((values > limit).mean())
```

## 問3 書いて答える（{{ q3.points }}点）

平均と中央値のどちらを使いますか。

+++ {"takara": "written q3 3"}

中央値を使います。長く待った1人に引っぱられないからです。

:::{rubric} q3
- 3点：外れた値に触れている。
:::

+++ {"takara": "ask"}

**質問があれば**、ここに書いてください。
'''


def make(root: Path) -> Course:
    """Write the texts and the table below ``root``."""
    for folder in ("course/sessions", "assignments/text", "datasets"):
        (root / folder).mkdir(parents=True)
    (root / "datasets" / "visits.csv").write_text(TABLE, encoding="utf-8")
    (root / "course" / "sessions" / "02-waiting.md").write_text(SESSION, encoding="utf-8")
    (root / "assignments" / "text" / "ps2.md").write_text(ASSIGNMENT, encoding="utf-8")
    return Course(root)


def edit(path: Path, old: str, new: str) -> int:
    """Replace one place of a text; returns its 1-based line."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (text.count(old), old)
    path.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1

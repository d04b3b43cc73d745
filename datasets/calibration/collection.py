"""Collection of overdue taxes: contact, payment, balance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .rows import Row, near


def rows(folder: Path) -> list[Row]:
    """Return the comparisons for ``collection_cases.csv``."""
    cases = pd.read_csv(folder / "collection_cases.csv", parse_dates=["reminder_date"])
    cases = cases[cases["balance_yen"] > 0]
    reached = cases.groupby("first_contact")["contact_reached"].mean()
    promised = cases[cases["contact_reached"] == 1]["installment_promise"].mean()
    unpaid = cases[(cases["paid_90d"] == 0) & (cases["fiscal_year"] <= 2023)]
    late = unpaid["days_to_pay"].le(90 + 365).mean()
    trial = cases[cases["n_past_delinquency"] == 0].groupby("sms_trial")["paid_90d"].mean()
    log_balance = np.log(cases["balance_yen"])
    return [
        near("電話番号がわかる割合", "[S] 宇都宮市", 0.661, cases["phone_known"].mean(), 0.03),
        Row("電話で本人に届いた割合", "[S] 宇都宮市・福井市", "0.265-0.435", reached["電話"], 0.265, 0.435),
        near("訪問で本人に会えた割合", "[S] 福井市", 0.187, reached["訪問"], 0.04),
        near("届いた人のうち納付の約束", "[S] 宇都宮市", 0.25, promised, 0.05),
        Row("督促から90日以内の納付", "[A]", "0.70-0.75", cases["paid_90d"].mean(), 0.70, 0.75),
        near("その後の1年の納付（滞納繰越分の収納率）", "[T] 高松市 2020-24", 0.258, late, 0.04),
        near("未納額の中央値（円）", "[A]", 38_000, cases["balance_yen"].median(), 4_000),
        near("未納額の対数の標準偏差", "[A]", 1.1, log_balance.std(), 0.1),
        near("SMS試行の効果、滞納0回の人（差）", "[A] 忘れていた人に+0.06", 0.06, trial[1] - trial[0], 0.03),
    ]

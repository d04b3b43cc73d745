"""Courses at たから市's public halls (公民館講座) and who enrolled in them, fiscal years 2022 to 2025.

Every member has a taste: a few of ten hidden circles of interest, some of which cross the areas of the
brochure (old maps and walking, phones and photographs). A member takes one to four courses a year, chosen by
fame of the course, taste, branch nearby and weekday. So people who took the same course tell more than the
list of the most popular ones; new members and new courses have no past at all. Ratings are left blank more
often when the member was not pleased.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from . import city, seeds
from .csv_format import to_csv_bytes

MEMBERS = 1_200
FISCAL_YEARS = (2022, 2023, 2024, 2025)
AGE_BANDS = ["20代以下", "30代", "40代", "50代", "60代", "70代", "80代以上"]
CIRCLES = (
    "体をほぐす",
    "歩く",
    "手をつかう",
    "音とことば",
    "親子",
    "スマホ",
    "仕事のデジタル",
    "外国語",
    "郷土",
    "台所",
)
# All titles are invented [A]: (title, area, circle, second circle or None, first year).
COURSES = (
    ("朝のラジオ体操と腰痛予防", "健康", 0, None, 2022), ("いすヨガ入門", "健康", 0, None, 2022),
    ("太極拳をはじめよう", "健康", 0, None, 2022), ("男性のためのストレッチ", "健康", 0, None, 2023),
    ("ひざにやさしい筋力づくり", "健康", 0, None, 2022),
    ("正しい歩き方教室", "健康", 1, 0, 2022), ("里山ウォーキング", "健康", 1, 8, 2022),
    ("ノルディックウォーク体験", "健康", 1, None, 2023), ("夜ぐっすり眠るための講座", "健康", 0, None, 2025),
    ("水彩画の第一歩", "趣味", 2, None, 2022), ("消しゴムはんこ", "趣味", 2, 4, 2022),
    ("初めての陶芸", "趣味", 2, None, 2022), ("季節の寄せ植え", "趣味", 2, None, 2022),
    ("古布でつくる小物", "趣味", 2, None, 2023), ("書道・かなを楽しむ", "趣味", 2, 3, 2022),
    ("ウクレレ入門", "趣味", 3, None, 2022), ("なつかしの歌をうたう会", "趣味", 3, None, 2022),
    ("俳句とまち歩き", "趣味", 3, 1, 2022), ("朗読をたのしむ", "趣味", 3, None, 2023),
    ("野鳥観察会", "趣味", 1, None, 2022), ("将棋の定跡", "趣味", 3, None, 2025),
    ("ベビーマッサージ", "子育て", 4, None, 2022), ("親子リトミック", "子育て", 4, 3, 2022),
    ("離乳食のきほん", "子育て", 4, 9, 2022), ("親子で木工", "子育て", 4, 2, 2022),
    ("絵本の読み聞かせ講座", "子育て", 4, 3, 2022), ("小学生の理科実験", "子育て", 4, None, 2023),
    ("ことばの育ちとあそび", "子育て", 4, None, 2025),
    ("スマートフォンはじめの一歩", "デジタル", 5, None, 2022), ("スマホ写真のとり方", "デジタル", 5, 2, 2022),
    ("メッセージアプリ入門", "デジタル", 5, None, 2022), ("スマホ決済を安全に", "デジタル", 5, None, 2023),
    ("オンライン手続き体験", "デジタル", 5, None, 2024), ("表計算ソフト入門", "デジタル", 6, None, 2022),
    ("文書作成とチラシづくり", "デジタル", 6, 2, 2022), ("地域活動のホームページ", "デジタル", 6, None, 2023),
    ("はじめてのプログラミング", "デジタル", 6, 4, 2022), ("生成AIのつかい方", "デジタル", 6, 5, 2025),
    ("旅で使う英会話", "語学", 7, None, 2022), ("やさしい中国語", "語学", 7, None, 2022),
    ("韓国語ではじめる自己紹介", "語学", 7, None, 2022), ("洋画で学ぶ英語", "語学", 7, 3, 2023),
    ("やさしい日本語で話す", "語学", 7, None, 2024), ("ポルトガル語のあいさつ", "語学", 7, None, 2025),
    ("古文書を読む", "歴史", 8, None, 2022), ("古い地図で歩く城下", "歴史", 8, 1, 2022),
    ("たから市の祭りと民話", "歴史", 8, None, 2022), ("港の昔ばなし", "歴史", 8, None, 2023),
    ("石仏めぐり", "歴史", 8, 1, 2022), ("日本史をもう一度", "歴史", 8, None, 2022),
    ("男の料理", "料理", 9, None, 2022), ("地元野菜の常備菜", "料理", 9, None, 2022),
    ("手打ちそば", "料理", 9, None, 2022), ("みそづくり", "料理", 9, None, 2022),
    ("減塩のコツ", "料理", 9, 0, 2023), ("米粉のおやつ", "料理", 9, 4, 2025),
    ("家具の固定と備蓄", "防災", 4, 9, 2022), ("避難所運営ゲーム", "防災", 6, 8, 2022),
    ("救命講習", "防災", 0, None, 2022), ("マイ・タイムラインづくり", "防災", 5, 8, 2023),
)  # fmt: skip
WEEKDAYS = ["月", "火", "水", "木", "金", "土", "日"]
WEEKDAY_SHARE = [0.08, 0.17, 0.19, 0.17, 0.13, 0.19, 0.07]  # [A]
AGE_SHARE = np.array([0.05, 0.12, 0.12, 0.13, 0.22, 0.26, 0.10])  # [A]
# How much each age band likes each circle, besides one's own taste [A]; rows = age bands.
AGE_TASTE = np.array(
    [
        [0.3, 0.2, 0.5, 0.5, 0.6, 0.0, 1.2, 1.2, 0.2, 0.5],
        [0.3, 0.2, 0.5, 0.3, 2.0, 0.0, 0.9, 0.7, 0.1, 0.6],
        [0.5, 0.3, 0.6, 0.4, 1.3, 0.0, 0.9, 0.8, 0.3, 0.7],
        [0.7, 0.6, 0.8, 0.6, 0.0, 0.3, 0.7, 0.8, 0.5, 0.8],
        [0.9, 0.9, 0.9, 0.8, 0.0, 0.8, 0.3, 0.6, 0.9, 0.9],
        [1.0, 0.8, 0.9, 0.9, 0.0, 1.2, 0.0, 0.4, 1.1, 0.8],
        [1.1, 0.3, 0.7, 1.0, 0.0, 1.0, 0.0, 0.2, 0.9, 0.5],
    ]
)
TASTE_WEIGHT, FAME_SIGMA = 6.5, 0.7  # [A]
STAYS_ON = 0.72  # comes back next year [A]
RATING_BLANK = {True: 0.28, False: 0.62}  # pleased (4 or 5), not pleased [A]


@cache
def build_courses() -> pd.DataFrame:
    """Return ``courses.csv``: one row a course."""
    rng = seeds.generator("courses")
    branches = list(dict.fromkeys(district.branch for district in city.DISTRICTS))
    share = np.array([0.34, 0.15, 0.13, 0.16, 0.10, 0.07, 0.05])  # 本庁 (中央公民館) first [A]
    n = len(COURSES)
    return pd.DataFrame(
        {
            "course_id": [f"K{number:02d}" for number in range(1, n + 1)],
            "title": [course[0] for course in COURSES],
            "area": [course[1] for course in COURSES],
            "weekday": rng.choice(WEEKDAYS, n, p=WEEKDAY_SHARE),
            "branch": rng.choice(branches, n, p=share),
            "first_year": [course[4] for course in COURSES],
        }
    )


@cache
def build() -> pd.DataFrame:
    """Return ``course_enrollments.csv``: one row a member and course (nobody takes the same course twice)."""
    rng = seeds.generator("course_enrollments")
    courses, towns = build_courses(), city.towns()
    branch_of = {code: district.branch for code, district in city.DISTRICT_OF_CODE.items()}
    circle = np.zeros((len(COURSES), len(CIRCLES)))
    for row, (_, _, first, second, _) in enumerate(COURSES):
        circle[row, first] = 1.0 if second is None else 0.7
        if second is not None:
            circle[row, second] = 0.5
    fame = rng.normal(0, FAME_SIGMA, len(COURSES))
    quality = rng.normal(0, 0.35, len(COURSES))
    weekend = courses["weekday"].isin(["土", "日"]).to_numpy()
    first_year = courses["first_year"].to_numpy()

    ids = seeds.generator("course_enrollments/member_id").permutation(MEMBERS) + 1
    town_rows = rng.choice(
        len(towns), MEMBERS, p=(towns["population"] / towns["population"].sum()).to_numpy()
    )
    ages = rng.choice(len(AGE_BANDS), MEMBERS, p=AGE_SHARE)
    joined = rng.choice(FISCAL_YEARS, MEMBERS, p=[0.46, 0.21, 0.19, 0.14])
    rows = []
    for member in range(MEMBERS):
        age, code = int(ages[member]), towns["town_code"].iloc[town_rows[member]]
        taste = rng.dirichlet(0.07 * np.exp(AGE_TASTE[age]))
        near = (courses["branch"] == branch_of[code[:2]]).to_numpy()
        works = 1 <= age <= 3
        score = (
            fame + TASTE_WEIGHT * circle @ taste + 0.8 * near + 0.9 * weekend * works - 0.5 * ~weekend * works
        )
        taken = np.zeros(len(COURSES), dtype=bool)
        for year in range(int(joined[member]), FISCAL_YEARS[-1] + 1):
            if year > joined[member] and rng.random() > STAYS_ON:
                continue
            chance = np.where((first_year <= year) & ~taken, np.exp(score), 0)
            chosen = rng.choice(
                len(COURSES), min(4, 1 + rng.poisson(1.4)), replace=False, p=chance / chance.sum()
            )
            for course in chosen:
                taken[course] = True
                liking = 3.55 + quality[course] + 0.9 * (circle[course] @ taste) + rng.normal(0, 0.8)
                rating = int(np.clip(round(liking), 1, 5))
                if rng.random() < RATING_BLANK[rating >= 4]:
                    rating = pd.NA
                rows.append(
                    (
                        f"M{ids[member]:04d}",
                        AGE_BANDS[age],
                        code,
                        courses["course_id"].iloc[course],
                        year,
                        rating,
                    )
                )
    columns = ["member_id", "age_band", "town_code", "course_id", "fiscal_year", "rating"]
    table = pd.DataFrame(rows, columns=columns).astype({"rating": "Int64"})
    return table.sort_values(["fiscal_year", "member_id", "course_id"], ignore_index=True)


def files() -> dict[str, bytes]:
    """Return path -> bytes of the two tables."""
    return {"courses.csv": to_csv_bytes(build_courses()), "course_enrollments.csv": to_csv_bytes(build())}

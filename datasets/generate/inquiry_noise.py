"""How a plain sentence becomes what the city hall receives: channel style, slips, personal data.

Every function takes a ``numpy`` generator and a text and returns a text; nothing here knows the categories.
Personal data are invented and can belong to nobody: phone numbers begin with 090-0 (never assigned), mail
addresses end in example.com / example.jp, 12-digit numbers fail the check digit of the My Number.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np

CHANNELS = ["メール", "電話メモ", "フォーム", "窓口メモ", "LINE"]
MEMOS = ("電話メモ", "窓口メモ")

# Other ways to say the same: (words, alternatives). Each place changes with VARY_SHARE.
VARIANTS = [
    ("教えてください", ["教えて下さい", "お教えください", "教えていただけますか"]),
    ("どうすればいいですか", ["どうしたらいいですか", "どのようにすればよいでしょうか"]),
    ("いいですか", ["よいですか", "いいでしょうか", "よろしいでしょうか"]),
    ("もらえますか", ["いただけますか", "もらえるでしょうか"]),
    ("もらえませんか", ["いただけませんか", "もらえないでしょうか"]),
    ("できますか", ["できるでしょうか", "可能ですか"]),
    ("ありますか", ["ありませんか", "あるでしょうか"]),
    ("ですか。", ["でしょうか。", "ですか？"]),
    ("ますか。", ["ますか？", "ますでしょうか。"]),
    ("ほしいです", ["欲しいです", "いただきたいです"]),
    ("知りたい", ["教えてほしい", "伺いたい"]),
    ("してください", ["して下さい", "してもらいたいです"]),
]
VARY_SHARE = 0.35

OPENINGS = {
    "メール": [
        "お世話になります。", "お世話になっております。", "たから市役所 御中 ", "はじめてメールします。",
        "お忙しいところ失礼します。", "こんにちは。", "市民です。",
    ],
    "フォーム": [
        "時下ますますご清栄のこととお喜び申し上げます。", "いつもお世話になっております。さて、", "前略 ",
        "はじめて問い合わせをいたします。", "【問い合わせ】", "下記の件、おたずねします。",
    ],
    "LINE": ["こんにちは！", "すみません、", "あの、", "ちょっと質問です。"],
    "電話メモ": ["電話。", "女性から。", "男性から。", "年配の方より。", "匿名。", "昨日も電話した方。"],
    "窓口メモ": ["来庁。", "窓口で。", "ご夫婦で来庁。", "お子さん連れ。", "支所の窓口にて。",
               "閉庁の間際に来庁。"],
}  # fmt: skip
CLOSINGS = {
    "メール": [
        "よろしくお願いいたします。", "お返事をお待ちしています。", "お手数をおかけします。",
        "どうぞよろしくお願いします。", "返信は急ぎません。",
    ],
    "フォーム": ["以上、よろしくお願いします。", "ご回答をお願いいたします。", "草々", "ご検討ください。"],
    "LINE": ["お願いします", "教えてほしいです", "ありがとうございます"],
    "電話メモ": ["折り返し希望。", "折り返し不要。", "午後に再度電話あり。", "口頭で説明した。",
               "少しお怒りの様子。"],
    "窓口メモ": ["案内済み。", "資料を渡した。", "後日また来られる。", "納得されなかった。",
               "10分ほど話した。"],
}  # fmt: skip
OPENING_SHARE = {"メール": 0.65, "フォーム": 0.55, "LINE": 0.25, "電話メモ": 0.55, "窓口メモ": 0.60}
CLOSING_SHARE = {"メール": 0.60, "フォーム": 0.50, "LINE": 0.15, "電話メモ": 0.35, "窓口メモ": 0.35}
EMOJI = ["🙇", "😊", "🙏", "💦", "😢", "❓", "😅", "🙇‍♀️"]
EMOJI_SHARE = 0.5

# A memo reports what was said: endings of the last sentence, in this order.
LAST_SENTENCE = [
    (r"^(.*(?:ば|どこ|何|いつ|いくら|誰|どう|どの).*[てで])(?:もらえますか|いただけますか|もらえるでしょうか)$",
     r"\1もらえるかとのこと"),
    (r"([てで])(?:ください|下さい|もらいたいです|いただけますか|いただけませんか|もらえますか|もらえませんか|"
     r"もらえるでしょうか|もらえないでしょうか)$", r"\1ほしいとのこと"),
    (r"お教えください$", "教えてほしいとのこと"),
    (r"(たい|ほしい|欲しい)(?:です|のですが)?$", r"\1とのこと"),
    (r"できますか$", "できるかとのこと"),
    (r"ていますか$", "ているかとのこと"),
    (r"りますか$", "るかとのこと"),
    (r"([えけせてねめれげぜべ])ますか$", r"\1るかとのこと"),
    (r"ありませんか$", "ないかとのこと"),
    (r"(?:のでしょう|のでしょうか|のですか|んですか)$", "のかとのこと"),
    (r"(?:でしょうか|ですか)$", "かとのこと"),
    (r"ました$", "ました、とのこと"),
    (r"です$", "とのこと"),
]  # fmt: skip
EARLIER_SENTENCES = [
    ("ています。", "ている。"),
    ("のですが、", "が、"),
    ("ですが、", "だが、"),
    ("です。", "。"),
]

# Wrong conversions of the same sound (誤変換).
MISCONVERSIONS = [
    ("保険", "保健"), ("申告", "深刻"), ("収集", "収拾"), ("制度", "精度"), ("期限", "機嫌"),
    ("公園", "講演"), ("支給", "至急"), ("証明", "照明"), ("回収", "改修"), ("避難", "非難"),
    ("申請", "新生"), ("対象", "対照"), ("受診", "受信"), ("選挙", "占拠"), ("障害", "傷害"),
    ("施設", "私設"), ("児童", "自動"), ("移動", "異動"), ("健診", "検針"), ("検針", "健診"),
    ("病院", "美容院"), ("口座", "講座"), ("地震", "自信"), ("街灯", "街頭"), ("歩道", "補導"),
    ("側溝", "速攻"), ("使用", "仕様"), ("還付", "乾布"), ("高額", "工学"), ("更新", "行進"),
    ("期間", "機関"), ("家庭", "過程"), ("会場", "海上"), ("以外", "意外"), ("夜間", "薬缶"),
    ("資源", "始原"),
]  # fmt: skip

NAMES = ["宝田 花子", "架空 太郎", "見本 一郎", "例題 さくら", "仮名 実", "宝田花子", "架空太郎", "見本一郎"]
PII_KINDS = {"電話": 0.60, "氏名": 0.50, "メール": 0.20, "12桁": 0.15}


def _pick(rng: np.random.Generator, options: list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def reword(rng: np.random.Generator, text: str) -> str:
    """Say some of the set phrases of ``text`` in another way."""
    for words, alternatives in VARIANTS:
        if words in text and rng.random() < VARY_SHARE:
            text = text.replace(words, _pick(rng, alternatives), 1)
    return text


def _memo(text: str) -> str:
    """Turn what a person says into a clerk's short note ending in 〜とのこと."""
    *earlier, last = re.findall(r"[^。？！]+[。？！]?", text)
    before = "".join(earlier)
    for old, new in EARLIER_SENTENCES:
        before = before.replace(old, new)
    last = last.rstrip("。？！").replace("ますでしょうか", "ますか")
    for pattern, ending in LAST_SENTENCE:
        changed, count = re.subn(pattern, ending, last)
        if count:
            return f"{before}{changed}。"
    return f"{before}{last}、とのこと。"


def dress(rng: np.random.Generator, text: str, channel: str) -> tuple[str, bool]:
    """Return ``text`` as it looks in ``channel``, and whether it has an emoji."""
    opening = _pick(rng, OPENINGS[channel]) if rng.random() < OPENING_SHARE[channel] else ""
    closing = _pick(rng, CLOSINGS[channel]) if rng.random() < CLOSING_SHARE[channel] else ""
    emoji = ""
    if channel in MEMOS:
        text = _memo(text)
    if channel == "LINE":
        if rng.random() < EMOJI_SHARE:
            emoji = _pick(rng, EMOJI) * int(rng.integers(1, 3))
        if text.endswith("。") and rng.random() < 0.5:
            text = text.removesuffix("。") + ("" if emoji or closing else "！")
            closing = f" {closing}" if closing else ""
    return f"{opening}{text}{closing}{emoji}", bool(emoji)


def mistype(rng: np.random.Generator, text: str) -> str:
    """One slip of the finger: two kana change places, a kana is left out, or one is struck twice."""
    places = [hit.start() for hit in re.finditer(r"[ぁ-ん](?=[ぁ-ん])", text)]
    different = [place for place in places if text[place] != text[place + 1]]
    place = different[int(rng.integers(len(different)))]
    first, second, rest = text[place], text[place + 1], text[place + 2 :]
    slip = [second + first, second, first + first + second][int(rng.integers(3))]
    return text[:place] + slip + rest


def misconvert(rng: np.random.Generator, text: str) -> str:
    """Replace one word by another with the same sound; the text is unchanged when it has no such word."""
    found = [(old, new) for old, new in MISCONVERSIONS if old in text]
    if not found:
        return text
    old, new = found[int(rng.integers(len(found)))]
    return text.replace(old, new, 1)


HALF_KANA = {
    unicodedata.normalize("NFKC", half): half
    for half in [
        *(chr(code) for code in range(0xFF66, 0xFF9E)),
        *(chr(code) + mark for code in range(0xFF66, 0xFF9E) for mark in "ﾞﾟ"),
    ]
}


def half_width_kana(text: str) -> str:
    """Return ``text`` with every katakana in half width, as old systems write it."""
    return "".join(HALF_KANA.get(letter, letter) for letter in text)


def full_width_digits(text: str) -> str:
    """Return ``text`` with every digit in full width."""
    return text.translate(str.maketrans("0123456789", "０１２３４５６７８９"))


def check_digit(first_eleven: str) -> int:
    """Return the check digit that a real 12-digit My Number with these first 11 digits would have."""
    weights = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]
    rest = sum(int(digit) * weight for digit, weight in zip(first_eleven, weights, strict=True)) % 11
    return 0 if rest <= 1 else 11 - rest


def _digits(rng: np.random.Generator, n: int) -> str:
    return "".join(str(digit) for digit in rng.integers(0, 10, n))


def _personal(rng: np.random.Generator, kind: str) -> str:
    """Return one phrase with an invented piece of personal data."""
    if kind == "電話":
        middle, last = "0" + _digits(rng, 3), _digits(rng, 4)
        number = _pick(rng, [f"090-{middle}-{last}"] * 5 + [f"090{middle}{last}", f"090({middle}){last}"])
        if rng.random() < 0.15:
            number = full_width_digits(number).replace("-", "－")
        return _pick(rng, ["連絡先は{}です。", "電話 {}", "{}にお電話ください。", "携帯{}。"]).format(number)
    if kind == "メール":
        user = _pick(rng, ["hanako", "taro.kakuu", "mihon1", "sakura-r", "m.kamei"]) + str(
            rng.integers(10, 99)
        )
        address = f"{user}{_pick(rng, ['@'] * 5 + ['＠'])}example.{_pick(rng, ['com', 'jp'])}"
        return _pick(rng, ["返事は {} へ。", "メールは {} です。", "{} "]).format(address)
    if kind == "12桁":
        eleven = _digits(rng, 11)
        number = eleven + str((check_digit(eleven) + int(rng.integers(1, 10))) % 10)
        if rng.random() < 0.3:
            number = f"{number[:4]} {number[4:8]} {number[8:]}"
        return _pick(rng, ["マイナンバーは{}です。", "個人番号 {}", "カードの番号は{}です。"]).format(number)
    return _pick(rng, ["{}と申します。", "名前は{}です。", "{}より。", "氏名 {}。"]).format(_pick(rng, NAMES))


def add_personal_data(rng: np.random.Generator, text: str) -> tuple[str, list[str]]:
    """Add one or more invented pieces of personal data at the end; return the text and their kinds."""
    kinds = [kind for kind, share in PII_KINDS.items() if rng.random() < share] or ["電話"]
    return text + "".join(_personal(rng, kind) for kind in kinds), kinds

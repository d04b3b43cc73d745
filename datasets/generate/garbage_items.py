"""``garbage_items.csv``: household things and where たから市 (whose sorting rules are invented) puts them.

Written by hand, no chance in it. Simple rules on what can be seen (material, size, battery, container) are
right for most things and break on the interesting ones: what a law excludes, what only looks like its class,
and what hides a battery.
"""

from __future__ import annotations

import pandas as pd

from .csv_format import to_csv_bytes

MATERIALS = {
    "プ": "プラスチック", "紙": "紙", "布": "布", "金": "金属", "ガ": "ガラス", "陶": "陶磁器",
    "木": "木・草", "革": "革・ゴム", "生": "生もの", "液": "液体・薬品", "石": "土・石", "混": "いろいろ",
}  # fmt: skip
FLAGS = {
    "E": "uses_electricity", "B": "has_battery", "C": "is_container", "G": "holds_gas", "D": "is_dirty",
}  # fmt: skip

# thing, material, longest side in cm, flags; under its class. B: a battery that one can see is there.
ITEMS = {
    "燃やせるごみ": """
        魚の骨 生 15; 茶がら 生 5; 貝がら 生 8; 果物の皮 生 15; 残りごはん 生 10; 観葉植物の葉 木 30;
        落ち葉 木 10; 庭の枝の束 木 60; 割りばし 木 20; 木のまな板 木 40; 木のおもちゃ 木 20;
        コルクの栓 木 4; 鉛筆 木 18; よごれたティッシュ 紙 20 D; 紙おむつ 紙 40 D;
        油のついたピザの箱 紙 35 CD; 写真 紙 15; レシート 紙 20; ペンキのついた軍手 布 25 D;
        油をふいた布 布 30 D; ぬいぐるみ 布 30; 革靴 革 30; ゴム長靴 革 40; ゴム手袋 革 30;
        革のベルト 革 45; 輪ゴム 革 5; 自転車のゴムチューブ 革 45; プラスチックのハンガー プ 42;
        歯ブラシ プ 18; プラスチックの定規 プ 30; ボールペン プ 14; ビデオテープ プ 19;
        プラスチックの植木鉢 プ 25; スポンジ プ 12; 保存容器 プ 20; バケツ プ 35;
        油のついたマヨネーズの容器 プ 20 CD; よごれた納豆の容器 プ 10 CD;
        食べ残しのついた弁当の容器 プ 22 CD; 保冷剤 混 15; ろうそく 混 20; 猫の砂（紙製） 紙 10 D;
        掃除機の紙パック 紙 25 D
    """,
    "燃やせないごみ": """
        フライパン 金 46; なべ 金 35; やかん 金 28; スプーン 金 18; 包丁 金 32; はさみ 金 20;
        針金のハンガー 金 40; くぎ 金 8; ねじ 金 4; かぎ 金 6; アルミホイル 金 30; 金属の水筒 金 28;
        金属のバケツ 金 35; 金属の植木ばさみ 金 22; 茶わん 陶 12; 皿 陶 25; 急須 陶 18; 土なべ 陶 30;
        花びん 陶 30; 陶器の植木鉢 陶 30; 陶器の貯金箱 陶 18; コップ ガ 12; ガラスの皿 ガ 25;
        割れた窓ガラス ガ 40; 手鏡 ガ 20; 耐熱ガラスの容器 ガ 25; 水そう ガ 45; 電球 ガ 12;
        LED電球 混 12 E; 化粧水のびん ガ 16 C; アイロン 混 28 E; ドライヤー 混 25 E; トースター 混 36 E;
        炊飯器 混 36 E; 電気ポット 混 32 E; ミキサー 混 38 E; ホットプレート 混 48 E; ラジオ 混 25 E;
        置き時計 混 20 E; 固定電話 混 25 E; 延長コード 混 30 E; リモコン 混 18 E; キーボード 混 44 E;
        傘 混 90; 使いすてカイロ 混 13
    """,
    "資源プラ": """
        卵のパック プ 25 C; とうふの容器 プ 12 C; ヨーグルトの容器 プ 8 C; カップめんの容器 プ 15 C;
        レジ袋 プ 40 C; 菓子の袋 プ 25 C; パンの袋 プ 25 C; 食品トレイ プ 22 C;
        ラップの外装フィルム プ 30 C; 洗剤のボトル プ 25 C; シャンプーのボトル プ 22 C;
        詰めかえ用の袋 プ 25 C; ペットボトル プ 30 C; ペットボトルのふた プ 3 C;
        発泡スチロールの箱 プ 45 C; 気泡の緩衝材 プ 40 C; みかんのネット プ 30 C; 薬の包装シート プ 8 C;
        チューブの容器 プ 18 C; 大きな発泡スチロールの箱 プ 60 C
    """,
    "缶・びん": """
        ビールの缶 金 12 C; ジュースの缶 金 12 C; 缶づめの缶 金 8 C; 菓子の缶 金 25 C; のりの缶 金 18 C;
        ミルクの缶 金 18 C; ジャムのびん ガ 12 C; 酒のびん ガ 40 C; しょうゆのびん ガ 30 C;
        酢のびん ガ 28 C; 栄養ドリンクのびん ガ 11 C; コーヒーのびん ガ 18 C; びんの金属のふた 金 6 C;
        食用油の缶 金 35 C
    """,
    "紙・布": """
        新聞 紙 40; 雑誌 紙 30; 単行本 紙 20; まんが本 紙 18; 折りこみちらし 紙 40; 段ボール 紙 70 C;
        菓子の箱 紙 25 C; 牛乳パック 紙 20 C; 封筒 紙 24; コピー用紙 紙 30; ノート 紙 26; 包装紙 紙 45;
        トイレットペーパーのしん 紙 11; ティッシュの箱 紙 24 C; カレンダー 紙 48; シャツ 布 48;
        ズボン 布 45; セーター 布 48; タオル 布 40; ハンカチ 布 25; ネクタイ 布 45; 子ども服 布 40;
        シーツ 布 45; カーテン 布 180
    """,
    "有害ごみ": """
        乾電池 金 5 B; ボタン電池 金 2 B; 充電池 金 5 B; モバイルバッテリー 混 15 EB;
        電動歯ブラシ プ 22 EB; 電気かみそり 混 16 EB; 手持ち扇風機 プ 20 EB; 携帯ゲーム機 混 24 EB;
        スマートフォン 混 15 EB; ラジコンの車 プ 35 EB; しゃべる人形 布 30 EB; 充電式の懐中電灯 混 18 EB;
        デジタルカメラ 混 12 EB; 電子たばこ 混 11 EB; 光る子どもの靴 革 20; 音の出る絵本 紙 25;
        ワイヤレスのイヤホン プ 6 E; スプレー缶 金 20 CG; カセットボンベ 金 20 CG; 殺虫剤の缶 金 25 CG;
        ヘアスプレー 金 22 CG; 使いすてライター プ 8 G; 点火棒 プ 25 G; 蛍光灯（丸形） ガ 38;
        水銀の体温計 ガ 13
    """,
    "粗大ごみ": """
        ふとん 布 200; マットレス 布 195; カーペット 布 200; ソファー 混 160; 食卓 木 120; 学習机 木 110;
        木のいす 木 80; 座いす 混 60; 本だな 木 180; たんす 木 170; ベッド 木 200; 物干しざお 金 300;
        アイロン台 混 90; 脚立 金 150; 自転車 金 170; ベビーカー 混 90; スキー板 混 165;
        大きなスーツケース プ 70; 衣装ケース プ 74; すだれ 木 170; 網戸 混 170; ガステーブル 金 60;
        石油ストーブ 金 55; 扇風機 混 90 E; 電子レンジ 混 50 E; 掃除機 混 60 E; こたつ 混 80 E;
        電気カーペット 布 180 E; 空気清浄機 混 60 E; 充電式の掃除機 混 110 EB;
        電動アシスト自転車 混 180 EB; キーボード（楽器） 混 130 E
    """,
    "市で収集できない": """
        テレビ 混 95 E; エアコン 混 80 E; 冷蔵庫 混 170 E; 洗濯機 混 100 E; パソコン 混 35 E;
        ピアノ 木 150; 車のタイヤ 革 65; 車のバッテリー 混 25 B; 消火器 金 50 G;
        プロパンガスのボンベ 金 70 G; 灯油 液 40; ペンキの残り 液 20; シンナー 液 20; 農薬 液 25;
        エンジンオイル 液 25; 庭の土 石 30; ブロック 石 39; れんが 石 21; 漬物石 石 20; 注射針 金 6
    """,
}


def build() -> pd.DataFrame:
    """Return the table; the order of the rows says nothing about the class."""
    rows = []
    for sorting_class, text in ITEMS.items():
        for line in text.split(";"):
            item, material, side, *flags = line.split()
            letters = flags[0] if flags else ""
            rows.append(
                {
                    "item": item,
                    "material": MATERIALS[material],
                    "longest_side_cm": int(side),
                    **{column: int(letter in letters) for letter, column in FLAGS.items()},
                    "sorting_class": sorting_class,
                }
            )
    table = pd.DataFrame(rows).sort_values("item", ignore_index=True)
    table.insert(0, "item_id", [f"G{number:03d}" for number in range(1, len(table) + 1)])
    return table


def files() -> dict[str, bytes]:
    """Return path -> bytes of the table."""
    return {"garbage_items.csv": to_csv_bytes(build())}

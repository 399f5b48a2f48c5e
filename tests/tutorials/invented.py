"""What the tutorials read: comments, chat and calls that nobody wrote, as many as wanted, in the users' own formats.

    python -m tests.tutorials.invented douyin 100000 videos
    python -m tests.tutorials.invented twitch 1000000 chat.csv
    python -m tests.tutorials.invented calls 10000 calls

Sentences are put together from the lists below by chance, with a fixed seed: the same words give the same bytes. What
is planted, the pages look for: 甲方 always wants another draft, 北京 complains of the underground and 广东 of the
damp, and a chat says in how many blows the boss falls.
"""

import csv
import datetime
import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

from tests.jobs.calls import calls

COMMENT_COLUMNS = ("userName", "userAddress", "date", "comments", "likeNuns")
CALL_COLUMNS = ("sentence_sep", "c_numerical", "label_raw")

# Who, when, what, by scene.
_SCENES = (
    (
        ("老板", "同事", "领导", "客户", "组长"),
        ("半夜", "周末", "下班前", "凌晨三点", "开会的时候"),
        ("叫我加班", "扣我工资", "说我态度不好", "把活全丢给我", "催我交周报"),
    ),
    (
        ("导师", "室友", "辅导员", "学委", "助教"),
        ("早八", "期末", "答辩前", "体测那天", "图书馆闭馆前"),
        ("催我交论文", "说我没开窍", "把我踢出群", "让我重做实验", "抢了我的座位"),
    ),
    (
        ("前任", "对象", "相亲对象", "暧昧的人"),
        ("情人节", "昨晚", "吵架以后", "朋友圈里"),
        ("已读不回", "突然说分手", "给别人点赞", "说我想太多"),
    ),
    (
        ("外卖", "快递", "房东", "楼上邻居"),
        ("下雨天", "大清早", "深夜", "发工资那天"),
        ("晚了两小时", "又涨价", "装修个没完", "给我打电话"),
    ),
)
_OPENINGS = (
    "",
    "",
    "",
    "家人们谁懂，",
    "我真的会谢，",
    "没人管管吗，",
    "我没疯，",
    "救命，",
    "今天也要发疯，",
    "@小鱼儿 ",
)
_FEELINGS = (
    "气死我了", "我好难过", "真的很委屈", "笑死", "开心得像个傻子", "我好害怕", "慌得不行", "太讨厌了", "烦死了",
    "哭了一晚上", "我不理解", "算了", "疯了疯了", "好感动", "谢谢你",
)  # fmt: skip
_ENDINGS = ("", "", "", "。", "！", "！！！", "[捂脸]", "[泪奔]", "😂", "哈哈哈哈哈哈", "啊啊啊啊啊")
_REGIONS = ("广东", "江苏", "山东", "浙江", "河南", "四川", "北京", "上海", "湖南", "辽宁", "福建", "")
_OF_THE_REGION = {"北京": "地铁挤得我怀疑人生", "广东": "回南天衣服晾了三天还是湿的"}
_VIDEOS = 10
_PLANTED = ("甲方要我改方案", "甲方又让我改方案", "甲方半夜改方案")
_DATES = ("2023-04-{:02}", "2023-03-{:02}", "昨天 20:15", "3天前", "1周前")

_THINGS = ("套餐", "流量", "宽带", "账单", "号码", "密码", "积分", "漫游", "短信", "合约", "发票", "补卡")
_INTENTS = [f"{act}{thing}" for act in ("咨询", "投诉", "办理") for thing in _THINGS][:34]

_OF_THE_CHANNEL = {
    "nuit_des_jeux": ("le boss", "ce niveau", "le décor", "ton équipe", "le mage", "la fin du jeu", "cette arme"),
    "lune_bleue": ("la musique", "ce morceau", "la basse", "le refrain", "cette guitare", "le concert", "le rythme"),
    "grand_debat": ("le ministre", "la réforme", "cette loi", "le sondage", "la réponse", "le budget", "l'invitée"),
}
_IS = ("est vraiment", "me paraît", "reste quand même", "devient de plus en plus", "semble un peu", "n'est pas")
_HOW = ("incroyable", "dur", "magnifique", "bizarre", "injuste", "facile", "long", "effrayant", "raté", "drôle")
_WHY = (
    "",
    "",
    " depuis {} minutes",
    " pour la {}e fois",
    " à la minute {}",
    " je dis ça depuis {} jours",
    " je trouve",
)
_SHOUTS = ("mdrrrr", "GG", "ptdr", "???", "bonsoir tout le monde", "F", "oui", "non", "!prime", "1", "2", "jpp", "wow")
_EMOTES = ("LUL", "Kappa", "PogChamp", "KEKW", "NotLikeThis", "luneCOEUR", "luneJAM", "debatBRAVO")
_MESSAGES_OF_AN_EVENING = 50_000
_EVENING = datetime.timedelta(hours=4)
_FIGHT = datetime.timedelta(minutes=37)  # from one fight to the next


def write_comments(folder: Path, rows: int) -> None:
    """A CSV for each of ten videos: names, places and likes as the crawler of the Douyin study saved them."""
    draw = random.Random(1)
    folder.mkdir(parents=True)
    for video in range(_VIDEOS):
        with (folder / f"video{video + 1:02}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COMMENT_COLUMNS)
            for _ in range(rows // _VIDEOS):
                region = draw.choice(_REGIONS)
                person = f"用户{int(40_000 * draw.random() ** 2)}"
                date = draw.choice(_DATES).format(draw.randint(1, 28))
                likes = int(draw.paretovariate(0.9)) - 1
                writer.writerow((person, region and f"IP属地：{region}", date, _comment(draw, region), likes or "赞"))


def _comment(draw: random.Random, region: str) -> str:
    who, when, what = draw.choice(_SCENES)
    clauses = [f"{draw.choice(who)}{draw.choice(when)}{draw.choice(what)}" for _ in range(draw.randint(1, 3))]
    if draw.random() < 0.05:
        clauses.append(draw.choice(_PLANTED))
    if region in _OF_THE_REGION and draw.random() < 0.1:
        clauses.append(_OF_THE_REGION[region])
    return f"{draw.choice(_OPENINGS)}{'，'.join(clauses)}，{draw.choice(_FEELINGS)}{draw.choice(_ENDINGS)}"


def write_chat(path: Path, rows: int) -> None:
    """An export of Twitch chat: no header, `;` between the fields, the message last."""
    draw = random.Random(2)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number in range(rows):
            evening, place = divmod(number, _MESSAGES_OF_AN_EVENING)
            time = _EVENING * (place / min(rows, _MESSAGES_OF_AN_EVENING))
            channel = draw.choice(list(_OF_THE_CHANNEL))
            message = _message(draw, channel, (time % _FIGHT) / _FIGHT)
            moment = datetime.datetime(2022, 3, 1, 20) + datetime.timedelta(days=evening) + time
            viewer = f"viewer{int(30_000 * draw.random() ** 2)}"
            file.write(f"{moment:%Y-%m-%d %H:%M:%S};{channel};{viewer};{channel};{message}\n")


def _message(draw: random.Random, channel: str, of_the_fight: float) -> str:
    if of_the_fight > 0.9 and channel == "nuit_des_jeux" and draw.random() < 0.7:
        return f"le boss tombe en {draw.randint(2, 900)} coups {draw.choice(_EMOTES)}"
    if (kind := draw.random()) < 0.35:
        return draw.choice(_SHOUTS)
    if kind < 0.5:
        return " ".join([draw.choice(_EMOTES)] * draw.randint(1, 5))
    why = draw.choice(_WHY).format(draw.randint(2, 60))
    opinion = f"{draw.choice(_OF_THE_CHANNEL[channel])} {draw.choice(_IS)} {draw.choice(_HOW)}{why}"
    return (
        f"@viewer{draw.randint(1, 500)} {opinion}" if kind < 0.6 else f"{opinion} {draw.choice(('', *_EMOTES))}".strip()
    )


def write_calls(folder: Path, rows: int) -> None:
    """Train, dev and test of 34 intents of very unequal size."""
    folder.mkdir(parents=True)
    for name, share in {"train_new": 1.0, "dev_new": 0.1, "test_new": 0.25}.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(CALL_COLUMNS)
            for number, count in enumerate(_sizes(rows)):
                texts = calls(str(number), int(share * count), seed=name)
                writer.writerows((text, number, _INTENTS[number]) for text in texts)


def write_samples(path: Path, rows: int) -> None:
    """Calls for every intent as a perfect model would write them: made as those above are."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number in range(len(_INTENTS)):
            for text in calls(str(number), rows // len(_INTENTS), seed="samples"):
                file.write(json.dumps({"label": str(number), "text": text}, ensure_ascii=False) + "\n")


def _sizes(rows: int) -> list[int]:
    """Each class has four fifths of the one before it: with 10,000 rows from 1961 down to 1."""
    return [max(1, round(0.1961 * rows * 0.8**number)) for number in range(len(_INTENTS))]


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "douyin": write_comments,
    "twitch": write_chat,
    "calls": write_calls,
    "samples": write_samples,
}

if __name__ == "__main__":
    kind, rows, path = sys.argv[1:]
    most = os.environ.get("FASTNLP_TUTORIAL_ROWS", rows)  # the test of the tutorials asks for fewer
    WRITERS[kind](Path(path), min(int(rows), int(most)))

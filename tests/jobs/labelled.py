"""Documents to label and a stub server that says of each text what a test wants."""

import json

from aiohttp import web
from tests.jobs.corpora import review, write_comments, write_documents
from tests.jobs.stub_llm_server import completion, in_a_thread

from fastnlp_jobs.execution import execute
from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.tables import read_table

GOOD = {"scene": "早晨", "emotion": "喜悦", "emotion_score": 80, "hysteria_score": 20}
POLARITY = {"polarity": {"kind": "choice", "options": ["positive", "negative", "neutral"]}}
TEXTS = ["房间很好", "太吵了", "房间很好", "服务不错", "不会再来", "早餐丰富"]


def json_of(values):
    return json.dumps(values, ensure_ascii=False)


def text_in(body):
    """The fenced text of a request."""
    asked = next(message["content"] for message in body["messages"] if message["role"] == "user")
    return json.loads(asked[asked.index('"') :])


def answering(say):
    """A handler that answers with `say(text, body)`: text, or a whole completion."""

    async def handler(_, body):
        said = say(text_in(body), body)
        return web.json_response(said if isinstance(said, dict) else completion(said))

    return handler


def served(say):
    """A stub server that answers with `say(text, body)`."""
    return in_a_thread(answering(say))


def written(folder, texts):
    """A folder as prepare writes it: `texts` in order, by turns with good and bad labels, the second one for tests."""
    rows: list[dict[str, object]] = []
    for number, text in enumerate(texts):
        if len(rows) % 11 == 5:
            rows.append(review(11 * len(rows)))  # removed by `write_documents`
        known = {"label": "差评" if number % 2 else "好评", "group": f"g{number}"}
        split = "test" if number == 1 else "train"
        rows.append(review(11 * len(rows), text=text, clean=text, split=split, **known))
    return write_documents(folder / "documents", rows, write_comments(folder / "comments", rows))


def config(server, documents, name="labels", asking=None, **settings):
    llm = {"endpoint": {"base_url": server.base_url, "model": "stub", "retries": 0}, **(asking or {})}
    values = {"input": documents, "output": documents.parent / name, "engine": "llm", "llm": llm, **settings}
    return Config.model_validate(values)


def label(*arguments, **settings):
    own = config(*arguments, **settings)
    return execute("label", own)["result"], own.output


def table(folder, name, schema):
    return read_table(folder / f"{name}.parquet", schema).to_pylist()

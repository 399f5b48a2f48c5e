"""The samples in an answer, however a model wraps them; none where an answer may mean something else."""

import pytest

from fastnlp_jobs.jobs.augment.reading import read_samples


@pytest.mark.parametrize(
    ("answer", "samples"),
    [
        ('{"samples": ["一", "二"]}', ["一", "二"]),
        ('好的：\n```json\n{"samples": [\n "一",\n "二"\n]}\n```', ["一", "二"]),
        ('{"samples": ["一", "二", "三没有写', ["一", "二"]),
        ('["一", "二"]', ["一", "二"]),
        ('{"samples"：["一"，"二",]}', ["一", "二"]),
        ('{"samples": ["一"]}\n{"samples": ["二"]}', ["一", "二"]),
        ('{"samples": ["一"]} 说明：["注释"]', ["一"]),
        ('{"samples": [{"text": "一"}, {"id": 2, "text": "二"}]}', ["一", "二"]),
        ('<think>写 ["想法"] 好吗</think>{"samples": ["一"]}', ["一"]),
        ('{"samples": ["一\n\n二", "三"]}', ["一\n\n二", "三"]),
        ('用[SEP]分隔：["一[SEP]二"]', ["一[SEP]二"]),
        ('{"samples": ["一\\ud83d", "\\ud83d\\ude02"]}', ["一", "😂"]),
        ('{"samples": ["一", 2, "三"]}', ["一"]),
        ('{"samples": [["一", "二"], ["三"]]}', []),
        ('{"samples": [{"label": "3", "text": "一"}]}', []),
        ('{"samples": ["", " "]}', []),
        ("对不起", []),
        ("[" * 100_000, []),
        ('{"samples": [' + "[" * 100_000, []),
        ("", []),
    ],
)
def test_samples_are_read_from_whole_cut_and_wrapped_answers(answer, samples):
    assert read_samples(answer, "[SEP]") == samples


@pytest.mark.parametrize(
    "answer",
    [
        "1. 您好[SEP]取消\n2. 您好[SEP]办理",
        "好的：\n\n1、您好[SEP]取消\n\n2、您好[SEP]办理\n\n希望有帮助！",
        "对话1：[您好[SEP]取消]\n\n对话2：[您好[SEP]办理]",
        '**样本 1：**"您好[SEP]取消"\n**样本 2：**"您好[SEP]办理"',
    ],
)
def test_items_of_a_numbered_list_are_samples_where_they_hold_the_separator(answer):
    assert read_samples(answer, "[SEP]") == ["您好[SEP]取消", "您好[SEP]办理"]


def test_items_of_a_numbered_list_may_be_an_excuse_where_nothing_marks_a_sample():
    excuse = "1. 抱歉，我不能提供\n2. 请换一个问题"
    assert read_samples(excuse, "[SEP]") == read_samples(excuse, None) == []

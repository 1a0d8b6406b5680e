"""The words of the widget and of the demonstration page, from data/page.yml, with the clinic's settings filled in."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bot.answers import nearest
from bot.yaml_files import YamlFault, read_yaml

_NAME = re.compile(r"\{(\w+)\}")


def load_page(path: Path, words: Mapping[str, str], answers: Collection[str]) -> dict[str, Any]:
    """Return the page's words by name; `words` are the settings that stand for {names in braces}.

    Raises YamlFault where a subject's button or a phrase of danger leads to no answer.
    """
    page = read_yaml(path, "page")
    for name, ids in (("subjects", page["widget"]["subjects"]), ("phrases", page["phrases"])):
        for id in ids:
            if id not in answers:
                raise YamlFault(f"{path}: {name}: {id} does not exist{nearest(id, answers)}; name an answer")
    return filled(page, words)


def filled(value: Any, words: Mapping[str, str]) -> Any:
    """Return the value with every {name} of the settings filled in; other braces stay as they are."""
    if isinstance(value, dict):
        return {key: filled(each, words) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, words) for each in value]
    return _NAME.sub(lambda name: words.get(name[1], name[0]), value)

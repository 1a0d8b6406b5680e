"""Reading the project's YAML: one strict loader, so that every wrong edit is told where it stands.

PyYAML keeps the last of two equal keys without a word; here that is an error.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml


class YamlFault(ValueError):
    """A YAML file that cannot be used; the message gives path, place, fault and remedy."""


class _StrictLoader(yaml.CSafeLoader):
    """Safe loader that refuses a key written twice, and says where a value cannot be read."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return what a node stands for. Raises YamlFault, where PyYAML lets out whatever broke in it."""
        try:
            return super().construct_object(node, deep)
        except YamlFault:
            raise
        except (ValueError, AttributeError, KeyError) as error:  # 2026-02-31, or a mark such as !!float before words
            value = str(node.value)[:40] if isinstance(node, yaml.ScalarNode) else "this"
            told = f"line {node.start_mark.line + 1}: {value!r} can't be read as a date, number or the like; "
            raise YamlFault(told + "mend it, or put it in quotes") from error


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise YamlFault(f"line {key_node.start_mark.line + 1}: {key!r} can't be a key; put it in quotes")
        if key in seen:
            raise YamlFault(f"line {key_node.start_mark.line + 1}: {key!r} is written twice; keep one of them")
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path, top_key: str | None = None) -> Any:
    """Return the content of a YAML file, or of its one `top_key` where that is named.

    Raises YamlFault, with the path and line, for a missing file, bad YAML, a repeated key or another top key.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # noqa: S506 (a safe loader)
    except FileNotFoundError:
        raise YamlFault(f"{path}: the file is missing; put it back from version control") from None
    except OSError as error:
        raise YamlFault(f"{path}: can't be read ({error.strerror}); make it a file that the bot may read") from None
    except UnicodeDecodeError as error:
        raise YamlFault(f"{path}: not UTF-8 text at byte {error.start}; save the file as UTF-8") from None
    except YamlFault as fault:
        raise YamlFault(f"{path}: {fault}") from None
    except yaml.YAMLError as error:
        raise YamlFault(f"{path}: {_place(error)}; check the indentation and quotes there") from None
    except RecursionError:
        raise YamlFault(f"{path}: lists or braces are nested too deep; take out what is not needed") from None
    if top_key is None:
        return content
    if not isinstance(content, dict) or set(content) != {top_key}:
        raise YamlFault(f"{path}: must have exactly one top key, '{top_key}:'")
    return content[top_key]


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not valid YAML"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem

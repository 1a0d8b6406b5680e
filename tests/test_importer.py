"""What Rasa's training gets from the project's files: the same as by Rasa's own importer, read once."""

from copy import deepcopy

import pytest
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.importers.rasa import RasaFileImporter

from bot.nlu.importer import ProjectFiles
from bot.paths import ROOT
from bot.yaml_files import YamlFault, read_yaml

NLU = """version: "3.1"
nlu:
- intent: causes
  metadata: {topic: pcos}
  examples: |
    - can pcos cause it?
    - Does   PCOS matter, "really"?
- intent: tests
  metadata: {topic: imaging, after: causes/fibroids, also: [tests/overview]}
  examples: |
    - how is it seen
"""
RULES = """version: "3.1"
rules:
- rule: answer
  steps:
  - intent: causes
  - action: action_answer
"""


@pytest.fixture
def data(tmp_path):
    for name, text in (("nlu/causes.yml", NLU), ("nlu/held_out/more.yml", NLU), ("stories/rules.yml", RULES)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def told(importer: TrainingDataImporter) -> list:
    return [example.as_dict() for example in importer.get_nlu_data().training_examples]


@pytest.mark.parametrize("parts", [["."], ["nlu", "stories"]])
def test_it_gives_what_rasas_own_importer_gives(data, parts):
    paths = [str(data / part) for part in parts]
    ours, rasas = (kind(None, str(ROOT / "domain.yml"), paths) for kind in (ProjectFiles, RasaFileImporter))
    assert told(ours) == told(rasas)
    assert ours.get_domain().as_dict() == rasas.get_domain().as_dict()
    assert len(ours.get_stories().story_steps) == len(rasas.get_stories().story_steps) == 1


def test_the_files_are_read_once(data):
    importer = ProjectFiles(None, None, [str(data)])
    (data / "nlu" / "causes.yml").unlink()
    assert told(importer) == told(importer) != []


def test_a_copy_of_an_example_is_equal_and_its_own(data):
    example = ProjectFiles(None, None, str(data)).get_nlu_data().training_examples[0]
    copied = deepcopy(example)
    assert copied == example
    copied.set("text", "changed")
    assert example.get("text") == "can pcos cause it?"


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("- intent: causes\n  examples: |\n    - no topic\n", "entry 3: must have examples, intent, metadata"),
        ("- only words\n", "entry 3: must have"),
        ("- synonym: pcos\n  examples: |\n    - polycystic\n", "entry 3: must have"),
        ("- intent: a\n  metadata: {topic: b}\n  examples: |\n    no dash\n", "entry 3: 'no dash' is no example"),
    ],
)
def test_an_entry_of_another_form_is_told_with_its_place(data, entry, fault):
    file = data / "nlu" / "causes.yml"
    file.write_text(NLU + entry)
    with pytest.raises(YamlFault, match=fault) as error:
        ProjectFiles(None, None, [str(data)]).get_nlu_data()
    assert str(file) in str(error.value)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "nlu:\n", "- a list\n"])
def test_a_file_without_messages_adds_none(data, text):
    (data / "nlu" / "empty.yml").write_text(text)
    assert len(ProjectFiles(None, None, [str(data / "nlu")]).get_nlu_data().training_examples) == 3


def test_the_configuration_names_it():
    named = read_yaml(ROOT / "config.yml")["importers"]
    assert [entry["name"] for entry in named] == [f"{ProjectFiles.__module__}.{ProjectFiles.__name__}"]

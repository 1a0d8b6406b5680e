"""Inbox over HTTP: what is shown, who may decide, and two people who decide on the same question."""

import re
from datetime import date

import pytest

from bot.store.questions import IGNORED, MEANS, OPEN
from tests.desk import READER, Visitor, plain

TODAY = date(2026, 11, 21)
HERE = "/desk/inbox"


@pytest.fixture
def group(desk_app):
    """A question that waits in the inbox; it is gone after the test."""
    questions = desk_app.state.questions
    questions.keep("does [name]'s <b>tea</b> help", in_danger=True, language="en", today=TODAY)
    (group,) = questions.page().groups
    yield group
    if left := questions.group(group.id):
        questions.delete(left.id, left.version)


def form(group, deed: str, **fields) -> dict[str, str]:
    return {"group": str(group.id), "version": str(group.version), "deed": deed, "state": OPEN, **fields}


def test_nobody_sees_it_who_is_not_signed_in(visitor, group):
    assert visitor.get(HERE).status_code == 303


def test_a_question_is_shown_as_text_with_what_is_known_of_it(editor, group):
    page = editor.get(HERE).text
    assert "&lt;b&gt;tea&lt;/b&gt;" in page
    assert "Times asked: 1; last on 2026-11-21." in plain(page)
    assert "Tells of danger" in page


def test_an_editor_decides_and_undoes(editor, group, desk_app):
    done = editor.submit(HERE, form(group, MEANS, answer="prevention/overview"))
    assert done.status_code == 303
    decided = desk_app.state.questions.group(group.id)
    assert (decided.state, decided.answer, decided.decided_by) == (MEANS, "prevention/overview", "dana")
    assert "tea" not in editor.words(HERE)
    assert "tea" in editor.words(f"{HERE}?state=means")
    assert editor.submit(f"{HERE}?state=means", form(decided, OPEN)).status_code == 303
    assert desk_app.state.questions.group(group.id).state == OPEN


def test_what_was_just_decided_is_undone_at_once_and_the_list_stays_where_it_was(editor, group, desk_app):
    there = f"{HERE}?state=open&order=frequent&page=0"
    to = editor.submit(there, form(group, IGNORED)).headers["location"]
    assert to == f"{there}&done=ignored&group={group.id}"
    page = editor.get(to).text
    assert "It is set aside." in plain(page)
    version = re.search(r'role="status".*?name="version" value="(\d+)"', page, re.DOTALL)
    undone = editor.submit(to, form(group, OPEN) | {"version": version[1]})
    assert undone.headers["location"] == f"{there}&done=open"
    assert desk_app.state.questions.group(group.id).state == OPEN


def test_the_second_to_decide_is_shown_what_the_first_did(editor, group, desk_app):
    editor.submit(HERE, form(group, IGNORED))
    late = editor.submit(HERE, form(group, MEANS, answer="prevention/overview"), page="/desk/account")
    assert late.status_code == 409
    assert "Now, by dana: Set aside." in plain(late.text)
    assert desk_app.state.questions.group(group.id).state == IGNORED


def test_nobody_deletes_what_somebody_else_decided_on_meanwhile(editor, group, desk_app):
    editor.submit(HERE, form(group, MEANS, answer="prevention/overview"))
    late = editor.submit(HERE, form(group, "delete"), page="/desk/account")
    assert late.status_code == 409
    assert "Now, by dana: Means an answer." in plain(late.text)
    assert desk_app.state.questions.group(group.id).state == MEANS


def test_what_is_deleted_is_gone_and_the_second_to_delete_is_told(editor, group, desk_app):
    assert editor.submit(HERE, form(group, "delete")).status_code == 303
    assert desk_app.state.questions.group(group.id) is None
    assert editor.submit(HERE, form(group, "delete"), page="/desk/account").status_code == 409


def test_a_reader_sees_and_cannot_decide(desk_app, group):
    reader = Visitor(desk_app)
    reader.sign_in(READER)
    assert "tea" in reader.words(HERE)
    assert "<select" not in reader.get(HERE).text
    assert reader.submit(HERE, form(group, IGNORED), page="/desk/account").status_code == 403
    assert desk_app.state.questions.group(group.id).state == OPEN


@pytest.mark.parametrize(
    "changes",
    [{"group": "x"}, {"version": ""}, {"deed": "burn"}, {"deed": MEANS, "answer": "causes/none"}, {"deed": MEANS}],
)
def test_a_form_with_something_wrong_changes_nothing(editor, group, desk_app, changes):
    assert editor.submit(HERE, form(group, IGNORED) | changes).status_code == 400
    assert desk_app.state.questions.group(group.id).state == OPEN


@pytest.mark.parametrize("query", ["?state=nonsense", "?page=-1", "?page=999999999", "?order=up&done=x", "?page=99"])
def test_an_address_with_something_wrong_shows_the_inbox(editor, query):
    assert editor.get(HERE + query).status_code == 200

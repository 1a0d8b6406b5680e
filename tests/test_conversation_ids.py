"""Conversation ids: issued here, random and signed, so that nobody can guess or choose another's."""

import re
import stat

import pytest

from bot.web.conversations import Conversations, load_secret


@pytest.fixture(scope="module")
def conversations() -> Conversations:
    return Conversations("a secret")


def test_an_id_issued_here_is_known_again(conversations):
    assert conversations.is_ours(conversations.issue())


def test_no_two_ids_are_the_same(conversations):
    assert len({conversations.issue() for _ in range(200)}) == 200


def test_an_id_fits_a_url_and_a_log_line(conversations):
    assert re.fullmatch(r"[\w.-]{40,64}", conversations.issue(), re.ASCII)


def test_ids_outlive_a_restart_with_the_same_secret(conversations):
    assert Conversations("a secret").is_ours(conversations.issue())


def test_ids_of_another_secret_are_not_ours(conversations):
    assert not conversations.is_ours(Conversations("another secret").issue())


def test_a_signature_written_in_another_way_is_not_ours(conversations):
    id = conversations.issue()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [id[:-1] + letter for letter in letters if letter != id[-1]]
    assert not [other for other in [*others, f"{id}=", f"{id}==A", f"{id}é", f" {id}"] if conversations.is_ours(other)]


def test_an_id_with_any_sign_of_its_random_part_changed_is_not_ours(conversations):
    id = conversations.issue()
    for place in range(id.index(".")):
        changed = "A" if id[place] != "A" else "B"
        assert not conversations.is_ours(id[:place] + changed + id[place + 1 :])


@pytest.mark.parametrize(
    "id",
    [
        pytest.param("", id="empty"),
        pytest.param("chosen-by-a-visitor", id="no signature"),
        pytest.param("chosen.by-a-visitor", id="a signature that is none"),
        pytest.param(".", id="only the separator"),
        pytest.param("é😀.x", id="not ASCII"),
        pytest.param("\ud800", id="half a character, which JSON can carry"),
        pytest.param("x" * 10_000, id="very long"),
    ],
)
def test_anything_else_is_not_ours(conversations, id):
    assert not conversations.is_ours(id)


def test_the_parts_of_two_ids_make_no_third(conversations):
    (name, _), (_, signature) = (conversations.issue().split(".") for _ in range(2))
    assert not conversations.is_ours(f"{name}.{signature}")


def test_the_secret_is_made_once_and_kept(tmp_path):
    path = tmp_path / "var" / "secret_key"
    secret = load_secret(path)
    assert len(secret) >= 32
    assert load_secret(path) == secret


def test_the_secret_is_for_its_owner_only(tmp_path):
    path = tmp_path / "secret_key"
    load_secret(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_two_clones_share_a_secret(tmp_path):
    assert load_secret(tmp_path / "one") != load_secret(tmp_path / "two")

"""A key comes from the environment or a private file, and goes only where it belongs."""

import pytest

from proofsmith.errors import UsageError
from proofsmith.model import find_key

OWN = "https://api.openai.com/v1"
LOCAL = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("url", "environ", "key"),
    [
        (OWN, {"OPENAI_API_KEY": "a"}, "a"),
        (OWN, {"OPENAI_API_KEY": "a", "PROOFSMITH_API_KEY": "b"}, "b"),
        (LOCAL, {"OPENAI_API_KEY": "a"}, ""),
        (LOCAL, {"PROOFSMITH_API_KEY": " b\n"}, "b"),
        ("https://api.openai.com.evil.example/v1", {"OPENAI_API_KEY": "a"}, ""),
        ("https://evil.example/api.openai.com", {"OPENAI_API_KEY": "a"}, ""),
        ("https://api.openai.com@evil.example/v1", {"OPENAI_API_KEY": "a"}, ""),
        ("http://api.openai.com/v1", {"OPENAI_API_KEY": "a"}, ""),
        (LOCAL, {}, ""),
    ],
)
def test_the_environment_is_read_in_order_and_by_host(url, environ, key):
    assert find_key(url, environ).get_secret_value() == key


def test_openais_own_service_needs_a_key():
    with pytest.raises(UsageError, match="needs a key") as caught:
        find_key(OWN, {})
    assert "--no-model" in caught.value.hint


def test_a_private_file_is_read_and_the_environment_goes_first(tmp_path):
    file = tmp_path / "key"
    file.write_text("from-file\n")
    file.chmod(0o600)
    assert find_key(LOCAL, {}, file).get_secret_value() == "from-file"
    assert find_key(LOCAL, {"PROOFSMITH_API_KEY": "env"}, file).get_secret_value() == "env"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_file_that_others_can_read_is_refused(tmp_path, mode):
    file = tmp_path / "key"
    file.write_text("secret")
    file.chmod(mode)
    with pytest.raises(UsageError, match="can be read by others") as caught:
        find_key(LOCAL, {}, file)
    assert caught.value.hint == f"chmod 600 {file}"
    assert "secret" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_one_line_each(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        find_key(LOCAL, {}, tmp_path / "none")
    with pytest.raises(UsageError, match="not a regular file"):
        find_key(LOCAL, {}, tmp_path)


def test_a_key_does_not_show_itself():
    assert "b" not in repr(find_key(LOCAL, {"PROOFSMITH_API_KEY": "b"})).replace("SecretStr", "")

"""The key that signs: one however many start at once; refused when others read it, when cut, when it is a word."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidemill.model.errors import ConfigError, StoreError
from tidemill.services.access.keys import key_file, signing_key
from tidemill.services.access.placeholders import is_placeholder
from tidemill.services.home import find_home


def test_many_who_start_at_once_get_one_key(tmp_path: Path) -> None:
    home = find_home(tmp_path / "new")
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: signing_key(home), range(32)))
    assert len(keys) == 1 and len(keys.pop()) == 32
    assert [path.name for path in home.folder.iterdir()] == ["jwt.key"]
    assert key_file(home).stat().st_mode & 0o777 == 0o400


def test_a_key_that_others_read_or_that_is_cut_is_refused(tmp_path: Path) -> None:
    home = find_home(tmp_path)
    signing_key(home)
    path = key_file(home)
    path.chmod(0o440)
    with pytest.raises(ConfigError, match="Others may read"):
        signing_key(home)
    for content in ("ab" * 31, "not hexadecimal", ""):
        path.chmod(0o600)
        path.write_text(content, encoding="ascii")
        with pytest.raises((ConfigError, StoreError)) as refused:
            signing_key(home)
        assert not content or content not in str(refused.value)
    path.unlink()
    with pytest.raises(StoreError):
        signing_key(home, make=False)


@pytest.mark.parametrize(
    "secret",
    [
        "your-secret-key-change-in-production",
        "your_secret_key_change_in_production_now",
        "CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME",
        "changeme" * 6,
        "supersecret" * 4,
        "default-" * 5,
        "0" * 64,
        "abcabcabcabcabcabcabcabcabcabcabcabc",
        "8f2d6c1b9a7e4f30",
    ],
)
def test_words_of_examples_and_short_ones_sign_nothing(tmp_path: Path, secret: str) -> None:
    with pytest.raises(ConfigError) as refused:
        signing_key(find_home(tmp_path), secret)
    assert secret not in str(refused.value)
    assert not key_file(find_home(tmp_path)).exists()


def test_random_ones_sign(tmp_path: Path) -> None:
    secret = "9f8b1c0d7e6a5243" * 4
    assert not is_placeholder(secret)
    assert signing_key(find_home(tmp_path), secret) == secret.encode()

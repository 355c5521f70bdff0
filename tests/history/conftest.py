from __future__ import annotations

import pytest

from tests.history.story import Story, told


@pytest.fixture
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return told(tmp_path_factory.mktemp("story"))

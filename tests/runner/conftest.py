import pytest

from tests.runner.host import Forge


@pytest.fixture
def forge(tmp_path):
    """A running local runner over one empty repository."""
    forge = Forge(tmp_path)
    yield forge
    forge.close()

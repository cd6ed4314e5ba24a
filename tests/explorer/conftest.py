"""One page and one browser for the tests of a file."""

import pytest
from browser import chromium
from explorer_page import text


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    made = tmp_path_factory.mktemp("explorer") / "explorer.html"
    made.write_text(text(), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser, path):
    return browser.open(path, 1440, 900)

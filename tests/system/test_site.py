"""make site: the manual as HTML."""

import html.parser
import os
import pathlib
import shutil
import subprocess

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
SITE = TREE / 'packaging/site'
PAGES = sorted(page.name for page in (TREE / 'packaging/man').iterdir())


class Page(html.parser.HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.viewport = [], set(), False
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors.add(attrs.get('id'))
        self.viewport |= attrs.get('name') == 'viewport'
        if 'href' in attrs:
            self.links.append(attrs['href'])


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    if not shutil.which('mandoc'):
        pytest.skip('mandoc is not installed')
    folder = tmp_path_factory.mktemp('site')
    subprocess.run([SITE, folder], check=True)
    return {path.name: Page(path) for path in folder.glob('*.html')}, folder


def test_every_page_is_in_the_index(site):
    pages, _ = site
    assert sorted(pages) == sorted([f'{page}.html' for page in PAGES]
                                   + ['index.html'])
    assert {f'{page}.html' for page in PAGES} <= set(pages['index.html'].links)


def test_links_lead_somewhere_and_nothing_is_fetched_from_elsewhere(site):
    pages, folder = site
    for name, page in pages.items():
        assert page.viewport, name
        for link in page.links:
            if link.startswith('https://manpages.debian.org/'):
                assert link.rsplit('/', 1)[1] not in PAGES, (name, link)
                continue
            file, _, anchor = link.partition('#')
            assert (folder / (file or name)).exists(), (name, link)
            if anchor and file in ('', *pages):
                assert anchor in pages[file or name].anchors, (name, link)


def test_without_mandoc_the_error_names_it(tmp_path):
    for program in ('sh', 'dirname'):
        os.symlink(shutil.which(program), tmp_path / program)
    run = subprocess.run([SITE, tmp_path / 'site'], env={'PATH': str(tmp_path)},
                         capture_output=True, text=True)
    assert (run.returncode, 'mandoc' in run.stderr) == (69, True)

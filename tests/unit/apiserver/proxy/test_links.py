"""Links of proxied pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.apiserver.proxy.links import LinkRewriter, Rewriting

PREFIX = "/api/v1/namespaces/default/services/web/proxy"
REWRITING = Rewriting(PREFIX, "10.244.1.2:80", "api.test:6443")


def rewritten(page, *, size=10_000):
    rewriter = LinkRewriter(REWRITING)
    pieces = [rewriter.feed(page[at : at + size]) for at in range(0, len(page), size)]
    return b"".join((*pieces, rewriter.end()))


@pytest.mark.parametrize(
    ("link", "becomes"),
    [
        pytest.param("/", f"{PREFIX}/", id="root"),
        pytest.param("/a/b?c=d#e", f"{PREFIX}/a/b?c=d#e", id="absolute"),
        pytest.param("a/b", "a/b", id="relative"),
        pytest.param("#top", "#top", id="fragment"),
        pytest.param("https://example.org/x", "https://example.org/x", id="foreign"),
        pytest.param("http://10.244.1.2:80/x", f"{PREFIX}/x", id="backend-by-its-own-name"),
        pytest.param(
            "https://api.test:6443/x", f"https://api.test:6443{PREFIX}/x", id="as-the-client-sees-it"
        ),
        pytest.param(f"{PREFIX}/x", f"{PREFIX}/x", id="has-the-prefix"),
        pytest.param("mailto:a@b", "mailto:a@b", id="no-path"),
        pytest.param("http://[", "http://[", id="no-url"),
    ],
)  # fmt: skip
def test_absolute_paths_of_the_backend_get_the_proxys_prefix(link, becomes):
    assert REWRITING.rewrite(link) == becomes


@pytest.mark.parametrize(
    ("page", "becomes"),
    [
        pytest.param('<a href="/x">', f'<a href="{PREFIX}/x">', id="quoted"),
        pytest.param("<A HREF='/x'>y</A>", f'<A HREF="{PREFIX}/x">y</A>', id="other-quotes-and-case"),
        pytest.param("<img src=/x.png>", f'<img src="{PREFIX}/x.png">', id="bare"),
        pytest.param('<a title="href=1" href="/x">', f'<a title="href=1" href="{PREFIX}/x">', id="lookalike"),
        pytest.param('<a href="/x?a=1&amp;b=2">', f'<a href="{PREFIX}/x?a=1&amp;b=2">', id="entities"),
        pytest.param('<p href="/x">', '<p href="/x">', id="attribute-without-links"),
        pytest.param('<!-- <a href="/x"> -->', '<!-- <a href="/x"> -->', id="comment"),
        pytest.param(
            '<script src="/x">"<a href=\'/y\'>"</script><a href="/z">',
            f'<script src="{PREFIX}/x">"<a href=\'/y\'>"</script><a href="{PREFIX}/z">', id="script",
        ),
        pytest.param("1 < 2 <", "1 < 2 <", id="no-tag"),
        pytest.param('<a href="/x', '<a href="/x', id="cut-off"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_links_of_a_page_are_rewritten_in_pieces_of_any_size(page, becomes, size):
    assert rewritten(page.encode(), size=size) == becomes.encode()


@given(st.binary(max_size=200), st.integers(1, 40))
def test_pages_without_links_stay_as_they_are(page, size):
    plain = page.replace(b"=", b"-")

    assert rewritten(plain, size=size) == plain


PARTS = [b"<a href=", b'"/x"', b">", b"<!--", b"-->", b"<script>", b"</script", b"'", b"<"]


@given(st.lists(st.sampled_from(PARTS), max_size=12))
def test_what_comes_out_does_not_depend_on_the_pieces(parts):
    page = b"".join(parts)

    assert rewritten(page, size=1) == rewritten(page)

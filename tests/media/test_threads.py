"""Pipelines give their stages one thread a call, and leave libraries as they found them."""

import cv2
import pytest

from media.threads import few_heaps, one_thread_a_stage


@pytest.fixture
def threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield 3
    cv2.setNumThreads(before)


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_pipelines_that_overlap_put_back_what_the_first_found(threads, first_ends_first):
    one, other = one_thread_a_stage(), one_thread_a_stage()
    one.__enter__()
    other.__enter__()
    for pipeline in (one, other) if first_ends_first else (other, one):
        assert cv2.getNumThreads() == 1
        pipeline.__exit__(None, None, None)
    assert cv2.getNumThreads() == threads


def test_a_pipeline_that_fails_puts_it_back_too(threads):
    with pytest.raises(ZeroDivisionError), one_thread_a_stage():
        raise ZeroDivisionError
    assert cv2.getNumThreads() == threads


def test_few_heaps_ask_glibc_once_unless_somebody_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Library:
        def mallopt(self, what: int, value: int) -> int:
            asked.append((what, value))
            return 1

    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    monkeypatch.setattr("ctypes.CDLL", lambda name: Library())
    few_heaps()
    assert asked == [(-8, 2)]
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    few_heaps()
    assert len(asked) == 1
    monkeypatch.delenv("MALLOC_ARENA_MAX")
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())  # another C library
    few_heaps()

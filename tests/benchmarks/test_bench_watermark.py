"""The mark benchmark's rows and measures."""

import csv

import cv2
import numpy as np
import pytest
from making import clip, picture, voice
from searching import little_search  # noqa: F401
from sitters import PORTRAITS, portrait

from benchmarks.figures import Figure
from benchmarks.suites import Given
from benchmarks.watermark import forging, labels, peers, pictures, sound, unmarked
from benchmarks.watermark.journeys import Journey, journeys
from provenance.marks.picture import PictureMarker


@pytest.fixture
def setting(tmp_path):
    return Given(tmp_path, PORTRAITS[0], tmp_path / "speech.wav", quick=True)


def by_name(figures: list[Figure]) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in figures}


def test_quick_rows_are_among_all_rows_and_names_stay():
    every, few = ({row.name for row in journeys(quick)} for quick in (False, True))
    assert few < every
    assert {"clean", "crf33", "crf38_4s", "half", "crop70", "turn10", "jpeg50", "flip", "half_crf35"} <= few
    assert {row.name: row.goal for row in journeys(True)}["crop70"] == 0.95


@pytest.mark.parametrize(
    "name", ["crf43", "h265_crf28", "vp9_crf43", "jpeg20", "resize150", "inset", "caption", "rate15"]
)
def test_a_row_changes_what_is_seen(name):
    frames = [picture(3, 128)] * 6
    sent = next(row for row in journeys(False) if row.name == name).change(frames)
    assert 1 <= len(sent) <= 6
    assert sent[0].dtype == np.uint8
    assert sent[0].shape != frames[0].shape or np.abs(sent[0].astype(float) - frames[0]).mean() > 0.2


def test_rates_are_of_whole_messages(setting, monkeypatch):
    monkeypatch.setattr(
        pictures,
        "journeys",
        lambda _: [
            Journey("clean", "jpeg", 90, lambda frames: frames),
            Journey(
                "noise",
                "jpeg",
                20,
                lambda frames: [np.random.default_rng(0).integers(0, 255, f.shape, np.uint8) for f in frames],
            ),
        ],
    )
    monkeypatch.setattr(pictures, "save_plot", lambda *_: None)
    figures = by_name(pictures.measure(setting, [clip(frames=30, size=256)]))
    assert (figures["message_rate_clean"], figures["message_rate_noise"]) == (1.0, 0.0)
    assert 40 < figures["mark_psnr_db"] < 55
    assert 0.9 < figures["mark_ssim"] < 1.0
    rows = list(csv.DictReader((setting.folder / "rows.csv").open()))
    assert [row["journey"] for row in rows] == ["clean", "noise"]
    assert float(rows[0]["median_p_value"]) < 1e-6 < float(rows[1]["median_p_value"])


@pytest.mark.usefixtures("little_search")
def test_labels_that_are_covered_are_told_and_others_are_left_alone(setting, monkeypatch):
    ways = labels._tampering
    monkeypatch.setattr(labels, "_tampering", lambda first: dict(list(ways(first).items())[:2]))
    monkeypatch.setattr(labels, "UNTOUCHED", {"crf28": labels.UNTOUCHED["crf28"]})
    frames = [cv2.resize(portrait(0), (384, 384), interpolation=cv2.INTER_AREA)] * 15
    figures = by_name(labels.measure(setting, [frames]))
    assert (figures["label_tamper_told_pct"], figures["label_false_alarms"]) == (100.0, 0.0)
    assert figures["label_ms_512"] > 0
    assert len(ways(frames[0])) == 11
    for change in ways(frames[0]).values():
        assert (changed := change(frames[0])).dtype == np.uint8
        assert changed.shape != frames[0].shape or (changed != frames[0]).any()


def test_false_positives_are_counted(setting, monkeypatch):
    monkeypatch.setattr(unmarked, "PICTURES_QUICK", 4)
    monkeypatch.setattr(unmarked, "SEARCHED_QUICK", 0)
    monkeypatch.setattr(unmarked, "HOSTS", 2)
    assert by_name(unmarked.measure(setting))["mark_false_positives"] == 0
    key = bytes(32)
    marked = PictureMarker(7, key).mark(picture(2, 256))
    monkeypatch.setattr(unmarked, "_picture", lambda *_: marked)
    monkeypatch.setattr(unmarked.np.random, "default_rng", lambda _: type("Rng", (), {"bytes": lambda self, n: key})())
    monkeypatch.setattr(unmarked, "drawn", lambda *_: marked)
    assert by_name(unmarked.measure(setting))["mark_false_positives"] == 4


def test_attacks_report_what_they_did(setting, monkeypatch):
    keys, messages = iter([bytes([7] * 32), bytes([8] * 32)]), iter([7, 8])
    monkeypatch.setattr(forging.secrets, "token_bytes", lambda _: next(keys))
    monkeypatch.setattr(forging.secrets, "randbits", lambda _: next(messages))
    clips = [[cv2.resize(portrait(index), (320, 320), interpolation=cv2.INTER_AREA)] * 20 for index in (0, 1)]
    figures = by_name(forging.measure(setting, clips))
    assert set(figures) == set(forging.WAYS)
    assert figures["copied_by_reader"] > 0  # where signs lie is no secret, but what they mean


def test_peers_that_are_not_installed_are_said_to_be_missing(setting, monkeypatch):
    import sys

    for package, _ in peers.PEERS.values():
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(peers, "WAYS", {"clean": peers.WAYS["clean"]})
    figures = peers.measure(setting, [clip(frames=11, size=256)])
    assert by_name(figures)["ours_frame_rate_clean"] == 1.0
    assert {f.name for f in figures if f.note == peers.MISSING} == {f"{name}_psnr_db" for name in peers.PEERS}


def test_a_peer_is_asked_after_every_change(setting, monkeypatch):
    class Peer:
        def mark(self, frame, bits):
            marked = frame.copy()
            marked[0, : len(bits)] = 255 * np.array(bits)[:, None]
            return marked

        def read(self, frame):
            return (frame[0, : peers.BITS, 0] > 127).astype(int).tolist()

    monkeypatch.setattr(peers, "PEERS", {"first_row": ("json", lambda library: Peer())})
    monkeypatch.setattr(peers, "WAYS", {"clean": lambda f: f, "black": lambda f: f * 0})
    found = by_name(peers.measure(setting, [clip(frames=11, size=256)]))
    assert found["first_row_frame_rate_clean"] == 1
    assert found["first_row_frame_rate_black"] == 0
    assert 10 < found["first_row_psnr_db"] < 60


def test_sound_is_heard_again(setting, monkeypatch):
    monkeypatch.setattr(sound, "read_sound", lambda _: voice(6.0, 3))
    monkeypatch.setattr(sound, "SECONDS", (3,))
    monkeypatch.setattr(sound, "WAYS", {"clean": sound.WAYS["clean"], "silence": np.zeros_like})
    monkeypatch.setattr(sound, "_pieces", lambda speech, seconds, count: [speech[:48_000]])
    figures = by_name(sound.measure(setting))
    assert (figures["sound_message_rate_clean"], figures["sound_message_rate_silence"]) == (1.0, 0.0)
    assert figures["sound_snr_db"] > 15
    assert figures["sound_false_positives"] == 0

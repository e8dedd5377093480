"""The motion network: causal, bounded in memory, the same in numpy as in torch; guidance; its space; its recipe."""

from pathlib import Path

import numpy as np
import pytest
import torch

from faces.actions import ACTION_INDEX
from generate.acting import EMOTIONS, Controls, Style, emotion_offsets, lips_to_actions, mouth_opening
from generate.motion.performer import Guidance, Performer
from generate.motion.space import (
    FURTHEST,
    OTHER,
    PAST,
    SIZE,
    SOUND,
    Steps,
    asked_code,
    events,
    rest,
    to_clip,
    to_sound,
    to_vectors,
    within_reach,
)
from generate.motion.stepping import FINER, GROUPS, WINDOW, SteppingMotion, follow, times
from lab.networks.motion import Cache, MotionNet
from lab.performances import Phones, lip_frames, perform
from lab.performances.scenes import make_scene
from lab.recipes.motion import Data, disturbed, train
from lab.speaking.toy import toy_clip, toy_set
from lab.weights import load_weights, weights_of


@pytest.fixture(scope="module")
def net() -> MotionNet:
    torch.manual_seed(0)
    network = MotionNet(32, 2, 2, 2).eval()
    with torch.no_grad():
        for parameter in (*network.untold.values(), network.happening):
            parameter.normal_()
    return network


def conditions(frames: int, rows: int = 1, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(rows, frames, size, generator=generator) for name, size in GROUPS.items()}


def test_a_frame_depends_on_no_later_frame_and_on_none_beyond_its_windows(net: MotionNet) -> None:
    frames, at = 3 * WINDOW, 2 * WINDOW + 20
    told = conditions(frames)
    past = torch.randn(1, frames, PAST, requires_grad=True)
    told["sound"].requires_grad_(True)
    net.context(past, told)[0, at, 0].backward()
    for grad in (past.grad, told["sound"].grad):
        seen = grad[0].abs().sum(1).nonzero().ravel()
        assert int(seen.max()) == at
        assert int(seen.min()) == at - len(net.layers) * (WINDOW - 1)


def test_frame_by_frame_is_the_whole(net: MotionNet) -> None:
    frames = WINDOW + 30
    told, past = conditions(frames), torch.randn(1, frames, PAST)
    with torch.no_grad():
        whole = net.context(past, told)
        cache = Cache()
        pieces = [
            net.context(past[:, i : i + 7], {k: v[:, i : i + 7] for k, v in told.items()}, cache=cache)
            for i in range(0, frames, 7)
        ]
    assert torch.allclose(torch.cat(pieces, 1), whole, atol=1e-5)


def test_numpy_is_torch(net: MotionNet) -> None:
    frames, left_out = WINDOW + 20, ["sound", "gaze"]
    told, past = conditions(frames), torch.randn(1, frames, PAST)
    heard = {name: torch.tensor([True, name != "sound", name != "gaze"]) for name in GROUPS}
    weights = np.array([2.5, -0.5, -1.0], np.float32)
    with torch.no_grad():
        rows = {k: v.expand(3, -1, -1) for k, v in told.items()}
        whole = net.context(past.expand(3, -1, -1), rows, heard)

        def end(i: int, drawn: np.ndarray) -> np.ndarray:
            time = torch.full((1, 1), times(4)[i], dtype=torch.float32)
            ends = net.flow(torch.from_numpy(drawn).float().expand(3, -1), time, whole[:, -1] + net.happening[2])
            return (2.5 * ends[0] - 0.5 * ends[1] - 1.0 * ends[2]).numpy()

        start = torch.randn(SIZE, generator=torch.Generator().manual_seed(1)).numpy()
        drawn = follow(end, start, times(4))
    stepping = SteppingMotion(weights_of(net), net.config, left_out, 4)
    for i in range(frames):
        context = stepping.context(past[0, i].numpy()[None].repeat(3, 0), {k: v[0, i].numpy() for k, v in told.items()})
        assert np.abs(context - whole[:, i].numpy()).max() < 1e-4
    assert np.abs(stepping.draw(start, 2, context, weights) - drawn).max() < 1e-4
    with torch.no_grad():
        chances = torch.softmax(torch.from_numpy(weights) @ net.event(whole[:, -1]), -1)
    assert np.abs(stepping.chances(context, weights) - chances.numpy()).max() < 1e-4


def test_where_the_eyes_jump_the_flow_is_followed_more_finely(net: MotionNet) -> None:
    rng = np.random.default_rng(0)
    context, noise = rng.normal(size=(1, 32)).astype(np.float32), rng.normal(size=SIZE).astype(np.float32)
    one = np.ones(1, np.float32)
    coarse, fine = (SteppingMotion(weights_of(net), net.config, [], n) for n in (4, 4 * FINER))
    for event in (1, 3):
        context_of = context + net.happening[event].detach().numpy() - net.happening[0].detach().numpy()
        assert np.allclose(coarse.draw(noise, event, context, one), fine.draw(noise, 0, context_of, one), atol=1e-5)
    assert not np.allclose(coarse.draw(noise, 0, context, one), fine.draw(noise, 0, context, one), atol=1e-5)


@pytest.mark.parametrize("deviation", [0.3, 0.6, 1.0, 1.5])
def test_few_evaluations_keep_what_a_flow_varies_by(deviation: float) -> None:
    """Of a normal distribution, the end of whose flow is known: what is drawn is as wide."""
    at, noise = times(5), np.random.default_rng(0).normal(size=20_000).astype(np.float32)

    def end(i: int, x: np.ndarray) -> np.ndarray:
        return 0.4 + (x - 0.4 * at[i]) * (at[i] * deviation**2 / ((at[i] * deviation) ** 2 + (1 - at[i]) ** 2))

    drawn = follow(end, noise, at)
    assert 0.85 * deviation < drawn.std() < 1.03 * deviation
    assert drawn.mean() == pytest.approx(0.4, abs=0.05)
    assert np.corrcoef(drawn, noise)[0, 1] > 0.999


def test_memory_of_steps_is_bounded(net: MotionNet) -> None:
    stepping = SteppingMotion(weights_of(net), net.config, [], 1)
    sizes = []
    for i in range(WINDOW + 10):
        stepping.context(np.zeros((1, PAST), np.float32), {k: np.zeros(n, np.float32) for k, n in GROUPS.items()})
        if i >= WINDOW:
            sizes.append(stepping.held)
    assert len(set(sizes)) == 1


def test_guidance_of_nothing_is_what_is_told(net: MotionNet) -> None:
    steps = Steps(*(np.full(SIZE, v, np.float32) for v in (0.01, 0, 1, 1, 1, 9, 0, 1)))
    sound, closure = np.random.default_rng(0).normal(size=(8, SOUND)).astype(np.float32), np.zeros(8, np.float32)

    def made(guidance: Guidance) -> np.ndarray:
        performer = Performer(weights_of(net), net.config, steps, 0, Style(), guidance)
        other = np.zeros((8, OTHER), np.float32)
        return to_vectors(performer.perform(sound, other, closure, [Controls(gaze=(0.2, 0))] * 8))[:, -2:]

    none = made(Guidance(sound=0, gaze=0))
    assert np.array_equal(none, made(Guidance(sound=0, gaze=0)))
    assert not np.allclose(none, made(Guidance(sound=0, gaze=2)))
    assert np.allclose(none, made(Guidance(sound=0, gaze=1e-6)), atol=1e-4)


def test_steps_there_and_back() -> None:
    rng = np.random.default_rng(0)
    clips = [np.cumsum(rng.laplace(0, 0.01, (200, SIZE)), 0).astype(np.float32) for _ in range(3)]
    steps = Steps.of(clips)
    places = clips[0]
    paces = steps.compand(places[1:], places[:-1])
    written = steps.written(paces[1:], paces[:-1])
    assert written.std() == pytest.approx(1, abs=0.2)
    back = steps.follow(places[1:-1], steps.read(written, paces[:-1]))
    within = np.abs(written) < 11
    assert np.allclose(back[within], places[2:][within], rtol=1e-3, atol=1e-5)
    loaded = Steps.load(steps.tensors())
    assert all(np.array_equal(value, getattr(steps, name)) for name, value in vars(loaded).items())


def test_heads_are_drawn_back_to_rest() -> None:
    rng = np.random.default_rng(0)
    steps = Steps.of([np.cumsum(rng.laplace(0, 0.01, (200, SIZE)), 0).astype(np.float32) for _ in range(3)])
    place, pose = np.full(SIZE, 0.5, np.float32), slice(32, 38)
    for _ in range(250):
        place = steps.follow(place, np.zeros(SIZE, np.float32))
    assert np.abs(place[pose]).max() < 0.01
    assert (place[:32] == 0.5).all()


def test_heads_never_leave_their_reach() -> None:
    wild = np.random.default_rng(0).normal(0, 3, (100, SIZE)).astype(np.float32)
    kept = within_reach(wild)
    assert (np.abs(kept[:, 32:35]) <= FURTHEST * 1.0001).all()
    assert np.array_equal(kept[:, :32], wild[:, :32])
    calm = (wild / 100).astype(np.float32)
    assert np.abs(within_reach(calm) - calm).max() < 0.01


def test_eyes_know_how_far_they_have_to_go() -> None:
    steps = Steps(*(np.full(SIZE, v, np.float32) for v in (0.01, 0, 1, 0.4, 1, 9, 0, 1)))
    place = np.zeros(SIZE, np.float32)
    place[-2:] = 0.1, -0.05
    told = steps.aside(Controls(gaze=(0.3, 0.0)).vector()[:2], place)
    assert np.sinh(told[2:] * 0.4) * 0.01 == pytest.approx((0.2, 0.05), rel=1e-3)


def test_what_sound_and_mood_ask_for() -> None:
    clip = toy_clip(np.random.default_rng(3), "train", 0, 20)
    frames = len(clip.speech) // 640
    lips, closure = lip_frames(clip.phones, frames, clip.speech / 32768.0)
    moods = np.zeros((frames, len(EMOTIONS)), np.float32)
    moods[:, EMOTIONS.index("happy")] = 0.8
    sound = to_sound(lips, closure, np.zeros((frames, 2)))
    shown = to_clip(np.concatenate([asked_code(sound, moods), np.zeros((frames, 8))], 1), closure).actions
    asked = lips_to_actions(lips, closure, emotion_offsets(moods))
    assert np.abs(mouth_opening(shown) - mouth_opening(asked)).mean() < 0.02
    assert shown[:, ACTION_INDEX["mouthSmileLeft"]].mean() == pytest.approx(0.4, abs=0.06)
    nothing = asked_code(np.zeros((1, SOUND), np.float32), np.zeros((1, len(EMOTIONS)), np.float32))
    assert nothing[0] == pytest.approx(rest()[:32], abs=1e-5)


def test_events_are_jumps_and_blinks() -> None:
    clip = perform(Phones.from_names([], [], []), np.zeros(16_000 * 60, np.float32), seed=1)
    happens = events(to_vectors(clip))
    lids = clip.actions[1:, ACTION_INDEX["eyeBlinkLeft"]]
    assert ((happens >= 2) == (lids > 0.15)).mean() > 0.98
    jumps = np.abs(np.diff(clip.gaze, axis=0)).max(1) > 0.01
    assert (happens[jumps] % 2 == 1).all()
    assert 0.005 < (happens % 2 == 1).mean() < 0.2


def test_a_performance_comes_back_from_the_space() -> None:
    clip = toy_clip(np.random.default_rng(3), "train", 0, 20)
    true = perform(clip.phones, clip.speech / 32768.0, seed=1, controls=Controls(emotion=("happy", 0.6)))
    shown = to_clip(to_vectors(true), np.zeros(len(true), np.float32))
    assert np.abs(shown.actions - true.actions).mean() < 0.02
    assert np.array_equal(shown.rotation, true.rotation)
    shut = to_clip(to_vectors(true), np.ones(len(true), np.float32))
    assert np.abs(mouth_opening(shut.actions)).max() < 1e-3


def test_rest_is_a_face_at_rest() -> None:
    clip = to_clip(rest()[None], np.zeros(1, np.float32))
    assert clip.actions.max() < 0.05


def test_scenes_tell_what_was_asked() -> None:
    scene = make_scene(toy_set(0), np.random.default_rng(4), seconds=6)
    sizes = GROUPS | {"gaze": 2}  # `Steps.aside` adds how far the eyes are from it
    assert {name: value.shape for name, value in scene.told().items()} == {n: (150, s) for n, s in sizes.items()}
    assert scene.motion.shape == (150, SIZE)
    assert all(np.isfinite(v).all() for v in (scene.motion, *scene.told().values()))
    aside = np.abs(scene.gaze[:, 0]) > 0.5
    if aside.sum() > 50:  # the eyes rest where they were asked to, most of the time
        assert np.median(np.abs(scene.motion[aside, -2] - scene.gaze[aside, 0] / 4)) < 0.05


def test_batches_depend_on_the_step_alone(tmp_path: Path) -> None:
    one, other = (Data(toy_set(0), tmp_path / name, 3, 3, 2, 40, 2) for name in "ab")
    other(0)
    assert torch.equal(one(7).shown, other(7).shown)
    assert not torch.equal(one(7).shown, one(8).shown)
    assert torch.equal(Data(toy_set(0), tmp_path / "a", 3, 3, 2, 40, 2)(7).shown, one(7).shown)  # kept scenes


def test_a_disturbed_past_comes_back() -> None:
    scene = make_scene(toy_set(0), np.random.default_rng(4), seconds=8).motion
    steps = Steps.of([scene])
    jumps = events(scene[1:]) % 2 == 1
    strays = []
    for seed in range(40):
        shown, wanted = disturbed(scene, jumps, steps, np.random.default_rng(seed))
        stray = (shown[1:] - scene[1:-1]) / steps.deviation
        left = (wanted - scene[2:]) / steps.deviation
        assert np.abs(left[:, :32]).mean() <= np.abs(stray[:, :32]).mean()
        assert np.abs(left[-1, 32:38]).max() < 0.01  # the head has come back
        assert np.abs(left[jumps, -2:]).max(initial=0) < 1e-5  # a jump lands where it should
        strays.append(np.abs(stray).mean())
    assert min(strays) == 0  # some are shown as they were
    assert max(strays) > 0.05


def test_recipe_trains_and_resumes(tmp_path: Path) -> None:
    card = train(None, tmp_path / "whole.onnx", steps=4, workdir=tmp_path / "a")
    assert {"loss", "near", "chances", "actions", "lips"} <= set(card.figures)
    resumed = train(None, tmp_path / "again.onnx", steps=4, workdir=tmp_path / "a", resume=True)
    assert resumed.sha256 == card.sha256
    tensors, read = load_weights(tmp_path / "whole.onnx", "motion")
    network = MotionNet(**read.config)
    network.load_state_dict({k: v.float() for k, v in tensors.items() if not k.startswith("steps.")})
    assert Steps.load({name: tensor.numpy() for name, tensor in tensors.items()}).knee.min() > 0


def test_recipe_goes_on_from_weights(tmp_path: Path) -> None:
    train(None, tmp_path / "first.onnx", steps=2, workdir=tmp_path / "a")
    train(None, tmp_path / "on.onnx", steps=1, workdir=tmp_path / "b", seed=5, lr=1e-9,
          start=tmp_path / "first.onnx")  # fmt: skip
    first, on = (load_weights(tmp_path / f"{name}.onnx", "motion")[0] for name in ("first", "on"))
    for name in first.keys() - {"steps.fastest"}:
        assert np.allclose(first[name].float(), on[name].float(), atol=1e-3), name
    assert (on["steps.fastest"] >= first["steps.fastest"]).all()

"""Pictures as data: lookups, words, what goes to the browser, and colours that can be told from white."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("matplotlib")

from qae_sim.pictures import style
from qae_sim.pictures.render import png
from qae_sim.pictures.scene import (
    Band,
    Bars,
    Cells,
    GuideLine,
    Line,
    LookupTable,
    Note,
    Number,
    Panel,
    Pick,
    Picture,
    Points,
    axis_limits,
    pack,
    sliders_of,
    spoken,
)

X = np.arange(3.0)


def picture(**more: Any) -> Picture:
    table = LookupTable(np.arange(12.0).reshape(4, 3), ("k",))
    layers = (
        Band(X, X - 1, X + 1, "#0072B2", "band"),
        Bars(X, table, "#D55E00", "bars", hatched=True),
        Line(X, table, "#000000", "line", "dashed", until=2),
        Points(X, X, "#00735C", "points", "diamond", filled=False),
        GuideLine(LookupTable(np.array([0.0, 1.0, 2.0, np.nan]), ("k",)), "x", "#595959", "rule"),
        Note(1.0, 1.0, ("here ", Number(1.5, 1))),
        Cells(np.array([0.0]), np.array([0.5]), np.array([1.0]), 0.5, ("word",), ("#FFFFFF",), (True,)),
    )
    panel = Panel("Title", "x", "y", (-1, 3), (-1, 12), layers, ((0.0, "none"),), ((0.0, "nought"),))
    return Picture((panel,), ("k is ", Number(LookupTable(np.arange(4.0), ("k",)), 0)), **more)


class TestLookingUp:
    def test_everything_is_resolved(self) -> None:
        seen = picture().at({"k": 2})
        assert not sliders_of(seen)
        assert sliders_of(picture()) == {"k"}
        assert seen.panels[0].layers[1].height.tolist() == [6, 7, 8]  # type: ignore[union-attr]
        assert picture().sentence({"k": 3}) == "k is 3"

    @given(st.integers(0, 2), st.integers(0, 3))
    def test_by_two_sliders(self, i: int, j: int) -> None:
        values = np.arange(24.0).reshape(3, 4, 2)
        table = LookupTable(values, ("a", "b"))
        assert table.at({"b": j, "a": i}).tolist() == values[i, j].tolist()


class TestWords:
    @pytest.mark.parametrize(
        ("part", "says"),
        [
            (Number(1.005, 1), "1.0"),
            (Number(-0.5, 1), "−0.5"),
            (Number(0.5, 1, True), "+0.5"),
            (Number(-0.001, 2, True), "0.00"),
            (Number(np.nan), "undefined"),
            (Pick(1.0, ("no", "yes")), "yes"),
        ],
    )
    def test_parts(self, part: Any, says: str) -> None:
        assert spoken((part,), {}) == says


class TestPacking:
    def test_numbers_are_found_again(self) -> None:
        packed = pack(picture())
        numbers = np.frombuffer(packed.data, dtype=np.float32)
        bars = packed.spec["panels"][0]["layers"][1]["height"]
        assert bars["over"] == ["k"]
        start, (rows, width) = bars["$"], bars["n"]
        found = numbers[start : start + rows * width].reshape(rows, width)
        assert found.tolist() == np.arange(12.0).reshape(4, 3).tolist()
        assert packed.spec["panels"][0]["layers"][0]["kind"] == "Band"

    def test_nothing_is_packed_as_nothing(self) -> None:
        panel = Panel("", "", "", (0, 1), (0, 1), (GuideLine(float("nan"), "x", "#000000"),))
        packed = pack(Picture((panel,), ()))
        assert packed.data == b""
        assert packed.spec["panels"][0]["layers"][0]["at"] is None


class TestDrawing:
    def test_size_and_content(self) -> None:
        drawn = png(picture().at({"k": 1}))
        image = Image.open(io.BytesIO(drawn)).convert("RGB")
        assert image.size == (1200, 640)
        assert len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)) > 50

    def test_positions_change_it(self) -> None:
        assert png(picture().at({"k": 1})) != png(picture().at({"k": 2}))
        assert png(picture().at({"k": 1})) == png(picture().at({"k": 1}))

    def test_until_draws_the_first_points_only(self) -> None:
        def drawn(until: int | None) -> bytes:
            return png(Picture((Panel("", "", "", (0, 2), (0, 2), (Line(X, X, "#000000", until=until),)),), ()))

        assert drawn(None) == drawn(3) != drawn(2)

    def test_panels_above_each_other(self) -> None:
        two = Picture(picture().panels * 2, (), row=False).at({"k": 0})
        assert png(two) != png(Picture(picture().panels * 2, ()).at({"k": 0}))


def test_ends_of_axes() -> None:
    assert axis_limits(0, 1, [0.2, 0.5, np.nan]) == (0, 1)
    low, high = axis_limits(0, 1, [-1, 0.5])
    assert low < -1
    assert high == 1
    with pytest.raises(ValueError, match="ylim must be a lower and a higher end"):
        Panel("", "", "", (0, 1), (1, 1), ())


@pytest.mark.parametrize(
    "name", [name for name, value in vars(style).items() if name.isupper() and isinstance(value, str)]
)
def test_colours_stand_out_on_white(name: str) -> None:
    colour = getattr(style, name)
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 3  # WCAG 1.4.11


def test_one_look_for_each_recipe() -> None:
    """Beside each other no two look alike; alone, each has its own look, and an estimator's colour is its own."""
    from qae_sim.explorers.collapse_explosion import RECIPES
    from qae_sim.explorers.recorded_runs import COMPARISONS

    compared = [tuple(names) for names in RECIPES.values()] + [tuple(arms) for _, arms, _ in COMPARISONS.values()]
    for names in compared:
        looks = style.looks_of(names)
        assert len({(look.light, look.dash) for look in looks.values()}) == len(names), names
        for name in names:
            if style.look_of(name) in style.RECIPE_LOOKS.values():
                assert looks[name].light == style.look_of(name).light, name
    own = {look.light for look in style.ESTIMATOR_LOOKS.values()}
    shared = {name for name, look in style.RECIPE_LOOKS.items() if look.light in own}
    assert shared == {"K = .4"}
    assert style.look_of("K = 0.2") == style.look_of("K = .2") != style.look_of("mean")

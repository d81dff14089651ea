"""The speed bands of links, and their lines on the map."""

from __future__ import annotations

import base64
import math

import numpy as np
import pytest

from inode_pipeline.analysis.report.links import METRIC, US, LinkNow, bands
from inode_pipeline.analysis.report.map import aside, middle, network_map, place_map, plane_of

SQUARE = ((-75.0, 45.0), (-75.0, 45.1), (-74.9, 45.1), (-74.9, 45.0))


def link(number=1, *, ratio=None, speed_kmh=None, lines=(SQUARE,)):
    return LinkNow(str(number), f"Link {number}", lines, speed_kmh, ratio, ratio is not None or speed_kmh is not None)


def test_each_link_is_in_one_band_and_an_edge_belongs_to_the_faster():
    """Below 50, 75 and 90 %, and the rest; unknown links are separate."""
    ratios = [0.0, 0.49, 0.5, 0.74, 0.75, 0.89, 0.9, 1.3, None]
    grouped = bands([link(number, ratio=ratio) for number, ratio in enumerate(ratios)])
    assert [(band.label, [each.ratio for each in band.links]) for band in (*grouped.known, grouped.unknown)] == [
        ("below 50 %", [0.0, 0.49]),
        ("50 to 75 %", [0.5, 0.74]),
        ("75 to 90 %", [0.75, 0.89]),
        ("90 % and more", [0.9, 1.3]),
        ("not known", [None]),
    ]
    assert grouped.by_ratio


def test_the_threshold_moves_all_the_edges():
    """With 60 %, links below it are coloured and counted as congested; exactly 60 % is not, despite rounding errors."""
    grouped = bands([link(number, ratio=ratio) for number, ratio in enumerate([0.5, 0.59, 0.6, 0.1 * 6])], METRIC, 60.0)
    assert [band.label for band in grouped.known] == ["below 33 %", "33 to 50 %", "50 to 60 %", "60 % and more"]
    assert [len(band.links) for band in grouped.known] == [0, 0, 2, 2]
    assert grouped.congested == 2
    assert bands([link(ratio=0.9 * (1 - 1e-15))]).congested == 0


@pytest.mark.parametrize(("units", "label"), [(METRIC, "20 to 40 km/h"), (US, "15 to 25 mph")])
def test_without_any_free_flow_the_bands_are_of_speed(units, label):
    """In the units of the report; a link without a speed is unknown."""
    grouped = bands([link(1, speed_kmh=30.0), link(2)], units)
    assert not grouped.by_ratio
    assert [band.label for band in grouped.known if band.links] == [label]
    assert [each.link_id for each in grouped.unknown.links] == ["2"]


def test_kilometres_are_as_long_to_the_east_as_to_the_north():
    """A tenth of a degree to the east is shorter by the cosine of the latitude."""
    plane = plane_of([SQUARE])
    points = plane.place(SQUARE)
    north, east = points[1] - points[0], points[2] - points[1]
    assert north == pytest.approx([0, 11.12])
    assert east == pytest.approx([11.12 * math.cos(math.radians(45.05)), 0])


def test_a_line_moves_to_the_right_of_its_direction():
    """A northward line moves east and a southward one west, so the directions of a road are separate."""
    north = np.array([(0.0, 0.0), (0.0, 1.0), (0.0, 2.0)])
    assert aside(north, 0.1).tolist() == [[0.1, 0.0], [0.1, 1.0], [0.1, 2.0]]
    assert aside(north[::-1], 0.1).tolist() == [[-0.1, 2.0], [-0.1, 1.0], [-0.1, 0.0]]


def test_a_line_that_turns_back_or_has_no_length_stays_finite():
    """There is no division by zero."""
    for points in ([(0, 0), (1, 0), (0, 0)], [(1, 1), (1, 1)], [(0, 0), (0, 0), (1, 0)]):
        assert np.isfinite(aside(np.array(points, dtype=float), 0.1)).all()


def test_a_number_is_halfway_along_its_link():
    """By length, not by the count of points."""
    assert middle([np.array([(0.0, 0.0), (0.1, 0.0), (10.0, 0.0)])]) == (5.0, 0.0)


def test_a_broken_point_far_away_does_not_shrink_the_map():
    """It is left out, and the rest of its line is drawn."""
    lines = [tuple((-75 + 0.01 * k, 45 + 0.01 * n) for k in range(10)) for n in range(10)]
    broken = (*lines[0], (-7.0, 45.0))
    plane = plane_of([broken, *lines[1:]])
    assert plane.width_km == pytest.approx(plane_of(lines).width_km, rel=0.01)
    assert len(plane.place(broken)) == 10


def test_a_leap_out_and_straight_back_is_left_out_and_a_hairpin_is_kept():
    """A missing digit in a coordinate makes a spike; a road that turns has points on the way."""
    road = tuple((-75 + 0.001 * k, 45.0) for k in range(10))
    spiked = (*road[:5], (-74.9955, 45.06), *road[5:])
    hairpin = tuple((-75.0, 45 + 0.006 * k) for k in range(10))
    hairpin = (*hairpin, *((-74.999, latitude) for _, latitude in reversed(hairpin)))
    plane = plane_of([((-75.1, 44.9), (-74.9, 45.1))])
    assert len(plane.place(spiked)) == len(road)
    assert len(plane.place(hairpin)) == len(hairpin)


def test_what_is_not_on_the_map_is_counted():
    """Links without a line are named, wrong points are counted."""
    road = tuple((-75 + 0.001 * k, 45.0) for k in range(10))
    spiked = (*road[:5], (-74.9955, 45.06), *road[5:])
    drawn = network_map(bands([link(1, ratio=1.0, lines=(spiked,)), link(2, lines=())]), ["1"], METRIC, "words")
    assert [each.link_id for each in drawn.not_drawn] == ["2"]
    assert drawn.points_left_out == 1
    assert network_map(bands([link(2, lines=())]), [], METRIC, "words").picture is None


def test_a_place_is_drawn_among_its_surroundings():
    """Links nearby are drawn, others are not; a place without a line has no map."""
    near = tuple((-75 + 0.001 * k, 45.001) for k in range(10))
    far = tuple((-70 + 0.001 * k, 45.0) for k in range(10))
    road = tuple((-75 + 0.001 * k, 45.0) for k in range(10))
    chosen, others = link(1, lines=(road,)), [link(2, lines=(near,)), link(3, lines=(far,))]

    def size(*links):
        return len(place_map(links, ["1"], METRIC, "words").source)

    assert size(chosen) < size(chosen, others[0]) == size(chosen, *others)
    assert place_map([link(1, lines=()), *others], ["1"], METRIC, "words") is None


def test_a_picture_is_the_same_each_time_and_refers_to_nothing_outside():
    """An SVG in a data address, without a name, a date, a script or a font to fetch."""
    grouped = bands([link(1, ratio=0.4), link(2, ratio=1.0)])
    first, second = (network_map(grouped, ["1"], METRIC, "words").picture for _ in range(2))
    svg = base64.b64decode(first.source.removeprefix("data:image/svg+xml;base64,")).decode()
    assert first == second
    assert svg.rstrip().endswith("</svg>")
    assert "Link 1" not in svg
    assert [word for word in ("<script", 'href="http', "url(http", "@import", "dc:date") if word in svg] == []

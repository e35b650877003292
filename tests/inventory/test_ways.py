from __future__ import annotations

import json

import pytest

from trivirt.errors import UsageError
from trivirt.inventory import PRESETS, VMS, Costs, Itinerary, Offer, Plan, choose

ALL = Offer({"vms": 10_000, "hosts": 100})
NO_PAGES = Offer({"vms": 1000}, pages=False)


def way(itinerary, name, part):
    (route,) = (route for route in itinerary if route.collection == name)
    return str(route.parts[part])


def test_what_is_below_ten_thousand_machines_is_followed_in_pages():
    (route,) = choose(VMS, ALL)
    assert set(map(str, route.parts.values())) == {"follow"}
    assert route.requests == -(-10_000 // route.page) < 100


def test_a_list_that_cannot_be_cut_is_not_followed():
    """One request would hold a thread of the engine for as long as it likes."""
    (route,) = choose(VMS, NO_PAGES)
    assert route.page is None
    assert set(map(str, route.parts.values())) == {"children"}
    assert route.requests == 1 + 3 * 1000


def test_an_engine_before_4_2_is_asked_for_each():
    (route,) = choose(VMS, Offer({"vms": 500}, follows=False))
    assert route.page == 250
    assert route.requests == 2 + 3 * 500


def test_a_part_that_is_no_attribute_is_asked_for_each():
    itinerary = choose(Plan({"vms": ["nics", "checkpoints"]}), ALL)
    assert way(itinerary, "vms", "nics") == "follow"
    assert way(itinerary, "vms", "checkpoints") == "children"


def test_one_collection_for_all_is_cheapest():
    itinerary = choose(Plan({"networks": ["vnic_profiles", "permissions"]}), ALL)
    assert way(itinerary, "networks", "vnic_profiles") == "shared: vnic_profiles"
    assert way(itinerary, "networks", "permissions") == "follow"


def test_the_more_is_followed_the_smaller_are_the_pages():
    few = choose(Plan({"vms": ["nics"]}), ALL)[0].page
    many = choose(PRESETS["full"], ALL)[-1].page
    assert 10 <= many < few <= 250


def test_links_that_engines_fetch_at_once_cost_less():
    one = choose(Plan({"vms": ["snapshots", "cdroms"]}), ALL)[0].page
    other = choose(Plan({"vms": ["nics", "permissions"]}), ALL)[0].page
    assert one > other


def test_no_request_costs_more_than_the_longest():
    costs = Costs(longest=300)
    (route,) = choose(VMS, ALL, costs=costs)
    assert route.page * (costs.object + 3 * (costs.query + costs.object)) <= 300


def test_a_way_can_be_forced():
    itinerary = choose(VMS, ALL, force={"vms.*": "children", "vms.nics": "follow"})
    assert way(itinerary, "vms", "nics") == "follow"
    assert way(itinerary, "vms", "permissions") == "children"


def test_a_way_that_does_not_exist_cannot_be_forced():
    with pytest.raises(UsageError, match="there is children, follow"):
        choose(VMS, ALL, force={"vms.nics": "shared"})
    with pytest.raises(UsageError, match="'walk'"):
        choose(VMS, ALL, force={"*": "walk"})


def test_an_itinerary_tells_ways_and_requests():
    text = str(choose(Plan({"vms": ["nics"], "vnic_profiles": []}), ALL))
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["vms", "pages", "of", "250", "40"]
    assert lines[1] == ["nics", "follow"]
    assert lines[2] == ["vnic_profiles", "one", "list", "1"]
    assert lines[3] == ["41", "requests"]


def test_a_guess_is_called_a_guess():
    assert str(choose(VMS)).endswith("requests (if there are 100 vms each)")
    assert "about" not in str(choose(VMS, ALL))


@pytest.mark.parametrize("plan", PRESETS.values(), ids=PRESETS)
def test_an_itinerary_survives_json(plan):
    itinerary = choose(plan, ALL)
    assert Itinerary.from_data(json.loads(json.dumps(itinerary.as_data()))) == itinerary


def test_a_way_to_what_the_plan_does_not_have_is_a_mistake():
    with pytest.raises(UsageError, match=r"the plan does not have vms\.nisc, of which"):
        choose(VMS, ALL, force={"vms.nisc": "children"})
    assert choose(VMS, ALL, force={"hosts.*": "children"}) == choose(VMS, ALL)

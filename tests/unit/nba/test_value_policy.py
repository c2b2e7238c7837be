"""What lifetime values are reckoned with: the shipped file, and what is said of wrong ones."""

from __future__ import annotations

from importlib import resources

import pytest
import yaml

from cem.domain.value_policy import ValuePolicy
from cem.nba.value_policy import ValuePolicyError, read_value_policy


def test_the_shipped_file_states_the_defaults() -> None:
    """Leaving everything out, an empty file, and the shipped one are the same."""
    shipped = yaml.safe_load(resources.files("cem.policies").joinpath("value.yaml").read_text("utf-8"))
    assert read_value_policy(shipped, "x") == read_value_policy(None, "x") == ValuePolicy()
    assert set(shipped) == set(ValuePolicy.__struct_fields__)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"margin_shar": 0.1}, "f.yaml: there is no field 'margin_shar'; did you mean 'margin_share'?"),
        ({"xyz": 1}, "f.yaml: there is no field 'xyz'; there are discount_rate_a_year, margin_share"),
        ({"margin_share": "a third"}, "f.yaml: margin_share: expected `float`, got `str`"),
        ({"margin_share": 35}, "f.yaml: margin_share must be from 0 to 1, not 35"),
        ({"horizon_months": 0}, "f.yaml: horizon_months must be from 1 to 600, not 0"),
        ({"margin_share": float("nan")}, "f.yaml: margin_share must be from 0 to 1, not nan"),
        ([1], "f.yaml: must be a mapping of names to numbers"),
    ],
)
def test_a_wrong_file_is_refused_with_field_and_range(document: object, says: str) -> None:
    """The message names file and field, what it takes, and for a wrong name the nearest right one."""
    with pytest.raises(ValuePolicyError) as error:
        read_value_policy(document, "f.yaml")
    assert str(error.value).startswith(says)

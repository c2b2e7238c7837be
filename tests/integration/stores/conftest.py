"""Have pytest explain failed assertions of the shared suite too."""

import pytest

pytest.register_assert_rewrite("tests.builders.store_contract", "tests.builders.stores")

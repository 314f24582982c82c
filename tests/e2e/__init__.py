import pytest

# Stories and what they share assert as well: a failure shall show both sides there too.
pytest.register_assert_rewrite("tests.e2e.crash_stories", "tests.e2e.crash_walk")

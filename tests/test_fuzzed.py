"""Made-up requests against the real processes; `make fuzz` sends 20,000."""

import pytest

from tests.fuzzing import MAY_GROW_MB, SCHEMATHESIS, fuzz

pytestmark = [pytest.mark.long, pytest.mark.model, pytest.mark.servers, pytest.mark.timeout(1_800)]


def test_made_up_requests_find_no_error_no_hang_and_no_growth():
    assert SCHEMATHESIS.exists(), "run scripts/install_tools.sh"
    outcome = fuzz(1_200)
    assert outcome.objections == []
    assert outcome.requests >= 1_200
    assert outcome.server_errors == 0
    assert outcome.after_mb - outcome.before_mb < MAY_GROW_MB

"""The regression on shares: with whole shares it is scikit-learn's, and it keeps to shares that are not."""

import numpy as np
import pytest
import scipy.sparse
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from bot.nlu.soft_regression import SPREAD, SoftRegression, Table

DICE = np.random.RandomState(3)
DENSE = DICE.randn(300, 4)
SPARSE = scipy.sparse.random(300, 9, density=0.3, random_state=DICE, format="csr")
TABLE = Table.of(SPARSE, DENSE)
STEPS = 200


def fitted(shares):
    model = SoftRegression.unfitted(TABLE.width, shares.shape[1])
    model.fit(TABLE, shares, STEPS)
    return model


def test_with_one_class_an_example_it_finds_what_scikit_learn_finds():
    labels = (DENSE[:, 0] > 0).astype(int) + (SPARSE[:, 0].toarray()[:, 0] > 0.2)
    rows = scipy.sparse.hstack([SPARSE, DENSE]).tocsr()
    theirs = LogisticRegression(C=SPREAD, max_iter=1000).fit(rows, labels)
    ours = np.exp(fitted(np.eye(3)[labels]).log_probabilities(TABLE))
    np.testing.assert_allclose(ours, theirs.predict_proba(rows), atol=2e-3)


def test_where_nothing_tells_examples_apart_it_says_the_mean_of_their_shares():
    blank = Table.of(scipy.sparse.csr_matrix((2, 3)), np.zeros((2, 1)))
    model = SoftRegression.unfitted(4, 2)
    model.fit(blank, np.array([[0.9, 0.1], [0.5, 0.5]]), STEPS)
    assert np.exp(model.log_probabilities(blank))[0] == pytest.approx([0.7, 0.3], abs=1e-3)


def test_it_goes_on_from_where_it_was():
    shares = softmax(DENSE[:, :3] * 2, axis=1)
    whole, model = fitted(shares), SoftRegression.unfitted(TABLE.width, 3)
    for _ in range(STEPS // 10):
        model.fit(TABLE, shares, 10)
    np.testing.assert_allclose(model.log_probabilities(TABLE), whole.log_probabilities(TABLE), atol=5e-3)

"""Multinomial logistic regression on shares: an example may be six parts of one class and four of another.

scikit-learn's takes one class an example; with each example once for each of its classes, and half of what tells
them apart dense, that took five times as long as this.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from scipy.optimize import minimize
from scipy.special import log_softmax

SPREAD = 3.0  # of the weights: scikit-learn's C


@dataclass(frozen=True)
class Table:
    """What examples are told apart by: a sparse part, shape (n, words), and a dense one, shape (n, others)."""

    sparse: scipy.sparse.csr_matrix
    dense: np.ndarray

    @classmethod
    def of(cls, sparse: scipy.sparse.csr_matrix, dense: np.ndarray) -> "Table":
        """Return a table in single precision: twice as fast, and as good for what is learnt from words."""
        return cls(sparse.astype(np.float32), dense.astype(np.float32))

    @property
    def width(self) -> int:
        """The number of columns."""
        return int(self.sparse.shape[1] + self.dense.shape[1])

    def times(self, weights: np.ndarray) -> np.ndarray:
        """Return the product with weights of shape (columns, classes)."""
        words = self.sparse.shape[1]
        product: np.ndarray = self.sparse @ weights[:words] + self.dense @ weights[words:]
        return product

    def turned_times(self, values: np.ndarray) -> np.ndarray:
        """Return the product of the table, turned on its side, with values of shape (n, classes)."""
        return np.vstack([self.sparse.T @ values, self.dense.T @ values])


@dataclass
class SoftRegression:
    """Weights of shape (classes, columns) and intercepts of shape (classes,), laid out as scikit-learn's."""

    coef_: np.ndarray
    intercept_: np.ndarray

    @classmethod
    def unfitted(cls, columns: int, classes: int) -> "SoftRegression":
        """Return a model that finds all classes alike."""
        return cls(np.zeros((classes, columns)), np.zeros(classes))

    def log_probabilities(self, table: Table) -> np.ndarray:
        """Return the logarithm of the probability of each class, shape (n, classes)."""
        return log_softmax(table.times(self.coef_.T.astype(np.float32)) + self.intercept_, axis=1)

    def fit(self, table: Table, shares: np.ndarray, steps: int) -> None:
        """Go on so many steps towards the weights that explain the shares, shape (n, classes), best."""
        start = np.hstack([self.coef_, self.intercept_[:, None]]).ravel()
        found = minimize(self._loss, start, (table, shares), "L-BFGS-B", jac=True, options={"maxiter": steps})
        self._take(found.x)

    def _loss(self, weights: np.ndarray, table: Table, shares: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean cross-entropy with the weights' penalty, and its gradient."""
        self._take(weights)
        said = self.log_probabilities(table)
        surplus = (np.exp(said) - shares).astype(np.float32)
        slope = np.hstack([table.turned_times(surplus).T + self.coef_ / SPREAD, surplus.sum(axis=0)[:, None]])
        loss = (self.coef_**2).sum() / (2 * SPREAD) - (shares * said).sum()
        return loss / len(shares), slope.ravel().astype(float) / len(shares)

    def _take(self, weights: np.ndarray) -> None:
        rows = weights.reshape(len(self.intercept_), -1)
        self.coef_, self.intercept_ = rows[:, :-1], rows[:, -1]

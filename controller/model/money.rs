//! Money in whole US cents, so that sums are exact and plans are equal byte by byte.

use serde::{Deserialize, Serialize};
use std::fmt;

/// US cents; a month's price where nothing else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(pub i64);

impl Cents {
    /// Rounds dollars, as the API gives them, to cents.
    pub fn from_dollars(dollars: f64) -> Self {
        // A price list's values are far below 2^53, so the cast is exact after rounding.
        #[expect(clippy::cast_possible_truncation)]
        Self((dollars * 100.0).round() as i64)
    }
    /// A share of this price, rounded to the nearest cent.
    pub fn percent(self, percent: i64) -> Self {
        Self((self.0 * percent + 50).div_euclid(100))
    }
    /// With its sign always shown: `+$24.00`.
    pub fn signed(self) -> String {
        format!("{}{}", if self.0 < 0 { "-" } else { "+" }, Self(self.0.abs()))
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}${}.{:02}", self.0.abs() / 100, self.0.abs() % 100)
    }
}

impl std::ops::Add for Cents {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}
impl std::ops::Sub for Cents {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}
impl std::iter::Sum for Cents {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self(0), |a, b| a + b)
    }
}

//! A text with an upper bound, for places that take only so much. Owns the bound; knows nothing of what is written.

use super::{LIMIT, RESERVE};

/// A text that never gets longer than a comment may be.
pub(super) struct Bounded(String);

impl Bounded {
    pub fn new() -> Self {
        Self(String::new())
    }
    /// How many bytes may still be written, the reserve excepted.
    pub fn left(&self) -> usize {
        LIMIT.saturating_sub(RESERVE).saturating_sub(self.0.len())
    }
    /// Writes what is short enough; what is not was measured by the caller, and is left out rather than cut in two.
    pub fn push(&mut self, text: &str) {
        if self.0.len() + text.len() <= LIMIT {
            self.0.push_str(text);
        }
    }
    /// Writes where there is room, and says whether there was.
    pub fn try_push(&mut self, text: &str) -> bool {
        let fits = text.len() <= self.left();
        if fits {
            self.0.push_str(text);
        }
        fits
    }
    pub fn finish(self) -> String {
        self.0
    }
}

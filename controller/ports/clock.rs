//! The time of day. The only clock of the program besides tokio's timers; the pure rooms get times as values.

use jiff::Timestamp;

/// Where the time of day comes from: the machine, or a test.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// A time that a test sets.
    Set(std::sync::Arc<std::sync::Mutex<Timestamp>>),
}

impl Clock {
    /// A clock that stands still until it is set again.
    pub fn at(time: Timestamp) -> Self {
        Self::Set(std::sync::Arc::new(std::sync::Mutex::new(time)))
    }
    /// The time now.
    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the one place")]
            Self::System => Timestamp::now(),
            Self::Set(time) => *time.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        }
    }
    /// Moves a set clock on; the machine's clock stays as it is.
    pub fn advance(&self, by: jiff::SignedDuration) {
        if let Self::Set(time) = self {
            let mut time = time.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *time += by;
        }
    }
}

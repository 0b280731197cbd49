//! Which webhook deliveries were seen before. Bounded: the oldest are forgotten, and all of them with the process, which
//! costs no more than a look too many, since a delivery is a wake-up and a start looks anyway.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// So many are remembered: forty seconds at a hundred a second, and days at what one repo does.
const KEPT: usize = 4_096;
/// A longer name is no delivery's: GitHub's and Gitea's are uuids.
const LONGEST: usize = 128;

/// The deliveries seen last.
#[derive(Debug, Default)]
pub(super) struct Deliveries(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    names: HashSet<Box<str>>,
    order: VecDeque<Box<str>>,
}

impl Deliveries {
    /// Notes a delivery; false where it was seen before. One without a name, or with an endless one, is always new.
    pub(super) fn is_new(&self, source: &str, name: Option<&str>) -> bool {
        let Some(name) = name.filter(|n| !n.is_empty() && n.len() <= LONGEST) else { return true };
        let name: Box<str> = format!("{source} {name}").into();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.names.insert(name.clone()) {
            return false;
        }
        seen.order.push_back(name);
        if seen.order.len() > KEPT
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.names.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_new_once_and_memory_of_them_is_bounded() {
        let seen = Deliveries::default();
        assert!(seen.is_new("github", Some("a")) && !seen.is_new("github", Some("a")));
        assert!(seen.is_new("gitea", Some("a")), "another sender's is another one");
        assert!(seen.is_new("generic", None) && seen.is_new("generic", None));
        let endless = "x".repeat(LONGEST + 1);
        assert!(seen.is_new("github", Some(&endless)) && seen.is_new("github", Some(&endless)));
        for n in 0..KEPT * 3 {
            assert!(seen.is_new("github", Some(&n.to_string())));
        }
        let inside = seen.0.lock().expect("no panic");
        assert_eq!((inside.names.len(), inside.order.len()), (KEPT, KEPT));
    }
}

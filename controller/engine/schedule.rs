//! When which key runs. Owns the order and nothing else: what a run is, and who asks for it, is its caller's matter.

use std::collections::BTreeMap;
use tokio::time::Instant;

/// When to run, and the number of the request, so that of two at one time the first asked comes first.
type Ticket = (Instant, u64);

/// Says which key is to run next: one run a key at a time, requests merged, the soonest wins.
///
/// **Flow**: `request` puts a key down for a time; `next` waits for the first time to come and hands its key out;
/// the caller runs it and says `done`. One task owns the scheduler and turns wake-ups into requests:
///
/// ```text
/// select! {
///     key = scheduler.next() => { runs.spawn(run(key)); }
///     Some(key) = wakes.recv() => scheduler.request(key, Instant::now()),
///     Some(key) = runs.join_next() => scheduler.done(&key),
/// }
/// ```
///
/// **Guarantees**: a key is never handed out again before it is `done`. Requests for a key that waits merge into one
/// run at the soonest of their times. A request for a key that runs is kept: the key runs once more, after `done` and
/// not before the soonest time asked for meanwhile. No key is handed out early. Keys that are due come in the order of
/// their times, then of their requests: none starves.
///
/// **Assumptions**: every key handed out is `done` some day, also after an error or a panic in its run.
///
/// **What happens if interrupted**: `next` may be dropped at any point and loses nothing. The requests are gone with
/// the process; whoever starts anew asks for everything once.
///
/// It stands on one tokio timer and two ordered maps instead of a `DelayQueue`: that one panics at times over two
/// years away, which a pause `until` may well be, and leaves the order of keys due at once open.
#[derive(Debug)]
pub struct Scheduler<K> {
    waiting: BTreeMap<K, Ticket>,
    order: BTreeMap<Ticket, K>,
    running: BTreeMap<K, Option<Instant>>,
    asked: u64,
}

impl<K> Default for Scheduler<K> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), order: BTreeMap::new(), running: BTreeMap::new(), asked: 0 }
    }
}

impl<K: Ord + Clone + Send + 'static> Scheduler<K> {
    /// Asks for a run at this time, or now where it has passed.
    pub fn request(&mut self, key: K, when: Instant) {
        if let Some(again) = self.running.get_mut(&key) {
            *again = Some(again.map_or(when, |soonest| soonest.min(when)));
            return;
        }
        if let Some(ticket) = self.waiting.get(&key) {
            if ticket.0 <= when {
                return;
            }
            self.order.remove(ticket);
        }
        let ticket = (when, self.asked);
        self.asked += 1;
        self.order.insert(ticket, key.clone());
        self.waiting.insert(key, ticket);
    }

    /// Waits until a key is due and hands it out to be run; for ever where nothing is asked for.
    pub async fn next(&mut self) -> K {
        let Some((when, _)) = self.order.first_key_value().map(|(ticket, _)| *ticket) else {
            return std::future::pending().await;
        };
        tokio::time::sleep_until(when).await;
        match self.order.pop_first() {
            Some((_, key)) => {
                self.waiting.remove(&key);
                self.running.insert(key.clone(), None);
                key
            }
            None => std::future::pending().await,
        }
    }

    /// Ends a key's run; what was asked for meanwhile is asked for now.
    pub fn done(&mut self, key: &K) {
        if let Some(Some(again)) = self.running.remove(key) {
            self.request(key.clone(), again);
        }
    }

    /// Takes back what was asked for a key: its document is gone. A run that goes on is not ended.
    pub fn forget(&mut self, key: &K) {
        if let Some(ticket) = self.waiting.remove(key) {
            self.order.remove(&ticket);
        }
        if let Some(again) = self.running.get_mut(key) {
            *again = None;
        }
    }

    /// When a key runs next, as far as is known.
    pub fn when(&self, key: &K) -> Option<Instant> {
        match self.running.get(key) {
            Some(again) => *again,
            None => self.waiting.get(key).map(|ticket| ticket.0),
        }
    }

    /// How many runs go on.
    pub fn running(&self) -> usize {
        self.running.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::time::Duration;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_comes_when_it_is_due_and_not_before() {
        let (start, mut scheduler) = (Instant::now(), Scheduler::default());
        scheduler.request("erp", start + seconds(90));
        assert_eq!(scheduler.next().await, "erp");
        let late = start.elapsed() - seconds(90);
        assert!(late <= Duration::from_millis(1), "{late:?} late");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_for_one_key_merge_and_the_soonest_wins() {
        let (start, mut scheduler) = (Instant::now(), Scheduler::default());
        for n in [300, 20, 40] {
            scheduler.request("erp", start + seconds(n));
        }
        assert_eq!(scheduler.next().await, "erp");
        assert_eq!(start.elapsed().as_secs(), 20);
        scheduler.done(&"erp");
        assert!(tokio::time::timeout(seconds(1_000), scheduler.next()).await.is_err(), "it runs once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_during_a_run_is_kept_and_fires_once_after_it() {
        let mut scheduler = Scheduler::default();
        scheduler.request("erp", Instant::now());
        assert_eq!(scheduler.next().await, "erp");
        for _ in 0..3 {
            scheduler.request("erp", Instant::now());
        }
        assert!(tokio::time::timeout(seconds(60), scheduler.next()).await.is_err(), "not while it runs");
        scheduler.done(&"erp");
        assert_eq!(scheduler.next().now_or_never(), Some("erp"));
        scheduler.done(&"erp");
        assert!(tokio::time::timeout(seconds(1_000), scheduler.next()).await.is_err(), "once more, not thrice");
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_request_during_a_run_waits_for_its_own_time() {
        let (start, mut scheduler) = (Instant::now(), Scheduler::default());
        scheduler.request("erp", start);
        assert_eq!(scheduler.next().await, "erp");
        scheduler.request("erp", start + seconds(300));
        scheduler.done(&"erp");
        assert_eq!(scheduler.next().await, "erp");
        assert_eq!(start.elapsed().as_secs(), 300);
    }

    #[tokio::test(start_paused = true)]
    async fn one_key_that_runs_holds_up_no_other() {
        let mut scheduler = Scheduler::default();
        scheduler.request("slow", Instant::now());
        scheduler.request("quick", Instant::now());
        assert_eq!(scheduler.next().await, "slow");
        assert_eq!(scheduler.next().await, "quick");
        assert_eq!(scheduler.running(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn keys_due_at_once_come_in_the_order_of_their_times_and_requests() {
        let (start, mut scheduler) = (Instant::now(), Scheduler::default());
        for (key, n) in [("c", 2), ("b", 2), ("a", 2), ("z", 1)] {
            scheduler.request(key, start + seconds(n));
        }
        tokio::time::advance(seconds(10)).await;
        let order: Vec<_> = (0..4).filter_map(|_| scheduler.next().now_or_never()).collect();
        assert_eq!(order, ["z", "c", "b", "a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_that_is_dropped_loses_nothing() {
        let (start, mut scheduler) = (Instant::now(), Scheduler::default());
        scheduler.request("erp", start + seconds(10));
        for _ in 0..5 {
            assert!(tokio::time::timeout(seconds(1), scheduler.next()).await.is_err());
        }
        assert_eq!(scheduler.next().await, "erp");
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_years_away_is_no_trouble() {
        let (start, mut scheduler) = (Instant::now(), Scheduler::default());
        scheduler.request("paused until 2036", start + seconds(10 * 366 * 86_400));
        scheduler.request("soon", start + seconds(5));
        assert_eq!(scheduler.next().await, "soon");
        assert_eq!(scheduler.when(&"paused until 2036"), Some(start + seconds(10 * 366 * 86_400)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_does_not_come() {
        let mut scheduler = Scheduler::default();
        scheduler.request("gone", Instant::now());
        scheduler.request("runs", Instant::now());
        scheduler.forget(&"gone");
        assert_eq!(scheduler.next().await, "runs");
        scheduler.request("runs", Instant::now());
        scheduler.forget(&"runs");
        scheduler.done(&"runs");
        assert!(tokio::time::timeout(seconds(60), scheduler.next()).await.is_err());
    }

    #[derive(Clone, Debug)]
    enum Act {
        Request(u8, u64),
        Pass(u64),
        Take,
        Done(u8),
        Forget(u8),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (0u8..4, 0u64..20).prop_map(|(key, n)| Act::Request(key, n)),
            2 => (0u64..10).prop_map(Act::Pass),
            4 => Just(Act::Take),
            3 => (0u8..4).prop_map(Act::Done),
            1 => (0u8..4).prop_map(Act::Forget),
        ]
    }

    /// The promises in the plainest words: a list of open requests, and the keys that run.
    #[derive(Default)]
    struct Model {
        requests: Vec<(u8, Instant)>,
        running: BTreeSet<u8>,
    }

    impl Model {
        fn soonest(&self, key: u8) -> Option<Instant> {
            self.requests.iter().filter(|r| r.0 == key).map(|r| r.1).min()
        }
        /// The keys that may be handed out now: due, not running, and none of them due before another.
        fn may_come(&self, now: Instant) -> BTreeSet<u8> {
            let due = |key: &u8| !self.running.contains(key) && self.soonest(*key).is_some_and(|when| when <= now);
            let first = (0..4).filter(due).filter_map(|key| self.soonest(key)).min();
            (0..4).filter(due).filter(|key| self.soonest(*key) == first).collect()
        }
    }

    proptest! {
        #[test]
        fn the_scheduler_does_what_its_model_allows(acts in proptest::collection::vec(act(), 0..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.expect("a runtime").block_on(async {
                let (mut scheduler, mut model) = (Scheduler::default(), Model::default());
                for act in acts {
                    match act {
                        Act::Request(key, n) => {
                            let when = Instant::now() + seconds(n);
                            scheduler.request(key, when);
                            model.requests.push((key, when));
                        }
                        Act::Pass(n) => tokio::time::advance(seconds(n) + Duration::from_millis(1)).await,
                        Act::Take => {
                            let may = model.may_come(Instant::now());
                            match scheduler.next().now_or_never() {
                                Some(key) => {
                                    prop_assert!(may.contains(&key), "{key} came, allowed was {may:?}");
                                    model.requests.retain(|r| r.0 != key);
                                    model.running.insert(key);
                                }
                                // A timer may be a millisecond late.
                                None => {
                                    let before = Instant::now() - Duration::from_millis(1);
                                    prop_assert!(model.may_come(before).is_empty(), "{may:?} were due, none came");
                                }
                            }
                        }
                        Act::Done(key) => {
                            scheduler.done(&key);
                            model.running.remove(&key);
                        }
                        Act::Forget(key) => {
                            scheduler.forget(&key);
                            model.requests.retain(|r| r.0 != key);
                        }
                    }
                    for key in 0..4 {
                        prop_assert_eq!(scheduler.when(&key), model.soonest(key));
                    }
                    prop_assert_eq!(scheduler.running(), model.running.len());
                }
                Ok(())
            })?;
        }
    }
}

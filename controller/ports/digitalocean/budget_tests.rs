//! The budget's laws on a paused clock: windows are never exceeded, answers are obeyed.

use std::sync::Arc;

use proptest::prelude::*;
use reqwest::header::{HeaderName, HeaderValue};

use super::*;

fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, String)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
    };
    pairs.iter().map(pair).collect()
}

fn epoch_in(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    (now.as_secs() + seconds).to_string()
}

/// Runs `work` on a clock that moves only when everybody waits.
fn paused<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(work)
}

/// The most instants that any span of `span` holds, both ends counted.
fn densest(sent: &[Instant], span: Duration) -> usize {
    let within = |from: &Instant| sent.iter().filter(|at| **at >= *from && **at <= *from + span).count();
    sent.iter().map(within).max().unwrap_or(0)
}

async fn sent_by(budget: Arc<Budget>, lane: Lane, pauses: Vec<u64>) -> Vec<Instant> {
    let mut sent = Vec::new();
    for pause in pauses {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        if let Ok(_slot) = budget.take(lane).await {
            sent.push(Instant::now());
        }
    }
    sent
}

#[test]
fn the_251st_request_waits_until_the_first_has_left_the_minute() {
    paused(async {
        let budget = Budget::new(Limits::DIGITALOCEAN);
        let began = Instant::now();
        for _ in 0..250 {
            budget.take(Lane::Common).await.expect("a slot");
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        budget.take(Lane::Common).await.expect("a slot");
        assert_eq!(began.elapsed(), MINUTE + ROAD);
    });
}

#[test]
fn an_hour_that_is_used_up_is_an_answer_and_not_an_endless_wait() {
    paused(async {
        let budget = Budget::new(Limits { per_minute: None, ..Limits::DIGITALOCEAN });
        for _ in 0..5_000 {
            budget.take(Lane::Common).await.expect("a slot");
        }
        let late = budget.take(Lane::Common).await.err().expect("too long");
        assert_eq!(late.wait, HOUR + ROAD);
        tokio::time::sleep(late.wait).await;
        assert!(budget.take(Lane::Common).await.is_ok());
    });
}

#[test]
fn lists_of_keys_wait_for_their_own_limit_and_hold_up_nobody_else() {
    paused(async {
        let budget = Arc::new(Budget::new(Limits::DIGITALOCEAN));
        let began = Instant::now();
        let keys = tokio::spawn(sent_by(budget.clone(), Lane::KeyList, vec![0; 11]));
        let rest = sent_by(budget, Lane::Common, vec![1; 20]).await;
        assert!(rest.iter().all(|at| *at < began + Duration::from_secs(1)));
        let keys = keys.await.expect("the lists");
        assert_eq!(keys.last().map(|at| at.duration_since(began)), Some(MINUTE + ROAD));
    });
}

#[test]
fn what_other_programs_use_is_seen_and_the_reset_waited_for() {
    paused(async {
        let budget = Budget::new(Limits::DIGITALOCEAN);
        let told = headers(&[
            ("ratelimit-limit", "5000".to_owned()),
            ("ratelimit-remaining", "1".to_owned()),
            ("ratelimit-reset", epoch_in(30)),
        ]);
        budget.take(Lane::Common).await.expect("a slot").heard(200, &told);
        let began = Instant::now();
        budget.take(Lane::Common).await.expect("the last one");
        assert_eq!(began.elapsed(), Duration::ZERO);
        budget.take(Lane::Common).await.expect("after the reset");
        assert!((28..=30).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    });
}

#[test]
fn retry_after_holds_up_everybody_who_comes_later() {
    paused(async {
        let budget = Budget::new(Limits::OFF);
        let told = headers(&[("retry-after", "7".to_owned())]);
        let after = budget.take(Lane::Common).await.expect("a slot").heard(429, &told);
        assert_eq!(after, Some(Duration::from_secs(7)));
        let began = Instant::now();
        budget.take(Lane::KeyList).await.expect("a slot");
        assert_eq!(began.elapsed(), Duration::from_secs(7));
    });
}

#[test]
fn the_key_lists_own_small_limit_says_nothing_of_the_tokens() {
    paused(async {
        let budget = Budget::new(Limits::DIGITALOCEAN);
        let told = headers(&[
            ("ratelimit-limit", "10".to_owned()),
            ("ratelimit-remaining", "0".to_owned()),
            ("ratelimit-reset", epoch_in(60)),
        ]);
        budget.take(Lane::KeyList).await.expect("a slot").heard(200, &told);
        let began = Instant::now();
        budget.take(Lane::Common).await.expect("a slot");
        assert_eq!(began.elapsed(), Duration::ZERO);
    });
}

#[test]
fn headers_that_make_no_sense_stop_nothing() {
    paused(async {
        let budget = Budget::new(Limits::DIGITALOCEAN);
        for bad in ["", "soon", "-1", "99999999999999999999999"] {
            let told = headers(&[("retry-after", bad.to_owned()), ("ratelimit-remaining", bad.to_owned())]);
            budget.take(Lane::Common).await.expect("a slot").heard(429, &told);
        }
        let far = headers(&[("ratelimit-remaining", "0".to_owned()), ("ratelimit-reset", u64::MAX.to_string())]);
        budget.take(Lane::Common).await.expect("a slot").heard(200, &far);
        let began = Instant::now();
        assert!(budget.take(Lane::Common).await.is_ok());
        assert!(began.elapsed() <= Duration::from_secs(1));
    });
}

#[test]
fn a_call_that_gives_up_waiting_leaves_the_line_to_the_next() {
    paused(async {
        let limits = Limits { per_minute: Some(1), ..Limits::OFF };
        let budget = Arc::new(Budget::new(limits));
        budget.take(Lane::Common).await.expect("a slot");
        let impatient = tokio::time::timeout(Duration::from_secs(1), budget.take(Lane::Common)).await;
        assert!(impatient.is_err());
        assert!(budget.take(Lane::Common).await.is_ok());
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_window_ever_holds_more_than_its_limit(
        callers in prop::collection::vec(prop::collection::vec(0u64..9_000, 1..60), 1..6),
        keys in prop::collection::vec(0u64..3_000, 0..30),
        most in 1usize..12,
    ) {
        let limits = Limits { per_minute: Some(most), per_hour: Some(most * 20), key_lists_per_minute: Some(3) };
        let (mut all, keys) = paused(async move {
            let budget = Arc::new(Budget::new(limits));
            let keys = tokio::spawn(sent_by(budget.clone(), Lane::KeyList, keys));
            let callers = callers.into_iter().map(|pauses| tokio::spawn(sent_by(budget.clone(), Lane::Common, pauses)));
            let mut all = Vec::new();
            for caller in callers.collect::<Vec<_>>() {
                all.extend(caller.await.expect("a caller"));
            }
            (all, keys.await.expect("the lists"))
        });
        all.extend(&keys);
        prop_assert!(!all.is_empty());
        prop_assert!(densest(&all, MINUTE) <= most, "{}", densest(&all, MINUTE));
        prop_assert!(densest(&all, HOUR) <= most * 20);
        prop_assert!(densest(&keys, MINUTE) <= 3);
    }
}

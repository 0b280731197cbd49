//! Figures for Prometheus, `/metrics`: what the engine and the ports count, read when somebody asks. `README.md` beside
//! this file lists every one, and a test scrapes them and compares.

use super::Shared;
use crate::engine::snapshot::Snapshot;
use crate::model::{Plan, Standing};
use crate::ports::process;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

/// What Prometheus asks for and every scraper reads: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A gauge of seconds.
type Seconds = Gauge<f64, AtomicU64>;

/// The name of a standing, and which changes have it.
type Sort = (&'static str, fn(&Standing) -> bool);

/// One label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stands {
    state: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct With {
    with: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Webhook {
    source: &'static str,
    result: &'static str,
}

/// Everything that is counted.
pub(super) struct Metrics {
    registry: Registry,
    cycles: Counter,
    duration: Histogram,
    last_cycle: Seconds,
    seen: Seconds,
    applied: Seconds,
    changes: Family<Outcome, Counter>,
    resources: Family<Stands, Gauge>,
    planned: Family<Stands, Gauge>,
    failing: Gauge,
    paused_by_hand: Gauge,
    frozen: Gauge,
    troubles: Family<With, Gauge>,
    requests: Counter,
    remaining: Gauge,
    webhooks: Family<Webhook, Counter>,
    memory: Gauge,
    files: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::default();
        let buckets = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0];
        let info = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("driftless_build", "The program", info);
        let r = &mut registry;
        let metrics = Self {
            cycles: put(r, "driftless_cycles", "Reconciles that have ended", Counter::default()),
            duration: put(r, "driftless_cycle_duration_seconds", "How long a reconcile took", Histogram::new(buckets)),
            last_cycle: put(
                r,
                "driftless_last_cycle_timestamp_seconds",
                "When the last reconcile began",
                Seconds::default(),
            ),
            seen: put(
                r,
                "driftless_commit_seen_timestamp_seconds",
                "When the newest commit was first seen",
                Seconds::default(),
            ),
            applied: put(
                r,
                "driftless_commit_applied_timestamp_seconds",
                "When nothing was last left to do of the newest commit",
                Seconds::default(),
            ),
            changes: put(r, "driftless_changes", "Changes that were tried, by how they ended", Family::default()),
            resources: put(r, "driftless_resources", "Documents, by how they stand", Family::default()),
            planned: put(
                r,
                "driftless_planned_changes",
                "Changes that the last look leaves, by whether they may go on",
                Family::default(),
            ),
            failing: put(
                r,
                "driftless_failing_changes",
                "Changes that failed and are tried again, or not",
                Gauge::default(),
            ),
            paused_by_hand: put(r, "driftless_pauses", "Resources paused by hand", Gauge::default()),
            frozen: put(r, "driftless_frozen", "1 while nothing is written to the world", Gauge::default()),
            troubles: put(r, "driftless_troubles", "What kept the last reconcile from being whole", Family::default()),
            requests: put(r, "driftless_digitalocean_requests", "Requests sent to DigitalOcean", Counter::default()),
            remaining: put(
                r,
                "driftless_digitalocean_ratelimit_remaining",
                "Requests that DigitalOcean says are left this hour; -1 before it has said so",
                Gauge::default(),
            ),
            webhooks: put(
                r,
                "driftless_webhooks",
                "Webhook deliveries, by sender and what came of them",
                Family::default(),
            ),
            memory: put(r, "process_resident_memory_bytes", "Resident memory", Gauge::default()),
            files: put(r, "process_open_fds", "Open file descriptors", Gauge::default()),
            registry,
        };
        for outcome in ["done", "failed", "left"] {
            drop(metrics.changes.get_or_create(&Outcome { outcome }));
        }
        metrics
    }

    /// Counts a webhook.
    pub(super) fn webhook(&self, source: &'static str, result: &'static str) {
        self.webhooks.get_or_create(&Webhook { source, result }).inc();
    }

    /// Takes in what was counted elsewhere.
    fn refresh(&self, shared: &Shared) {
        let controller = &shared.controller;
        let (snapshot, memory) = (controller.snapshot.borrow().clone(), controller.keeper.memory());
        set(&self.cycles, snapshot.cycle);
        self.last_cycle.set(seconds(snapshot.at));
        let ends = controller.pulse.ends();
        for (outcome, n) in [("done", ends.done), ("failed", ends.failed), ("left", ends.left)] {
            set(&self.changes.get_or_create(&Outcome { outcome }), n);
        }
        self.failing.set(count(memory.failures.len()));
        self.paused_by_hand.set(count(memory.pauses.len()));
        self.stands(snapshot.after.as_deref());
        for with in ["git", "journal", "report", "driftless"] {
            let n = snapshot.troubles.iter().filter(|trouble| trouble.with == with).count();
            self.troubles.get_or_create(&With { with }).set(count(n));
        }
        set(&self.requests, controller.ports.digitalocean.calls());
        let left = controller.ports.digitalocean.remaining();
        self.remaining.set(left.map_or(-1, |left| i64::try_from(left).unwrap_or(i64::MAX)));
        for (gauge, figure) in [(&self.memory, process::resident_bytes()), (&self.files, process::open_files())] {
            gauge.set(figure.and_then(|f| i64::try_from(f).ok()).unwrap_or(0));
        }
    }

    /// How documents and changes stand; nothing of both where no look was whole.
    fn stands(&self, plan: Option<&Plan>) {
        let of = |n: fn(&Plan) -> usize| plan.map_or(0, n);
        let states: [(&'static str, usize); 4] = [
            ("declared", of(|p| p.resources)),
            ("in_sync", of(|p| p.in_sync)),
            ("paused", of(|p| p.paused)),
            ("unknown", of(|p| p.unknown)),
        ];
        for (state, n) in states {
            self.resources.get_or_create(&Stands { state }).set(count(n));
        }
        let standings: [Sort; 5] = [
            ("going", |s| matches!(s, Standing::Go)),
            ("held", |s| matches!(s, Standing::Held(_))),
            ("observed", |s| matches!(s, Standing::Observed)),
            ("blocked", |s| matches!(s, Standing::Blocked(_))),
            ("backoff", |s| matches!(s, Standing::Backoff(_))),
        ];
        for (state, is) in standings {
            let n = plan.map_or(0, |p| p.changes.iter().filter(|c| is(&c.standing)).count());
            self.planned.get_or_create(&Stands { state }).set(count(n));
        }
        let frozen = plan.is_some_and(|p| p.frozen.is_some());
        self.frozen.set(i64::from(frozen));
    }

    /// Takes in a cycle that has ended.
    fn cycle(&self, snapshot: &Snapshot, known: &mut Option<String>) {
        self.duration.observe(std::time::Duration::from_millis(snapshot.took_ms).as_secs_f64());
        if &snapshot.commit != known {
            known.clone_from(&snapshot.commit);
            self.seen.set(seconds(snapshot.at));
        }
        let newest = |plan: &Plan| plan.commit == snapshot.commit && plan.is_empty() && plan.unknown == 0;
        if snapshot.after.as_deref().is_some_and(newest) {
            self.applied.set(seconds(snapshot.at));
        }
    }
}

fn put<M: prometheus_client::registry::Metric + Clone>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    metric: M,
) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn set(counter: &Counter, to: u64) {
    counter.inner().store(to, Ordering::Relaxed);
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

/// Takes in every cycle as it ends.
pub(super) async fn watch(shared: Arc<Shared>, stop: CancellationToken) {
    let mut snapshots = shared.controller.snapshot.subscribe();
    let mut known = None;
    while let Some(Ok(())) = stop.run_until_cancelled(snapshots.changed()).await {
        let snapshot = snapshots.borrow_and_update().clone();
        shared.metrics.cycle(&snapshot, &mut known);
    }
}

/// Writes all of it down as it is now.
pub(super) async fn scrape(State(shared): State<Arc<Shared>>) -> Response {
    shared.metrics.refresh(&shared);
    let mut page = String::new();
    match text::encode(&mut page, &shared.metrics.registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], page).into_response(),
        Err(error) => {
            let hint = "This is a mistake in driftless: please report it.";
            super::api::refused(axum::http::StatusCode::INTERNAL_SERVER_ERROR, &error.to_string(), hint)
        }
    }
}

//! Traces: the real binary, built with the feature `otel`, and a collector on loopback that takes them apart.

mod collector;

use crate::process::rig::{ENFORCE, Rig, VPC, droplet};
use collector::Collector;
use std::time::{Duration, Instant};

const ONCE: [&str; 4] = ["run", "--repo", ".", "--once"];

async fn rig() -> Rig {
    Rig::new(Duration::from_millis(20), &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_a_trace_with_its_changes_and_calls_and_without_the_token() {
    let (rig, collector) = (rig().await, Collector::new().await);
    rig.push(&[("erp.yaml", &droplet("erp", "s-1vcpu-1gb"))]);
    rig.hand().inject("POST /v2/droplets 500".parse().unwrap());
    let mut command = rig.command(&ONCE);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()).env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=ops");
    let ran = crate::process::rig::ran(command).await;
    let (spans, bytes) = (collector.spans(), collector.bytes());
    let span = |name: &str| spans.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no {name}: {ran:?}"));

    let (reconcile, run) = (span("reconcile"), span("run"));
    assert_eq!((reconcile.parent.len(), &run.parent), (0, &reconcile.id));
    let changes: Vec<_> = spans.iter().filter(|s| s.name == "change").collect();
    let of = |what: &str| changes.iter().find(|s| s.says("change", what)).unwrap_or_else(|| panic!("{changes:?}"));
    let (made, failed) = (of("Vpc/main create"), of("Droplet/erp create"));
    assert!(changes.iter().all(|s| s.parent == run.id && s.trace == reconcile.trace), "{changes:?}");
    assert_eq!((made.failed, failed.failed), (false, true));
    let call = spans.iter().find(|s| s.name == "DigitalOcean" && s.says("method", "POST") && s.parent == made.id);
    assert!(call.is_some_and(|s| s.says("path", "/v2/vpcs")), "{spans:?}");
    assert!(span("look").parent == reconcile.id && spans.iter().all(|s| s.trace == reconcile.trace));

    assert!(collector.heads().iter().all(|h| h.contains("POST /v1/traces") && h.contains("x-tenant: ops")));
    for secret in ["Bearer", "sandbox\""] {
        assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret} is in a trace");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_or_is_down_holds_nothing_up() {
    let rig = rig().await;
    let hung = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hung_at = format!("http://{}", hung.local_addr().unwrap());
    for endpoint in [hung_at.as_str(), "http://127.0.0.1:1"] {
        let mut command = rig.command(&ONCE);
        command.env("DRIFTLESS_TELEMETRY_ENDPOINT", endpoint);
        let began = Instant::now();
        let ran = crate::process::rig::ran(command).await;
        assert!(ran.code == 0 && ran.err.contains("traces"), "{ran:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
    assert!(rig.hand().read(|w| w.vpcs.iter().any(|v| v.name == "production")), "the work was done all the same");
}

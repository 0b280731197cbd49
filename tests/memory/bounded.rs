//! The journal does not grow with time: names that come and go, failures, holds and approvals leave nothing behind.
//! `DRIFTLESS_CYCLES=3000` goes on for longer.

use super::ENFORCE;
use crate::house::{House, Setup};
use driftless::model::Memory;
use driftless::ports::clock::Clock;

/// More entries than this in any list of Memory are a leak: a day has 48 cycles here.
const MOST: usize = 150;
/// The journal with its last 200 runs, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;

#[tokio::test]
async fn cycles_with_ever_changing_content_keep_the_journal_bounded() {
    let cycles = std::env::var("DRIFTLESS_CYCLES").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let clock = Clock::at("2026-01-01T00:00:00Z".parse().expect("a time"));
    let house = House::set_up(&[("settings.yaml", ENFORCE)], Setup { clock, ..Setup::default() }).await;
    let mut half = 0;
    for cycle in 0..cycles {
        let name = format!("droplets/d{cycle}.yaml");
        let former = format!("droplets/d{}.yaml", cycle - 1);
        let gone = (cycle > 0).then_some((former.as_str(), None));
        let (zone, droplet) = (zone(cycle), droplet(cycle));
        let files = [("zone.yaml", Some(zone.as_str())), (name.as_str(), Some(droplet.as_str()))];
        house.push(&files.into_iter().chain(gone).collect::<Vec<_>>()).await;
        match cycle % 4 {
            0 => house.fault("POST /v2/droplets errored count=1"),
            1 => house.fault("POST /v2/domains/*/records 500 count=1"),
            _ => {}
        }
        house.cycle().await;
        house.hand().clear_faults();
        // Of what is approved now, much is gone before it is done.
        if cycle % 3 == 0 {
            house.approve_all().await;
        }
        house.pass(1_800);
        if cycle == cycles / 2 {
            half = size(&house);
        }
    }
    let memory = house.controller.keeper.memory();
    for (what, entries) in entries(&memory) {
        assert!(entries <= MOST, "{entries} {what} after {cycles} cycles");
    }
    let size = size(&house);
    assert!(size <= LARGEST && (cycles < 500 || size <= half + half / 4), "{half} bytes, then {size}");
}

fn entries(memory: &Memory) -> [(&'static str, usize); 7] {
    [
        ("owned objects", memory.owned.len()),
        ("intents", memory.intents.len()),
        ("approvals", memory.approvals.len()),
        ("deletions", memory.deletions.len()),
        ("failures", memory.failures.len()),
        ("times", memory.since.len()),
        ("found again", memory.found.len()),
    ]
}

fn size(house: &House) -> u64 {
    let file = |name: &str| std::fs::metadata(house.folder.path().join("data").join(name)).map_or(0, |m| m.len());
    file("journal.db") + file("journal.db-wal")
}

fn zone(cycle: i32) -> String {
    let records: String =
        (cycle..cycle + 3).map(|n| format!("    - {{name: r{n}, type: A, value: 192.0.2.1}}\n")).collect();
    format!(
        "apiVersion: driftless/v1\nkind: Domain\nmetadata: {{name: example.com}}\nspec:\n  ignore: [{{type: NS, name: \"@\"}}]\n  records:\n{records}"
    )
}

fn droplet(cycle: i32) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: d{cycle}}}\npolicy: {{onRemove: destroy}}\nspec: {{region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64}}\n"
    )
}

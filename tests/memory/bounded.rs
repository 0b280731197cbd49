//! The journal does not grow with time: names that come and go, failures, holds, approvals and pauses leave nothing behind
//! for longer than a day.
//!
//! Each twelve cycles are a day and bring the same: what is remembered then is the same as the days before. `DRIFTLESS_CYCLES`
//! (a multiple of twelve) goes on for longer.

use super::ENFORCE;
use crate::house::{House, Setup};
use driftless::model::{Memory, Patch, Pause, ResourceId};
use driftless::ports::clock::Clock;
use std::collections::BTreeMap;

/// A day: two hours a cycle.
const DAY: usize = 12;
/// From when on each day ends with the same: what a day ago was counted is forgotten by then.
const STEADY: usize = 2 * DAY;
/// The journal with its last runs, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;

#[tokio::test]
async fn cycles_with_ever_changing_content_keep_the_journal_bounded() {
    let cycles = std::env::var("DRIFTLESS_CYCLES").ok().and_then(|n| n.parse().ok()).unwrap_or(5 * DAY);
    let clock = Clock::at("2026-01-01T00:00:00Z".parse().expect("a time"));
    let house = House::set_up(&[("settings.yaml", ENFORCE)], Setup { clock, ..Setup::default() }).await;
    let (mut most, mut steady) = (BTreeMap::new(), BTreeMap::new());
    for cycle in 1..=cycles {
        turn(&house, cycle).await;
        let now = counted(&house.controller.keeper.memory());
        for (what, entries) in &now {
            let most: &mut usize = most.entry(*what).or_default();
            *most = (*most).max(*entries);
        }
        if cycle == STEADY {
            steady = now;
        } else if cycle > STEADY && cycle % DAY == 0 {
            assert_eq!(now, steady, "after {cycle} cycles");
        }
    }
    let idle: Vec<_> = most.iter().filter(|(what, most)| **most == 0 && !NOT_HERE.contains(what)).collect();
    assert!(idle.is_empty(), "what never fills proves nothing: {idle:?}");
    tables(&house, &steady, cycles).await;
    let size = size(&house);
    assert!(size <= LARGEST, "{size} bytes");
}

/// What this story has no use for: nothing is lost in it, and nothing moves.
const NOT_HERE: [&str; 3] = ["found again", "pins", "led"];

/// A document comes under a new name, another goes, and so do records; some of it fails, is held, approved or paused.
async fn turn(house: &House, cycle: usize) {
    let id = |n: usize| ResourceId::new("Droplet", format!("d{n}"));
    let (name, former) = (format!("droplets/d{cycle}.yaml"), format!("droplets/d{}.yaml", cycle - 1));
    let gone = (cycle > 1).then_some((former.as_str(), None));
    let (zone, droplet) = (zone(cycle), droplet(cycle));
    let files = [("zone.yaml", Some(zone.as_str())), (name.as_str(), Some(droplet.as_str()))];
    house.push(&files.into_iter().chain(gone).collect::<Vec<_>>()).await;
    match cycle % 4 {
        0 => house.fault("POST /v2/droplets errored count=1"),
        1 => house.fault("POST /v2/droplets lost-reply count=1"),
        2 => house.fault("POST /v2/domains/*/records 500 count=1"),
        _ => {}
    }
    let pause = || Pause { reason: "by hand".to_owned(), until: None };
    let act = match cycle % 6 {
        3 => Some(Patch::Pause(id(cycle), pause())),
        5 => Some(Patch::Resume(id(cycle - 2))),
        _ => None,
    };
    house.controller.keeper.write(&act.into_iter().collect::<Vec<_>>()).await.expect("written");
    // Somebody changes by hand what stays.
    house.hand().edit(|world| {
        let zone = world.domains.get_mut("example.com");
        let records = zone.into_iter().flat_map(|zone| zone.records.values_mut());
        records.filter(|record| record.name == "stays").for_each(|record| record.ttl = 60);
    });
    house.cycle().await;
    house.hand().clear_faults();
    // Of what is approved now, some is gone before it is done.
    if cycle.is_multiple_of(3) {
        house.approve_all().await;
    }
    house.pass(24 * 3_600 / DAY as u64);
}

/// Every collection of Memory; a new one does not compile until it is counted here.
fn counted(memory: &Memory) -> BTreeMap<&'static str, usize> {
    let Memory {
        estate: _,
        team: _,
        owned,
        intents,
        pauses,
        approvals,
        deletions,
        failures,
        since,
        frozen: _,
        serial: _,
        found,
        lost: _,
        limits: _,
        pins,
        put_back,
        led,
    } = memory;
    BTreeMap::from([
        ("owned", owned.len()),
        ("parts", owned.values().map(|o| o.parts.len() + o.wrote.len() + o.needs.len() + o.retiring.len()).sum()),
        ("intents", intents.len()),
        ("pauses", pauses.len()),
        ("approvals", approvals.len()),
        ("deletions", deletions.len()),
        ("failures", failures.len()),
        ("since", since.len()),
        ("found again", found.len()),
        ("pins", pins.len()),
        ("put back", put_back.values().map(Vec::len).sum()),
        ("led", led.len()),
    ])
}

/// Every table of the journal holds what Memory does, and no more than a run a cycle.
async fn tables(house: &House, memory: &BTreeMap<&'static str, usize>, cycles: usize) {
    let path = house.folder.path().join("data/journal.db");
    let journal = sqlx::SqlitePool::connect(&path.display().to_string()).await.expect("the journal");
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&journal).await.expect("tables");
    assert!(names.len() >= 9, "{names:?}");
    for name in names {
        let count = format!("SELECT count(*) FROM {name}");
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&journal).await.expect("a number");
        let most = match name.as_str() {
            "runs" => cycles.min(200),
            "looks" => 1,
            // A row for each single value.
            "meta" => 9,
            table => *memory.get(table).unwrap_or_else(|| panic!("{table} is counted nowhere")),
        };
        assert!(usize::try_from(rows).expect("a count") <= most, "{rows} rows in {name}");
    }
}

fn size(house: &House) -> u64 {
    let file = |name: &str| std::fs::metadata(house.folder.path().join("data").join(name)).map_or(0, |m| m.len());
    file("journal.db") + file("journal.db-wal")
}

fn zone(cycle: usize) -> String {
    let record = |name: String| format!("    - {{name: {name}, type: A, value: 192.0.2.1}}\n");
    let records: String = (cycle..cycle + 3).map(|n| format!("r{n}")).chain(["stays".to_owned()]).map(record).collect();
    format!(
        "apiVersion: driftless/v1\nkind: Domain\nmetadata: {{name: example.com}}\nspec:\n  ignore: [{{type: NS, name: \"@\"}}]\n  records:\n{records}"
    )
}

fn droplet(cycle: usize) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: d{cycle}}}\npolicy: {{onRemove: destroy}}\nspec: {{region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64}}\n"
    )
}

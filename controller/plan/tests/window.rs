//! Sync windows: when they are open, when the next one opens, and what waits for it.

use super::*;
use crate::plan::window::shut;

fn windows(all: &[(&[&str], &str, &str)]) -> Vec<Window> {
    let window = |(days, hours, timezone): &(&[&str], &str, &str)| Window {
        days: days.iter().map(|day| (*day).to_owned()).collect(),
        hours: (*hours).to_owned(),
        timezone: (*timezone).to_owned(),
    };
    all.iter().map(window).collect()
}

/// `open`, or until when it is shut.
fn at(all: &[Window], time: &str) -> String {
    let time: Timestamp = time.parse().expect("a time");
    match shut(all, time) {
        None => "open".to_owned(),
        Some(shut) => {
            let until = shut.until.map(|until| until.to_string()).unwrap_or_default();
            assert!(
                shut.until.is_none_or(|until| super::super::window::shut(all, until).is_none()),
                "it opens at {until}"
            );
            format!("{} = {until}", shut.words)
        }
    }
}

#[test]
fn the_table_of_windows() {
    let office = windows(&[(&["mon-fri"], "08:00-18:00", "Asia/Manila")]);
    // Manila is eight hours ahead; 2026-01-02 is a Friday.
    for (time, expected) in [
        ("2026-01-02T00:00:00Z", "open"),
        ("2026-01-01T23:59:59Z", "until Fri 08:00 Asia/Manila = 2026-01-02T00:00:00Z"),
        ("2026-01-02T09:59:59Z", "open"),
        ("2026-01-02T10:00:00Z", "until Mon 08:00 Asia/Manila = 2026-01-05T00:00:00Z"),
    ] {
        assert_eq!(at(&office, time), expected, "{time}");
    }
    let nights = windows(&[(&["fri"], "22:00-06:00", "UTC")]);
    for (time, expected) in [
        ("2026-01-02T21:59:59Z", "until Fri 22:00 UTC = 2026-01-02T22:00:00Z"),
        ("2026-01-02T22:00:00Z", "open"),
        ("2026-01-03T05:59:59Z", "open"),
        // Friday's night ends on Saturday morning; Thursday's never began. The day alone would be taken for today.
        ("2026-01-03T06:00:00Z", "until Fri 2026-01-09 22:00 UTC = 2026-01-09T22:00:00Z"),
        ("2026-01-02T03:00:00Z", "until Fri 22:00 UTC = 2026-01-02T22:00:00Z"),
    ] {
        assert_eq!(at(&nights, time), expected, "{time}");
    }
    let weekend = windows(&[(&["fri-mon"], "00:00-24:00", "UTC")]);
    for (time, expected) in [
        ("2026-01-05T23:59:59Z", "open"),
        ("2026-01-06T00:00:00Z", "until Fri 00:00 UTC = 2026-01-09T00:00:00Z"),
        ("2026-01-09T00:00:00Z", "open"),
        ("2026-01-10T12:00:00Z", "open"),
    ] {
        assert_eq!(at(&weekend, time), expected, "{time}");
    }
    assert_eq!(at(&[], "2026-01-06T00:00:00Z"), "open", "a repo without windows is always open");
    // Two windows: any open one counts, and the sooner opening is told with its own zone.
    let two = windows(&[(&["mon"], "08:00-09:00", "Asia/Manila"), (&["sun"], "20:00-21:00", "Europe/Berlin")]);
    assert_eq!(at(&two, "2026-01-04T12:00:00Z"), "until Sun 20:00 Europe/Berlin = 2026-01-04T19:00:00Z");
    assert_eq!(at(&two, "2026-01-04T20:00:00Z"), "until Mon 08:00 Asia/Manila = 2026-01-05T00:00:00Z");
    // The repo room refuses these; should one get here, it never opens.
    assert_eq!(
        at(&windows(&[(&["mon"], "08:00-09:00", "Asia/Manilla")]), "2026-01-05T00:30:00Z"),
        "as none of the windows ever opens = "
    );
}

#[test]
fn windows_follow_the_clock_on_the_wall_through_changes_of_time() {
    // In Berlin 02:00 becomes 03:00 on 2026-03-29, and 03:00 becomes 02:00 on 2026-10-25; both are Sundays.
    let night = windows(&[(&["sun"], "02:30-04:00", "Europe/Berlin")]);
    for (time, expected) in [
        ("2026-03-29T01:29:59Z", "until Sun 03:30 Europe/Berlin = 2026-03-29T01:30:00Z"),
        ("2026-03-29T01:59:59Z", "open"),
        ("2026-03-29T02:00:00Z", "until Sun 2026-04-05 02:30 Europe/Berlin = 2026-04-05T00:30:00Z"),
        ("2026-10-25T00:30:00Z", "open"),
        ("2026-10-25T02:59:59Z", "open"),
    ] {
        assert_eq!(at(&night, time), expected, "{time}");
    }
    let office = windows(&[(&["sun-sat"], "08:00-18:00", "Europe/Berlin")]);
    assert_eq!(at(&office, "2026-03-28T06:59:59Z"), "until Sat 08:00 Europe/Berlin = 2026-03-28T07:00:00Z");
    assert_eq!(at(&office, "2026-03-29T05:59:59Z"), "until Sun 08:00 Europe/Berlin = 2026-03-29T06:00:00Z");
}

/// A stage on a Thursday noon with a window on Monday.
fn shut_stage() -> Stage {
    let mut stage = Stage::new();
    stage.estate.settings.windows = windows(&[(&["mon"], "08:00-18:00", "Asia/Manila")]);
    stage
}

#[test]
fn outside_of_every_window_nothing_goes_and_the_next_opening_catches_up() {
    let mut stage = shut_stage();
    stage.settled("1", "drifted");
    stage.found(&Scope::of("Crate")).clear();
    stage.owned("1", "drifted", |state| state.paint = "by hand".to_owned());
    stage.want("new", |_| {});
    stage.want("held", |w| w.wood = "elm".to_owned());
    stage.owned("2", "held", |_| {});
    let plan = stage.plan();
    assert_eq!(
        short(&plan),
        [
            "Crate/drifted#all update |",
            "Crate/held replace !destroys",
            "Crate/held#2 retire !replaced",
            "Crate/new create |"
        ],
    );
    let opens: Timestamp = "2026-01-05T00:00:00Z".parse().expect("a time");
    assert_eq!(plan.next_due, Some(opens));
    assert_eq!(
        get(&plan, &whole("new", Verb::Create)).standing,
        Standing::Closed("until Mon 08:00 Asia/Manila".to_owned())
    );
    stage.world.as_of = opens;
    assert_eq!(stage.plan().going().count(), 2, "what was missed is caught up");
}

#[test]
fn somebody_who_says_now_passes_the_windows() {
    let mut stage = shut_stage();
    stage.want("new", |_| {});
    assert_eq!(short(&stage.plan()), ["Crate/new create |"]);
    stage.brakes.windows_pass = true;
    assert_eq!((short(&stage.plan()), stage.plan().next_due), (vec!["Crate/new create".to_owned()], None));
}

#[test]
fn a_window_lets_nothing_go_that_is_held() {
    let mut stage = shut_stage();
    stage.brakes.windows_pass = true;
    stage.want("held", |w| w.wood = "elm".to_owned());
    stage.owned("2", "held", |_| {});
    assert_eq!(stage.plan().going().count(), 0);
}

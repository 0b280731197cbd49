//! The rules of the Settings document that a schema cannot say, and what to write where there is none.

use super::flaw::Flaw;
use super::yaml::Node;
use crate::model::settings::DAYS;
use crate::model::{ResourceId, Settings};

/// What is wrong in Settings that fit their schema.
pub(super) fn check(settings: &Settings, root: &Node) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut tell = |path: String, message: String, label: &str| {
        let (node, _) = root.find(&path);
        flaws.push(Flaw::at(node.at, path, message, label));
    };
    for (w, window) in settings.windows.iter().enumerate() {
        for (d, days) in window.days.iter().enumerate() {
            if !are_days(days) {
                let label = "expected mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri";
                tell(format!("spec.windows[{w}].days[{d}]"), format!("{days:?} is no day of the week"), label);
            }
        }
        if window.days.is_empty() {
            tell(format!("spec.windows[{w}].days"), "a window without days is never open".into(), "name a day");
        }
        if !are_hours(&window.hours) {
            let label = "expected from-to, such as \"08:00-18:00\"";
            tell(format!("spec.windows[{w}].hours"), format!("{:?} are no hours", window.hours), label);
        }
        if window.zone().is_none() {
            let label = "expected an IANA name, such as Asia/Manila";
            tell(format!("spec.windows[{w}].timezone"), format!("{:?} is no time zone", window.timezone), label);
        }
    }
    for (a, alert) in settings.alerts.iter().enumerate() {
        if let Some(quiet) = alert.quiet.as_ref().filter(|quiet| !are_hours(quiet)) {
            let label = "expected from-to, such as \"22:00-06:00\"";
            tell(format!("spec.alerts[{a}].quiet"), format!("{quiet:?} are no hours"), label);
        }
    }
    for (s, silence) in settings.silence.iter().enumerate() {
        if silence.id.parse::<ResourceId>().is_err() {
            let label = "expected Kind/name, such as Firewall/production";
            tell(format!("spec.silence[{s}].id"), format!("{:?} is no id", silence.id), label);
        }
        if silence.until.parse::<jiff::civil::Date>().is_err() {
            let label = "expected a day, such as 2026-12-31";
            tell(format!("spec.silence[{s}].until"), format!("{:?} is no day", silence.until), label);
        }
    }
    if settings.interval.0 < 10 {
        tell("spec.interval".into(), format!("{} is too short", settings.interval), "expected at least 10s");
    }
    let branch = &settings.reports.branch;
    if branch.is_empty() || branch.starts_with(['/', '-']) || branch.ends_with(['/', '.']) || branch.contains("..") {
        tell("spec.reports.branch".into(), format!("{branch:?} is no name of a branch"), "such as driftless/reports");
    }
    if super::tree::join("", &settings.reports.path).is_none() {
        tell("spec.reports.path".into(), "reports.path leaves the repo".into(), "expected a folder, such as reports");
    }
    flaws
}

/// What a repo without Settings lacks.
pub(super) const SNIPPET: &str = "driftless init writes it; the least that it needs:
  apiVersion: driftless/v1
  kind: Settings
  metadata: {name: settings}
  spec:
    estate: production
    id: (a uuid of your own: uuidgen prints one)
    mode: observe";

fn are_days(text: &str) -> bool {
    let day = |d: &str| DAYS.contains(&d);
    match text.split_once('-') {
        Some((from, to)) => day(from) && day(to),
        None => day(text),
    }
}

fn are_hours(text: &str) -> bool {
    let time = |t: &str| {
        t.len() == 5
            && t.split_once(':').is_some_and(|(h, m)| {
                let number = |n: &str, most: u8| n.len() == 2 && n.parse::<u8>().is_ok_and(|n| n <= most);
                (number(h, 23) && number(m, 59)) || t == "24:00"
            })
    };
    text.split_once('-').is_some_and(|(from, to)| time(from) && time(to) && from != to)
}

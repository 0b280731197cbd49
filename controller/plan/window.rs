//! Sync windows: whether writing is allowed at a moment, and if not, when it is next. Pure: the moment is the caller's.
//!
//! A window belongs to the day on which it opens, so `fri, 22:00-06:00` ends on Saturday morning. Days in which clocks
//! change: an hour that is left out moves what opens or closes in it to as long after, so that a window keeps its
//! length; of an hour that comes twice, the first one counts.

use super::assemble::Draft;
use crate::model::{Cause, Planned, Standing, Verb, Window};
use jiff::Timestamp;
use jiff::civil::Date;

/// Days that are looked at for the next opening: a week, and a few for windows that a change of clocks swallows.
const AHEAD: i64 = 16;

/// Says why nothing may be written now, where every window is shut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shut {
    /// When the next window opens; none where none ever does.
    pub until: Option<Timestamp>,
    /// The same in the words of its document: `Mon 08:00 Asia/Manila`.
    pub words: String,
}

/// Says whether every window is shut at a moment. A repo without windows is always open.
pub fn shut(windows: &[Window], at: Timestamp) -> Option<Shut> {
    if windows.is_empty() {
        return None;
    }
    let mut next: Option<(Timestamp, String)> = None;
    for window in windows {
        for (opens, closes) in openings(window, at) {
            if opens <= at && at < closes {
                return None;
            }
            if opens > at && next.as_ref().is_none_or(|(soonest, _)| opens < *soonest) {
                next = Some((opens, words(window, opens, at)));
            }
        }
    }
    Some(match next {
        Some((until, words)) => Shut { until: Some(until), words: format!("until {words}") },
        None => Shut { until: None, words: "as none of the windows ever opens".to_owned() },
    })
}

/// When a window opens and closes, from the day before a moment on.
fn openings(window: &Window, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let zone = window.zone();
    let hours = window.minutes();
    let today = zone.as_ref().map(|zone| at.to_zoned(zone.clone()).date());
    let days = (-1..AHEAD).filter_map(move |n| today?.checked_add(jiff::Span::new().days(n)).ok());
    days.filter(|day| window.includes(day.weekday())).filter_map(move |day| {
        let ((from, to), zone) = (hours?, zone.as_ref()?);
        // What ends no later than it begins ends on the next day.
        let to = if to > from { to } else { to + 24 * 60 };
        let moment = |minutes| moment(zone, day, minutes);
        Some((moment(from)?, moment(to)?)).filter(|(opens, closes)| opens < closes)
    })
}

/// A day's minute as an instant; minutes beyond the day are the next day's.
fn moment(zone: &jiff::tz::TimeZone, day: Date, minutes: u16) -> Option<Timestamp> {
    let (days, minutes) = (i64::from(minutes / (24 * 60)), minutes % (24 * 60));
    let day = day.checked_add(jiff::Span::new().days(days)).ok()?;
    let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
    zone.to_timestamp(day.at(hour, minute, 0, 0)).ok()
}

/// `Mon 08:00 Asia/Manila`, with the date where the day alone would be the wrong one.
fn words(window: &Window, opens: Timestamp, at: Timestamp) -> String {
    let Some(zone) = window.zone() else { return String::new() };
    let far = opens.duration_since(at).as_hours() >= 6 * 24;
    let format = if far { "%a %Y-%m-%d %H:%M" } else { "%a %H:%M" };
    format!("{} {}", opens.to_zoned(zone).strftime(format), window.timezone)
}

impl Draft<'_> {
    /// Keeps back what would go while every window is shut, and notes when the next one opens: then all of it is caught up.
    ///
    /// What an interrupted run of ours left in a bad state (powered off for a resize) is brought back at any time, as
    /// the run itself would have done after its window had closed.
    pub(super) fn windows(&mut self) {
        if self.brakes.windows_pass {
            return;
        }
        let Some(shut) = shut(&self.estate.settings.windows, self.world.as_of) else { return };
        let mut kept = false;
        for change in self.changes.iter_mut().filter(|c| c.goes() && !recovers(c)) {
            change.standing = Standing::Closed(shut.words.clone());
            kept = true;
        }
        if let (true, Some(until)) = (kept, shut.until) {
            self.due(until);
        }
    }
}

/// Says whether a change ends interrupted work on an object that stands in a bad state meanwhile.
pub fn recovers(change: &Planned) -> bool {
    change.cause == Cause::Recovery && change.key.verb == Verb::Update
}

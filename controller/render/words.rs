//! Counts, durations and times in words. Pure; the clock is the caller's.

use jiff::{SignedDuration, Timestamp};

/// `1 resource`, `3 resources`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}

/// `12,345`.
pub(crate) fn number(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `8 ms`, `0.8 s`, `42 s`, `1 m 42 s`, `2 h 5 m`.
pub(crate) fn took(ms: u64) -> String {
    match ms {
        0..100 => format!("{ms} ms"),
        100..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => seconds(ms / 1000),
    }
}

/// `40 s`, `1 m 42 s`, `2 h 5 m`, `3 d 4 h`.
pub(crate) fn seconds(s: u64) -> String {
    let (big, small) = match s {
        0..60 => return format!("{s} s"),
        60..3_600 => ((s / 60, "m"), (s % 60, "s")),
        3_600..86_400 => ((s / 3_600, "h"), (s % 3_600 / 60, "m")),
        _ => ((s / 86_400, "d"), (s % 86_400 / 3_600, "h")),
    };
    match small.0 {
        0 => format!("{} {}", big.0, big.1),
        n => format!("{} {} {n} {}", big.0, big.1, small.1),
    }
}

/// `in 40 s`, or `now` for what is due.
pub(crate) fn until(now: Timestamp, then: Timestamp) -> String {
    let left = then.duration_since(now);
    if left <= SignedDuration::ZERO {
        return "now".to_owned();
    }
    let whole = left.as_secs() + i64::from(left.subsec_nanos() > 0);
    format!("in {}", seconds(whole.unsigned_abs()))
}

/// `2026-11-22 14:02 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Ends a sentence where it has no end of its own.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    match text.chars().last() {
        None => String::new(),
        Some('.' | '!' | '?' | ':' | '"') => text.to_owned(),
        Some(_) => format!("{text}."),
    }
}

/// The first seven digits of a commit; another name stays whole.
pub(crate) fn short(commit: &str) -> String {
    if !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
        return clip(commit, 60);
    }
    commit.chars().take(7).collect()
}

/// Cuts a text to at most so many characters, and shows that it was cut.
pub(crate) fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

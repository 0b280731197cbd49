//! Keeps an error's first wording while only its numbering moves: a request id, a count of tries, seconds left. So the
//! exact error stands in the report, and its repetition is no news.

/// Chooses between the wording of now and that of the last report.
pub(super) fn keep(now: String, before: Option<&str>) -> String {
    match before {
        Some(before) if same(&now, before) => before.to_owned(),
        _ => now,
    }
}

/// Says whether two texts differ in nothing but what ticks.
fn same(a: &str, b: &str) -> bool {
    a == b || settled(a) == settled(b)
}

fn settled(text: &str) -> Vec<&str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut out = Vec::with_capacity(words.len());
    for (i, word) in words.iter().enumerate() {
        let after_request = i.checked_sub(1).and_then(|p| words.get(p)).is_some_and(|w| bare(w) == "request");
        let before_unit = words.get(i + 1).is_some_and(|w| UNITS.contains(&bare(w)));
        let ticks = (after_request && has_digit(word)) || (number(bare(word)) && before_unit) || span(bare(word));
        out.push(if ticks { "\u{2026}" } else { word });
    }
    out
}

const UNITS: &[&str] = &[
    "s", "ms", "m", "h", "second", "seconds", "minute", "minutes", "try", "tries", "attempt", "attempts", "times",
    "calls",
];

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

fn number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

fn has_digit(word: &str) -> bool {
    word.bytes().any(|b| b.is_ascii_digit())
}

/// `34s`, `250ms`.
fn span(word: &str) -> bool {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    number(digits) && matches!(word.get(digits.len()..), Some("s" | "ms" | "m" | "h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_request_id_or_countdown_is_no_news_and_a_new_status_is() {
        let first = "DigitalOcean answered 503 to GET /v2/droplets (request 4d9d8375) after 4 tries in 12.5 s";
        let again = "DigitalOcean answered 503 to GET /v2/droplets (request 99ab01ff) after 5 tries in 9 s";
        assert_eq!(keep(again.to_owned(), Some(first)), first);
        let other = first.replace("503", "500");
        assert_eq!(keep(other.clone(), Some(first)), other);
        assert_eq!(keep("x".to_owned(), None), "x");
    }
}

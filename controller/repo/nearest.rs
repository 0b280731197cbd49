//! "Did you mean": the known word that a typed one is closest to.

/// The closest of some words, if one is close enough to be what was meant: a few letters off, or the one of which it
/// is the beginning (or the other way round: `sunday` for `SUN`).
pub(super) fn nearest<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = typed.to_lowercase();
    let words: Vec<&str> = words.into_iter().collect();
    close(&wanted, typed, &words).or_else(|| {
        let longer = |a: &str, b: &str| b.len() >= 3 && a.starts_with(b);
        let mut alike = words.iter().filter(|word| {
            let word = word.to_lowercase();
            longer(&wanted, &word) || longer(&word, &wanted)
        });
        alike.next().filter(|_| alike.next().is_none()).copied()
    })
}

fn close<'a>(wanted: &str, typed: &str, words: &[&'a str]) -> Option<&'a str> {
    let limit = (typed.chars().count() / 3).clamp(1, 3);
    words
        .iter()
        .filter(|word| word.len().abs_diff(typed.len()) <= 8)
        .map(|word| (strsim::osa_distance(wanted, &word.to_lowercase()), *word))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// `did you mean "main"?`, or nothing.
pub(super) fn did_you_mean<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(typed, words).map(|word| format!("did you mean {word:?}?"))
}

/// The first few of some words: `name, region, size, …`.
pub(super) fn some_of<'a>(words: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let mut words = words.into_iter();
    let mut shown: Vec<&str> = words.by_ref().take(most).collect();
    if words.next().is_some() {
        shown.push("…");
    }
    shown.join(", ")
}

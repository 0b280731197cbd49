//! What a command line asks a shell for: which script, with which words. Owns that reading; runs nothing.
//!
//! The shell that is simulated knows neither `sh -s -- WORDS` nor a `timeout` of more than five minutes: both are taken
//! off here, where they stand at the beginning of a line.

use std::time::Duration;

/// A script with what it is called with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    pub(super) script: String,
    /// `$0`.
    pub(super) name: String,
    /// `$1` and on.
    pub(super) words: Vec<String>,
    /// Its standard input.
    pub(super) stdin: Vec<u8>,
    /// After how long it is ended.
    pub(super) within: Option<Duration>,
}

impl Invocation {
    /// Reads a command line and its standard input.
    pub(super) fn of(line: &str, stdin: Vec<u8>) -> Self {
        let plain = |stdin| Self { script: line.to_owned(), name: "bash".to_owned(), stdin, ..Self::default() };
        let Some(words) = words(line) else { return plain(stdin) };
        let mut rest = words.as_slice();
        if let ["sudo", more @ ..] = strs(rest).as_slice() {
            let skipped = more.iter().take_while(|word| word.starts_with('-')).count();
            rest = rest.get(1 + skipped..).unwrap_or_default();
        }
        let mut within = None;
        if let ["sh", "-c", bound, seconds, _, ..] = strs(rest).as_slice()
            && bound.contains("exec timeout ")
            && bound.ends_with("exec \"$@\"")
            && let Ok(seconds) = seconds.parse()
        {
            within = Some(Duration::from_secs(seconds));
            rest = rest.get(4..).unwrap_or_default();
        }
        match strs(rest).as_slice() {
            ["sh", "-s", "--", words @ ..] => Self {
                script: String::from_utf8_lossy(&stdin).into_owned(),
                name: "sh".to_owned(),
                words: words.iter().map(|word| (*word).to_owned()).collect(),
                stdin: Vec::new(),
                within,
            },
            ["sh", "-c", script, words @ ..] => Self {
                script: (*script).to_owned(),
                name: words.first().map_or("sh", |name| *name).to_owned(),
                words: words.iter().skip(1).map(|word| (*word).to_owned()).collect(),
                stdin,
                within,
            },
            // The words themselves, as a line of their own.
            _ if within.is_some() => Self { script: super::shell::line(rest), within, ..plain(stdin) },
            _ => plain(stdin),
        }
    }
}

fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// The words of a line that is nothing but one command with plain and single-quoted words.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut signs = line.trim().chars();
    while let Some(sign) = signs.next() {
        match sign {
            ' ' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match signs.next()? {
                        '\'' => break,
                        inside => word.push(inside),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(signs.next()?),
            other if other.is_ascii_alphanumeric() || "-_./:=@%+,~".contains(other) || !other.is_ascii() => {
                word.get_or_insert_default().push(other);
            }
            _ => return None,
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_script_is_taken_out_of_what_bounds_it() {
        let bound = r#"'command -v timeout >/dev/null 2>&1 && exec timeout -k 5 "$0" "$@"; exec "$@"'"#;
        let seen = Invocation::of(&format!("sudo -n -- sh -c {bound} 31 sh -s -- root 'a b'"), b"echo $1".to_vec());
        assert_eq!(
            (seen.script.as_str(), seen.words.as_slice()),
            ("echo $1", ["root".to_owned(), "a b".to_owned()].as_slice())
        );
        assert_eq!((seen.within, seen.stdin.len()), (Some(Duration::from_secs(31)), 0));
        let seen = Invocation::of(&format!(r"sh -c {bound} 5 sh -c 'echo '\''x'\''' driftless one"), b"in".to_vec());
        assert_eq!((seen.script.as_str(), seen.name.as_str(), seen.words.len()), ("echo 'x'", "driftless", 1));
        let seen = Invocation::of(&format!("sh -c {bound} 5 docker ps"), Vec::new());
        assert_eq!(seen.script, "'docker' 'ps'");
        let seen = Invocation::of("printf '\\n%s\\n' hello; ", Vec::new());
        assert_eq!((seen.script.as_str(), seen.within), ("printf '\\n%s\\n' hello; ", None));
    }
}

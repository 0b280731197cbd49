//! The variables of compose files. Pure.

use std::collections::BTreeMap;

/// Variables by name.
pub(super) type Variables = BTreeMap<String, String>;

/// Reads an environment file: `NAME=value` a line, comments, quotes.
pub(super) fn environment(text: &str) -> Variables {
    let one = |line: &str| {
        let line = line.trim().trim_start_matches("export ");
        if line.starts_with('#') {
            return None;
        }
        let (name, value) = line.split_once('=')?;
        let value = value.trim();
        let bare = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let value = match (bare('"'), bare('\'')) {
            (Some(double), _) => {
                double.replace("\\n", "\n").replace("\\\"", "\"").replace("\\$", "$").replace("\\\\", "\\")
            }
            (_, Some(single)) => single.replace("\\'", "'"),
            _ => value.split(" #").next().unwrap_or(value).trim().to_owned(),
        };
        Some((name.trim().to_owned(), value))
    };
    text.lines().filter_map(one).collect()
}

/// A text with its variables filled in.
pub(super) fn filled(text: &str, variables: &Variables) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let (inner, after) = closed(after).ok_or_else(|| format!("invalid interpolation format for {text:?}"))?;
            out.push_str(&expression(inner, variables)?);
            rest = after;
        } else {
            let name = name(after);
            if name.is_empty() {
                return Err(format!(
                    "invalid interpolation format for {text:?}. You may need to escape any $ with another $"
                ));
            }
            out.push_str(variables.get(name).map(String::as_str).unwrap_or_default());
            rest = after.strip_prefix(name).unwrap_or_default();
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at_checked(end).map_or(text, |(name, _)| name)
}

/// What stands before the brace that closes this one, and after it.
fn closed(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    for (at, sign) in text.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
    }
    None
}

fn expression(inner: &str, variables: &Variables) -> Result<String, String> {
    let name = name(inner);
    let tail = inner.strip_prefix(name).unwrap_or_default();
    let value = variables.get(name).map(String::as_str);
    let full = value.filter(|value| !value.is_empty());
    let missing = |why: &str| {
        let why = if why.is_empty() { "required" } else { why };
        format!("required variable {name} is missing a value: {why}")
    };
    let (value, word, how) = match tail.strip_prefix(':') {
        Some(tail) => (full, tail.get(1..).unwrap_or_default(), tail.chars().next()),
        None => (value, tail.get(1..).unwrap_or_default(), tail.chars().next()),
    };
    match (how, value) {
        (None, value) => Ok(value.unwrap_or_default().to_owned()),
        (Some('-'), Some(value)) | (Some('?'), Some(value)) => Ok(value.to_owned()),
        (Some('-'), None) => filled(word, variables),
        (Some('?'), None) => Err(missing(word)),
        (Some('+'), Some(_)) => filled(word, variables),
        (Some('+'), None) => Ok(String::new()),
        _ => Err(format!("invalid interpolation format for \"${{{inner}}}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_as_compose_does() {
        let variables = environment("# one\nA=1\nexport B=\"two \\\"x\\\"\"\nC='$A'\nEMPTY=\n");
        for (text, expected) in [
            ("$A-${B}", "1-two \"x\""),
            ("${C}$$", "$A$"),
            ("${D:-${A}x}", "1x"),
            ("${EMPTY-a}${EMPTY:-b}", "b"),
            ("${A:+yes}${D+no}", "yes"),
        ] {
            assert_eq!(filled(text, &variables).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(
            filled("${D:?say it}", &variables),
            Err("required variable D is missing a value: say it".to_owned())
        );
        assert!(filled("${D", &variables).is_err() && filled("$ ", &variables).is_err());
    }
}

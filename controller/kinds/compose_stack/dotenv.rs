//! Reads a file of variables as compose does: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/.
//! What it cannot say for certain it says so, line by line. Pure.

/// A line that names a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: usize,
    /// The variable's name.
    pub(super) name: String,
    /// What it is set to, or what keeps it from being known.
    pub(super) value: Result<String, &'static str>,
}

/// All variables in the order of their lines; of two with one name, the last one counts.
pub(super) fn read(text: &str) -> Vec<Line> {
    let mut all = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name.trim_end(), of(value.trim_start())),
            None => (line, Err("has no = after its name")),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let value = if name.chars().all(plain) && !name.is_empty() { value } else { Err("begins with no name") };
        all.push(Line { number: at + 1, name: name.to_owned(), value });
    }
    all
}

/// The value after the sign.
fn of(written: &str) -> Result<String, &'static str> {
    const OTHER: &str = "is put together from another variable";
    let rest = |after: &str, value: String| match after.trim_start() {
        "" => Ok(value),
        comment if comment.starts_with('#') => Ok(value),
        _ => Err("has something after its closing quote"),
    };
    let mut value = String::new();
    match written.chars().next() {
        Some(quote @ ('\'' | '"')) => {
            let mut letters = written.char_indices().skip(1);
            while let Some((at, letter)) = letters.next() {
                match letter {
                    '\\' if quote == '"' => match letters.next().ok_or(OPEN)?.1 {
                        'n' | 'r' => return Err("has several lines"),
                        't' => value.push('\t'),
                        plain => value.push(plain),
                    },
                    '\\' if written.get(at..).is_some_and(|rest| rest.starts_with("\\'")) => {
                        value.push('\'');
                        letters.next();
                    }
                    '$' if quote == '"' => return Err(OTHER),
                    _ if letter == quote => return rest(written.get(at + 1..).unwrap_or_default(), value),
                    _ => value.push(letter),
                }
            }
            Err(OPEN)
        }
        _ => {
            let end = if written.starts_with('#') { Some(0) } else { written.find(" #").or(written.find("\t#")) };
            let value = written.get(..end.unwrap_or(written.len())).unwrap_or_default().trim_end();
            if value.contains('$') { Err(OTHER) } else { Ok(value.to_owned()) }
        }
    }
}

const OPEN: &str = "has a quote that does not close on its line";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_compose_reads_them() {
        let table = [
            ("A=1", Ok("1")),
            ("export A = b c  # said", Ok("b c")),
            ("A=b#c", Ok("b#c")),
            ("A=", Ok("")),
            ("A='it\\'s $5' # said", Ok("it's $5")),
            ("A=\"x\\\"y\\$z\"", Ok("x\"y$z")),
            ("A=\"one\\ntwo\"", Err("has several lines")),
            ("A=${B}/c", Err("is put together from another variable")),
            ("A=\"$B\"", Err("is put together from another variable")),
            ("A='open", Err(OPEN)),
            ("A='b' c", Err("has something after its closing quote")),
            ("A", Err("has no = after its name")),
        ];
        for (text, value) in table {
            let lines = read(&format!("\n# said\n{text}\n"));
            let of: Vec<_> = lines
                .iter()
                .map(|line| (line.number, line.name.as_str(), line.value.as_deref().map_err(|why| *why)))
                .collect();
            assert_eq!(of, [(3, "A", value)], "{text}");
        }
        assert_eq!(read("a-b=1")[0].value, Err("begins with no name"));
    }
}

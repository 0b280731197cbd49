//! Bytes as hex digits, and back.

/// Writes bytes as hex digits, in lower case.
pub fn hex(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

/// Reads hex digits, in either case; none where something else is among them, or a digit lacks its pair.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let half = |digit: char| digit.to_digit(16).and_then(|n| u8::try_from(n).ok());
    let halves: Vec<u8> = text.chars().map(half).collect::<Option<_>>()?;
    let pairs = halves.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    whole.then(|| pairs.map(|pair| pair.iter().fold(0, |byte, half| byte << 4 | half)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_in_either_case_and_nothing_else_is() {
        assert_eq!(unhex("00fF"), Some(vec![0, 255]));
        assert_eq!(unhex(""), Some(Vec::new()));
        for odd in ["0", "0g", "é0", "0 ", "000"] {
            assert_eq!(unhex(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&all)), Some(all));
    }
}

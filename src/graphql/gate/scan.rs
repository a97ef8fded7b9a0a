//! Counting before parsing.

use super::{Limits, Refused, too_deep};

/// Counts tokens and brackets without understanding them.
pub(super) fn scan(query: &str, limits: &Limits) -> Result<(), Refused> {
    let (mut tokens, mut nesting) = (0_usize, 0_usize);
    let mut rest = query.as_bytes();
    while let Some(&first) = rest.first() {
        let length = match first {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                rest = &rest[1..];
                continue;
            }
            b'#' => {
                rest = &rest[run(rest, |byte| !matches!(byte, b'\n' | b'\r'))..];
                continue;
            }
            b'"' => string_length(rest),
            b'{' | b'(' | b'[' => {
                nesting += 1;
                1
            }
            b'}' | b')' | b']' => {
                nesting = nesting.saturating_sub(1);
                1
            }
            _ if is_word(first) => run(rest, is_word),
            _ if rest.starts_with(b"...") => 3,
            _ => 1,
        };
        tokens += 1;
        if tokens > limits.tokens {
            return Err(Refused::new(format!(
                "The document has more than {} tokens. Ask for less at once.",
                limits.tokens
            )));
        }
        if nesting > limits.nesting {
            return Err(too_deep(limits));
        }
        rest = &rest[length.min(rest.len())..];
    }
    Ok(())
}

/// What names and whole numbers are made of; other numbers count as several tokens.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len())
}

/// The length of the string, or block string, that `bytes` begins with; an unfinished one reaches to the end.
fn string_length(bytes: &[u8]) -> usize {
    let (quotes, mut at): (&[u8], usize) = if bytes.starts_with(b"\"\"\"") { (b"\"\"\"", 3) } else { (b"\"", 1) };
    while at < bytes.len() {
        if bytes[at..].starts_with(quotes) {
            return at + quotes.len();
        }
        at += match bytes[at] {
            b'\\' if quotes.len() == 1 => 2,
            b'\\' if bytes[at..].starts_with(b"\\\"\"\"") => 4,
            _ => 1,
        };
    }
    bytes.len()
}

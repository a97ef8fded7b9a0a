//! Lines as the standard wants them (RFC 5545, 3.1).

/// Octets of a line, its end aside.
const LONGEST: usize = 75;
/// What ends a line.
const END: &str = "\r\n";

/// What parts the pieces of a line that is folded.
const FOLD: &str = "\r\n ";

/// `text` with its lines folded anew. The library forgets the space that each further piece begins with, so its last one may
/// be too long; and where there are letters beyond ASCII it also begins or ends pieces with a space that is part of the text,
/// which programs lose that trim lines.
pub(super) fn fitted(text: &str) -> String {
    let mut fitted = String::with_capacity(text.len() + text.len() / 64);
    for line in text.replace(FOLD, "").split_terminator(END) {
        let (mut rest, mut room) = (line, LONGEST);
        while rest.len() > room {
            let (piece, beyond) = rest.split_at(cut(rest, room));
            fitted.push_str(piece);
            fitted.push_str(FOLD);
            (rest, room) = (beyond, LONGEST - 1);
        }
        fitted.push_str(rest);
        fitted.push_str(END);
    }
    fitted
}

/// Where to cut `line`, of which at most `room` octets fit: as late as can be, but not beside a space, unless it is one
/// throughout.
fn cut(line: &str, room: usize) -> usize {
    let latest = line.floor_char_boundary(room);
    let fit = |at: &usize| {
        let parts = line.split_at_checked(*at);
        parts.is_some_and(|(piece, beyond)| {
            !piece.ends_with(char::is_whitespace) && !beyond.starts_with(char::is_whitespace)
        })
    };
    (1..=latest).rev().find(fit).unwrap_or(latest)
}

/// `text` as the value of a property, for properties of which the library does not know that they are text
/// (RFC 5545, 3.3.11).
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ',' | ';' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_75_octets_stays_whole_and_of_one_more_does_not() {
        let whole = format!("{}\r\n", "a".repeat(75));
        assert_eq!(fitted(&whole), whole);
        assert_eq!(fitted(&format!("{}\r\n", "a".repeat(76))), format!("{}\r\n a\r\n", "a".repeat(75)));
        // A piece of 76 octets, its space included, as the library leaves it.
        assert_eq!(fitted(&format!("x\r\n {}\r\n", "b".repeat(75))), format!("x{}\r\n b\r\n", "b".repeat(74)));
        assert_eq!(fitted(&format!("{}ü\r\n", "a".repeat(74))), format!("{}\r\n ü\r\n", "a".repeat(74)));
        // No piece begins with a space of the text, whatever letters it has.
        let spaced = format!("a{} ö{}\r\n", "ü".repeat(37), "d".repeat(10));
        assert_eq!(fitted(&spaced), format!("a{}\r\n ü ö{}\r\n", "ü".repeat(36), "d".repeat(10)));
        let three = "c".repeat(75 + 74 + 74);
        assert_eq!(fitted(&format!("{three}\r\n")).split("\r\n").map(str::len).collect::<Vec<_>>(), [75, 75, 75, 0]);
    }

    #[test]
    fn what_parts_values_is_escaped() {
        assert_eq!(escaped("a\\b, c; d:\ne"), "a\\\\b\\, c\\; d:\\ne");
    }
}

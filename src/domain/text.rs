//! What people typed, made fit to be put into a mail or a calendar. Escaping is left to what writes the format; this takes away what
//! no format should have: what steers a terminal, what turns the direction of writing, what makes two lines of one.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// `text` on one line, without what nobody sees.
#[must_use]
pub fn one_line(text: &str) -> String {
    let seen = text.chars().filter_map(|c| match c.general_category() {
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => Some(' '),
        // Without these two some languages, and some emoji, are written wrong.
        GeneralCategory::Format if !matches!(c, '\u{200c}' | '\u{200d}') => None,
        _ => Some(c),
    });
    let seen: String = seen.collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// [`one_line`], unless nothing is left of it.
#[must_use]
pub fn something(text: Option<&str>) -> Option<String> {
    text.map(one_line).filter(|text| !text.is_empty())
}

/// The lines of `text`, each of them as [`one_line`] makes it, without empty ones.
#[must_use]
pub fn lines(text: &str) -> Vec<String> {
    let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    text.split(ends).map(one_line).filter(|line| !line.is_empty()).collect()
}

/// `text`, or as much of it as `most` characters hold, an ellipsis included.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A person's name on one line, and no link: programs that show mails make one of whatever looks like an address, and
/// anybody could have theirs sent to strangers by us. A space in the middle of what looks like an address breaks it,
/// and stays whatever a program does to characters that nobody sees. Names as people have them are left alone.
#[must_use]
pub fn name(text: &str) -> String {
    let text = one_line(text);
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        shown.push(c);
        if links(c, rest.as_str()) {
            shown.push(' ');
        }
    }
    shown
}

/// Whether `c` could join what is before it and `rest` to an address.
fn links(c: char, rest: &str) -> bool {
    let next: String = rest.chars().take_while(|&c| !c.is_whitespace() && !is_joint(c)).collect();
    match c {
        // No domain ends with a label of one letter, as initials do ("J.R.R."), or has one that begins with a hyphen
        // ("Dr.-Ing.") or a bracket.
        _ if is_dot(c) => next.chars().count() > 1 && next.starts_with(|c: char| c.is_alphanumeric() || c > '\u{7f}'),
        ':' | '@' => rest.starts_with(|c: char| !c.is_whitespace()),
        _ => false,
    }
}

fn is_joint(c: char) -> bool {
    is_dot(c) || matches!(c, ':' | '@')
}

/// What browsers take for the dot of a domain (UTS 46).
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_as_people_have_them_stay_as_they_are() {
        for usual in [
            "Dr. Ada M. Lovelace-King, Jr.",
            "J.R.R. Tolkien",
            "Dr.-Ing. Grace O'Hopper (Navy)",
            "María-José Carreño Quiñones",
            "Łukasz d’Arc",
            "山田 太郎",
            "محمد علی\u{200c}پور",
            "Prince / Symbol",
        ] {
            assert_eq!(name(usual), usual);
        }
    }

    #[test]
    fn a_name_is_never_a_link() {
        for (typed, shown) in [
            ("http://evil.example", "http: //evil. example"),
            ("www.evil.example/win?now=1", "www. evil. example/win?now=1"),
            ("t.co", "t. co"),
            ("ada@evil.example", "ada@ evil. example"),
            ("javascript:alert(1)", "javascript: alert(1)"),
            ("evil\u{3002}example", "evil\u{3002} example"),
            ("evil.\u{202e}example", "evil. example"),
            ("evil.\r\nexample", "evil. example"),
        ] {
            assert_eq!(name(typed), shown);
        }
    }

    #[test]
    fn what_steers_or_hides_is_taken_away() {
        assert_eq!(one_line(" a\r\nBcc: b\tc\u{0}d \u{1b}[31me\u{2028}f\u{202e}g "), "a Bcc: b c d [31me fg");
        assert_eq!(lines("one\r\n\n two\u{2029}three\u{0}"), ["one", "two", "three"]);
        assert_eq!(something(Some(" \u{200b}\n")), None);
    }

    #[test]
    fn what_is_too_long_ends_with_an_ellipsis() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcd efg", 6), "abcd…");
    }

    proptest! {
        #[test]
        fn no_word_of_a_name_looks_like_an_address(typed in "(\\PC|[.:/@a-z\\r\\n\u{200b}\u{3002}]){0,60}") {
            let shown = name(&typed);
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(!shown.contains("://"));
            for word in shown.split_whitespace() {
                let label = word.rsplit(is_dot).next().unwrap();
                let is_domain = label.len() < word.len()
                    && label.chars().count() > 1
                    && label.chars().all(char::is_alphanumeric);
                prop_assert!(!is_domain, "{word} of {shown}");
                prop_assert!(!word.trim_end_matches('@').contains('@'), "{word} of {shown}");
            }
            prop_assert_eq!(name(&shown), shown);
        }
    }
}

//! Which media type an answer gets, by the `Accept` header (RFC 9110, 12.5.1; GraphQL over HTTP, 6.4), and in which form
//! several answers come, one after the other.

use http::header::{ACCEPT, HeaderMap};

/// The media types that answers can have.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: the status tells whether the operation was executed.
    GraphqlResponse,
    /// `application/json`: the older one, where it does not.
    Json,
}

/// The forms in which several answers come.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum StreamType {
    /// `text/event-stream`: Server-Sent Events, as the package graphql-sse has them.
    Events,
    /// `multipart/mixed` with a `subscriptionSpec`, as Apollo has it.
    Multipart,
}

/// What a client accepts, as far as we have it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// For one answer.
    pub(super) single: Option<MediaType>,
    /// For several.
    pub(super) stream: Option<StreamType>,
    /// Whether Server-Sent Events are what it likes best: for one answer, too.
    pub(super) prefers_events: bool,
}

impl MediaType {
    /// As it is written in `Content-Type`.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

impl Accepted {
    /// What a client accepts; `None`: nothing that we have. Who does not say, gets JSON.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut ranges = Vec::new();
        for value in headers.get_all(ACCEPT) {
            let text = value.to_str().ok()?;
            ranges.extend(split_unquoted(text, ',').map(str::trim).filter(|range| !range.is_empty()));
        }
        if ranges.is_empty() {
            return Some(Self { single: Some(MediaType::Json), stream: None, prefers_events: false });
        }
        let ranges: Vec<Range> = ranges.into_iter().filter_map(Range::parse).collect();
        let refused =
            |kind: MediaType| ranges.iter().any(|range| range.kind == Kind::Exactly(kind) && range.quality == 0);
        let single = best(&ranges, |kind| match kind {
            Kind::Exactly(kind) => Some(*kind),
            Kind::Any => [MediaType::Json, MediaType::GraphqlResponse].into_iter().find(|kind| !refused(*kind)),
            Kind::Stream(_) => None,
        });
        let stream = best(&ranges, |kind| match kind {
            Kind::Stream(stream) => Some(*stream),
            Kind::Exactly(_) | Kind::Any => None,
        });
        let events = best(&ranges, |kind| (*kind == Kind::Stream(StreamType::Events)).then_some(()));
        let prefers_events = events.is_some_and(|(events, ())| single.is_none_or(|(single, _)| events >= single));
        let accepted =
            Self { single: single.map(|(_, kind)| kind), stream: stream.map(|(_, kind)| kind), prefers_events };
        (accepted.single.is_some() || accepted.stream.is_some()).then_some(accepted)
    }
}

/// What `of` makes of the best range, and how good that is. Of equals, the first.
fn best<T>(ranges: &[Range], of: impl Fn(&Kind) -> Option<T>) -> Option<(u16, T)> {
    let mut best: Option<(u16, T)> = None;
    for range in ranges.iter().filter(|range| range.quality > 0) {
        if let Some(found) = of(&range.kind)
            && best.as_ref().is_none_or(|(quality, _)| range.quality > *quality)
        {
            best = Some((range.quality, found));
        }
    }
    best
}

#[derive(PartialEq, Eq)]
enum Kind {
    Exactly(MediaType),
    Stream(StreamType),
    Any,
}

struct Range {
    kind: Kind,
    /// In thousandths.
    quality: u16,
}

impl Range {
    /// `None` for what we do not have, and for what is malformed: neither can be served.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = split_unquoted(text, ';').map(str::trim);
        let kind = match parts.next()?.to_ascii_lowercase().as_str() {
            "application/graphql-response+json" => Kind::Exactly(MediaType::GraphqlResponse),
            "application/json" => Kind::Exactly(MediaType::Json),
            "text/event-stream" => Kind::Stream(StreamType::Events),
            "multipart/mixed" => Kind::Stream(StreamType::Multipart),
            "*/*" | "application/*" => Kind::Any,
            _ => return None,
        };
        let (mut quality, mut specified) = (1000, false);
        for parameter in parts.filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => quality = parse_quality(value)?,
                "charset" if !is_utf8(value) => return None,
                "subscriptionspec" => specified = value == "1.0",
                _ => {}
            }
        }
        // Parts may mean many things; these are ours.
        (specified || kind != Kind::Stream(StreamType::Multipart)).then_some(Self { kind, quality })
    }
}

/// `0`, `0.5`, `1.000`: in thousandths.
fn parse_quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{whole}{fraction:0<3}").parse().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

/// Whether a charset is the one that JSON is in.
pub(super) fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// Whether a `Content-Type` is JSON in UTF-8.
pub(super) fn is_json(content_type: &str) -> bool {
    let mut parts = split_unquoted(content_type, ';').map(str::trim);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.filter(|parameter| !parameter.is_empty()).all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                is_utf8(value.trim().trim_matches('"'))
            }
            Some(_) => true,
            None => false,
        })
}

/// Splits at `separator` where it is not within a quoted string.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |letter| {
        if escaped {
            escaped = false;
            return false;
        }
        match letter {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        letter == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn preferred(accept: &[&'static str]) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, HeaderValue::from_static(value));
        }
        Accepted::read(&headers)?.single
    }

    #[test]
    fn who_does_not_say_gets_json() {
        for accept in [&[][..], &[""], &["*/*"], &["application/*"], &["text/html, */*;q=0.1"]] {
            assert_eq!(preferred(accept), Some(MediaType::Json), "{accept:?}");
        }
    }

    #[test]
    fn the_first_of_the_best_is_taken() {
        let cases: [(&[&'static str], _); 9] = [
            (&["application/graphql-response+json"], MediaType::GraphqlResponse),
            (
                &["application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"],
                MediaType::GraphqlResponse,
            ),
            (&["application/json, application/graphql-response+json"], MediaType::Json),
            (&["application/json;q=0.5, application/graphql-response+json;q=0.501"], MediaType::GraphqlResponse),
            (&["application/graphql-response+json;q=0.9", "application/json"], MediaType::Json),
            (&["APPLICATION/JSON;Q=1.000"], MediaType::Json),
            (&["application/json;q=0, */*"], MediaType::GraphqlResponse),
            (&["multipart/mixed;x=\"a,b;q=1\", application/json"], MediaType::Json),
            (&["application/graphql-response+json;charset=latin1, application/json;q=0.1"], MediaType::Json),
        ];
        for (accept, expected) in cases {
            assert_eq!(preferred(accept), Some(expected), "{accept:?}");
        }
    }

    #[test]
    fn what_cannot_be_served_is_nothing() {
        for accept in
            ["text/html", "application/json;q=0", "application/json;q=2", "application/json;q=1.5", "json", ";"]
        {
            let mut headers = HeaderMap::new();
            headers.append(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(Accepted::read(&headers), None, "{accept}");
        }
    }

    #[test]
    fn several_answers_come_in_the_form_that_is_liked_best() {
        let accepted = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append(ACCEPT, HeaderValue::from_static(accept));
            Accepted::read(&headers).map(|accepted| (accepted.single, accepted.stream, accepted.prefers_events))
        };
        let (json, response) = (Some(MediaType::Json), Some(MediaType::GraphqlResponse));
        let (events, parts) = (Some(StreamType::Events), Some(StreamType::Multipart));
        for (accept, expected) in [
            ("text/event-stream", Some((None, events, true))),
            ("text/event-stream;q=0.5, application/json", Some((json, events, false))),
            ("application/json, text/event-stream", Some((json, events, true))),
            ("multipart/mixed;boundary=\"graphql\";subscriptionSpec=\"1.0\"", Some((None, parts, false))),
            (
                "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9",
                Some((response, parts, false)),
            ),
            ("multipart/mixed;deferSpec=20220824, application/json", Some((json, None, false))),
            ("multipart/mixed;subscriptionSpec=2.0", None),
            ("*/*", Some((json, None, false))),
        ] {
            assert_eq!(accepted(accept), expected, "{accept}");
        }
    }

    #[test]
    fn a_body_is_json_in_utf_8() {
        for right in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(is_json(right), "{right}");
        }
        for wrong in ["", "text/plain", "application/json; charset=latin1", "application/jsonp", "application/json; x"]
        {
            assert!(!is_json(wrong), "{wrong}");
        }
    }
}

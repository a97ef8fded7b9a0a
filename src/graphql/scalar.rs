//! The custom scalars.
//!
//! A scalar takes any text and remembers when it makes no sense of it: the resolver then says what is wrong,
//! in its own words, at its own place, and after it has asked whether the caller may ask at all.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{DateTime as ChronoDateTime, NaiveDate, SecondsFormat, Timelike, Utc};
use chrono_tz::Tz;

use crate::domain::schedule::WallTime as DomainWallTime;

/// Text that is a `T`, or the text itself where it is none.
pub type Parsed<T> = Result<T, String>;

macro_rules! text_scalar {
    ($(#[$doc:meta])* $name:ident($inner:ty), parse: $parse:expr, show: $show:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name(pub Parsed<$inner>);

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(Ok(value))
            }
        }

        $(#[$doc])*
        #[Scalar]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                let parse: fn(&str) -> Option<$inner> = $parse;
                match value {
                    Value::String(text) => Ok(Self(parse(&text).ok_or(text))),
                    other => Err(InputValueError::expected_type(other)),
                }
            }

            fn is_valid(value: &Value) -> bool {
                matches!(value, Value::String(_))
            }

            fn to_value(&self) -> Value {
                let show: fn(&$inner) -> String = $show;
                Value::String(match &self.0 {
                    Ok(value) => show(value),
                    Err(text) => text.clone(),
                })
            }
        }
    };
}

text_scalar!(
    /// An instant in RFC 3339 form with an offset, such as `2026-12-01T10:00:00+01:00`. Answers are always in
    /// UTC: `2026-12-01T09:00:00Z`. Instants from 2000 to 2099 are understood.
    DateTime(ChronoDateTime<Utc>),
    parse: |text| {
        let instant = ChronoDateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
        // A leap second is no instant of its own in the time that everything here is counted in.
        (instant.nanosecond() < 1_000_000_000).then_some(instant)
    },
    show: |instant| instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
);

text_scalar!(
    /// A calendar day, `YYYY-MM-DD`, in the time zone that the field names. Days from 2000 to 2099 are understood.
    Date(NaiveDate),
    parse: |text| {
        // chrono alone would take `2026-1-5` too.
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| date.format("%Y-%m-%d").to_string() == text)
    },
    show: |date| date.format("%Y-%m-%d").to_string()
);

text_scalar!(
    /// A wall-clock time on the quarter hour, `HH:MM`, from `00:00` to `24:00`, which is the end of the day.
    WallTime(DomainWallTime),
    parse: |text| text.parse().ok(),
    show: ToString::to_string
);

text_scalar!(
    /// The name of a time zone in the IANA database, such as `Europe/Berlin`.
    TimeZone(Tz),
    parse: |text| text.parse().ok(),
    show: |zone| zone.name().to_owned()
);

/// A whole number up to 2^53 − 1 that grows with every change of what it belongs to. Compare two of them; do not
/// compute with them.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Revision(pub u64);

/// A whole number up to 2^53 − 1 that grows with every change of what it belongs to. Compare two of them; do not
/// compute with them.
#[Scalar]
impl ScalarType for Revision {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => {
                number.as_u64().map(Self).ok_or_else(|| InputValueError::expected_type(value.clone()))
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}

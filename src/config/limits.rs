//! How much may be asked for, and who is believed about whom they speak for.

use std::net::IpAddr;

use ipnet::IpNet;

use super::reading::{Reading, Setting, setting};
use crate::cli::LimitArgs;
use crate::throttle::{ConnectionLimits, Rate, RateLimits};

const RATE_LIMITS: Setting = setting("rate-limits", "SLOTWISE_RATE_LIMITS");
const CONNECTION_LIMITS: Setting = setting("connection-limits", "SLOTWISE_CONNECTION_LIMITS");
const TRUSTED_PROXIES: Setting = setting("trusted-proxies", "SLOTWISE_TRUSTED_PROXIES");
const MAX_COMPLEXITY: Setting = setting("max-complexity", "SLOTWISE_MAX_COMPLEXITY");

const KEPT_ANSWERS: Setting = setting("kept-answers", "SLOTWISE_KEPT_ANSWERS");

/// The most that a rate can be: beyond it, one may as well be off.
const MOST_A_MINUTE: u32 = 100_000_000;
/// Most of anything that can be open at once.
const MOST_OPEN: usize = 1_000_000;

/// How much may be asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// How often things may be asked for.
    pub rates: RateLimits,
    /// How much may be open at once.
    pub connections: ConnectionLimits,
    /// The most that one operation may come to, its lists counted by their sizes.
    pub complexity: u64,
    /// How many MiB of answers are kept; `None`: what suits the database.
    pub kept_answers: Option<usize>,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            rates: RateLimits::default(),
            connections: ConnectionLimits::default(),
            complexity: 20_000,
            kept_answers: None,
        }
    }
}

/// The networks of proxies that are believed about whom they speak for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// From networks and addresses, separated by commas; `None` where one is neither.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let network = |name: &str| name.parse().ok().or_else(|| name.parse::<IpAddr>().ok().map(IpNet::from));
        names.map(network).collect::<Option<_>>().map(Self)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `address` is one of theirs.
    #[must_use]
    pub fn include(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl Reading {
    pub(super) fn limits(&mut self, args: &LimitArgs) -> Option<LimitSettings> {
        let rates = self.rates(args.rate_limits.as_deref());
        let connections = self.connections(args.connection_limits.as_deref());
        let complexity = self.number(MAX_COMPLEXITY, &args.max_complexity, 1_000, 1_000_000_000);
        let kept = args.kept_answers.as_deref().map(|text| self.number(KEPT_ANSWERS, text, 0, 65_536));
        let kept_answers = match kept {
            None => None,
            Some(kept) => Some(kept?),
        };
        Some(LimitSettings { rates: rates?, connections: connections?, complexity: complexity?, kept_answers })
    }

    pub(super) fn rates(&mut self, text: Option<&str>) -> Option<RateLimits> {
        let text = text.unwrap_or_default().trim();
        if text == "off" {
            return Some(RateLimits::OFF);
        }
        let mut rates = RateLimits::default();
        let understood = members(text).all(|member| {
            let Some((name, given)) = member else { return false };
            let read = if name.starts_with("guest-mails") { Rate::hourly } else { Rate::new };
            let rate = match name {
                "queries" => &mut rates.queries,
                "heartbeats" => &mut rates.heartbeats,
                "session-heartbeats" => &mut rates.session_heartbeats,
                "changes" => &mut rates.changes,
                "failed-sign-ins" => &mut rates.failed_sign_ins,
                "guest-mails-per-recipient" => &mut rates.guest_mails_per_recipient,
                "guest-mails-per-address" => &mut rates.guest_mails_per_address,
                _ => return false,
            };
            read_rate(given, read).map(|given| *rate = given).is_ok()
        });
        if understood {
            return Some(rates);
        }
        self.refuse(
            RATE_LIMITS,
            "must be off, or a list of limits, separated by commas, such as queries=6000/1000,changes=off: how many a \
             minute, and how many at once, of queries, heartbeats, session-heartbeats, changes, failed-sign-ins; how \
             many an hour, and at once, of guest-mails-per-recipient, guest-mails-per-address.",
        )
    }

    fn connections(&mut self, text: Option<&str>) -> Option<ConnectionLimits> {
        let mut limits = ConnectionLimits::default();
        let understood = members(text.unwrap_or_default()).all(|member| {
            let Some((name, given)) = member else { return false };
            let limit = match name {
                "total" => &mut limits.total,
                "per-address" => &mut limits.per_address,
                "sockets" => &mut limits.sockets,
                "subscriptions" => &mut limits.subscriptions,
                _ => return false,
            };
            let given = given.parse().ok().filter(|given| (1..=MOST_OPEN).contains(given));
            given.map(|given| *limit = given).is_some()
        });
        if understood {
            return Some(limits);
        }
        self.refuse(
            CONNECTION_LIMITS,
            "must be a list of limits, separated by commas, such as total=10000,sockets=500: how many there may be, \
             from 1 to 1000000, of total, per-address, sockets, subscriptions.",
        )
    }

    pub(super) fn proxies(&mut self, text: Option<&str>) -> Option<TrustedProxies> {
        TrustedProxies::read(text.unwrap_or_default()).or_else(|| {
            self.refuse(
                TRUSTED_PROXIES,
                "must be a list of addresses and networks, separated by commas, such as 10.0.0.0/8,127.0.0.1,fd00::/8.",
            )
        })
    }
}

/// The members of `name=value,name=value`; `None` for one that is no such pair.
fn members(text: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    let members = text.split(',').map(str::trim).filter(|member| !member.is_empty());
    members.map(|member| member.split_once('=').map(|(name, value)| (name.trim(), value.trim())))
}

/// What cannot be read.
struct Unreadable;

/// `6000/1000`, or `off`.
fn read_rate(text: &str, read: impl Fn(u32, u32) -> Option<Rate>) -> Result<Option<Rate>, Unreadable> {
    if text == "off" || text == "0" {
        return Ok(None);
    }
    let number = |text: &str| text.trim().parse().ok().filter(|number| (1..=MOST_A_MINUTE).contains(number));
    let numbers = text.split_once('/').and_then(|(per_minute, burst)| number(per_minute).zip(number(burst)));
    numbers.map(|(often, burst)| read(often, burst)).ok_or(Unreadable)
}

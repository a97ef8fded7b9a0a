//! Whatever people type, a mail stays a mail.

use proptest::prelude::*;

use super::invitations::{by_calcard, by_ical};
use super::reading::{Mail, read_with};
use super::samples::{facts, job, letterhead, reason, staff, told};
use crate::domain::booking::{BookingEventType, BookingStatus};
use crate::notify::mail::job::{MailJob, MailKind};

/// What somebody types who means no good, among what anybody types.
fn typed() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "<b>",
        "</td></table>",
        "\" onmouseover=\"x",
        "'",
        "&amp;",
        "&#60;i&#62;",
        "<!--",
        "\r\nBcc: all@example.org\r\n",
        "\nSubject: x",
        "\r\n\r\nbody",
        "=?utf-8?q?x?=",
        "\n.\r\n",
        "--=_slotwise_parts",
        "\nEND:VEVENT\nBEGIN:VEVENT\n",
        "\\n\\;,",
        "\"",
        ";X=y:",
        "\u{2028}",
        "\u{85}",
        "\u{0}",
        "\u{202e}",
        "{{ 7 * 7 }}",
        "https://evil.example",
        "ä",
        "日本",
        "🙂",
        " ",
        "a",
        "http:",
        "//",
        ".",
    ]);
    let any = "\\PC{0,12}|[\\x00-\\x7f]{0,12}";
    prop::collection::vec(prop_oneof![3 => pieces.prop_map(str::to_owned), 1 => any], 0..8).prop_map(|it| it.concat())
}

/// A mail in which everything that anybody can type is `typed`, one by one.
fn everything_typed(typed: &[String]) -> (MailJob, Mail) {
    let mut told = reason(told(BookingEventType::Cancelled, BookingStatus::Confirmed, staff()), &typed[0]);
    let booking = &mut told.booking;
    booking.title.clone_from(&typed[1]);
    booking.location = Some(typed[2].clone());
    booking.reference = Some(typed[3].clone());
    booking.booker.name = Some(typed[4].clone());
    booking.booker.notes = Some(typed[5].clone());
    booking.booker.phone = Some(typed[6].clone());
    let job = job(MailKind::Confirmed, [told]);
    let mut facts = facts(&job);
    facts.organization = Some(typed[7].clone());
    facts.resources.insert("res_a".into(), typed[8].clone());
    let mail = read_with(&job, &facts, &letterhead());
    (job, mail)
}

/// The tags of `html`, without what they say.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|rest| rest.split(['>', ' ']).next().unwrap()).collect()
}

/// The tags that a mail has in which nothing is typed but a letter everywhere.
fn harmless_tags() -> Vec<String> {
    let (_, mail) = everything_typed(&vec!["a".to_owned(); 9]);
    let mut tags: Vec<_> = tags(&mail.html).into_iter().map(str::to_owned).collect();
    tags.sort();
    tags.dedup();
    tags
}

proptest! {
    #[test]
    fn what_is_typed_stays_text(typed in prop::collection::vec(typed(), 9)) {
        let (job, mail) = everything_typed(&typed);
        let harmless = harmless_tags();
        for tag in tags(&mail.html) {
            prop_assert!(harmless.iter().any(|it| it == tag) || tag == "br", "<{tag}> in\n{}", mail.html);
        }
        // Attributes hold nothing typed: as many quotes as without.
        let (_, plainly) = everything_typed(&vec!["a".to_owned(); 9]);
        prop_assert_eq!(mail.html.matches("href=\"").count(), plainly.html.matches("href=\"").count());
        prop_assert!(!mail.html.contains("onmouseover=\""));
        prop_assert!(!mail.plain.contains(|c: char| c.is_control() && c != '\n'));

        let names: Vec<_> = mail.head.iter().map(|line| line.split(':').next().unwrap()).collect();
        prop_assert_eq!(names, ["Date", "Message-ID", "References", "In-Reply-To", "Auto-Submitted",
            "X-Auto-Response-Suppress", "Reply-To", "From", "To", "Subject", "MIME-Version", "Content-Type"]);
        prop_assert!(!mail.subject.contains(char::is_control), "{:?}", mail.subject);
        prop_assert!(mail.subject.chars().count() < 160);
        let text = std::str::from_utf8(&mail.raw).unwrap();
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));

        let ics = mail.ics.unwrap();
        let booking = &job.about[0].booking;
        let calendar = by_ical(&ics);
        prop_assert_eq!(calendar.events.len(), 1);
        let mut names: Vec<_> = calendar.events[0].properties.iter().map(|it| it.name.as_str()).collect();
        names.retain(|name| *name != "LOCATION");
        prop_assert_eq!(names, ["CREATED", "DESCRIPTION", "DTEND", "DTSTAMP", "DTSTART", "LAST-MODIFIED", "ORGANIZER",
            "SEQUENCE", "STATUS", "SUMMARY", "UID", "ATTENDEE"]);
        let said = by_calcard(&ics);
        prop_assert_eq!(said.len(), 1);
        prop_assert_eq!((said[0].start, said[0].end, &said[0].uid), (booking.start, booking.end, &"bkg_ada@slotwise".to_owned()));
    }
}

//! Every kind of mail as it is, kept in `tests/snapshots/mail`: headers, text, HTML and calendar.
//!
//! `SLOTWISE_UPDATE_SNAPSHOTS=1 cargo test --lib snapshots` writes them anew; look at what has changed before it is kept.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::reading::read;
use super::samples::every_mail;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/mail")
}

#[test]
fn mails_are_as_they_were_when_somebody_last_looked_at_them() {
    let updates = std::env::var_os("SLOTWISE_UPDATE_SNAPSHOTS").is_some();
    let mut kept = BTreeSet::new();
    for (name, job) in every_mail() {
        let mail = read(&job);
        let head = format!("{}\n\nSubject: {}\n", mail.head.join("\n"), mail.subject);
        let parts = [("head.txt", Some(head)), ("txt", Some(mail.plain)), ("html", Some(mail.html)), ("ics", mail.ics)];
        for (ending, text) in parts.into_iter().filter_map(|(ending, text)| Some((ending, text?))) {
            let file = format!("{name}.{ending}");
            let path = folder().join(&file);
            if updates {
                fs::write(&path, &text).unwrap();
            }
            let before = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(before == text, "{file} is not as it was; it is now:\n{text}");
            kept.insert(file);
        }
    }
    let found: BTreeSet<_> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, kept, "snapshots of mails that are no longer sent");
}

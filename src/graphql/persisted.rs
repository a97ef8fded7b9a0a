//! Documents that clients have sent once and name by their hash from then on (Apollo's automatic persisted queries): what
//! they send is shorter, and a query fits into an address.

use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::least_used::LeastUsed;

/// Bytes of documents that are kept.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// What a document that is kept takes beside its text, by estimate.
const OVERHEAD: usize = 160;

/// The SHA-256 of a document.
pub(super) type DocumentHash = [u8; 32];

/// What a client sends to say that there is none of this name: its exact words are part of the protocol.
pub(super) const NOT_FOUND: &str = "PersistedQueryNotFound";

/// Documents by their hashes: those that passed the check, the least used of which go first.
#[derive(Debug)]
pub(super) struct PersistedDocuments(LeastUsed<DocumentHash, Arc<str>>);

impl Default for PersistedDocuments {
    fn default() -> Self {
        Self(LeastUsed::new(MOST_BYTES))
    }
}

impl PersistedDocuments {
    /// The document of that hash, if it is kept.
    pub(super) fn find(&self, hash: &DocumentHash) -> Option<Arc<str>> {
        self.0.get(hash)
    }

    /// Keeps `document`, of which `hash` is the hash.
    pub(super) fn keep(&self, hash: DocumentHash, document: &str) {
        if !self.0.contains(&hash) {
            self.0.keep(hash, document.into(), document.len() + OVERHEAD);
        }
    }
}

/// The hash that the extensions of a request name; `None`: none.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(super) fn named(extensions: &Map<String, Value>) -> Result<Option<DocumentHash>, String> {
    let Some(persisted) = extensions.get("persistedQuery").filter(|value| !value.is_null()) else { return Ok(None) };
    if persisted.get("version").and_then(Value::as_u64) != Some(1) {
        return Err("`extensions.persistedQuery.version` must be 1.".to_owned());
    }
    let text = persisted.get("sha256Hash").and_then(Value::as_str).unwrap_or_default();
    let wrong = || "`extensions.persistedQuery.sha256Hash` must be 64 hexadecimal digits.".to_owned();
    read(text).map(Some).ok_or_else(wrong)
}

fn read(text: &str) -> Option<DocumentHash> {
    let mut hash = DocumentHash::default();
    if text.len() != 2 * hash.len() || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (number, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * number..2 * number + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// Whether `hash` is that of `document`.
pub(super) fn is_of(hash: &DocumentHash, document: &str) -> bool {
    Sha256::digest(document)[..] == hash[..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_least_used_goes_first() {
        let documents = PersistedDocuments::default();
        let large = "#".repeat(1024 * 1024);
        for number in 0..32 {
            documents.keep([number; 32], &large);
            documents.keep([number; 32], &large);
            assert!(documents.find(&[0; 32]).is_some(), "it is used all the time");
        }
        let kept = (0..32).filter(|number| documents.find(&[*number; 32]).is_some()).count();
        assert_eq!(kept, 15);
        assert!(documents.find(&[31; 32]).is_some() && documents.find(&[1; 32]).is_none());
    }

    #[test]
    fn a_hash_is_named_by_64_digits_of_version_1() {
        let named = |json: &str| named(&serde_json::from_str(json).unwrap());
        let digits = "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38";
        for other in ["{}", r#"{"persistedQuery": null}"#, r#"{"tracing": true}"#] {
            assert_eq!(named(other), Ok(None));
        }
        let hash = named(&format!(r#"{{"persistedQuery": {{"version": 1, "sha256Hash": "{digits}"}}}}"#)).unwrap();
        assert!(is_of(&hash.unwrap(), "{__typename}") && !is_of(&hash.unwrap(), "{ __typename }"));
        for (wrong, told) in [
            (r#"{"persistedQuery": {}}"#, "version"),
            (r#"{"persistedQuery": {"version": 2, "sha256Hash": "00"}}"#, "version"),
            (r#"{"persistedQuery": {"version": 1, "sha256Hash": "00"}}"#, "64"),
            (r#"{"persistedQuery": {"version": 1, "sha256Hash": 5}}"#, "64"),
            (r#"{"persistedQuery": {"version": 1, "sha256Hash": "éééééééééééééééééééééééééééééééé"}}"#, "64"),
        ] {
            assert!(named(wrong).unwrap_err().contains(told), "{wrong}");
        }
    }
}

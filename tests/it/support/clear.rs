//! What people can make of messages.

/// What no message may speak of: the server's insides.
const INSIDES: [&str; 14] = [
    "i32",
    "u32",
    "i64",
    "usize",
    "String\"",
    "Option<",
    "Vec<",
    "::",
    "SELECT",
    "INSERT",
    "sqlx",
    "DbErr",
    "panicked",
    "went wrong on our side",
];

/// Fails unless `message` tells people what to do, and nothing of the server's insides.
#[track_caller]
pub fn assert_clear(message: &str) {
    assert!(message.len() > 15 && message.len() < 400 && message.ends_with('.'), "not a sentence: {message}");
    for inside in INSIDES {
        assert!(!message.contains(inside), "speaks of {inside}: {message}");
    }
}

//! What must stay home: frameworks in their layers, clock, randomness and environment in the one file that reads them.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines that a file under `src` has at the most.
const MAX_LINES: usize = 450;

/// Words, and where under `src` they may be used.
const HOMES: [(&[&str], &[&str]); 8] = [
    (&["sea_orm", "sea_orm_migration", "sqlx", "entity::", "migration::"], &["store"]),
    (&["async_graphql"], &["graphql"]),
    (&["axum", "tower_http", "hyper", "hyper_util"], &["http"]),
    (&["governor"], &["throttle"]),
    (&["Utc::now", "Local::now", "Instant::now", "SystemTime::now", "Uuid::new_v4", "Uuid::now_v7"], &["clock.rs"]),
    (&["env::var", "env::args", "env::set_var"], &["config.rs", "config", "cli.rs"]),
    (&["jsonwebtoken"], &["auth"]),
    (&["reqwest", "rustls"], &["auth", "notify/webhook"]),
];

/// Modules that the domain knows nothing of.
const BEYOND_THE_DOMAIN: [&str; 10] = [
    "crate::store",
    "crate::service",
    "crate::graphql",
    "crate::http",
    "crate::presence",
    "crate::app",
    "crate::config",
    "crate::auth",
    "crate::feed",
    "crate::clock",
];

/// A source file: its path below `src`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// All files below `src`.
    fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources = Vec::new();
        let mut folders: Vec<PathBuf> = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path).unwrap();
                    let path = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                    sources.push(Self { path, text });
                }
            }
        }
        assert!(sources.len() > 50, "the sources were not found");
        sources
    }

    /// Whether it is about tests only.
    fn is_test(&self) -> bool {
        self.path.contains("/tests") || self.path.contains("test_") || self.path.ends_with("testing.rs")
    }

    fn is_in(&self, home: &str) -> bool {
        self.path == home || self.path == format!("{home}.rs") || self.path.starts_with(&format!("{home}/"))
    }

    /// Where `word` is used: as a word of its own, comments aside.
    fn uses(&self, word: &str) -> Vec<String> {
        let lines = (1..).zip(self.text.lines());
        let used = lines.filter(|(_, line)| !line.trim_start().starts_with("//") && has_word(line, word));
        used.map(|(number, line)| format!("src/{}:{number}: {}", self.path, line.trim())).collect()
    }
}

/// Whether `line` has `word`, and not just a longer word that ends with it.
fn has_word(line: &str, word: &str) -> bool {
    let belongs = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(belongs))
}

#[test]
fn frameworks_clock_and_environment_stay_home() {
    let mut astray = Vec::new();
    for source in Source::all().iter().filter(|source| !source.is_test()) {
        for (words, homes) in HOMES {
            if !homes.iter().any(|home| source.is_in(home)) {
                astray.extend(words.iter().flat_map(|word| source.uses(word)));
            }
        }
    }
    assert!(astray.is_empty(), "used outside of their homes:\n{}", astray.join("\n"));
}

#[test]
fn every_word_that_must_stay_home_is_used_there() {
    // Otherwise the test above would look for what nobody writes.
    let sources = Source::all();
    for (word, home) in [
        ("sea_orm", "store"),
        ("async_graphql", "graphql"),
        ("axum", "http"),
        ("Utc::now", "clock.rs"),
        ("Instant::now", "clock.rs"),
        ("Uuid::new_v4", "clock.rs"),
    ] {
        let at_home = sources.iter().filter(|source| source.is_in(home));
        assert!(at_home.flat_map(|source| source.uses(word)).next().is_some(), "`{word}` is not used in {home}");
    }
}

#[test]
fn the_domain_knows_nothing_but_itself() {
    let mut astray = Vec::new();
    for source in Source::all().iter().filter(|source| source.is_in("domain")) {
        astray.extend(BEYOND_THE_DOMAIN.iter().flat_map(|module| source.uses(module)));
        astray.extend(["tokio", "async fn", "std::fs", "std::net"].iter().flat_map(|word| source.uses(word)));
    }
    assert!(astray.is_empty(), "the domain is pure:\n{}", astray.join("\n"));
}

#[test]
fn layers_know_only_those_below_them() {
    let above: [(&str, &[&str]); 5] = [
        (
            "throttle",
            &["crate::store", "crate::presence", "crate::service", "crate::graphql", "crate::http", "crate::app"],
        ),
        ("store", &["crate::service", "crate::graphql", "crate::http", "crate::presence", "crate::app"]),
        ("presence", &["crate::store", "crate::service", "crate::graphql", "crate::http", "crate::app"]),
        ("service", &["crate::graphql", "crate::http", "crate::app"]),
        ("graphql", &["crate::store", "crate::http", "crate::app"]),
    ];
    let mut astray = Vec::new();
    for source in Source::all().iter().filter(|source| !source.is_test()) {
        for (layer, modules) in above {
            if source.is_in(layer) {
                astray.extend(modules.iter().flat_map(|module| source.uses(module)));
            }
        }
    }
    assert!(astray.is_empty(), "layers know only those below them:\n{}", astray.join("\n"));
}

#[test]
fn complexity_is_reckoned_in_one_place() {
    // The library's attribute multiplies without saturating, and wants a value for every variable.
    let sources = Source::all();
    let attributes =
        sources.iter().filter(|source| source.is_in("graphql")).flat_map(|source| source.uses("graphql(complexity"));
    let attributes: Vec<_> = attributes.collect();
    assert!(attributes.is_empty(), "lists weigh what graphql/gate/complexity.rs says:\n{}", attributes.join("\n"));
}

#[test]
fn no_source_file_is_too_long_to_read() {
    let long = Source::all().into_iter().filter(|source| source.text.lines().count() > MAX_LINES);
    let long: Vec<String> = long.map(|source| source.path).collect();
    assert!(long.is_empty(), "longer than {MAX_LINES} lines: {long:?}");
}

//! GraphiQL, a page to try queries on. What it needs of npm's packages is in the binary if it was there when that was
//! built, and then the page asks no other server for anything; otherwise it loads the same files from a CDN.

use std::iter;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header;

use super::HttpState;
use super::problem::no_such_page;

/// A file of ours.
macro_rules! asset {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/graphiql/", $name))
    };
}

/// Below it is what this server has.
const OWN: &str = "/assets/graphiql/";
/// Below it is everything on npm, at addresses like those of [`File`].
const CDN: &str = "https://cdn.jsdelivr.net/npm/";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// For files that change whenever we like: to be asked for each time.
const ASK: &str = "no-cache";
/// For files that have their version in their address.
const KEEP: &str = "public, max-age=31536000, immutable";

/// What the page loads that is not ours, as `build.rs` found it.
static PACKAGES: Packages = include!(concat!(env!("OUT_DIR"), "/graphiql.rs"));
static PAGE: LazyLock<Page> = LazyLock::new(|| Page::loading(PACKAGES.files));

/// What is taken from packages of npm.
struct Packages {
    /// In the order in which the page loads them.
    files: &'static [File],
    /// The licenses of those that are in the binary; empty without any.
    licenses: &'static str,
}

struct File {
    /// `PACKAGE@VERSION/FILE`.
    address: &'static str,
    /// Its hash, as a page says it: browsers load nothing else in its place.
    integrity: &'static str,
    /// What is in it, if that is in the binary.
    content: Option<&'static [u8]>,
}

impl File {
    fn is_style(&self) -> bool {
        self.address.rsplit_once('.').is_some_and(|(_, kind)| kind == "css")
    }

    fn source(&self) -> String {
        let base = if self.content.is_some() { OWN } else { CDN };
        format!("{base}{}", self.address)
    }

    fn tag(&self) -> String {
        let (source, integrity) = (self.source(), self.integrity);
        // Without it, what comes from elsewhere may not be looked into, not even to compare the hash.
        let elsewhere = if self.content.is_some() { "" } else { r#" crossorigin="anonymous""# };
        if self.is_style() {
            format!(r#"<link rel="stylesheet" href="{source}" integrity="{integrity}"{elsewhere} />"#)
        } else {
            format!(r#"<script src="{source}" integrity="{integrity}"{elsewhere}></script>"#)
        }
    }
}

/// The page, and what it may load: its own, and of the CDN only the files that it names.
struct Page {
    html: String,
    policy: String,
}

impl Page {
    fn loading(files: &[File]) -> Self {
        let tags = |styles: bool| {
            let tags: Vec<String> = files.iter().filter(|file| file.is_style() == styles).map(File::tag).collect();
            tags.join("\n    ")
        };
        let html = asset!("index.html")
            .replace("<!-- styles of packages -->", &tags(true))
            .replace("<!-- scripts of packages -->", &tags(false));
        Self { html, policy: policy(files) }
    }
}

/// GraphiQL's editor writes styles as it goes, and its fonts are in its style sheet.
fn policy(files: &[File]) -> String {
    let allowed = |own: &str, styles: bool| {
        let others = files.iter().filter(|file| file.content.is_none() && file.is_style() == styles);
        iter::once(own.to_owned()).chain(others.map(File::source)).collect::<Vec<String>>().join(" ")
    };
    let (scripts, styles) = (allowed("'self'", false), allowed("'self' 'unsafe-inline'", true));
    format!(
        "default-src 'none'; script-src {scripts}; style-src {styles}; img-src 'self' data:; font-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The page and what it loads.
pub(super) fn routes() -> Router<HttpState> {
    Router::new().route("/", get(page)).route("/assets/graphiql/{*name}", get(asset))
}

async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, ASK),
        (header::CONTENT_SECURITY_POLICY, PAGE.policy.as_str()),
    ];
    (headers, PAGE.html.as_str()).into_response()
}

async fn asset(Path(name): Path<String>) -> Response {
    let (content_type, cache, content) = match name.as_str() {
        "boot.js" => (JAVASCRIPT, ASK, asset!("boot.js").as_bytes()),
        "page.css" => (CSS, ASK, asset!("page.css").as_bytes()),
        "licenses.txt" if !PACKAGES.licenses.is_empty() => (PLAIN, ASK, PACKAGES.licenses.as_bytes()),
        _ => match packaged(PACKAGES.files, &name) {
            Some((content_type, content)) => (content_type, KEEP, content),
            None => return no_such_page().await.into_response(),
        },
    };
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, cache)], content).into_response()
}

/// The file at this address with its type, if it is in the binary.
fn packaged(files: &'static [File], address: &str) -> Option<(&'static str, &'static [u8])> {
    let file = files.iter().find(|file| file.address == address)?;
    Some((if file.is_style() { CSS } else { JAVASCRIPT }, file.content?))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha384};

    use super::*;

    static WITHIN: &[File] = &[
        File { address: "ui@1.2.3/dist/ui.css", integrity: "sha384-c", content: Some(b"body {}") },
        File { address: "ui@1.2.3/dist/ui.js", integrity: "sha384-j", content: Some(b"go()") },
    ];
    static WITHOUT: &[File] = &[
        File { address: "ui@1.2.3/dist/ui.css", integrity: "sha384-c", content: None },
        File { address: "ui@1.2.3/dist/ui.js", integrity: "sha384-j", content: None },
    ];

    #[test]
    fn what_is_in_the_binary_is_loaded_from_there() {
        let page = Page::loading(WITHIN);
        let style = r#"<link rel="stylesheet" href="/assets/graphiql/ui@1.2.3/dist/ui.css" integrity="sha384-c" />"#;
        let script = r#"<script src="/assets/graphiql/ui@1.2.3/dist/ui.js" integrity="sha384-j"></script>"#;
        assert!(page.html.contains(style) && page.html.contains(script), "{}", page.html);
        assert!(!page.html.contains("<!--") && !page.html.contains("//"), "{}", page.html);
        assert!(!page.policy.contains("//"), "{}", page.policy);
        assert_eq!(packaged(WITHIN, "ui@1.2.3/dist/ui.css"), Some((CSS, b"body {}".as_slice())));
        assert_eq!(packaged(WITHIN, "ui@1.2.3/dist/ui.js"), Some((JAVASCRIPT, b"go()".as_slice())));
        assert_eq!(packaged(WITHIN, "ui@1.2.4/dist/ui.js"), None);
    }

    #[test]
    fn what_is_not_is_loaded_from_one_other_host_which_may_send_nothing_else() {
        let page = Page::loading(WITHOUT);
        let integrity = r#"integrity="sha384-j" crossorigin="anonymous"></script>"#;
        let script = format!(r#"<script src="{CDN}ui@1.2.3/dist/ui.js" {integrity}"#);
        assert!(page.html.contains(&script), "{}", page.html);
        assert!(page.policy.contains(&format!("script-src 'self' {CDN}ui@1.2.3/dist/ui.js;")), "{}", page.policy);
        assert!(page.policy.contains(&format!("'unsafe-inline' {CDN}ui@1.2.3/dist/ui.css;")), "{}", page.policy);
        assert_eq!(page.policy.matches("//").count(), 2);
        assert_eq!(packaged(WITHOUT, "ui@1.2.3/dist/ui.js"), None);
    }

    /// With the hashes goes what `npm ci` brings, and not only what was once written down.
    #[test]
    fn the_list_names_what_npm_is_asked_for() {
        let asked: serde_json::Value = serde_json::from_str(asset!("package.json")).unwrap();
        let asked = asked["dependencies"].as_object().unwrap();
        for file in PACKAGES.files {
            let (package, rest) = file.address.split_once('@').unwrap();
            assert_eq!(asked[package].as_str(), rest.split('/').next(), "{}", file.address);
        }
    }

    #[test]
    fn what_is_in_the_binary_has_the_hashes_that_the_page_names() {
        for File { address, integrity, content } in PACKAGES.files {
            let Some(content) = content else { continue };
            assert_eq!(*integrity, format!("sha384-{}", STANDARD.encode(Sha384::digest(content))), "{address}");
        }
    }
}

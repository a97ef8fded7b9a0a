//! The program itself, as a process of its own that can be killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use slotwise::auth::{Profile, Tokens};
use slotwise::clock::SystemClock;
use slotwise::domain::access::Role;
use slotwise::domain::id::{OrganizationId, UserId};

use super::actor::Actor;
use super::server::{SERVER_KEY, TOKEN_SECRET, token_settings};
use super::within_patience;

/// `slotwise serve` on a free port. Killed when dropped.
pub struct ServerProcess {
    child: Child,
    url: String,
    /// What it has logged, told when a test fails.
    log: Arc<Mutex<Vec<String>>>,
}

impl ServerProcess {
    /// Starts it on the database at `url`, and waits until it listens.
    pub async fn start(url: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = program(url);
        command
            .arg("serve")
            .env("SLOTWISE_LISTEN", "127.0.0.1:0")
            .env("SLOTWISE_SERVER_KEY", SERVER_KEY)
            .env("SLOTWISE_TOKEN_SECRET", TOKEN_SECRET)
            .env("SLOTWISE_TRUST_TOKEN_ROLES", "true")
            .env("SLOTWISE_LOG_FORMAT", "json")
            .env("SLOTWISE_LOG", "info")
            .envs(settings.iter().copied())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, address) = tokio::sync::oneshot::channel();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut sender = Some(sender);
            // Read to its end, so that the program never waits for somebody to read its log.
            for line in stderr.lines().map_while(Result::ok) {
                if let Some(address) = listening_at(&line)
                    && let Some(sender) = sender.take()
                {
                    let _ = sender.send(address);
                }
                lines.lock().unwrap().push(line);
            }
        });
        let address = within_patience("the program to listen", address).await.expect("the program ended at once");
        Self { child, url: format!("http://{address}/graphql"), log }
    }

    /// Staff of the default organization.
    pub fn staff(&self) -> Actor {
        let profile = Profile {
            subject: UserId::from("staff"),
            email: Some("staff@example.org".to_owned()),
            name: Some("staff".to_owned()),
            organization: OrganizationId::from("default"),
            role: Role::Staff,
        };
        let tokens = Tokens::new(Some(&token_settings()), Arc::new(SystemClock::new()));
        Actor::new(self.url.clone(), Some(tokens.sign(&profile, Duration::from_hours(1)).unwrap()))
    }

    /// Where `path` is, which has no slash at its beginning.
    pub fn address_of(&self, path: &str) -> String {
        format!("{}{path}", self.url.strip_suffix("graphql").unwrap())
    }

    /// What it has logged, once `text` is in it.
    pub async fn log_until(&self, text: &str) -> String {
        let whole = || self.log.lock().unwrap().join("\n");
        super::until(text, || whole().contains(text)).await;
        whole()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `kill -TERM`: asks it to end.
    pub fn terminate(&self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> ExitStatus {
        let waiting = tokio::task::spawn_blocking(move || self.child.wait().unwrap());
        within_patience("the program to end", waiting).await.unwrap()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(log) = self.log.lock()
        {
            eprintln!("the server's log:\n{}", log.join("\n"));
        }
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `slotwise check` says about the database at `url`: its exit status and what it printed.
pub fn check(url: &str) -> (ExitStatus, String) {
    run_check(url, &[])
}

/// The same of `slotwise check --repair`.
pub fn check_and_repair(url: &str) -> (ExitStatus, String) {
    run_check(url, &["--repair"])
}

fn run_check(url: &str, flags: &[&str]) -> (ExitStatus, String) {
    let output = program(url).arg("check").args(flags).output().unwrap();
    (output.status, String::from_utf8(output.stdout).unwrap())
}

/// The program with nothing in its environment but its database.
fn program(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slotwise"));
    command.env_clear().env("DATABASE_URL", url).stdin(Stdio::null());
    command
}

/// The address in a line of the log, if it tells one.
fn listening_at(line: &str) -> Option<String> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let fields = &entry["fields"];
    (fields["message"] == "listening").then(|| fields["address"].as_str().unwrap().to_owned())
}

//! A server of this program's own, with a database that is thrown away.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::api::{Api, Outcome};
use super::process::Server;

/// What a server may be asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Limits {
    /// As much as it can do: it is the server that is measured.
    Off,
    /// What it is set to if nobody says otherwise.
    Usual,
}

const WITHOUT_LIMITS: [(&str, &str); 4] = [
    ("SLOTWISE_RATE_LIMITS", "off"),
    ("SLOTWISE_CONNECTION_LIMITS", "total=50000,per-address=50000,sockets=50000,subscriptions=50000"),
    ("SLOTWISE_HOLD_ADDRESS_BUDGET", "1000000"),
    ("SLOTWISE_HOLD_SECONDS", "600"),
];

/// Where a server of one's own is run.
pub struct Scene {
    program: PathBuf,
    directory: TempDir,
}

impl Scene {
    /// For `program`, or the one that was built beside this one.
    pub fn of(program: Option<PathBuf>) -> Outcome<Self> {
        let program = match program {
            Some(program) => program,
            None => beside()?,
        };
        if !program.is_file() {
            return Err(format!("there is no {}: run `cargo build --release` first", program.display()));
        }
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        Ok(Self { program, directory })
    }

    /// The address of its database.
    pub fn database(&self) -> String {
        format!("sqlite://{}?mode=rwc", self.directory.path().join("load.db").display())
    }

    /// Starts the server, on the database that was there before.
    pub async fn start(&self, limits: Limits) -> Outcome<Server> {
        Server::start(&self.program, |command, port| {
            self.settle(command);
            if limits == Limits::Off {
                command.envs(WITHOUT_LIMITS);
            }
            command.arg("serve").env("SLOTWISE_LISTEN", format!("127.0.0.1:{port}"));
        })
        .await
    }

    /// An admin's view of it.
    pub fn admin(&self, server: &Server) -> Outcome<Api> {
        let mut command = Command::new(&self.program);
        self.settle(&mut command);
        let made = command.args(["token", "--role", "admin"]).stderr(Stdio::inherit()).output();
        let made = made.map_err(|error| error.to_string())?;
        let token = String::from_utf8(made.stdout).map_err(|error| error.to_string())?;
        Api::new(&format!("http://127.0.0.1:{}", server.port), Some(token.trim().to_owned()), true)
    }

    /// A line in the log for each request is not what is measured.
    fn settle(&self, command: &mut Command) {
        let settings = [
            ("SLOTWISE_SERVER_KEY", "only for a database that is thrown away"),
            ("SLOTWISE_TOKEN_SECRET", "only for a database that is thrown away"),
            ("SLOTWISE_TRUST_TOKEN_ROLES", "true"),
            ("SLOTWISE_LOG", "warn"),
        ];
        command.envs(settings).env("DATABASE_URL", self.database());
    }
}

/// Examples are built into a directory below that of the program.
fn beside() -> Outcome<PathBuf> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let directory = this.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    Ok(directory.join("slotwise"))
}

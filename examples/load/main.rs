//! How fast Slotwise is, as its clients see it.
//!
//! ```text
//! cargo run --release --example load -- usual --url http://127.0.0.1:8080
//! cargo build --release && cargo run --release --example load -- limits
//! ```
//!
//! `usual` measures a running server: the cheapest answer there is, `{ __typename }`, and then what people do: looking at
//! a day, renewing and taking a hold, booking, and seeing what others hold. Everything is printed as a multiple of
//! `{ __typename }` as well: those ratios say more about the server than the times, which depend on the machine, and on
//! this program if it runs on the same one. It books for real, and cancels what it has booked.
//!
//! `limits`, `soak` and `hostile` run a server of their own on a database that is thrown away, and measure how near it comes
//! to what is possible, whether it grows, and whether those who do no good are felt by others.

mod api;
mod catalogue;
mod filling;
mod ground;
mod hostile;
mod limits;
mod measure;
mod misbehaving;
mod plain;
mod process;
mod rates;
mod scene;
mod sinks;
mod soak;
mod telling;
mod usual;
mod watching;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use api::{Api, Outcome};

/// The server's: what it is compared with is to have no other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Slotwise: latencies, throughput, memory, each beside something that it can be compared with.
#[derive(Debug, Parser)]
#[command(name = "load")]
struct Options {
    #[command(subcommand)]
    what: What,
}

/// A running server.
#[derive(Debug, Args)]
struct Running {
    /// The server's address, without a path. Plain HTTP only.
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    url: String,
    /// Act as the bearer of this access token. Without one, bookings are a guest's.
    #[arg(long, env = "SLOTWISE_LOAD_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
    /// Allow another host than this machine. Its bookings are real, and its other users will feel the load.
    #[arg(long)]
    i_own_this_server: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Measure what people do on a running server, the demo or one of your own.
    Usual {
        #[command(flatten)]
        running: Running,
        #[command(flatten)]
        options: usual::UsualOptions,
    },
    /// Measure what it costs that others are told of bookings: as many with a mail and a webhook each as without. They
    /// stay: it is for a database that is thrown away. Wants an admin's --token, and a server with
    /// `--webhooks-insecure --mail-url smtp+insecure://127.0.0.1:PORT` and `--rate-limits off`.
    Telling {
        #[command(flatten)]
        running: Running,
        #[command(flatten)]
        options: telling::TellingOptions,
    },
    /// Measure how near a server of its own comes to one that only sends back ready bytes.
    Limits(limits::LimitsOptions),
    /// Have watchers come and go at a server of its own, and look whether it grows.
    Soak(soak::SoakOptions),
    /// Look whether others are served as before by a server of its own while some do all that is no good.
    Hostile(hostile::HostileOptions),
    /// What some do that is no good.
    #[command(hide = true)]
    Misbehave(misbehaving::Misbehaving),
    /// The server that only sends back ready bytes.
    #[command(hide = true)]
    Plain {
        /// Where it listens on this machine.
        port: u16,
    },
}

impl Running {
    fn api(self) -> Outcome<Api> {
        Api::new(&self.url, self.token, self.i_own_this_server)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse().what).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // There is nobody left to tell when this fails.
            let _told = writeln!(io::stderr(), "load: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(what: What) -> Outcome<()> {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stopped.cancel();
        }
    });
    match what {
        What::Usual { running, options } => usual::measure(running.api()?, options, stop).await,
        What::Telling { running, options } => telling::measure(running.api()?, options, stop).await,
        What::Limits(options) => or_stopped(limits::measure(options), stop).await,
        What::Soak(options) => or_stopped(soak::run(options), stop).await,
        What::Hostile(options) => or_stopped(hostile::measure(options), stop).await,
        What::Misbehave(misbehaving) => misbehaving.run().await,
        What::Plain { port } => plain::serve(port).await,
    }
}

/// What is measured on a server of its own can be given up at any time: the server ends with it.
async fn or_stopped(measuring: impl Future<Output = Outcome<()>>, stop: CancellationToken) -> Outcome<()> {
    tokio::select! {
        measured = measuring => measured,
        () = stop.cancelled() => Err("stopped".to_owned()),
    }
}

fn say(text: &str) -> Outcome<()> {
    writeln!(io::stdout(), "{text}").map_err(|error| error.to_string())
}

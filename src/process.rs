//! What a server has to do with the process it runs in: its log, its signals, its port.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::app::StartError;
use crate::config::{LogFormat, LogSettings};
use crate::http;

/// Starts the log as configured. Only the first call of a process counts.
pub(crate) fn start_log(settings: &LogSettings) {
    let filter = EnvFilter::new(&settings.directives);
    let colours = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours);
    let started = match settings.format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(error, "the log had been started already");
    }
}

/// A token that is cancelled by Ctrl-C or SIGTERM. A second signal ends the process at once, as it would without us.
pub(crate) fn end_on_signal() -> Result<CancellationToken, StartError> {
    let shutdown = CancellationToken::new();
    let signalled = signals()?;
    let token = shutdown.clone();
    tokio::spawn(async move {
        let mut signalled = signalled;
        if signalled.recv().await.is_some() {
            tracing::info!("ending: running requests are finished first");
            token.cancel();
        }
        if signalled.recv().await.is_some() {
            std::process::exit(130);
        }
    });
    Ok(shutdown)
}

/// One message for each Ctrl-C or SIGTERM.
fn signals() -> Result<tokio::sync::mpsc::Receiver<()>, StartError> {
    let (sender, receiver) = tokio::sync::mpsc::channel(2);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if sender.send(()).await.is_err() {
                    return;
                }
            }
        });
    }
    #[cfg(not(unix))]
    tokio::spawn(async move { while tokio::signal::ctrl_c().await.is_ok() && sender.send(()).await.is_ok() {} });
    Ok(receiver)
}

/// Starts to listen at `address`.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    http::bind(address).map_err(|error| {
        StartError::new(format!("Cannot listen on {address}: {error}. Choose another with --listen (SLOTWISE_LISTEN)."))
    })
}

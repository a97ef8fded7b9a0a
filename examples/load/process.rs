//! Servers as processes of their own: what they take of the processor and of the memory is told apart from what this
//! program takes. As Linux tells it.

#![expect(clippy::disallowed_methods, reason = "what is measured here is real time")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::api::Outcome;

/// How long a server may take until it can be connected to.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many of the units in which Linux tells the processor's time make a second: the same wherever Linux runs.
const TICKS: u32 = 100;

/// A server, killed when this is dropped.
pub struct Server {
    child: Child,
    /// Where it listens on this machine.
    pub port: u16,
}

/// What a process has taken so far.
#[derive(Copy, Clone, Debug)]
pub struct Taken {
    /// Of the processors' time.
    processor: Duration,
    /// Of the memory, at this moment, in bytes.
    pub memory: u64,
}

impl Taken {
    /// What was taken of the processors' time since `earlier`.
    pub fn since(self, earlier: Self) -> Duration {
        self.processor.saturating_sub(earlier.processor)
    }
}

impl Server {
    /// Runs `program`, which is told its port by `tell`, until it can be connected to.
    pub async fn start(program: &Path, tell: impl FnOnce(&mut Command, u16)) -> Outcome<Self> {
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = free.map_err(|error| error.to_string())?.port();
        let mut command = Command::new(program);
        tell(&mut command, port);
        let child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let mut server = Self { child, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Ok(Some(ended)) = server.child.try_wait() {
                return Err(format!("{} ended at once: {ended}", program.display()));
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} does not listen", program.display()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(server)
    }

    /// What it has taken so far.
    pub fn taken(&self) -> Outcome<Taken> {
        let read = |name: &str| {
            let path = format!("/proc/{}/{name}", self.child.id());
            fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        let taken = processor(&stat).zip(memory(&status));
        let (processor, memory) = taken.ok_or("what a process takes is told otherwise than on Linux")?;
        Ok(Taken { processor, memory })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// The 14th and the 15th field: in the program, and in the kernel for it. The name before may have spaces in it.
fn processor(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: u32 =
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().ok()).sum::<Option<_>>()?;
    Some(Duration::from_secs(1) * ticks / TICKS)
}

fn memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

//! A mail server on a port of its own: it speaks as much ESMTP as it takes to hand a mail over, and behaves as badly as a
//! test wants it to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::within_patience;

/// How a mail server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// It takes every mail.
    Good,
    /// It greets like this, and hangs up.
    Greets(&'static str),
    /// It answers a sign-in like this.
    AnswersSignIn(&'static str),
    /// It answers like this when it hears who is to get a mail.
    AnswersRecipient(&'static str),
    /// It answers like this when it has read a mail.
    AnswersMail(&'static str),
    /// It says nothing any more after its greeting.
    Hangs,
    /// It hangs up in the middle of a mail.
    BreaksOff,
    /// It takes the mail, and hangs up instead of saying so.
    ForgetsToAnswer,
}

/// A mail as it has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    pub text: String,
}

impl Received {
    /// The value of a header, unfolded; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        let parsed = mail_parser::MessageParser::default().parse(&self.text).unwrap();
        let raw = parsed.header_raw(name).unwrap_or_default();
        raw.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The subject, decoded.
    pub fn subject(&self) -> String {
        let parsed = mail_parser::MessageParser::default().parse(&self.text).unwrap();
        parsed.subject().unwrap_or_default().to_owned()
    }

    /// What it says in plain text.
    pub fn plain(&self) -> String {
        let parsed = mail_parser::MessageParser::default().parse(&self.text).unwrap();
        parsed.body_text(0).unwrap_or_default().into_owned()
    }

    /// All parts of it, decoded, one after the other: where to look for what must be nowhere.
    pub fn everything(&self) -> String {
        let parsed = mail_parser::MessageParser::default().parse(&self.text).unwrap();
        let parts = parsed.parts.iter().map(|part| String::from_utf8_lossy(part.contents()).into_owned());
        parts.chain([self.text.clone()]).collect::<Vec<_>>().join("\n")
    }
}

struct State {
    manners: watch::Sender<Manners>,
    /// How many have connected.
    visits: watch::Sender<usize>,
    received: watch::Sender<Vec<Received>>,
    /// What was said to it, with the names of its conversations.
    heard: Mutex<Vec<String>>,
}

/// A mail server that listens until it is dropped.
pub struct SmtpServer {
    pub address: SocketAddr,
    state: Arc<State>,
    listening: JoinHandle<()>,
}

impl SmtpServer {
    /// One with good manners.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    /// The same, at an address of the test's choice.
    pub async fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            manners: watch::Sender::new(Manners::Good),
            visits: watch::Sender::new(0),
            received: watch::Sender::new(Vec::new()),
            heard: Mutex::default(),
        });
        let serving = Arc::clone(&state);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.visits.send_modify(|visits| *visits += 1);
                // One that fails has been left by its client.
                tokio::spawn(Conversation::new(stream, Arc::clone(&serving)).hold());
            }
        });
        Self { address, state, listening }
    }

    /// Ends it: whoever connects from now on is refused.
    pub async fn stop(mut self) {
        self.listening.abort();
        let _aborted = (&mut self.listening).await;
    }

    /// From now on it behaves like this, also on connections that there are.
    pub fn behave(&self, manners: Manners) {
        self.state.manners.send_replace(manners);
    }

    /// What it was sent so far.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.borrow().clone()
    }

    /// What it was sent, once there are so many.
    pub async fn received_by_now(&self, count: usize) -> Vec<Received> {
        let mut received = self.state.received.subscribe();
        let enough = received.wait_for(|received| received.len() >= count);
        within_patience("mails to arrive", enough).await.unwrap().clone()
    }

    /// How many have connected to it.
    pub fn visits(&self) -> usize {
        *self.state.visits.borrow()
    }

    /// Waits until so many have connected.
    pub async fn visited(&self, count: usize) {
        let mut visits = self.state.visits.subscribe();
        within_patience("somebody to connect", visits.wait_for(|visits| *visits >= count)).await.unwrap();
    }

    /// Everything that was said to it, line by line.
    pub fn heard(&self) -> Vec<String> {
        self.state.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// The client has gone, or is to be left.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

struct Conversation {
    lines: Lines<BufReader<OwnedReadHalf>>,
    client: OwnedWriteHalf,
    state: Arc<State>,
}

impl Conversation {
    fn new(stream: TcpStream, state: Arc<State>) -> Self {
        let (read, client) = stream.into_split();
        Self { lines: BufReader::new(read).lines(), client, state }
    }

    async fn hold(mut self) {
        let _over: Result<(), Over> = self.talk().await;
    }

    fn manners(&self) -> Manners {
        *self.state.manners.borrow()
    }

    async fn say(&mut self, line: &str) -> Result<(), Over> {
        Ok(self.client.write_all(format!("{line}\r\n").as_bytes()).await?)
    }

    async fn hear(&mut self) -> Result<String, Over> {
        let line = self.lines.next_line().await?.ok_or(Over)?;
        self.state.heard.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
        if self.manners() == Manners::Hangs {
            // Until the test changes its mind, and then it is too late for this conversation.
            let mut manners = self.state.manners.subscribe();
            let _changed = manners.wait_for(|manners| *manners != Manners::Hangs).await;
            return Err(Over);
        }
        Ok(line)
    }

    async fn talk(&mut self) -> Result<(), Over> {
        if let Manners::Greets(greeting) = self.manners() {
            self.say(greeting).await?;
            return Err(Over);
        }
        self.say("220 mail.example.org ESMTP").await?;
        let (mut from, mut to) = (String::new(), Vec::new());
        loop {
            let line = self.hear().await?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => self.say("250-mail.example.org\r\n250-8BITMIME\r\n250 AUTH PLAIN").await?,
                "AUTH" => match self.manners() {
                    Manners::AnswersSignIn(answer) => self.say(answer).await?,
                    _ => self.say("235 2.7.0 welcome").await?,
                },
                "MAIL" => {
                    from = within_brackets(&line);
                    to.clear();
                    self.say("250 2.1.0 fine").await?;
                }
                "RCPT" => {
                    if let Manners::AnswersRecipient(answer) = self.manners() {
                        self.say(answer).await?;
                    } else {
                        to.push(within_brackets(&line));
                        self.say("250 2.1.5 fine").await?;
                    }
                }
                "DATA" => self.take(Received { from: from.clone(), to: to.clone(), text: String::new() }).await?,
                "RSET" | "NOOP" => self.say("250 2.0.0 fine").await?,
                "QUIT" => {
                    self.say("221 2.0.0 bye").await?;
                    return Err(Over);
                }
                _ => self.say("502 5.5.1 what?").await?,
            }
        }
    }

    /// The mail itself, up to a dot on a line of its own.
    async fn take(&mut self, mut mail: Received) -> Result<(), Over> {
        self.say("354 go on").await?;
        loop {
            let line = self.lines.next_line().await?.ok_or(Over)?;
            if self.manners() == Manners::BreaksOff {
                return Err(Over);
            }
            if line == "." {
                break;
            }
            mail.text.push_str(line.strip_prefix('.').unwrap_or(&line));
            mail.text.push_str("\r\n");
        }
        if let Manners::AnswersMail(answer) = self.manners() {
            return self.say(answer).await;
        }
        self.state.received.send_modify(|received| received.push(mail));
        match self.manners() {
            Manners::ForgetsToAnswer => Err(Over),
            _ => self.say("250 2.0.0 taken").await,
        }
    }
}

fn within_brackets(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

//! Operations over one WebSocket, whatever carries its frames: what is sent, apart from how it is sent.
//!
//! `graphql-transport-ws` is spoken here; the older protocol by the library's service.

mod legacy;
mod message;
mod session;

use async_graphql::ServerError;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::execute::{ClientAddress, Engine, RequestId};
use super::mask::{self, Code};
use crate::domain::access::Caller;
use crate::service::credentials::Credentials;
use crate::throttle::TRY_AGAIN;
use session::Session;

/// The most operations that may run on one connection at a time.
const MAX_OPERATIONS: usize = 100;

/// What is said over a WebSocket.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `graphql-transport-ws`, of the package graphql-ws.
    TransportWs,
    /// `graphql-ws`, of the package subscriptions-transport-ws: the older one.
    Legacy,
}

impl Protocol {
    /// Both, the preferred one first.
    pub const ALL: [Self; 2] = [Self::TransportWs, Self::Legacy];

    /// The name in `Sec-WebSocket-Protocol`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TransportWs => "graphql-transport-ws",
            Self::Legacy => "graphql-ws",
        }
    }
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message.
    Text(String),
    /// The end of the connection: its code, and the reason.
    Close(u16, String),
}

/// The close code for messages that are not of the protocol.
const BAD_REQUEST: u16 = 4400;
/// The close code for whoever asks before introducing themself.
const UNAUTHORIZED: u16 = 4401;
/// The close code for a token that is not accepted. Clients may connect again, with another one.
const FORBIDDEN: u16 = 4403;
/// The close code for whoever starts an operation under the id of one that runs.
const DUPLICATE: u16 = 4409;
/// The close code for whoever introduces themself twice.
const TWICE_INTRODUCED: u16 = 4429;
/// The close code for a server that cannot do its work for the moment. Clients connect again.
const TRY_AGAIN_LATER: u16 = 1013;

/// Why a connection is refused.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its token is not valid, for whatever reason.
    InvalidToken,
    /// Too many tokens from its address were not valid.
    TooOften,
    /// It cannot be found out whose token it is.
    Unavailable,
}

impl Refused {
    const ALL: [Self; 3] = [Self::InvalidToken, Self::TooOften, Self::Unavailable];

    const fn reason(self) -> &'static str {
        match self {
            Self::InvalidToken => "The access token is not valid. Connect again with a fresh one, or without any.",
            Self::TooOften => "Too many access tokens from your address were not valid. Connect again in a minute.",
            Self::Unavailable => "Access tokens cannot be verified at the moment. Connect again, or without any.",
        }
    }

    const fn code(self) -> u16 {
        match self {
            Self::InvalidToken => FORBIDDEN,
            Self::TooOften | Self::Unavailable => TRY_AGAIN_LATER,
        }
    }
}

/// One connection, as its transport knows it.
#[derive(Debug)]
pub struct Connection {
    /// The subprotocol that was agreed on.
    pub protocol: Protocol,
    /// Where the client is.
    pub address: ClientAddress,
    /// The request that opened it.
    pub request_id: RequestId,
    /// Cancelled when the server stops: subscriptions are completed, what else runs is finished, then frames end.
    pub shutdown: CancellationToken,
}

impl Engine {
    /// Serves one connection: takes the client's text messages and gives what is to be sent. Ends after a
    /// [`Frame::Close`], when `input` ends, or when the server stops. Dropping it ends every operation.
    ///
    /// `init` is called once, with the payload of `connection_init`, and gives what vouches for the client. A connection
    /// outlives much: it is looked at anew at each operation, so that a role that was taken away, a user who was deleted
    /// and a token that has expired count at once.
    pub fn connect<I, F, R>(&self, connection: Connection, input: I, init: F) -> BoxStream<'static, Frame>
    where
        I: Stream<Item = Bytes> + Send + 'static,
        F: FnOnce(Value) -> R + Send + 'static,
        R: Future<Output = Result<Credentials, Refused>> + Send + 'static,
    {
        match connection.protocol {
            Protocol::Legacy => self.connect_legacy(connection, input, init),
            Protocol::TransportWs => Session::new(self.clone(), connection, input, init).boxed(),
        }
    }
}

/// For whom `credentials` vouch at this moment.
async fn caller(credentials: &Credentials, request_id: &RequestId) -> Result<Caller, ServerError> {
    match credentials.caller().await {
        Ok(Some(caller)) => Ok(caller),
        Ok(None) => {
            let message = "The access token is not valid any more. Connect again with a fresh one.";
            Err(mask::error(Code::Unauthenticated, message))
        }
        Err(error) => Err(mask::fault_of(&error, request_id)),
    }
}

/// The answer to one operation more than may run on a connection.
fn too_many_operations() -> ServerError {
    let message = format!("{MAX_OPERATIONS} operations run on this connection already. Complete some of them.");
    mask::too_often(message, TRY_AGAIN)
}

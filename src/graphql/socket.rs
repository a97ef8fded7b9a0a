//! Operations over one WebSocket, whatever carries its frames: what is sent, apart from how it is sent.
//!
//! Stands on the library's service for the two subprotocols, which gets every operation through the same check and
//! mask as any other transport.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use async_graphql::http::{WebSocket, WebSocketProtocols, WsMessage};
use async_graphql::{Data, Executor, Request, Response, ServerError};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _, future};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::execute::{ClientAddress, Engine, OperationKind, RequestContext, RequestId, Transport};
use super::mask::{self, Code};
use crate::domain::access::Caller;
use crate::error::Internal;
use crate::service::credentials::Credentials;
use crate::throttle::{Place, TRY_AGAIN};

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

/// The close code for a token that is not accepted. Clients may connect again, with another one.
const FORBIDDEN: u16 = 4403;
/// The close code for messages that are not of the protocol.
const BAD_REQUEST: u16 = 4400;
/// The close code for whoever asks before introducing themself.
const UNAUTHORIZED: u16 = 4401;
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
        I: Stream + Send + 'static,
        I::Item: AsRef<[u8]>,
        F: FnOnce(Value) -> R + Send + 'static,
        R: Future<Output = Result<Credentials, Refused>> + Send + 'static,
    {
        let Connection { protocol, address, request_id, shutdown } = connection;
        let (running, mut idle) = watch::channel(0);
        let drained = {
            let shutdown = shutdown.clone();
            async move {
                shutdown.cancelled().await;
                // Cannot fail before the executor, which counts, is gone; then everything is.
                let _gone = idle.wait_for(|running| *running == 0).await;
            }
        };
        let credentials = Arc::new(OnceLock::new());
        let executor = SocketExecutor {
            engine: self.clone(),
            address,
            request_id,
            credentials: Arc::clone(&credentials),
            running: Arc::new(running),
            shutdown,
        };
        let on_init = move |payload: Value| async move {
            let introduced = init(payload).await.map_err(|refused| async_graphql::Error::new(refused.reason()))?;
            // The library calls this once.
            let _first = credentials.set(introduced);
            Ok(Data::default())
        };
        let library = match protocol {
            Protocol::TransportWs => WebSocketProtocols::GraphQLWS,
            Protocol::Legacy => WebSocketProtocols::SubscriptionsTransportWS,
        };
        WebSocket::new(executor, input.take_until(Box::pin(drained)), library)
            .on_connection_init(on_init)
            .map(|message| match message {
                WsMessage::Text(text) => Frame::Text(text),
                WsMessage::Close(code, reason) => close(code, reason),
            })
            .boxed()
    }
}

/// The library's closes, with the codes of the protocol: 1002 is fatal to clients, 4403 lets them try again.
fn close(code: u16, reason: String) -> Frame {
    if let Some(refused) = Refused::ALL.into_iter().find(|refused| refused.reason() == reason) {
        return Frame::Close(refused.code(), reason);
    }
    match code {
        1002 => Frame::Close(BAD_REQUEST, "That is not a message of the protocol.".to_owned()),
        1011 => Frame::Close(UNAUTHORIZED, "Send connection_init, and wait for its answer, first.".to_owned()),
        _ => Frame::Close(code, reason),
    }
}

/// Executes the operations of one connection.
#[derive(Clone)]
struct SocketExecutor {
    engine: Engine,
    address: ClientAddress,
    request_id: RequestId,
    /// What vouches for the client; known once it has introduced itself, before which the library starts nothing.
    credentials: Arc<OnceLock<Credentials>>,
    /// How many operations run.
    running: Arc<watch::Sender<usize>>,
    shutdown: CancellationToken,
}

/// Counts an operation for as long as it runs.
struct Running(Arc<watch::Sender<usize>>);

impl Running {
    fn new(count: &Arc<watch::Sender<usize>>) -> Self {
        count.send_modify(|running| *running += 1);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

impl SocketExecutor {
    /// Checks an operation before it is known who asks for it. Gives the place that it takes, if it is a subscription.
    fn admit(&self, request: &mut Request) -> Result<Option<Place>, ServerError> {
        if *self.running.borrow() >= MAX_OPERATIONS {
            let message = format!("{MAX_OPERATIONS} operations run on this connection already. Complete some of them.");
            return Err(mask::too_often(message, TRY_AGAIN));
        }
        let Request { query, operation_name, variables, .. } = &request;
        let passed = self.engine.admit(query, operation_name.as_deref(), variables, self.address)?;
        let place = match passed.kind {
            OperationKind::Query | OperationKind::Mutation => None,
            OperationKind::Subscription => Some(self.place()?),
        };
        request.set_parsed_query(passed.document);
        Ok(place)
    }

    /// Who asks, for one operation, and what vouches for them as long as it goes on.
    async fn caller(&self) -> Result<(Caller, Credentials), ServerError> {
        let answer = match self.credentials.get() {
            Some(credentials) => credentials.caller().await.map(|caller| caller.zip(Some(credentials.clone()))),
            None => Err(Internal::new("an operation before the introduction").into()),
        };
        match answer {
            Ok(Some(known)) => Ok(known),
            Ok(None) => {
                let message = "The access token is not valid any more. Connect again with a fresh one.";
                Err(mask::error(Code::Unauthenticated, message))
            }
            Err(error) => {
                let request_id = self.request_id.as_str();
                tracing::error!(request_id, ?error, "it could not be found out who asks");
                Err(mask::error(Code::InternalServerError, mask::fault_message(&self.request_id)))
            }
        }
    }

    /// Starts an operation that has been admitted.
    async fn start(self, mut request: Request, place: Option<Place>) -> BoxStream<'static, Response> {
        let (caller, credentials) = match self.caller().await {
            Ok(known) => known,
            Err(refusal) => return refused(refusal),
        };
        let Self { engine, address, request_id, shutdown, .. } = self;
        request.data = RequestContext { caller, address, request_id, transport: Transport::WebSocket }.into_data();
        request.data.insert(engine.started_at());
        request.data.insert(credentials);
        let responses = engine.schema.stream(request);
        match place {
            // What has begun to change something is finished.
            None => responses,
            Some(place) => {
                let counted = responses.map(move |response| {
                    let _taken = &place;
                    response
                });
                counted.take_until(shutdown.cancelled_owned()).boxed()
            }
        }
    }

    /// A place for a subscription.
    fn place(&self) -> Result<Place, ServerError> {
        let ClientAddress(address) = self.address;
        self.engine.throttle.subscription(address).map_err(|full| {
            let message = format!("{} subscriptions run from your address already. Complete some of them.", full.most);
            mask::too_often(message, TRY_AGAIN)
        })
    }
}

/// The only response to an operation that is not executed.
fn refused(refusal: ServerError) -> BoxStream<'static, Response> {
    stream::once(future::ready(Response::from_errors(vec![refusal]))).boxed()
}

impl Executor for SocketExecutor {
    async fn execute(&self, request: Request) -> Response {
        self.execute_stream(request, None).next().await.unwrap_or_default()
    }

    fn execute_stream(&self, mut request: Request, _session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let place = match self.admit(&mut request) {
            Ok(place) => place,
            Err(refusal) => return refused(refusal),
        };
        let running = Running::new(&self.running);
        let request_id = self.request_id.clone();
        let responses = stream::once(self.clone().start(request, place)).flatten();
        // A panic ends its own operation only.
        AssertUnwindSafe(responses)
            .catch_unwind()
            .map(move |response| {
                let _counted = &running;
                match response {
                    Ok(response) => mask::masked(response, &request_id),
                    Err(_panic) => mask::panicked(&request_id),
                }
            })
            .boxed()
    }
}

//! One connection that speaks `graphql-transport-ws`, to the letter of the protocol of the package graphql-ws.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, FuturesUnordered};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use serde_json::Value;
use tokio_stream::StreamMap;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::message::{self, ClientMessage};
use super::{
    BAD_REQUEST, Connection, DUPLICATE, Frame, MAX_OPERATIONS, Refused, TWICE_INTRODUCED, UNAUTHORIZED, caller,
    too_many_operations,
};
use crate::graphql::execute::{Engine, NotPrepared, RequestContext, Transport};
use crate::graphql::mask;
use crate::graphql::operation::{Operation, OperationKind};
use crate::graphql::responses::{Payload, Responses};
use crate::service::credentials::Credentials;

type Introduce = Box<dyn FnOnce(Value) -> BoxFuture<'static, Result<Credentials, Refused>> + Send>;

/// Who the client is.
enum Client {
    /// Nobody has said so yet.
    Unknown(Introduce),
    /// It is being found out.
    Asked(BoxFuture<'static, Result<Credentials, Refused>>),
    /// What vouches for them.
    Known(Credentials),
}

/// One connection.
pub(super) struct Session {
    engine: Engine,
    connection: Connection,
    input: BoxStream<'static, Bytes>,
    client: Option<Client>,
    /// By their ids.
    operations: StreamMap<Arc<str>, Running>,
    /// What is sent before anything else.
    waiting: VecDeque<Frame>,
    /// Comes to its end when the server stops. All connections wait for the same: here it is looked at only when it has
    /// happened, and not with each message.
    stopping: FuturesUnordered<WaitForCancellationFutureOwned>,
    is_stopping: bool,
    is_over: bool,
}

/// What has happened.
enum Event {
    Heard(Option<Bytes>),
    Introduced(Result<Credentials, Refused>),
    Said(Arc<str>, Option<Payload>),
    Stopped,
}

impl Session {
    pub(super) fn new<I, F, R>(engine: Engine, connection: Connection, input: I, init: F) -> Self
    where
        I: Stream<Item = Bytes> + Send + 'static,
        F: FnOnce(Value) -> R + Send + 'static,
        R: Future<Output = Result<Credentials, Refused>> + Send + 'static,
    {
        Self {
            stopping: FuturesUnordered::from_iter([connection.shutdown.clone().cancelled_owned()]),
            engine,
            connection,
            input: input.boxed(),
            client: Some(Client::Unknown(Box::new(|payload| init(payload).boxed()))),
            operations: StreamMap::new(),
            waiting: VecDeque::new(),
            is_stopping: false,
            is_over: false,
        }
    }

    /// What has happened. What is said comes before what is heard: nobody who talks without end keeps the others of their
    /// connection from being answered, and what operations have to say is limited by who reads it. It comes first, as
    /// what has been waited for mostly.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Poll::Ready(Some((id, payload))) = self.operations.poll_next_unpin(cx) {
            return Poll::Ready(Event::Said(id, payload));
        }
        if let Some(Client::Asked(introducing)) = &mut self.client
            && let Poll::Ready(introduced) = introducing.poll_unpin(cx)
        {
            return Poll::Ready(Event::Introduced(introduced));
        }
        if self.is_stopping {
            return Poll::Pending;
        }
        if self.stopping.poll_next_unpin(cx) == Poll::Ready(Some(())) {
            return Poll::Ready(Event::Stopped);
        }
        self.input.poll_next_unpin(cx).map(Event::Heard)
    }

    fn close(&mut self, code: u16, reason: impl Into<String>) {
        self.operations.clear();
        self.waiting.push_back(Frame::Close(code, reason.into()));
    }

    fn hear(&mut self, text: &[u8]) {
        match ClientMessage::read(text) {
            Err(wrong) => self.close(BAD_REQUEST, format!("That is not a message of the protocol. {wrong}")),
            Ok(ClientMessage::Init(payload)) => match self.client.take() {
                Some(Client::Unknown(introduce)) => self.client = Some(Client::Asked(introduce(payload))),
                _ => self.close(TWICE_INTRODUCED, "Too many initialisation requests: connection_init is sent once."),
            },
            Ok(ClientMessage::Ping(payload)) => self.waiting.push_back(Frame::Text(message::pong(payload))),
            Ok(ClientMessage::Pong) => {}
            Ok(ClientMessage::Subscribe(id, operation)) => self.subscribe(id.into(), operation),
            Ok(ClientMessage::Complete(id)) => {
                // It may have ended in this moment, on its way to the client.
                self.operations.remove(id.as_str());
            }
        }
    }

    fn welcome(&mut self, introduced: Result<Credentials, Refused>) {
        match introduced {
            Ok(credentials) => {
                self.client = Some(Client::Known(credentials));
                self.waiting.push_back(Frame::Text(message::ack()));
            }
            Err(refused) => self.close(refused.code(), refused.reason()),
        }
    }

    fn subscribe(&mut self, id: Arc<str>, operation: Operation) {
        let Some(Client::Known(credentials)) = &self.client else {
            return self.close(UNAUTHORIZED, "Unauthorized: send connection_init, and wait for its answer, first.");
        };
        if self.operations.contains_key(&id) {
            let reason = format!("Subscriber for {id} already exists: give each operation an id of its own.");
            return self.close(DUPLICATE, reason);
        }
        let running = if self.operations.len() >= MAX_OPERATIONS {
            Running::refused(self.engine.refusal(too_many_operations()))
        } else {
            self.start(operation, credentials.clone())
        };
        self.operations.insert(id, running);
    }

    /// Begins an operation, or tells why not.
    fn start(&self, operation: Operation, credentials: Credentials) -> Running {
        let Connection { address, request_id, .. } = &self.connection;
        let prepared = match self.engine.prepare(operation, *address) {
            Ok(prepared) => prepared,
            Err(NotPrepared::Invalid(refusal) | NotPrepared::UnknownDocument(refusal)) => {
                return Running::refused(refusal);
            }
            Err(NotPrepared::TooOften(wait)) => {
                return Running::refused(self.engine.refusal(mask::too_often(wait.message(), wait)));
            }
        };
        let is_subscription = prepared.kind() == OperationKind::Subscription;
        let (engine, address, request_id) = (self.engine.clone(), *address, request_id.clone());
        let starting = async move {
            match caller(&credentials, &request_id).await {
                Ok(caller) => {
                    let context = RequestContext { caller, address, request_id, transport: Transport::WebSocket };
                    engine.respond(prepared, context, credentials)
                }
                Err(refusal) => Responses::only(engine.refusal(refusal)),
            }
        };
        Running { is_subscription, stage: Stage::Starting(starting.boxed()) }
    }

    /// What an operation has to say; `None`: nothing more.
    fn say(&mut self, id: &Arc<str>, payload: Option<&Payload>) {
        let written = message::written_id(id);
        let said = match payload {
            Some(Payload::Executed(response)) => message::next(&written, response),
            Some(Payload::Refused(errors)) => message::error(&written, errors),
            None => Some(message::complete(&written)),
        };
        if !matches!(payload, Some(Payload::Executed(_))) {
            self.operations.remove(id);
        }
        self.waiting.extend(said.map(Frame::Text));
    }

    /// Completes what would go on for ever, and lets the rest come to its end.
    fn stop(&mut self) {
        self.is_stopping = true;
        let running = self.operations.iter().filter(|(_, running)| running.is_subscription);
        let ids: Vec<_> = running.map(|(id, _)| Arc::clone(id)).collect();
        for id in ids {
            self.say(&id, None);
        }
    }
}

/// What is to be sent, one after the other.
impl Stream for Session {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                self.is_over |= matches!(frame, Frame::Close(..));
                return Poll::Ready(Some(frame));
            }
            if self.is_over || self.is_stopping && self.operations.is_empty() {
                return Poll::Ready(None);
            }
            match ready!(self.poll_event(cx)) {
                Event::Heard(None) => return Poll::Ready(None),
                Event::Heard(Some(text)) => self.hear(&text),
                Event::Introduced(introduced) => self.welcome(introduced),
                Event::Said(id, payload) => self.say(&id, payload.as_ref()),
                Event::Stopped => self.stop(),
            }
        }
    }
}

/// An operation: what comes of it, and an end that can be told.
struct Running {
    is_subscription: bool,
    stage: Stage,
}

enum Stage {
    Starting(BoxFuture<'static, Responses>),
    Responding(Responses),
    Ended,
}

impl Running {
    fn refused(refusal: Payload) -> Self {
        Self { is_subscription: false, stage: Stage::Responding(Responses::only(refusal)) }
    }
}

impl Stream for Running {
    type Item = Option<Payload>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Option<Payload>>> {
        loop {
            match &mut self.stage {
                Stage::Starting(starting) => self.stage = Stage::Responding(ready!(starting.poll_unpin(cx))),
                Stage::Responding(responses) => {
                    let payload = ready!(responses.poll_next_unpin(cx));
                    if payload.is_none() {
                        self.stage = Stage::Ended;
                    }
                    return Poll::Ready(Some(payload));
                }
                Stage::Ended => return Poll::Ready(None),
            }
        }
    }
}

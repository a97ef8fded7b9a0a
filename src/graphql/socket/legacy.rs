//! The older `graphql-ws`, of the package subscriptions-transport-ws, by the library's service. Every operation gets through
//! the same check and mask as by any other transport.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use async_graphql::http::{WebSocket, WebSocketProtocols, WsMessage};
use async_graphql::{Data, Executor, Request, Response, ServerError};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _, future};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{BAD_REQUEST, Connection, Frame, MAX_OPERATIONS, Refused, UNAUTHORIZED, caller, too_many_operations};
use crate::domain::access::Caller;
use crate::error::Internal;
use crate::graphql::execute::{ClientAddress, Engine, RequestContext, RequestId, Transport, count};
use crate::graphql::mask;
use crate::graphql::operation::OperationKind;
use crate::service::credentials::Credentials;
use crate::throttle::Place;

impl Engine {
    /// Serves one connection in the older protocol: see [`Engine::connect`].
    pub(super) fn connect_legacy<I, F, R>(&self, connection: Connection, input: I, init: F) -> BoxStream<'static, Frame>
    where
        I: Stream<Item = Bytes> + Send + 'static,
        F: FnOnce(Value) -> R + Send + 'static,
        R: Future<Output = Result<Credentials, Refused>> + Send + 'static,
    {
        let Connection { address, request_id, shutdown, .. } = connection;
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
        WebSocket::new(executor, input.take_until(Box::pin(drained)), WebSocketProtocols::SubscriptionsTransportWS)
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
            return Err(too_many_operations());
        }
        let Request { query, operation_name, variables, .. } = &request;
        let passed = self.engine.admit(query, operation_name.as_deref(), variables, self.address)?;
        let place = match passed.kind {
            OperationKind::Query | OperationKind::Mutation => None,
            OperationKind::Subscription => Some(self.engine.place(self.address)?),
        };
        request.set_parsed_query(passed.document);
        Ok(place)
    }

    /// Who asks, for one operation, and what vouches for them as long as it goes on.
    async fn caller(&self) -> Result<(Caller, Credentials), ServerError> {
        match self.credentials.get() {
            Some(credentials) => Ok((caller(credentials, &self.request_id).await?, credentials.clone())),
            None => {
                Err(mask::fault_of(&Internal::new("an operation before the introduction").into(), &self.request_id))
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
        let context = RequestContext { caller, address, request_id, transport: Transport::WebSocket };
        request = engine.request_of_values(request, context);
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
        let admitted = self.admit(&mut request);
        let running = admitted.is_ok().then(|| Running::new(&self.running));
        let (request_id, metrics) = (self.request_id.clone(), Arc::clone(&self.engine.metrics));
        let responses = match admitted {
            Ok(place) => stream::once(self.clone().start(request, place)).flatten().boxed(),
            Err(refusal) => refused(refusal),
        };
        // A panic ends its own operation only.
        AssertUnwindSafe(responses)
            .catch_unwind()
            .map(move |response| {
                let _counted = &running;
                let response = match response {
                    Ok(response) => mask::masked(response, &request_id),
                    Err(_panic) => mask::panicked(&request_id),
                };
                count(&metrics, &response, &[]);
                response
            })
            .boxed()
    }
}
